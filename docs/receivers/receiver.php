<?php
// A receiver for newswired's pushes in its own JSON. PHP 8.1 or newer; nothing to install.
//
// Put it where your web server runs PHP, and set NEWSWIRE_SECRET (whsec_…) and NEWSWIRE_STORIES, a directory that the server
// may write to and shows to nobody. display_errors has to be off, as php.ini-production has it: a warning that is shown is the
// answer's first line, and its status then 200, which acknowledges what was not received. To try it:
//
//     NEWSWIRE_SECRET=whsec_… NEWSWIRE_STORIES=stories php -d display_errors=0 -S 127.0.0.1:9000 receiver.php
//
// What is published stands in ID.json, ID being the SHA-256 of the story's guid; the newest version that came is in
// ID.version. Put your own database in the place of shown(), store() and take_down().

declare(strict_types=1);

// For the rest of this script, in case that it is not.
ini_set('display_errors', '0');

const LARGEST = 8 * 1024 * 1024; // bytes of a body; no more than post_max_size, beyond which PHP gives us none
const RECENT = 300; // seconds that our clock and the agency's may be apart

/** An answer that is not "taken": a status, and a word for whoever reads the agency's log. */
final class Answer extends Exception
{
}

/** That the request is the agency's, recent, and whole. The other headers are not signed: believe only the body. */
function verify(string $secret, string $body): void
{
    $id = $_SERVER['HTTP_WEBHOOK_ID'] ?? '';
    $timestamp = $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '';
    if (!preg_match('/^[0-9]{1,15}$/D', $timestamp) || abs(time() - (int) $timestamp) > RECENT) {
        throw new Answer('too old, or from the future', 401);
    }
    $key = base64_decode(preg_replace('/^whsec_/', '', $secret));
    $code = hash_hmac('sha256', "$id.$timestamp.$body", $key, true);
    foreach (explode(' ', $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '') as $one) {
        if (str_starts_with($one, 'v1,') && hash_equals($code, (string) base64_decode(substr($one, 3), true))) {
            return;
        }
    }
    throw new Answer('no signature is right', 401);
}

/** The three things of the document that decide what becomes of it. */
function read(string $body): array
{
    $document = json_decode($body, true);
    if (!is_array($document)) {
        throw new Answer("not a story in newswired's own JSON", 422);
    }
    [$guid, $version, $action] = [$document['guid'] ?? null, $document['version'] ?? null, $document['action'] ?? null];
    if (!is_string($guid) || !is_int($version) || !is_string($action)) {
        throw new Answer('its guid, version or action is not one', 422);
    }
    return [$guid, $version, $action];
}

/** The newest version that came of the story, 0 if none did. */
function shown(string $stories, string $id): int
{
    $file = "$stories/$id.version";
    return is_file($file) ? (int) done(file_get_contents($file)) : 0;
}

/** A file is there whole or not at all, and stays there when the machine loses its power. */
function store(string $stories, string $name, string $content): void
{
    $temporary = "$stories/$name.new";
    $file = done(fopen($temporary, 'wb'));
    done(fwrite($file, $content) === strlen($content));
    done(fsync($file));
    fclose($file);
    done(rename($temporary, "$stories/$name"));
}

function take_down(string $stories, string $id): void
{
    done(!is_file("$stories/$id.json") || unlink("$stories/$id.json"));
}

/** What PHP's functions say with false is our disk's fault, not the story's: it comes again. */
function done(mixed $result): mixed
{
    return $result === false ? throw new Answer('cannot store it now', 503) : $result;
}

function receive(string $secret, string $stories, string $body): void
{
    verify($secret, $body);
    [$guid, $version, $action] = read($body);
    if (str_starts_with($guid, 'urn:newswire:test:')) {
        return; // the agency tries our door: answered as news is, and shown to nobody
    }
    $id = hash('sha256', $guid);
    // One at a time, whatever number of workers there are. Closing the file, or the end of this script, unlocks it.
    $lock = done(fopen("$stories/lock", 'c'));
    done(flock($lock, LOCK_EX));
    if ($version <= shown($stories, $id)) {
        return; // a repeat, or older than what we have: nothing changes, and the answer is the same
    }
    if ($action === 'kill' || $action === 'withhold') {
        take_down($stories, $id);
    } else {
        store($stories, "$id.json", $body);
    }
    // Last, so that a version counts as received only when what it asks has been done.
    store($stories, "$id.version", (string) $version);
}

[$status, $text] = [200, 'received'];
try {
    [$secret, $stories] = [getenv('NEWSWIRE_SECRET'), getenv('NEWSWIRE_STORIES')];
    if (!$secret || !$stories) {
        throw new Answer('NEWSWIRE_SECRET or NEWSWIRE_STORIES is not set', 503);
    }
    if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
        throw new Answer('POST stories here', 405);
    }
    if ((int) ($_SERVER['CONTENT_LENGTH'] ?? 0) > LARGEST) {
        throw new Answer('too large', 413);
    }
    $body = (string) file_get_contents('php://input', false, null, 0, LARGEST);
    is_dir($stories) || mkdir($stories, 0700, true);
    receive($secret, $stories, $body);
} catch (Answer $answer) {
    [$status, $text] = [$answer->getCode(), $answer->getMessage()];
}
http_response_code($status);
header('content-type: text/plain');
echo "$text\n";
