//! The leaves of a configuration with their sources, as a table.

use crate::render::talos::explain::{Leaf, Place, Source};
use crate::ui::table;

/// The most characters of a value that are shown in the table.
const WIDEST: usize = 48;

/// Lays leaves out: place, value, source.
pub fn text(leaves: &[&Leaf]) -> String {
    let rows: Vec<_> = leaves.iter().map(|leaf| row(leaf)).collect();
    table(&rows)
}

fn row(leaf: &Leaf) -> [String; 3] {
    let address = &leaf.address;
    let place = format!("{}: {}", address.document(), address.path);
    [
        place,
        shortened(&leaf.value.to_string()),
        source(&leaf.source),
    ]
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= WIDEST {
        return text.to_owned();
    }
    let begin: String = text.chars().take(WIDEST - 1).collect();
    begin + "…"
}

fn source(source: &Source) -> String {
    match source {
        Source::Generator { contract } => format!("generator {contract}"),
        Source::Machine => "written for every machine".to_owned(),
        Source::Spec { key, place } => format!("{} {key}", at(place)),
        Source::Class { class, key, place } => format!("{} class `{class}`, {key}", at(place)),
        Source::Component { component, place } => match place {
            Some(place) => format!("{} component `{component}`", at(place)),
            None => format!("component `{component}`"),
        },
        Source::Patch { scope, place } => format!("{} patch for {scope}", at(place)),
    }
}

fn at(place: &Place) -> String {
    let Place { file, line, column } = place;
    format!("{file}:{line}:{column}")
}
