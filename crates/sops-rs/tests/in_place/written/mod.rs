//! Documents as people could have typed them, with what must become of each when it is encrypted in
//! place.

pub(crate) mod dotenv;
pub(crate) mod ini;
pub(crate) mod json;
pub(crate) mod yaml;

use proptest::prelude::*;

/// A generated document: its text, and the text where the word `ENC` stands for every encrypted
/// value and the metadata is left out.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) text: String,
    pub(crate) masked: String,
}

/// A few words.
pub(crate) fn words() -> impl Strategy<Value = String> {
    "[a-z]{1,6}( [a-z]{1,6}){0,2}".prop_filter("no null", |text| text != "null")
}

/// An encrypted text with the word `ENC` for every encrypted value.
pub(crate) fn masked_values(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(start) = rest.find("ENC[AES256_GCM") {
        let end = start + rest[start..].find(']').unwrap_or(rest.len() - start - 1) + 1;
        out.push_str(&rest[..start]);
        out.push_str("ENC");
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}
