//! Replaces what differs from run to run, so that whole outputs can be compared.

/// A list of texts and what stands in their place, applied in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    replacements: Vec<(String, String)>,
}

impl Redactor {
    /// Replaces nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces a text.
    pub fn replace(mut self, text: impl Into<String>, placeholder: impl Into<String>) -> Self {
        self.replacements.push((text.into(), placeholder.into()));
        self
    }

    /// The text with everything replaced; age recipients and durations such as `1.25s` as well.
    pub fn apply(&self, text: &str) -> String {
        let replaced = self
            .replacements
            .iter()
            .fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
        words(&replaced, |word| {
            if word.len() == 62 && word.starts_with("age1") {
                "[RECIPIENT]".to_owned()
            } else if is_duration(word) {
                "[DURATION]".to_owned()
            } else {
                word.to_owned()
            }
        })
    }
}

fn is_duration(word: &str) -> bool {
    let number = ["ms", "µs", "s"]
        .iter()
        .find_map(|unit| word.strip_suffix(unit));
    number.is_some_and(|number| {
        number.contains('.') && number.chars().all(|c| c.is_ascii_digit() || c == '.')
    })
}

/// Maps every run of letters, digits and points, and leaves the rest as it is.
fn words(text: &str, map: impl Fn(&str) -> String) -> String {
    let mut result = String::with_capacity(text.len());
    let mut word = String::new();
    for character in text.chars() {
        if character.is_alphanumeric() || character == '.' {
            word.push(character);
        } else {
            result.push_str(&map(&word));
            word.clear();
            result.push(character);
        }
    }
    result.push_str(&map(&word));
    result
}
