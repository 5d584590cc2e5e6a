//! A new partner's file: what was asked, and the usual keys beside it, commented out with their defaults, each with what it
//! is for. The shipped samples show every key there is; this shows those that a partner asks for on the telephone.

use crate::config::SecretRef;

/// What is known of a new partner.
pub struct Draft {
    pub name: String,
    /// None: all of them.
    pub wires: Vec<String>,
    pub format: String,
    pub way: Way,
}

/// Its door.
pub enum Way {
    Http { url: String, auth: Auth, signing: Option<SecretRef> },
    WordPress { url: String, user: String, password: SecretRef },
    WebDav { url: String, login: Option<(String, SecretRef)> },
    Sftp { at: Host, login: SshLogin, host_key: String },
    Ftp { at: Host, password: SecretRef },
    S3 { endpoint: String, bucket: String, region: String, access_key: SecretRef, secret_key: SecretRef },
    Directory { path: String },
}

/// How a push shows who it is of.
pub enum Auth {
    Nothing,
    Bearer(SecretRef),
    Basic { user: String, password: SecretRef },
    Header { name: String, value: SecretRef },
    Query { name: String, value: SecretRef },
    Oauth { token_url: String, client_id: String, client_secret: SecretRef },
}

/// A server that is no server of HTTP, and who we are there.
pub struct Host {
    pub host: String,
    pub port: Option<u16>,
    pub user: String,
    /// Empty: the folder that the user comes to.
    pub path: String,
}

pub enum SshLogin {
    Key(SecretRef),
    Password(SecretRef),
}

/// `text` as a string of TOML.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn secret(secret: &SecretRef) -> String {
    quoted(&secret.to_string())
}

/// The end of every table of a door with a connection.
const CONNECTION: &str = r#"# allow_addresses = ["10.1.2.0/24"]   # what is not of the Internet, and this door may lead to; no default
# proxy = "none"          # how connections leave; default as in [delivery]
# connect_timeout = "10s" # this and the next two lines: default as in [delivery]
# write_timeout = "30s"
# answer_timeout = "30s"
"#;

const CA_FILE: &str =
    "# ca_file = \"/etc/newswired/partner-ca.pem\"   # certificates to trust instead of the system's\n";

impl Draft {
    /// The file.
    pub fn text(&self) -> String {
        let Self { name, wires, format, way } = self;
        let wires = match wires.as_slice() {
            [] => "# wires = []              # the wires it may have; none named: all of them".to_owned(),
            some => format!("wires = [{}]", some.iter().map(|wire| quoted(wire)).collect::<Vec<_>>().join(", ")),
        };
        let (table, door) = way.table();
        format!(
            r#"#:schema ../partner.schema.json
#
# A partner: the file's name is its id. What is commented out is a default, or an example where there is none; the samples
# that come with newswired show all keys.

name = {name}
# paused = false          # true: it is sent nothing but kills, and keeps what it is owed

# What the contract entitles it to.
[entitlement]
{wires}
# from = 2026-01-01T00:00:00Z    # the contract's first instant; no default
# until = 2099-01-01T00:00:00Z   # its end; no default
# countries = ["US"]      # where it publishes, and how: needed where a wire's limits ask; no default
# uses = ["online"]       # or "print", "broadcast"; no default
# embargo_early = "2h"    # how long before an embargo's end it may have a story; default: not before the end

# Which stories it gets. Without a rule it gets all that it is entitled to.
# [subscriptions.news]
# sections = ["politics", "courts"]   # any of them
# languages = ["en"]      # any of them; "en" covers "en-US"
# urgency_up_to = 5       # 4 takes 1 (flash) to 4

[destinations.main]
format = {format}
# rate = "10/s"           # the most deliveries that the contract allows, or "600/min", "5000/h"; no default
# concurrency = 4         # this and the next line: default as in [delivery]
# give_up_after = "3d"
# versions = "newest"     # "every" sends each version of a story, in order, as archives ask for
# test_items = false      # true: `newswired partner test --item` may send an article that is marked as a test

[destinations.main.{table}]
{door}"#,
            name = quoted(name),
            format = quoted(format),
        )
    }

