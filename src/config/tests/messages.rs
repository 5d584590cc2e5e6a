//! What is wrong with doors that take messages, each with its place.

use insta::assert_snapshot;

use super::{Files, MAIN};

/// A destination with one table.
fn partner(format: &str, tables: &[&str]) -> String {
    let destinations = tables.iter().enumerate().map(|(number, table)| {
        let (first, rest) = table.split_once('\n').unwrap();
        format!("[destinations.d{number}]\nformat = \"{format}\"\n[destinations.d{number}.{first}]\n{rest}")
    });
    format!("name = \"Island Post\"\n{}", destinations.collect::<String>())
}

#[cfg(feature = "mail")]
#[test]
fn mail() {
    let files = Files::new(MAIN).variable("PASSWORD", "secret of the test");
    let errors = files
        .partner("island-post", &partner("nitf", &[
            "mail\nhost = \"smtp://mx.example\"\nfrom = \"wire\"\nto = []\n",
            "mail\nhost = \"mx.example\"\nport = 0\nfrom = \"a@b.example\"\nto = [\"c@d.example\", \"e@f.example\\r\\nbcc: g@h.example\"]\nuser = \"wire\"\n",
            "mail\nhost = \"mx.example\"\nfrom = \"a@b.example\"\nto = [\"c@d.example\"]\npassword = \"env:PASSWORD\"\ndocument = \"html\"\nhello = \"a b\"\n",
            "mail\nhost = \"mx.example\"\ntls = \"none\"\nfrom = \"a@b.example\"\nto = [\"d@d.example\"]\nuser = \"wire\"\npassword = \"env:PASSWORD\"\npin = [\"sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"]\n",
            "mail\nhost = \"mx.example\"\nfrom = \"a@b.example\"\nto = [\"e@d.example\"]\nsubject = \"{{ headlin }}\"\n",
            "mail\nhost = \"mx.example\"\nfrom = \"a@b.example\"\nto = [\"f@hårbor.example\"]\nanswer_timeout = \"0s\"\n",
            "mail\nhost = \"mx.example\"\nfrom = \"a@b.example\"\nto = [\"g@d.example\"]\n",
            "mail\nhost = \"mx.example\"\nfrom = \"a@b.example\"\nto = [\"g@d.example\"]\n",
        ]))
        .errors();
    assert!(!errors.contains("secret of"), "{errors}");
    assert_snapshot!(errors, @r#"
    partners.d/island-post.toml:5:8: this is no host; write a name or an address alone, without a scheme, a user or a port
    partners.d/island-post.toml:6:8: this is no mailbox (Invalid input); write for example "Harbor Press <wire@harborpress.example>"
    partners.d/island-post.toml:7:6: nobody would get the messages; write for example ["desk@paper.example"]
    partners.d/island-post.toml:12:8: 0 is out of range; write a whole number from 1 to 65535
    partners.d/island-post.toml:14:22: this is no mailbox, it holds a line's end; write for example "Harbor Press <wire@harborpress.example>"
    partners.d/island-post.toml:15:8: there is no password for it; add password = …
    partners.d/island-post.toml:22:12: there is no user that it is of; add user = …
    partners.d/island-post.toml:23:12: the format is not HTML; write document = "attachment" or "text", or take the format "html"
    partners.d/island-post.toml:24:9: this is no host; write a name or an address alone, without a scheme, a user or a port
    partners.d/island-post.toml:33:12: without TLS everybody on the way reads the password; take tls = "none" away, or write "implicit"
    partners.d/island-post.toml:34:7: without TLS nobody looks at this; remove it, or tls
    partners.d/island-post.toml:41:11: unknown field "headlin" in "{{ headlin }}"; did you mean "headline"?
    partners.d/island-post.toml:47:7: not all servers take addresses beyond ASCII; write the domain as DNS has it, "xn--…"
    partners.d/island-post.toml:48:18: a time of nothing; write a longer one
    partners.d/island-post.toml:60:6: the destinations "d6" and "d7" send the same format to the same address; remove one
    "#);
    let local = partner(
        "html",
        &[
            "mail\nhost = \"localhost\"\ntls = \"none\"\nfrom = \"a@b.example\"\nto = [\"d@d.example\"]\nuser = \"wire\"\npassword = \"env:PASSWORD\"\ndocument = \"html\"\nallow_addresses = [\"127.0.0.1\", \"::1\"]\n",
        ],
    );
    Files::new(MAIN).variable("PASSWORD", "secret of the test").partner("island-post", &local).load().unwrap();
}

