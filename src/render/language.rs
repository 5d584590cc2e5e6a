//! What a language tag says of how its text is written.

/// The scripts that run from right to left and are in use (ISO 15924).
const SCRIPTS: [&str; 8] = ["adlm", "arab", "aran", "hebr", "nkoo", "rohg", "syrc", "thaa"];

/// The languages that are written in one of them where their tag names no script.
const LANGUAGES: [&str; 18] =
    ["ar", "arc", "ckb", "dv", "fa", "glk", "he", "iw", "ks", "mzn", "nqo", "pnb", "ps", "sd", "syr", "ug", "ur", "yi"];

/// `rtl` or `ltr`, as HTML's `dir` has it, of text in the language of a BCP 47 tag.
pub fn direction(tag: &str) -> &'static str {
    let mut parts = tag.split(['-', '_']);
    let language = parts.next().unwrap_or_default().to_ascii_lowercase();
    // Extended language subtags (`ar-arz`) stand between the language and the script.
    let script = parts.find(|part| part.len() == 4 && part.bytes().all(|byte| byte.is_ascii_alphabetic()));
    let rtl = match script {
        Some(script) => SCRIPTS.contains(&script.to_ascii_lowercase().as_str()),
        None => LANGUAGES.contains(&language.as_str()),
    };
    if rtl { "rtl" } else { "ltr" }
}

#[cfg(test)]
mod tests {
    use super::direction;

    #[test]
    fn the_script_decides_and_else_the_language() {
        for tag in ["ar", "ar-EG", "AR", "he-IL", "fa_IR", "ur-PK", "yi", "ku-Arab-IQ", "az-Arab", "ar-arz-Arab"] {
            assert_eq!(direction(tag), "rtl", "{tag}");
        }
        for tag in ["en-US", "de", "ar-Latn", "ku", "uz-Cyrl-UZ", "arn", "", "he-Latn-IL"] {
            assert_eq!(direction(tag), "ltr", "{tag}");
        }
    }
}