    /// The secrets that it refers to, each with what a person calls it.
    pub fn secrets(&self) -> Vec<(&'static str, &SecretRef)> {
        match &self.way {
            Way::Http { auth, signing, .. } => {
                let shown = match auth {
                    Auth::Nothing => None,
                    Auth::Bearer(token) => Some(("the token", token)),
                    Auth::Basic { password, .. } => Some(("the password", password)),
                    Auth::Header { value, .. } | Auth::Query { value, .. } => Some(("the key", value)),
                    Auth::Oauth { client_secret, .. } => Some(("the client's secret", client_secret)),
                };
                let signing = signing.as_ref().map(|signing| ("the signing secret", signing));
                shown.into_iter().chain(signing).collect()
            }
            Way::WordPress { password, .. } => vec![("the application password", password)],
            Way::WebDav { login, .. } => login.iter().map(|(_, password)| ("the password", password)).collect(),
            Way::Sftp { login: SshLogin::Key(key), .. } => vec![("the private key", key)],
            Way::Sftp { login: SshLogin::Password(password), .. } | Way::Ftp { password, .. } => {
                vec![("the password", password)]
            }
            Way::S3 { access_key, secret_key, .. } => {
                vec![("the access key", access_key), ("the secret key", secret_key)]
            }
            Way::Directory { .. } => Vec::new(),
        }
    }
}

impl Way {
    /// The table's name, and what stands in it.
    fn table(&self) -> (&'static str, String) {
        match self {
            Self::Http { url, auth, signing } => ("http", http(url, auth, signing.as_ref())),
            Self::WordPress { url, user, password } => {
                let (url, user, password) = (quoted(url), quoted(user), secret(password));
                let keys = format!(
                    r#"url = {url}
user = {user}
application_password = {password}   # made in WordPress: Users, Profile, Application Passwords
# status = "publish"      # "draft" or "pending": the site's editors publish
# on_kill = "trash"       # or "draft": the post becomes a draft that says why it was withdrawn
# default_category = "News"   # of posts that no category below is for; left out: the site's own default
# create_terms = false    # true: makes categories and tags that the site does not have; needs the role Editor
{CA_FILE}{CONNECTION}
# Which of the site's categories a post goes into, by the story's sections, subjects and keywords.
# [destinations.main.wordpress.categories]
# politics = "Local politics"
"#
                );
                ("wordpress", keys)
            }
            Self::WebDav { url, login } => {
                let login = match login {
                    Some((user, password)) => format!("user = {}\npassword = {}\n", quoted(user), secret(password)),
                    None => String::new(),
                };
                ("webdav", format!("url = {}\n{login}{CA_FILE}{CONNECTION}{}", quoted(url), file("webdav")))
            }
            Self::Sftp { at, login, host_key } => {
                let login = match login {
                    SshLogin::Key(key) => format!(
                        "private_key = {}\n# passphrase = \"credential:passphrase\"   # where the private key is encrypted\n",
                        secret(key)
                    ),
                    SshLogin::Password(password) => format!("password = {}\n", secret(password)),
                };
                let host_key = quoted(host_key);
                let keys = format!(
                    "{}{login}# The server's own key, as its operator tells it.\nhost_key = {host_key}\n{CONNECTION}{}",
                    at.keys(),
                    file("sftp")
                );
                ("sftp", keys)
            }
            Self::Ftp { at, password } => {
                let keys = format!(
                    "{}password = {}\n# tls = \"explicit\"        # \"none\": everybody on the way reads the password\n{CA_FILE}{CONNECTION}{}",
                    at.keys(),
                    secret(password),
                    file("ftp")
                );
                ("ftp", keys)
            }
            Self::S3 { endpoint, bucket, region, access_key, secret_key } => {
                let keys = format!(
                    r#"endpoint = {}
region = {}
bucket = {}
# path = "incoming"       # what the keys of objects begin with; default: nothing
# path_style = false      # true: the bucket stands in the path, as smaller stores want it
access_key = {}
secret_key = {}
{CA_FILE}{CONNECTION}{}"#,
                    quoted(endpoint),
                    quoted(region),
                    quoted(bucket),
                    secret(access_key),
                    secret(secret_key),
                    file("s3")
                );
                ("s3", keys)
            }
            Self::Directory { path } => {
                let keys = format!(
                    "path = {}   # never made: that it is missing may mean that it is not mounted\n\
                     # write_timeout = \"30s\"   # default as in [delivery]\n{}",
                    quoted(path),
                    file("directory")
                );
                ("directory", keys)
            }
        }
    }
}

