//! Documents that cannot stand beside one another.

use serde_json::Value;

use super::Judge;
use super::network::LINKS;

/// Kinds of which there is one by a name.
const KINDS: &[&[&str]] = &[
    LINKS,
    &["UserVolumeConfig", "ExistingVolumeConfig"],
    &["Layer2VIPConfig", "HCloudVIPConfig"],
];

/// Checks a document beside those before it.
pub(super) fn check(document: &Value, documents: &[Value], judge: &mut Judge) {
    let kind = document["kind"].as_str().unwrap_or_default();
    let Some(kinds) = KINDS.iter().find(|kinds| kinds.contains(&kind)) else {
        return;
    };
    let other = documents
        .iter()
        .take_while(|other| !std::ptr::eq(*other, document))
        .find(|other| {
            let of = other["kind"].as_str().unwrap_or_default();
            of != kind && kinds.contains(&of) && other["name"] == document["name"]
        });
    if let Some(other) = other {
        let of = other["kind"].as_str().unwrap_or_default();
        judge.refuse("name", format!("is that of a `{of}` as well"));
    }
}
