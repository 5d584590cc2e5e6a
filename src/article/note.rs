//! What the opening of a note to editors says of its story: agencies write there what their formats have no field for.

/// `CORRECTS vote count`, `Eds: CORRECTS …`, `Correction: …`, but not `Correct spelling is Lindqvist`.
pub fn opens_with_a_correction(note: &str) -> bool {
    let word = first_word(note);
    word == "CORRECT"
        || ["corrects", "corrected", "correcting", "correction", "corrections", "corrective"]
            .iter()
            .any(|form| word.eq_ignore_ascii_case(form))
}

fn is_address_to_editors(word: &str) -> bool {
    ["ed", "eds", "editor", "editors", "editor's note", "editors' note", "editors note"]
        .iter()
        .any(|form| word.trim().replace('’', "'").eq_ignore_ascii_case(form))
}

/// `Embargoed to 0001 Friday September 9`
pub fn opens_with_an_embargo(note: &str) -> bool {
    first_word(note).eq_ignore_ascii_case("embargoed")
}

/// The first word after an address such as `Eds:`.
fn first_word(note: &str) -> &str {
    let opening = match note.split_once(':') {
        Some((address, rest)) if is_address_to_editors(address) => rest,
        _ => note,
    };
    opening.trim_start().split(|c: char| !c.is_alphabetic()).next().unwrap_or_default()
}
