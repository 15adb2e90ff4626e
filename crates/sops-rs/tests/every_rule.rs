//! Whatever the format, the rule and the comments: what is encrypted opens again and is the same, or
//! encryption says why not.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use proptest::collection::vec;
use proptest::prelude::*;
use sops_rs::{
    Comment, Document, Element, EncryptError, EncryptedFile, EncryptionRule, Format, Identities,
    Identity, Item, Layout, Mapping, Pattern, Selection, Tree, Value,
};

/// A part of a document that can be printed when a property fails.
#[derive(Clone, Debug)]
enum Part {
    Comment(String),
    Text(String),
    Map(Vec<(String, Part)>),
    List(Vec<Part>),
}

impl Part {
    fn value(&self) -> Value {
        match self {
            Self::Comment(text) | Self::Text(text) => Value::from(text.as_str()),
            Self::Map(entries) => mapping(entries).into(),
            Self::List(parts) => Value::Sequence(parts.iter().map(Self::element).collect()),
        }
    }

    fn element(&self) -> Element {
        match self {
            Self::Comment(text) => Element::Comment(Comment::new(text.as_str())),
            part => Element::Value(part.value()),
        }
    }
}

fn mapping(entries: &[(String, Part)]) -> Mapping {
    let mut mapping = Mapping::default();
    for (key, part) in entries {
        match part {
            Part::Comment(text) => mapping
                .items
                .push(Item::Comment(Comment::new(text.as_str()))),
            part if mapping.get(key).is_none() => mapping.push(key.as_str(), part.value()),
            _ => {}
        }
    }
    mapping
}

/// Words that rules match, and others.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec!["enc", "clear", "key_enc", "key_clear", "enc clear"])
            .prop_map(str::to_owned),
        "[a-z]{1,6}",
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => word(), 1 => "[ -~]{0,16}", 1 => "[ -~é\n]{0,16}", 1 => Just(String::new())]
}

fn leaf() -> impl Strategy<Value = Part> {
    prop_oneof![1 => word().prop_map(Part::Comment), 2 => text().prop_map(Part::Text)]
}

fn entries(part: impl Strategy<Value = Part>) -> impl Strategy<Value = Vec<(String, Part)>> {
    vec((word(), part), 1..6)
}

fn nested() -> impl Strategy<Value = Vec<(String, Part)>> {
    let part = leaf().prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            entries(inner.clone()).prop_map(Part::Map),
            vec(inner, 1..6).prop_map(Part::List),
        ]
    });
    entries(part)
}

/// A document of a format, as it is read: what the format has no place for is not in it.
fn document() -> impl Strategy<Value = (Format, Vec<(String, Part)>)> {
    prop_oneof![
        4 => nested().prop_map(|entries| (Format::Yaml, entries)),
        2 => nested().prop_map(|entries| (Format::Json, entries)),
        1 => entries(leaf()).prop_map(|entries| (Format::Dotenv, entries)),
        1 => vec((word(), entries(leaf()).prop_map(Part::Map)), 1..4).prop_map(|sections| (Format::Ini, sections)),
    ]
}

fn selection() -> impl Strategy<Value = Selection> {
    let pattern = |text: &str| Pattern::new(text).unwrap();
    prop::sample::select(vec![
        Selection::All,
        Selection::UnencryptedSuffix("_clear".to_owned()),
        Selection::EncryptedSuffix("_enc".to_owned()),
        Selection::UnencryptedRegex(pattern("clear")),
        Selection::EncryptedRegex(pattern("^(key_)?enc$")),
        Selection::UnencryptedCommentRegex(pattern("clear")),
        Selection::EncryptedCommentRegex(pattern("enc")),
    ])
}

fn bytes(document: &Document) -> Vec<u8> {
    document.to_bytes().to_vec()
}

/// The comments of a document, in any order.
fn comments(tree: &Tree) -> Vec<&str> {
    let mut found = Vec::new();
    for document in &tree.documents {
        comments_of(document, &mut found);
    }
    found.sort_unstable();
    found
}

fn comments_of<'a>(mapping: &'a Mapping, found: &mut Vec<&'a str>) {
    for item in &mapping.items {
        match item {
            Item::Comment(comment) => found.push(comment.text.trim()),
            Item::Entry(entry) => comments_in(&entry.value, found),
        }
    }
}

fn comments_in<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Mapping(mapping) => comments_of(mapping, found),
        Value::Sequence(elements) => {
            for element in elements {
                match element {
                    Element::Comment(comment) => found.push(comment.text.trim()),
                    Element::Value(value) => comments_in(value, found),
                }
            }
        }
        Value::Null | Value::Scalar(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_encrypted_opens_and_is_the_same(
        (format, entries) in document(),
        selection in selection(),
        only_encrypted in any::<bool>(),
    ) {
        let documents = vec![mapping(&entries)];
        let Ok(written) = Document::from_tree(format, Tree { documents }) else {
            return Ok(());
        };
        // Twice: the first reading gives comments the place that they keep.
        let Ok(read) = Document::parse(format, &bytes(&written)) else {
            return Ok(());
        };
        let Ok(plain) = Document::parse(format, &bytes(&read)) else {
            return Ok(());
        };
        let identity = Identity::generate();
        let rule = EncryptionRule::for_recipients(identity.recipient())
            .with_selection(selection)
            .with_mac_only_encrypted(only_encrypted);
        let identities = Identities::from(identity);
        let file = match plain.encrypt(&rule) {
            Ok(file) => file,
            Err(EncryptError::Shape(_) | EncryptError::CommentBetween { .. } | EncryptError::CommentMatches { .. }) => {
                return Ok(());
            }
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        };
        let plain_text = bytes(&plain);
        let like = file.to_text_like(std::str::from_utf8(&plain_text).unwrap(), Layout::default());
        for text in [Some(file.to_text()), like].into_iter().flatten() {
            let opened = EncryptedFile::parse(format, &text).unwrap().decrypt(&identities);
            let opened = opened.map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
            let found = opened.document.tree();
            prop_assert!(found.has_values_of(plain.tree()), "{}", text);
            // Where one goes that stands between two containers, YAML leaves open.
            prop_assert_eq!(comments(found), comments(plain.tree()), "{}", text);
        }
    }
}
