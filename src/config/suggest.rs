//! "Did you mean …?"

/// The one of `known` that `typed` is most like, if it is close enough to be a slip of the fingers: one edit, and one
/// more for every four letters.
pub fn closest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    let bound = 1 + typed.chars().count() / 4;
    known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(&typed, word), word))
        .filter(|(distance, _)| *distance <= bound)
        .min()
        .map(|(_, word)| word)
}

/// The second half of a message: what was probably meant, or all that there is.
pub(super) fn mend(typed: &str, known: &[&str]) -> String {
    match (closest(typed, known.iter().copied()), known) {
        (Some(word), _) => format!("did you mean {word:?}?"),
        (None, []) => "there is none".to_owned(),
        (None, [only]) => format!("write {only:?}"),
        (None, several) => {
            let list: Vec<String> = several.iter().map(|word| format!("{word:?}")).collect();
            format!("expected one of {}", list.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        assert_eq!(closest("nift", ["json", "ninjs-1.6", "nitf"]), Some("nitf"));
        assert_eq!(closest("Concurency", ["concurrency", "backoff"]), Some("concurrency"));
        assert_eq!(closest("carrots", ["json", "ninjs-1.6", "nitf"]), None);
    }

    #[test]
    fn without_a_likeness_all_words_are_shown() {
        assert_eq!(mend("carrots", &["json", "nitf"]), r#"expected one of "json", "nitf""#);
    }
}
