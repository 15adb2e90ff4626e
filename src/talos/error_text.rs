//! An error with its causes, as one fragment of a sentence.

use std::error::Error;

/// Joins an error and its causes with colons; a cause that repeats the one before is left out.
pub fn error_text(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.contains(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        cause = error.source();
    }
    text
}
