//! Where a site stored something else than it was given.

use scraper::Html;

/// How much of the place is told.
const EXCERPT: usize = 60;

/// The first place at which `stored` says something else than `sent`, as it was sent. The same HTML in another spelling
/// (`<br />` for `<br/>`), which every WordPress writes, is the same.
pub fn place(sent: &str, stored: &str) -> Option<String> {
    let [sent, stored] = [sent, stored].map(|html| Html::parse_fragment(html.trim()).root_element().inner_html());
    if sent == stored {
        return None;
    }
    let same = sent.char_indices().zip(stored.chars()).take_while(|((_, one), other)| one == other).count();
    Some(sent.chars().skip(same.saturating_sub(10)).take(EXCERPT).collect())
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn another_spelling_is_no_change_and_another_word_is() {
        let sent = "<p>one<br/>two &amp; “three”</p><img src=\"a?b&amp;c\" alt=\"d\"/>";
        assert_eq!(
            place(sent, "<p>one<br />two &amp; &#8220;three&#8221;</p><img src='a?b&amp;c' alt=\"d\" />\n"),
            None
        );
        assert_eq!(
            place(sent, &sent.replace("two", "2")).as_deref(),
            Some("<p>one<br>two &amp; “three”</p><img alt=\"d\" src=\"a?b&amp;c\">")
        );
        assert!(place(sent, "").is_some());
    }
}
