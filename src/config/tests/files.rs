//! What is wrong with doors that take files, each with its place.

use insta::assert_snapshot;

use super::partner_errors;

/// A destination with one table.
fn partner(tables: &[&str]) -> String {
    let destinations = tables.iter().enumerate().map(|(number, table)| {
        let (first, rest) = table.split_once('\n').unwrap();
        format!("[destinations.d{number}]\nformat = \"json\"\n[destinations.d{number}.{first}]\n{rest}")
    });
    format!("name = \"Island Post\"\n{}", destinations.collect::<String>())
}

#[test]
fn names() {
    let named = |name: &str| format!("directory\npath = \"/srv/{}\"\nfile = {{ name = \"{name}\" }}\n", name.len());
    let names =
        ["{{ slugg }}.xml", "{{ slug }}", "{{ date }}/{{ id }}.xml", "{{ id", "{{ wire }}/{{ id }}-{{ version }}.xml"];
    let tables = names.map(named);
    assert_snapshot!(partner_errors(&partner(&tables.each_ref().map(String::as_str))), @r#"
    partners.d/island-post.toml:6:17: unknown field "slugg" in "{{ slugg }}.xml"; did you mean "slug"?
    partners.d/island-post.toml:11:17: without {{ id }} two stories could have one name; write it after the last "/", for example "{{ name }}-{{ id }}.{{ extension }}"
    partners.d/island-post.toml:16:17: the versions of a story would stand in several folders, where a kill could not find them; before the last "/" use only id, name, wire, extension
    partners.d/island-post.toml:21:17: syntax error: unexpected end of input, expected end of variable block (in name:1); fields are written {{ id }}
    "#);
}

#[test]
fn directories() {
    assert_snapshot!(partner_errors(&partner(&[
        "directory\npath = \"srv/in\"\nwrite_timeout = \"0s\"\n",
        "directory\npath = \"/srv/in\"\nfile = { on_kill = \"delete\" }\n",
        "directory\npath = \"/srv/in/1\"\nfile = { temporary = { prefix = \"\", suffix = \"\" } }\n",
        "directory\npath = \"/srv/in/2\"\nfile = { temporary = { prefix = \"../\" } }\n",
        "directory\npath = \"/srv/in/3\"\nfile = { temporary = { folder = \"../tmp\" } }\n",
        "directory\npath = \"/srv/in/4\"\n",
        "directory\npath = \"/srv/in/4\"\n",
    ])), @r#"
    partners.d/island-post.toml:5:8: not an absolute path; write it from / on
    partners.d/island-post.toml:6:17: a time of nothing; write a longer one
    partners.d/island-post.toml:11:20: unknown on_kill "delete"; expected one of "replace", "remove", "both"
    partners.d/island-post.toml:16:22: a file would have its own name while it is being written; write a prefix, a suffix or a folder
    partners.d/island-post.toml:21:22: "../" cannot be part of a file's name; write at most 32 of A-Z, a-z, 0-9, ".", "-", "_" and "~"
    partners.d/island-post.toml:26:22: "../tmp" is no folder below the door's; write for example "tmp"
    partners.d/island-post.toml:34:8: the destinations "d5" and "d6" write files of the same names to the same folder; give one of them another file.name or another folder, or remove it
    "#);
}

#[cfg(feature = "sftp")]
#[test]
fn sftp() {
    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFvsdLAYSF3UxCwFN0tPnLV/YPnM2NLf1sW4dUTQ3yOb";

    let files = super::Files::new(super::MAIN)
        .variable("PASSWORD", "secret of the test")
        .variable("KEY", "-----BEGIN OPENSSH PRIVATE KEY-----\nsecret of the test\n-----END OPENSSH PRIVATE KEY-----")
        .file(
            "known_hosts",
            "other.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFvsdLAYSF3UxCwFN0tPnLV/YPnM2NLf1sW4dUTQ3yOb\n",
        );
    let (known, missing) = (files.path("known_hosts"), files.path("missing"));
    let sftp = |rest: &str| format!("sftp\nuser = \"wire\"\nhost = \"sftp{}.example\"\n{rest}\n", rest.len());
    let tables = [
        sftp(""),
        sftp(&format!("password = \"env:PASSWORD\"\nhost_key = \"{KEY}\"\nknown_hosts = \"{known}\"")),
        sftp("password = \"env:PASSWORD\"\nhost_key = \"SHA256:abc\""),
        sftp(&format!("password = \"env:PASSWORD\"\nknown_hosts = \"{known}\"\nport = 0")),
        sftp(&format!("password = \"env:PASSWORD\"\nknown_hosts = \"{missing}\"\npath = \"../in\"")),
        sftp(&format!("private_key = \"env:KEY\"\nhost_key = \"{KEY}\"")),
        sftp(&format!("private_key = \"env:KEY\"\npassphrase = \"env:PASSWORD\"\nhost_key = \"{KEY}\"\nport = 2022")),
        sftp(&format!("password = \"env:NONE\"\npassphrase = \"env:PASSWORD\"\nhost_key = \"{KEY}\"")),
        format!("sftp\nuser = \" \"\nhost = \"sftp://a.example\"\npassword = \"env:PASSWORD\"\nhost_key = \"{KEY}\"\n"),
    ];
    let errors = files.partner("island-post", &partner(&tables.each_ref().map(String::as_str))).errors();
    assert!(!errors.contains("secret of the test"), "{errors}");
    assert_snapshot!(errors, @r#"
    partners.d/island-post.toml:4:1: nothing says which server is the right one; add host_key = "ssh-ed25519 …", as its operator tells it (`ssh-keyscan -t ed25519 sftp0.example` shows what it has now), or known_hosts = "PATH"
    partners.d/island-post.toml:4:1: nothing says who we are; add private_key = …, or password = …
    partners.d/island-post.toml:15:1: there is a host_key already; keep one of the two
    partners.d/island-post.toml:22:12: this is no public key; write its type and its key, for example "ssh-ed25519 AAAA…"
    partners.d/island-post.toml:29:15: known_hosts has no key of sftp78.example; add what `ssh-keyscan -p 0 sftp78.example` says, once you know it is the server's
    partners.d/island-post.toml:30:8: 0 is out of range; write a whole number from 1 to 65535
    partners.d/island-post.toml:37:15: cannot read missing: No such file or directory (os error 2); write the path of a known_hosts file
    partners.d/island-post.toml:38:8: this is no folder; write for example "incoming/wire", without "." and ".."
    partners.d/island-post.toml:44:15: the secret is no private key; write the whole file that ssh-keygen -t ed25519 made
    partners.d/island-post.toml:51:15: the passphrase does not open the private key, or it is none; write the whole file that ssh-keygen -t ed25519 made
    partners.d/island-post.toml:60:12: the environment variable NONE is not set; set it, or use "file:PATH"
    partners.d/island-post.toml:61:14: there is no private_key that it could open; remove it
    partners.d/island-post.toml:66:8: the text is empty; write one or remove the key
    partners.d/island-post.toml:67:8: this is no host; write a name or an address alone, without a scheme, a user or a port
    "#);
}

#[cfg(all(feature = "webdav", feature = "s3", feature = "ftp"))]
#[test]
fn webdav_s3_and_ftp() {
    let files = super::Files::new(super::MAIN)
        .variable("PASSWORD", "secret of the test")
        .variable("LINES", "secret of\nthe test");
    let errors = files
        .partner("island-post", &partner(&[
            "webdav\nurl = \"https://dav.example/in/?a\"\nuser = \"wire\"\n",
            "webdav\nurl = \"dav.example/in/\"\npassword = \"env:PASSWORD\"\n",
            "webdav\nurl = \"https://a:b@dav.example/in/\"\nuser = \"a:b\"\npassword = \"env:PASSWORD\"\n",
            "s3\nendpoint = \"https://s3.example/bucket\"\nregion = \"\"\nbucket = \"My Bucket\"\npath = \"/in\"\naccess_key = \"env:NONE\"\nsecret_key = \"env:PASSWORD\"\n",
            "s3\nendpoint = \"https://s3.example\"\nregion = \"eu\"\nbucket = \"wire\"\naccess_key = \"env:PASSWORD\"\nsecret_key = \"env:PASSWORD\"\nfile = { make_folders = true, temporary = {} }\n",
            "ftp\nhost = \"ftp.example:21\"\nuser = \"wi\\nre\"\npassword = \"env:LINES\"\ntls = \"none\"\nca_file = \"/dev/null\"\n",
            "ftp\nhost = \"ftp.example\"\nuser = \"wire\"\npassword = \"env:PASSWORD\"\ntls = \"implicit\"\npath = \"in/../..\"\n",
        ]))
        .errors();
    assert!(!errors.contains("secret of"), "{errors}");
    assert_snapshot!(errors, @r##"
    partners.d/island-post.toml:5:7: this is no address of a folder; write it without "?" and "#"
    partners.d/island-post.toml:6:8: there is no password for it; add password = …
    partners.d/island-post.toml:10:7: not an address (relative URL without a base); write https://… or http://…
    partners.d/island-post.toml:11:12: there is no user that it is of; add user = …
    partners.d/island-post.toml:15:7: the address holds a user or a password; remove them and use the keys user and password
    partners.d/island-post.toml:16:8: the user holds a colon, which HTTP forbids; use another
    partners.d/island-post.toml:21:12: an endpoint is a host alone; put what follows it into bucket or path
    partners.d/island-post.toml:22:10: the text is empty; write one or remove the key
    partners.d/island-post.toml:23:10: this is no name of a bucket; write 3 to 63 of a-z, 0-9, "." and "-"
    partners.d/island-post.toml:24:8: keys of objects do not begin with "/"; take it away
    partners.d/island-post.toml:25:14: the environment variable NONE is not set; set it, or use "file:PATH"
    partners.d/island-post.toml:35:10: an object store has no folders, and shows an object only when it is whole; remove this
    partners.d/island-post.toml:35:31: an object store has no folders, and shows an object only when it is whole; remove this
    partners.d/island-post.toml:39:8: this is no host; write a name or an address alone, without a scheme, a user or a port
    partners.d/island-post.toml:40:8: the user holds a line's end; write one line
    partners.d/island-post.toml:41:12: the secret holds a line's end; it must be one line of text
    partners.d/island-post.toml:43:11: /dev/null holds no certificate; write the path of a file of PEM certificates
    partners.d/island-post.toml:43:11: without TLS there are no certificates to trust; remove it, or tls
    partners.d/island-post.toml:50:7: unknown tls "implicit"; did you mean "explicit"?
    partners.d/island-post.toml:51:8: this is no folder; write for example "incoming/wire", without "." and ".."
    "##);
}

#[test]
fn two_ways_are_one_too_many() {
    let two = partner(&["directory\npath = \"/srv/in\"\n"])
        + "[destinations.d0.http]\nurl = \"https://island-post.example/\"\n";
    assert_snapshot!(partner_errors(&two), @"partners.d/island-post.toml:4:18: the destination has both [….http] and [….directory]; keep one, or make two destinations of them");
    let wordpress = partner(&["directory\npath = \"/srv/in\"\n"]).replace("\"json\"", "\"wordpress\"");
    assert_snapshot!(partner_errors(&wordpress), @r#"partners.d/island-post.toml:3:10: the format "wordpress" is for a site's own interface; write a section [….wordpress] instead of [….directory], or take another format"#);
}

/// A door that this program was built without is told where it stands, and nothing else of it is asked.
#[cfg(not(feature = "ftp"))]
#[test]
fn a_door_that_was_not_built_in() {
    let ftp = "ftp\nhost = \"ftp.example\"\nuser = \"wire\"\npassword = \"file:/dev/null\"\n";
    assert!(partner_errors(&partner(&[ftp])).contains("built without ftp; build it with the feature \"ftp\""));
}

#[test]
fn sidecars() {
    let sidecars = |number: u32, format: &str, keys: &str| {
        format!(
            "[destinations.d{number}]\nformat = \"{format}\"\n[destinations.d{number}.directory]\npath = \"/srv/{number}\"\n\
             [destinations.d{number}.directory.file.sidecars]\n{keys}\n"
        )
    };
    let doors = [
        sidecars(0, "ninjs-1.6", ""),
        sidecars(1, "ninjs-1.6", "refer = \"address\""),
        sidecars(2, "nitf", "refer = \"id\""),
        sidecars(3, "nitf", "largest_width = 0"),
        sidecars(4, "nitf", "missing = \"wait\""),
    ];
    assert_snapshot!(partner_errors(&format!("name = \"Island Post\"\n{}", doors.concat())), @r#"
    partners.d/island-post.toml:6:1: the format "ninjs-1.6" takes only whole addresses; write refer = "address" here, or another format
    partners.d/island-post.toml:19:9: unknown refer "id"; expected one of "name", "address"
    partners.d/island-post.toml:25:17: 0 is out of range; write a whole number from 1 to 100000
    "#);
}
