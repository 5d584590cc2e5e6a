//! What a new partner is to be like: what was said by flags, and what is answered.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use url::Url;

use super::draft::{Auth, Draft, Host, SshLogin, Way};
use super::questions::{Question, Questions, text};
use crate::cli::Failure;
use crate::config::{Format, SecretRef};

#[derive(Debug, Args)]
pub struct Wanted {
    /// The publisher's name, for people
    #[arg(long)]
    name: Option<String>,
    /// Where documents go: https://…, sftp://USER@HOST/FOLDER, ftp://USER@HOST/FOLDER, or a directory of this machine; a
    /// folder from / on has two slashes before it. For S3 the endpoint
    #[arg(long)]
    url: Option<String>,
    /// What takes them there; left out: what the address says
    #[arg(long, value_enum)]
    transport: Option<Transport>,
    /// What documents are written in, a format or a profile; left out: json
    #[arg(long)]
    format: Option<String>,
    /// How the daemon shows who it is
    #[arg(long, value_enum)]
    auth: Option<AuthKind>,
    /// Where the token, password or key is found
    #[arg(long, value_name = "REF")]
    secret_from: Option<String>,
    /// The user there, where one is needed
    #[arg(long)]
    user: Option<String>,
    /// The name of the header or of the parameter that a key stands in
    #[arg(long, value_name = "NAME")]
    key_name: Option<String>,
    /// OAuth: where tokens come from
    #[arg(long, value_name = "URL")]
    token_url: Option<String>,
    /// OAuth: who asks for them
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// SFTP: the server's own key, "ssh-ed25519 AAAA…"
    #[arg(long, value_name = "KEY")]
    host_key: Option<String>,
    /// S3: the bucket
    #[arg(long)]
    bucket: Option<String>,
    /// S3: its region
    #[arg(long)]
    region: Option<String>,
    /// S3: where the access key is found; --secret-from is for the secret one
    #[arg(long, value_name = "REF")]
    access_key_from: Option<String>,
    /// A wire that it may have, and more of them by saying it again; left out: all
    #[arg(long, value_name = "ID")]
    wire: Vec<String>,
    /// Where the secret is found that pushes are signed with
    #[arg(long, value_name = "REF", conflicts_with = "new_secret")]
    signing_from: Option<String>,
    /// Make a secret that pushes are signed with, in a new file that its owner alone can read
    #[arg(long, value_name = "FILE")]
    pub new_secret: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Transport {
    Http,
    Wordpress,
    Sftp,
    Webdav,
    S3,
    Ftp,
    Directory,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AuthKind {
    None,
    Bearer,
    Basic,
    Header,
    Query,
    Oauth,
    /// SFTP
    Key,
    /// SFTP
    Password,
}

impl Wanted {
    /// What is said and answered.
    pub fn draft(&self, mut questions: Questions<'_>) -> Result<Draft, Failure> {
        let ask = Question { flag: "", words: "", default: None };
        let name = Question { flag: "--name", words: "The publisher's name", ..ask };
        let name = questions.answer(self.name.as_deref(), name, text)?;
        let url =
            Question {
                flag: "--url", words: "Where documents go (https://…, sftp://USER@HOST/FOLDER, /srv/…)", ..ask
            };
        let url = questions.answer(self.url.as_deref(), url, address)?;
        let transport = match (self.transport, &url) {
            (Some(transport), _) => Some(transport),
            (None, Some(Place::Web(_))) => {
                let question = Question {
                    flag: "--transport",
                    words: "What takes them there (http, wordpress, webdav, s3)",
                    default: Some("http"),
                };
                questions.answer(None, question, |text| Transport::from_str(text, true))?
            }
            (None, Some(Place::Ssh(_))) => Some(Transport::Sftp),
            (None, Some(Place::Ftp(_))) => Some(Transport::Ftp),
            (None, Some(Place::Directory(_))) => Some(Transport::Directory),
            (None, None) => None,
        };
        if let Some(transport) = transport {
            self.goes_with(transport)?;
        }
        let format = match transport {
            Some(Transport::Wordpress) => self.format.clone().or_else(|| Some(Format::WordPress.as_str().to_owned())),
            _ => {
                let formats = Format::ALL.map(Format::as_str).join(", ");
                let words = format!("What they are written in ({formats})");
                let question = Question { flag: "--format", words: &words, default: Some("json") };
                questions.answer(self.format.as_deref(), question, text)?
            }
        };
        let way = match (transport, url) {
            (Some(transport), Some(url)) => self.way(transport, url, &mut questions)?,
            (_, _) => None,
        };
        let wires = self.wire.clone();
        let complete = (|| Some(Draft { name: name?, wires, format: format?, way: way? }))();
        questions.all()?;
        complete.ok_or_else(|| Failure::Usage("something is missing; say --url".to_owned()))
    }

    /// Looks whether there is a place for all that was said: nothing is left out in silence.
    fn goes_with(&self, transport: Transport) -> Result<(), Failure> {
        use Transport::{Ftp, Http, S3, Sftp, Webdav, Wordpress};
        let said = [
            ("--auth", self.auth.is_some(), &[Http, Sftp, Webdav][..]),
            ("--secret-from", self.secret_from.is_some(), &[Http, Wordpress, Sftp, Webdav, S3, Ftp]),
            ("--user", self.user.is_some(), &[Http, Wordpress, Sftp, Webdav, Ftp]),
            ("--key-name", self.key_name.is_some(), &[Http]),
            ("--token-url", self.token_url.is_some(), &[Http]),
            ("--client-id", self.client_id.is_some(), &[Http]),
            ("--host-key", self.host_key.is_some(), &[Sftp]),
            ("--bucket", self.bucket.is_some(), &[S3]),
            ("--region", self.region.is_some(), &[S3]),
            ("--access-key-from", self.access_key_from.is_some(), &[S3]),
            ("--signing-from", self.signing_from.is_some(), &[Http]),
            ("--new-secret", self.new_secret.is_some(), &[Http]),
        ];
        let vain = said.iter().find(|(_, said, doors)| *said && !doors.contains(&transport));
        let Some((flag, ..)) = vain else { return Ok(()) };
        let name = transport.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        Err(Failure::Usage(format!("{flag} is for another kind of door than {name}; leave it out, or say --transport")))
    }

    /// The door; nothing where something of it is missing.
    fn way(&self, transport: Transport, url: Place, questions: &mut Questions<'_>) -> Result<Option<Way>, Failure> {
        let user = Question { flag: "--user", words: "The user there", default: None };
        Ok(match (transport, url) {
            (Transport::Http, Place::Web(url)) => {
                let auth = self.http_auth(questions)?;
                let signing = self.signing(questions)?;
                auth.map(|auth| Way::Http { url, auth, signing })
            }
            (Transport::Wordpress, Place::Web(url)) => {
                let user = questions.answer(self.user.as_deref(), user, text)?;
                let password = self.secret("Where its application password is found", questions)?;
                user.zip(password).map(|(user, password)| Way::WordPress { url, user, password })
            }
            (Transport::Webdav, Place::Web(url)) => {
                match self.auth {
                    Some(AuthKind::None) => return Ok(Some(Way::WebDav { url, login: None })),
                    Some(AuthKind::Basic) | None => {}
                    Some(other) => return Err(not_by(other, "WebDAV", "none or basic")),
                }
                let user = questions.answer(self.user.as_deref(), user, text)?;
                let password = self.secret("Where its password is found", questions)?;
                user.zip(password).map(|login| Way::WebDav { url, login: Some(login) })
            }
            (Transport::S3, Place::Web(endpoint)) => {
                let ask = |flag, words| Question { flag, words, default: None };
                let bucket = questions.answer(self.bucket.as_deref(), ask("--bucket", "The bucket"), text)?;
                let region = questions.answer(self.region.as_deref(), ask("--region", "Its region"), text)?;
                let access = ask("--access-key-from", "Where the access key is found (env:…, file:…, credential:…)");
                let access_key = questions.answer(self.access_key_from.as_deref(), access, str::parse)?;
                let secret_key = self.secret("Where the secret key is found", questions)?;
                (|| {
                    let (bucket, region) = (bucket?, region?);
                    Some(Way::S3 { endpoint, bucket, region, access_key: access_key?, secret_key: secret_key? })
                })()
            }
            (Transport::Sftp, Place::Ssh(url)) => {
                let at = self.host(&url, questions)?;
                let auth = Question { flag: "--auth", words: "By a key or a password", default: Some("key") };
                let kind = match self.auth {
                    Some(kind) => Some(kind),
                    None => questions.answer(None, auth, |text| AuthKind::from_str(text, true))?,
                };
                let words = if kind == Some(AuthKind::Password) {
                    "Where its password is found"
                } else {
                    "Where our private key is found"
                };
                let secret = self.secret(words, questions)?;
                let words = format!(
                    "The server's own key, as its operator tells it (ssh-keyscan -t ed25519 {} shows what it has)",
                    url.host_str().unwrap_or_default()
                );
                let host_key = Question { flag: "--host-key", words: &words, default: None };
                let host_key = questions.answer(self.host_key.as_deref(), host_key, text)?;
                let login = match kind {
                    Some(AuthKind::Key) => secret.map(SshLogin::Key),
                    Some(AuthKind::Password) => secret.map(SshLogin::Password),
                    Some(other) => return Err(not_by(other, "SFTP", "key or password")),
                    None => None,
                };
                (|| Some(Way::Sftp { at: at?, login: login?, host_key: host_key? }))()
            }
            (Transport::Ftp, Place::Ftp(url)) => {
                let at = self.host(&url, questions)?;
                let password = self.secret("Where its password is found", questions)?;
                at.zip(password).map(|(at, password)| Way::Ftp { at, password })
            }
            (Transport::Directory, Place::Directory(path)) => Some(Way::Directory { path }),
            (transport, _) => {
                let needs = match transport {
                    Transport::Http | Transport::Wordpress | Transport::Webdav | Transport::S3 => "https://…",
                    Transport::Sftp => "sftp://USER@HOST/FOLDER",
                    Transport::Ftp => "ftp://USER@HOST/FOLDER",
                    Transport::Directory => "the path of a directory, from / on",
                };
                return Err(Failure::Usage(format!("--url does not go with this transport; write {needs}")));
            }
        })
    }

    fn http_auth(&self, questions: &mut Questions<'_>) -> Result<Option<Auth>, Failure> {
        let ask = |flag, words| Question { flag, words, default: None };
        let kind = match self.auth {
            Some(kind) => Some(kind),
            None => {
                let words = "How the daemon shows who it is (none, bearer, basic, header, query, oauth)";
                let question = Question { default: Some("none"), ..ask("--auth", words) };
                questions.answer(None, question, |text| AuthKind::from_str(text, true))?
            }
        };
        let Some(kind) = kind else { return Ok(None) };
        let key_name = ask("--key-name", "The name of the header, or of the parameter");
        Ok(match kind {
            AuthKind::None => Some(Auth::Nothing),
            AuthKind::Bearer => self.secret("Where the token is found", questions)?.map(Auth::Bearer),
            AuthKind::Basic => {
                let user = questions.answer(self.user.as_deref(), ask("--user", "The user there"), text)?;
                let password = self.secret("Where its password is found", questions)?;
                user.zip(password).map(|(user, password)| Auth::Basic { user, password })
            }
            AuthKind::Header | AuthKind::Query => {
                let name = questions.answer(self.key_name.as_deref(), key_name, text)?;
                let value = self.secret("Where the key is found", questions)?;
                name.zip(value).map(|(name, value)| match kind {
                    AuthKind::Query => Auth::Query { name, value },
                    _ => Auth::Header { name, value },
                })
            }
            AuthKind::Oauth => {
                let token_url = ask("--token-url", "Where tokens come from (https://…)");
                let token_url = questions.answer(self.token_url.as_deref(), token_url, text)?;
                let client_id = ask("--client-id", "Who asks for them (the client's id)");
                let client_id = questions.answer(self.client_id.as_deref(), client_id, text)?;
                let secret = self.secret("Where the client's secret is found", questions)?;
                (|| Some(Auth::Oauth { token_url: token_url?, client_id: client_id?, client_secret: secret? }))()
            }
            other @ (AuthKind::Key | AuthKind::Password) => {
                return Err(not_by(other, "HTTP", "none, bearer, basic, header, query or oauth"));
            }
        })
    }

    fn signing(&self, questions: &mut Questions<'_>) -> Result<Option<SecretRef>, Failure> {
        if let Some(file) = &self.new_secret {
            let whole = std::path::absolute(file)?;
            return Ok(Some(SecretRef::File(whole)));
        }
        let question = Question {
            flag: "--signing-from",
            words: "Where the secret is found that pushes are signed with (none, env:…, file:…, credential:…)",
            default: Some("none"),
        };
        let read = |text: &str| if text == "none" { Ok(None) } else { text.parse().map(Some) };
        Ok(questions.answer(self.signing_from.as_deref(), question, read)?.flatten())
    }

    fn secret(&self, words: &str, questions: &mut Questions<'_>) -> Result<Option<SecretRef>, Failure> {
        let words = format!("{words} (env:NAME, file:PATH, credential:NAME)");
        let question = Question { flag: "--secret-from", words: &words, default: None };
        questions.answer(self.secret_from.as_deref(), question, str::parse)
    }

    fn host(&self, url: &Url, questions: &mut Questions<'_>) -> Result<Option<Host>, Failure> {
        let user = Some(url.username()).filter(|user| !user.is_empty());
        let question = Question { flag: "--user", words: "The user there", default: None };
        let user = questions.answer(self.user.as_deref().or(user), question, text)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        // Below the folder that the user comes to; from / on where there are two slashes.
        let path = url.path().strip_prefix('/').unwrap_or_default().to_owned();
        Ok(user.map(|user| Host { host, port: url.port(), user, path }))
    }
}

/// An address, by what it leads to.
enum Place {
    Web(String),
    Ssh(Url),
    Ftp(Url),
    Directory(String),
}

/// The text is not repeated where it may hold a password.
fn address(text: &str) -> Result<Place, String> {
    const WRITE: &str = "write https://…, sftp://USER@HOST/FOLDER, ftp://USER@HOST/FOLDER, or a path from / on";
    if text.starts_with('/') {
        return Ok(Place::Directory(text.to_owned()));
    }
    let url = Url::parse(text).map_err(|why| format!("this is no address ({why}); {WRITE}"))?;
    if url.password().is_some() {
        return Err(
            "the address holds a password; leave it out, and say where it is found with --secret-from".to_owned()
        );
    }
    match url.scheme() {
        "https" | "http" => Ok(Place::Web(text.to_owned())),
        "sftp" => Ok(Place::Ssh(url)),
        "ftp" => Ok(Place::Ftp(url)),
        other => Err(format!("nothing goes to an address with the scheme {other:?}; {WRITE}")),
    }
}

fn not_by(kind: AuthKind, what: &str, ways: &str) -> Failure {
    let kind = kind.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    Failure::Usage(format!("--auth {kind} is nothing that {what} has; write {ways}"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        wanted: Wanted,
    }

    /// What is made of the flags and of the answers, and what was asked.
    fn answered(flags: &[&str], answers: &str) -> (String, String) {
        let line = Line::try_parse_from(["add"].iter().chain(flags)).unwrap();
        let (mut answers, mut asked) = (answers.as_bytes(), Vec::new());
        let draft = line.wanted.draft(Questions::at(&mut answers, &mut asked)).unwrap();
        assert!(answers.is_empty(), "all was asked");
        let text = draft.text();
        let keys = text.lines().filter(|line| !line.starts_with('#') && line.contains(" = "));
        (keys.collect::<Vec<_>>().join("\n"), String::from_utf8(asked).unwrap())
    }

    #[test]
    fn a_terminal_is_asked_what_the_door_needs_and_no_more() {
        let (keys, asked) = answered(&[], "Paper\nhttps://cms.paper.example/in\n\nnitf\nbearer\nhunter2\nenv:T\n\n");
        insta::assert_snapshot!(keys, @r#"
        name = "Paper"
        format = "nitf"
        url = "https://cms.paper.example/in"
        auth = { bearer = "env:T" }
        "#);
        assert!(!asked.contains("hunter2"), "what was mistyped is not repeated");
        let asked: Vec<&str> = asked.split(": ").map(|question| question.trim().split(" (").next().unwrap()).collect();
        insta::assert_snapshot!(asked.join("\n"), @r#"
        The publisher's name
        Where documents go
        What takes them there
        What they are written in
        How the daemon shows who it is
        Where the token is found
        a secret stands here only by reference; write "env:NAME", "file:PATH" or "credential:NAME"
        Where the token is found
        Where the secret is found that pushes are signed with
        "#);

        let flags = ["--name", "Paper", "--url", "sftp://wire@sftp.paper.example/in", "--format", "nitf"];
        let (keys, asked) = answered(&flags, "\nfile:/k\nssh-ed25519 AAAA\n");
        insta::assert_snapshot!(keys, @r#"
        name = "Paper"
        format = "nitf"
        host = "sftp.paper.example"
        user = "wire"
        path = "in"
        private_key = "file:/k"
        host_key = "ssh-ed25519 AAAA"
        "#);
        assert_eq!(asked.matches(": ").count(), 3, "{asked}");
    }

    /// A folder is below the one that the user comes to, or from / on where two slashes say so.
    #[test]
    fn an_address_is_taken_apart() {
        let path = |url: &str| {
            let flags = ["--name", "Paper", "--format", "nitf", "--secret-from", "env:P", "--url", url];
            let (keys, _) = answered(&flags, "");
            let wanted = ["host", "port", "user", "path"].map(|key| format!("{key} = "));
            let found = keys.lines().filter(|line| wanted.iter().any(|key| line.starts_with(key.as_str())));
            found.collect::<Vec<_>>().join(", ")
        };
        assert_eq!(
            path("ftp://wire@ftp.paper.example/in/news"),
            "host = \"ftp.paper.example\", user = \"wire\", path = \"in/news\""
        );
        assert_eq!(
            path("ftp://wire@ftp.paper.example:2121//srv/in"),
            "host = \"ftp.paper.example\", port = 2121, user = \"wire\", path = \"/srv/in\""
        );
        assert_eq!(path("ftp://wire@ftp.paper.example"), "host = \"ftp.paper.example\", user = \"wire\"");
    }
}