#[test]
fn amqp() {
    let files = Files::new(MAIN).variable("PASSWORD", "secret of the test");
    let errors = files
        .partner("island-post", &partner("json", &[
            "amqp\nurl = \"https://mq.example/\"\nexchange = \"wire\"\n",
            "amqp\nurl = \"amqps://wire:secret of@mq.example/\"\nexchange = \"wire\"\n",
            "amqp\nurl = \"amqps://mq.example/a/b?heartbeat=5\"\nexchange = \"wire\"\nuser = \"wire\"\n",
            "amqp\nurl = \"amqp://mq.example\"\nexchange = \"wire\"\npassword = \"env:PASSWORD\"\npin = [\"sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"]\n",
            "amqp\nurl = \"amqps://10.1.2.3/news\"\nexchange = \"wire\"\nheartbeat = \"500ms\"\nrouting_key = \"{{ sektion }}\"\n",
            "amqp\nurl = \"amqps://[::1]/news\"\nexchange = \"wire\"\nconnect_timeout = \"0s\"\n",
            "amqp\nurl = \"amqps://mq.example/news\"\nexchange = \"wire\"\n",
            "amqp\nurl = \"amqps://mq.example/news\"\nexchange = \"wire\"\n",
        ]))
        .errors();
    assert!(!errors.contains("secret of"), "{errors}");
    assert_snapshot!(errors, @r#"
    partners.d/island-post.toml:5:7: an address with the scheme "https"; write amqps://… or amqp://…
    partners.d/island-post.toml:10:7: the address holds a user or a password; remove them and use the keys user and password
    partners.d/island-post.toml:15:7: this is more than a host and a virtual host; write for example "amqps://mq.paper.example/wire"
    partners.d/island-post.toml:17:8: there is no password for it; add password = …
    partners.d/island-post.toml:23:12: there is no user that it is of; add user = …
    partners.d/island-post.toml:24:7: the url is without TLS, so nobody looks at this; write amqps://…
    partners.d/island-post.toml:28:7: 10.1.2.3 is a private address (RFC 1918); if that is meant, add allow_addresses = ["10.1.2.3"] here, or to [delivery] for all destinations
    partners.d/island-post.toml:30:13: AMQP counts it in whole seconds; write 1s to 65535s
    partners.d/island-post.toml:31:15: unknown field "sektion" in "{{ sektion }}"; did you mean "section"?
    partners.d/island-post.toml:35:7: ::1 is a loopback address (RFC 4291); if that is meant, add allow_addresses = ["::1"] here, or to [delivery] for all destinations
    partners.d/island-post.toml:37:19: a time of nothing; write a longer one
    partners.d/island-post.toml:46:7: the destinations "d6" and "d7" send the same format to the same address; remove one
    "#);
}

/// A door that this program was built without is told where it stands, and nothing else of it is asked.
#[cfg(not(feature = "mail"))]
#[test]
fn a_door_that_was_not_built_in() {
    let mail = partner("json", &["mail\nhost = \"mx.example\"\nfrom = \"a@b.example\"\nto = [\"c@d.example\"]\n"]);
    let errors = Files::new(MAIN).partner("island-post", &mail).errors();
    assert!(errors.contains("built without mail; build it with the feature \"mail\""), "{errors}");
}
