//! Long recipients, cut for people: a post-quantum one has two thousand characters.

use std::sync::LazyLock;

use regex::Regex;

/// How much of its beginning and its end tells one from another.
const ENDS: (usize, usize) = (20, 6);

/// Shortens every recipient of a text that is longer than the classic ones.
pub(super) fn recipients(text: &str) -> String {
    static LONG: LazyLock<Regex> =
        LazyLock::new(|| Regex::new("age1[a-z0-9]{96,}").expect("it is a constant"));
    let (start, end) = ENDS;
    let shorten = |found: &regex::Captures<'_>| {
        let text = &found[0];
        format!("{}…{}", &text[..start], &text[text.len() - end..])
    };
    LONG.replace_all(text, shorten).into_owned()
}