fn http(url: &str, auth: &Auth, signing: Option<&SecretRef>) -> String {
    let signing = match signing {
        Some(signing) => format!("signing_secret = {}   # Standard Webhooks", secret(signing)),
        None => {
            "# signing_secret = \"credential:signing\"   # Standard Webhooks; left out: requests are not signed".into()
        }
    };
    let (shown, table) = match auth {
        Auth::Nothing => {
            ("# auth = { bearer = \"credential:token\" }   # left out: nothing says who we are".into(), None)
        }
        Auth::Bearer(token) => (format!("auth = {{ bearer = {} }}", secret(token)), None),
        Auth::Basic { user, password } => {
            let (user, password) = (quoted(user), secret(password));
            (format!("auth = {{ basic = {{ user = {user}, password = {password} }} }}"), None)
        }
        Auth::Header { name, value } => {
            (format!("auth = {{ header = {{ name = {}, value = {} }} }}", quoted(name), secret(value)), None)
        }
        Auth::Query { name, value } => {
            (format!("auth = {{ query = {{ name = {}, value = {} }} }}", quoted(name), secret(value)), None)
        }
        Auth::Oauth { token_url, client_id, client_secret } => {
            let table = format!(
                r#"
# Access tokens by OAuth 2.0, client credentials.
[destinations.main.http.auth.oauth]
token_url = {}
client_id = {}
client_secret = {}
# scope = "articles.write"   # no default
# auth_style = "basic"    # or "body"
"#,
                quoted(token_url),
                quoted(client_id),
                secret(client_secret)
            );
            ("# auth stands below".to_owned(), Some(table))
        }
    };
    format!(
        r#"url = {}
{signing}
{shown}
# method = "POST"         # or "PUT"
# success = [200, 204]    # the statuses that say that it was taken; default: 200 to 299
# compression = "gzip"    # on its way; left out: not compressed
{CA_FILE}{CONNECTION}{}"#,
        quoted(url),
        table.unwrap_or_default()
    )
}

impl Host {
    fn keys(&self) -> String {
        let Self { host, port, user, path } = self;
        let port = port.map(|port| format!("port = {port}\n")).unwrap_or_default();
        let path = match path.as_str() {
            "" => "# path = \"incoming\"       # below the folder that the user comes to, or from / on\n".to_owned(),
            path => format!("path = {}\n", quoted(path)),
        };
        format!("host = {}\n{port}user = {}\n{path}", quoted(host), quoted(user))
    }
}

/// How files are named, at every place that takes files.
fn file(table: &str) -> String {
    let folders =
        if table == "s3" { "" } else { "# make_folders = false    # true: makes those that a name stands in\n" };
    format!(
        r#"
# How files are named, written and taken back.
[destinations.main.{table}.file]
# name = "{{{{ name }}}}-{{{{ id }}}}.{{{{ extension }}}}"
{folders}# on_kill = "replace"     # or "remove": the file goes; "both": it goes, and the kill stands beside it
# checksum = false        # true: after each file another one, NAME.sha256
"#
    )
}
