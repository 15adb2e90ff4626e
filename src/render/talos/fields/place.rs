//! Whether a document has a place at all.

use super::load::kind;
use super::shape::{Field, Shape};
use crate::model::{LeafPath, Step};

/// What every document has, whatever it says.
const HEAD: [&str; 3] = ["apiVersion", "kind", "name"];

/// Tells whether Talos has a place in documents of a kind; nothing when the table lacks the kind.
pub fn has_place(document_kind: &str, path: &LeafPath) -> Option<bool> {
    let fields = kind(document_kind)?;
    let Some((Step::Key(first), rest)) = path.steps().split_first() else {
        return Some(path.is_root());
    };
    let known = fields.get(first.as_str());
    Some(
        known.is_some_and(|field| leads_on(&field.shape, field, rest))
            || HEAD.contains(&first.as_str()),
    )
}

fn leads_on(shape: &Shape, field: &Field, steps: &[Step]) -> bool {
    let Some((step, rest)) = steps.split_first() else {
        return true;
    };
    match (shape, step) {
        (Shape::Group { .. }, Step::Key(key)) => {
            let below = field.fields.get(key.as_str());
            below.is_some_and(|field| leads_on(&field.shape, field, rest))
        }
        (Shape::List(item), Step::Entry(_)) | (Shape::Map(item), Step::Key(_)) => {
            leads_on(item, field, rest)
        }
        (Shape::Pem(keys), Step::Key(key)) => keys.contains(&key.as_str()),
        (Shape::Free | Shape::Arguments, _) => true,
        _ => false,
    }
}
