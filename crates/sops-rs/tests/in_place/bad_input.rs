//! Texts that are none of a format, or enormous: given up on, or changed all the same.

use proptest::prelude::*;
use sops_rs::{Comment, Document, Element, Format, Item, Layout, MAX_DEPTH, Mapping, Tree, Value};

use super::lab::Lab;

const FORMATS: [Format; 4] = [Format::Yaml, Format::Json, Format::Dotenv, Format::Ini];

fn sample(format: Format) -> Document {
    let text = match format {
        Format::Json => "{\"s\": {\"a\": \"1\"}}",
        Format::Ini => "[s]\na = 1\n",
        Format::Dotenv => "a=1\n",
        _ => "s:\n  a: '1'\n",
    };
    Document::parse(format, text).unwrap()
}

#[test]
fn deep_texts_are_given_up_on_or_changed() {
    let nested = |depth: usize| {
        format!(
            "{}{}",
            "{\"a\":".repeat(depth - 1) + "{}",
            "}".repeat(depth - 1)
        )
    };
    let document = sample(Format::Json);
    assert!(
        document
            .to_text_like(&nested(100_000), Layout::default())
            .is_none()
    );
    let lab = Lab::new(Format::Json);
    let text = nested(MAX_DEPTH - 10);
    assert_eq!(lab.decrypt(&lab.encrypt(&text)), text);
}

#[test]
fn large_texts_come_back() {
    for format in [Format::Json, Format::Dotenv, Format::Ini] {
        let lines = (0..5_000).map(|line| match format {
            Format::Json => format!("\"k{line}\":[{line},\"v\"]"),
            Format::Ini => format!("; why\nk{line}=v\n"),
            _ => format!("K{line}=v\n"),
        });
        let lines: Vec<String> = lines.collect();
        let text = match format {
            Format::Json => format!("{{\n{}}}", lines.join(",\n")),
            _ => lines.join("\n"),
        };
        let lab = Lab::new(format);
        assert_eq!(lab.decrypt(&lab.encrypt(&text)), text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a text is, what comes back holds the document, or nothing comes back.
    #[test]
    fn any_text_is_survived(
        text in "([\\[\\]{}\",:=#;`'\\\\\n\r\t a1\u{feff}é]|\"\"\"|null|\"a\":|\\[s\\]\n|a = |sops){0,40}",
        brackets in any::<bool>(),
    ) {
        let text = if brackets { format!("{{{text}}}") } else { text };
        for format in FORMATS {
            let document = sample(format);
            if let Some(like) = document.to_text_like(&text, Layout::default()) {
                let read = Document::parse(format, like.as_str()).unwrap();
                prop_assert!(read.tree().has_values_of(document.tree()), "{}: {:?}", format, like.as_str());
            }
            let Ok(own) = Document::parse(format, &text) else {
                continue;
            };
            let again = own.to_text_like(&text, Layout::default());
            let again = again.as_ref().map(|again| again.as_str());
            let given_up = again.is_none() && format == Format::Ini;
            prop_assert!(given_up || again == Some(text.as_str()), "{}: {:?}", format, again);
            let Ok(other) = Document::from_tree(format, changed(own.into_tree())) else {
                continue;
            };
            if let Some(like) = other.to_text_like(&text, Layout::default()) {
                let read = Document::parse(format, like.as_str()).unwrap();
                prop_assert!(read.tree().has_values_of(other.tree()), "{}: {:?}", format, like.as_str());
            }
        }
    }
}

/// The same with other values and one more at the end of everything.
fn changed(mut tree: Tree) -> Tree {
    tree.documents.iter_mut().for_each(change_mapping);
    tree
}

fn change_mapping(mapping: &mut Mapping) {
    let mut is_flat = true;
    for item in &mut mapping.items {
        match item {
            Item::Comment(comment) => *comment = Comment::new("x"),
            Item::Entry(entry) => {
                is_flat &= matches!(entry.value, Value::Scalar(_));
                change(&mut entry.value);
            }
        }
    }
    if is_flat && mapping.get("new").is_none() {
        mapping.push("new", Value::from("`"));
    }
}

fn change(value: &mut Value) {
    match value {
        Value::Null => {}
        Value::Scalar(_) => *value = Value::from("a#b\nc"),
        Value::Mapping(mapping) => change_mapping(mapping),
        Value::Sequence(elements) => {
            for element in elements {
                if let Element::Value(value) = element {
                    change(value);
                }
            }
        }
    }
}
