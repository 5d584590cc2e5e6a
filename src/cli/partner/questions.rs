//! What an operator was not asked yet: each question on a line of its own, at a terminal; elsewhere all that is missing is
//! told at once, by the flags that say it.

use std::io::{self, BufRead, Write};

use crate::cli::Failure;

/// Where answers come from.
pub struct Questions<'a> {
    /// Who answers, and where the questions stand; nobody where there is no terminal.
    terminal: Option<(&'a mut dyn BufRead, &'a mut dyn Write)>,
    missing: Vec<&'static str>,
}

/// Something that has to be known.
#[derive(Clone, Copy)]
pub struct Question<'q> {
    /// The flag that says it.
    pub flag: &'static str,
    pub words: &'q str,
    /// What holds where nobody says otherwise.
    pub default: Option<&'q str>,
}

impl<'a> Questions<'a> {
    pub fn at(answers: &'a mut dyn BufRead, questions: &'a mut dyn Write) -> Self {
        Self { terminal: Some((answers, questions)), missing: Vec::new() }
    }

    pub fn of_nobody() -> Self {
        Self { terminal: None, missing: Vec::new() }
    }

    /// The answer, which `read` understands: what was given, or what is answered now. At a terminal one that is not
    /// understood is asked for again. Nothing where it is missing, which [`Self::all`] tells.
    ///
    /// # Errors
    /// When what was given is not understood, or the terminal is gone.
    pub fn answer<T>(
        &mut self,
        given: Option<&str>,
        question: Question<'_>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Failure> {
        let Question { flag, words, default } = question;
        let wrong = |why: String| Failure::Usage(format!("{flag}: {why}"));
        if let Some(given) = given {
            return read(given).map(Some).map_err(wrong);
        }
        let Some((answers, questions)) = &mut self.terminal else {
            if default.is_none() {
                self.missing.push(flag);
            }
            return default.map(|default| read(default).map_err(wrong)).transpose();
        };
        loop {
            match default {
                Some(default) => write!(questions, "{words} [{default}]: ")?,
                None => write!(questions, "{words}: ")?,
            }
            questions.flush()?;
            let mut line = String::new();
            if answers.read_line(&mut line)? == 0 {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "nobody answers any more; nothing was written",
                )
                .into());
            }
            let text = match (line.trim(), default) {
                ("", Some(default)) => default,
                ("", None) => continue,
                (text, _) => text,
            };
            match read(text) {
                Ok(answer) => return Ok(Some(answer)),
                Err(why) => writeln!(questions, "  {why}")?,
            }
        }
    }

    /// # Errors
    /// When something is missing.
    pub fn all(self) -> Result<(), Failure> {
        if self.missing.is_empty() {
            return Ok(());
        }
        Err(Failure::Usage(format!(
            "something is missing that there is no terminal to ask for; say also {}",
            self.missing.join(", ")
        )))
    }
}

/// A text that is not empty.
pub fn text(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("the text is empty".to_owned()) } else { Ok(text.trim().to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: Question<'_> = Question { flag: "--name", words: "Its name", default: None };
    const FORMAT: Question<'_> = Question { flag: "--format", words: "The format", default: Some("json") };

    fn number(text: &str) -> Result<u8, String> {
        text.parse().map_err(|_| format!("{text:?} is no number"))
    }

    #[test]
    fn a_terminal_is_asked_until_it_is_understood() {
        let (mut answers, mut asked) = (&b"\nseven\n7\n\n"[..], Vec::new());
        let mut questions = Questions::at(&mut answers, &mut asked);
        assert_eq!(questions.answer(None, NAME, number).unwrap(), Some(7));
        assert_eq!(questions.answer(None, FORMAT, text).unwrap().as_deref(), Some("json"));
        assert_eq!(questions.answer(Some("8"), NAME, number).unwrap(), Some(8), "what was said is not asked");
        assert!(questions.answer(None, NAME, text).is_err(), "nobody answers any more");
        assert!(questions.all().is_ok());
        let asked = String::from_utf8(asked).unwrap();
        assert_eq!(asked, "Its name: Its name:   \"seven\" is no number\nIts name: The format [json]: Its name: ");
    }

    #[test]
    fn without_a_terminal_all_that_is_missing_is_told_at_once() {
        let mut questions = Questions::of_nobody();
        let other = Question { flag: "--url", ..NAME };
        assert_eq!(questions.answer(None, NAME, text).unwrap(), None);
        assert_eq!(questions.answer(None, FORMAT, text).unwrap().as_deref(), Some("json"));
        assert_eq!(questions.answer(None, other, text).unwrap(), None);
        let wrong = questions.answer(Some("x"), NAME, number).unwrap_err();
        assert_eq!((wrong.code(), wrong.to_string().as_str()), (64, "--name: \"x\" is no number"));
        let missing = questions.all().unwrap_err().to_string();
        assert!(missing.ends_with("say also --name, --url"), "{missing}");
    }
}
