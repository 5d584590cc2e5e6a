// A receiver for newswired's pushes in its own JSON. Go 1.19 or newer; nothing to install.
//
//	NEWSWIRE_SECRET=whsec_… go run receiver.go 127.0.0.1:9000 stories
//
// What is published stands in stories/ID.json, ID being the SHA-256 of the story's guid; the newest version that came is in
// stories/ID.version. Put your own database in the place of shown, store and takeDown.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	largest = 16 << 20        // bytes of a body
	recent  = 5 * time.Minute // that our clock and the agency's may be apart
)

// An answer that is not "taken": a status, and a word for whoever reads the agency's log.
type answer struct {
	status int
	text   string
}

func (a answer) Error() string { return a.text }

type receiver struct {
	key     []byte
	stories string
	oneAt   sync.Mutex
}

// That the request is the agency's, recent, and whole. The other headers are not signed: believe only the body.
func (r *receiver) verify(headers http.Header, body []byte) error {
	id, timestamp := headers.Get("webhook-id"), headers.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if apart := time.Since(time.Unix(seconds, 0)); err != nil || apart > recent || apart < -recent {
		return answer{http.StatusUnauthorized, "too old, or from the future"}
	}
	code := hmac.New(sha256.New, r.key)
	fmt.Fprintf(code, "%s.%s.", id, timestamp)
	code.Write(body)
	for _, one := range strings.Split(headers.Get("webhook-signature"), " ") {
		if !strings.HasPrefix(one, "v1,") {
			continue
		}
		signature, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(one, "v1,"))
		if err == nil && hmac.Equal(signature, code.Sum(nil)) {
			return nil
		}
	}
	return answer{http.StatusUnauthorized, "no signature is right"}
}

// The three things of the document that decide what becomes of it.
type story struct {
	Guid    *string `json:"guid"`
	Version *int64  `json:"version"`
	Action  *string `json:"action"`
}

// The newest version that came of the story, 0 if none did.
func (r *receiver) shown(id string) (int64, error) {
	text, err := os.ReadFile(filepath.Join(r.stories, id+".version"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(text), 10, 64)
}

// A file is there whole or not at all, and stays there when the machine loses its power.
func (r *receiver) store(name string, content []byte) error {
	temporary := filepath.Join(r.stories, name+".new")
	file, err := os.Create(temporary)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(temporary, filepath.Join(r.stories, name))
}

func (r *receiver) takeDown(id string) error {
	err := os.Remove(filepath.Join(r.stories, id+".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (r *receiver) receive(headers http.Header, body []byte) error {
	if err := r.verify(headers, body); err != nil {
		return err
	}
	var came story
	if json.Unmarshal(body, &came) != nil || came.Guid == nil || came.Version == nil || came.Action == nil {
		return answer{http.StatusUnprocessableEntity, "not a story in newswired's own JSON"}
	}
	if strings.HasPrefix(*came.Guid, "urn:newswire:test:") {
		return nil // the agency tries our door: answered as news is, and shown to nobody
	}
	id := fmt.Sprintf("%x", sha256.Sum256([]byte(*came.Guid)))
	r.oneAt.Lock()
	defer r.oneAt.Unlock()
	newest, err := r.shown(id)
	if err != nil {
		return err
	}
	if *came.Version <= newest {
		return nil // a repeat, or older than what we have: nothing changes, and the answer is the same
	}
	if *came.Action == "kill" || *came.Action == "withhold" {
		err = r.takeDown(id)
	} else {
		err = r.store(id+".json", body)
	}
	if err != nil {
		return err
	}
	// Last, so that a version counts as received only when what it asks has been done.
	return r.store(id+".version", []byte(strconv.FormatInt(*came.Version, 10)))
}

func (r *receiver) ServeHTTP(to http.ResponseWriter, request *http.Request) {
	err := error(answer{http.StatusMethodNotAllowed, "POST stories here"})
	if request.Method == http.MethodPost {
		var body []byte
		var tooLarge *http.MaxBytesError
		body, err = io.ReadAll(http.MaxBytesReader(to, request.Body, largest))
		if errors.As(err, &tooLarge) {
			err = answer{http.StatusRequestEntityTooLarge, "too large"}
		} else if err == nil {
			err = r.receive(request.Header, body)
		}
	}
	said := answer{http.StatusOK, "received"}
	if err != nil && !errors.As(err, &said) {
		// What is left is our disk's fault, not the story's: it comes again.
		log.Print(err)
		said = answer{http.StatusServiceUnavailable, "cannot store it now"}
	}
	to.Header().Set("content-type", "text/plain")
	to.WriteHeader(said.status)
	fmt.Fprintln(to, said.text)
}

func main() {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(os.Getenv("NEWSWIRE_SECRET"), "whsec_"))
	if err != nil || len(key) == 0 || len(os.Args) != 3 {
		log.Fatal("NEWSWIRE_SECRET=whsec_… receiver ADDRESS DIRECTORY")
	}
	if err := os.MkdirAll(os.Args[2], 0o700); err != nil {
		log.Fatal(err)
	}
	server := http.Server{
		Addr:              os.Args[1],
		Handler:           &receiver{key: key, stories: os.Args[2]},
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
	}
	log.Fatal(server.ListenAndServe())
}
