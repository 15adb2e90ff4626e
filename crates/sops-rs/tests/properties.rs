//! What holds for every document: it survives printing, encryption and decryption.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use proptest::collection::vec;
use proptest::prelude::*;
use sops_rs::{
    Comment, Document, Element, EncryptError, EncryptedFile, EncryptionRule, Format, Identities,
    Identity, Item, Mapping, Pattern, Scalar, Selection, ShapeError, Time, Tree, Value,
};
use zeroize::Zeroizing;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,8}",
        "[ -~]{0,24}",
        "[ -~\n\t]{0,40}",
        "\\PC{0,12}",
        Just("y".to_owned()),
        Just("0644".to_owned()),
        Just("1:30".to_owned()),
        Just("<<".to_owned()),
        Just("2024-01-02".to_owned()),
        Just("null".to_owned()),
        Just("\n".to_owned()),
        Just(" x\n\n".to_owned()),
        Just("---\n...\n# no comment\n".to_owned()),
    ]
}

/// A value that can be printed when a property fails; the library's cannot.
#[derive(Clone, Debug)]
enum Sample {
    Null,
    Text(String),
    Bytes(Vec<u8>),
    Int(i64),
    Float(f64),
    Bool(bool),
    Time,
    Map(Vec<(String, Sample)>),
    List(Vec<Sample>),
}

impl Sample {
    fn value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Text(text) => text.as_str().into(),
            Self::Bytes(bytes) => Scalar::Str(Zeroizing::new(bytes.clone())).into(),
            Self::Int(int) => Scalar::Int(*int).into(),
            Self::Float(float) => Scalar::Float(*float).into(),
            Self::Bool(bool) => Scalar::Bool(*bool).into(),
            Self::Time => {
                Scalar::Time(Time::from_yaml("2024-01-02T03:04:05.5+02:00").unwrap()).into()
            }
            Self::Map(entries) => mapping(entries).into(),
            Self::List(samples) => samples.iter().map(Self::value).collect::<Vec<_>>().into(),
        }
    }
}

fn mapping(entries: &[(String, Sample)]) -> Mapping {
    let mut mapping = Mapping::default();
    for (key, sample) in entries {
        if mapping.get(key).is_none() && key != "sops" {
            mapping.push(key.as_str(), sample.value());
        }
    }
    mapping
}

fn tree(documents: &[Vec<(String, Sample)>]) -> Document {
    let documents = documents.iter().map(|entries| mapping(entries)).collect();
    Document::from_tree(Format::Yaml, Tree { documents }).unwrap()
}

fn leaf() -> impl Strategy<Value = Sample> {
    // A whole float is printed without a point, and so is an integer when it is read again.
    let fraction = any::<f64>().prop_filter("a fraction", |f| f.is_finite() && f.fract() != 0.0);
    prop_oneof![
        8 => text().prop_map(Sample::Text),
        1 => any::<i64>().prop_map(Sample::Int),
        1 => fraction.prop_map(Sample::Float),
        1 => any::<bool>().prop_map(Sample::Bool),
        1 => Just(Sample::Time),
        1 => Just(Sample::Null),
        1 => vec(any::<u8>(), 0..80).prop_map(Sample::Bytes),
    ]
}

fn entries(values: impl Strategy<Value = Sample>) -> impl Strategy<Value = Vec<(String, Sample)>> {
    vec(
        (prop_oneof![4 => "[a-zA-Z_]{1,10}", 1 => text()], values),
        0..5,
    )
}

fn documents() -> impl Strategy<Value = Vec<Vec<(String, Sample)>>> {
    let values = leaf().prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            entries(inner.clone()).prop_map(Sample::Map),
            vec(inner, 0..5).prop_map(Sample::List),
        ]
    });
    vec(entries(values), 1..4)
}

fn selection() -> impl Strategy<Value = Selection> {
    let pattern = |text: &str| Pattern::new(text).unwrap();
    prop_oneof![
        Just(Selection::default()),
        Just(Selection::EncryptedSuffix("a".to_owned())),
        Just(Selection::EncryptedRegex(pattern("^[a-m]"))),
        Just(Selection::UnencryptedRegex(pattern("^[a-m]"))),
    ]
}

fn printed(document: &Document) -> String {
    String::from_utf8(document.to_bytes().to_vec()).unwrap()
}

fn reparsed(text: &str) -> Document {
    Document::parse(Format::Yaml, text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn printing_loses_nothing(documents in documents()) {
        let document = tree(&documents);
        let text = printed(&document);
        prop_assert!(reparsed(&text).tree().has_values_of(document.tree()), "{}", text);
    }

    #[test]
    fn printing_is_stable(documents in documents()) {
        let document = tree(&documents);
        let once = printed(&reparsed(&printed(&document)));
        let twice = printed(&reparsed(&once));
        prop_assert_eq!(once.as_str(), twice.as_str());
    }

    #[test]
    fn encryption_goes_round(documents in documents(), selection in selection(), only in any::<bool>()) {
        let document = tree(&documents);
        let identity = Identity::generate();
        let rule = EncryptionRule::for_recipients(identity.recipient())
            .with_selection(selection)
            .with_mac_only_encrypted(only);
        let encrypted = match document.encrypt(&rule) {
            // A key `<<` takes nothing but mappings.
            Err(EncryptError::Shape(ShapeError::MergeKey { .. })) => return Ok(()),
            encrypted => encrypted.unwrap(),
        };
        let text = encrypted.to_text();
        let file = EncryptedFile::parse(Format::Yaml, &text).unwrap();
        let opened = file.decrypt(&Identities::from(identity)).unwrap();
        prop_assert!(opened.document.tree().has_values_of(document.tree()));
    }

    #[test]
    fn comments_of_mappings_go_round(lines in vec("[ -~]{1,20}", 1..6)) {
        let mut mapping = Mapping::default();
        for (index, line) in lines.iter().enumerate() {
            mapping.items.push(Item::Comment(Comment::new(line.as_str())));
            mapping.push(format!("k{index}"), Value::from("v"));
        }
        let list = Value::Sequence(
            lines
                .iter()
                .flat_map(|line| [Element::Comment(Comment::new(line.as_str())), Element::Value("x".into())])
                .collect(),
        );
        mapping.push("list", list);
        let document = Document::from_tree(Format::Yaml, Tree { documents: vec![mapping] }).unwrap();
        let identity = Identity::generate();
        let rule = EncryptionRule::for_recipients(identity.recipient());
        let text = document.encrypt(&rule).unwrap().to_text();
        for line in lines.iter().filter(|line| line.len() > 12) {
            prop_assert!(!text.contains(line.as_str()));
        }
        let file = EncryptedFile::parse(Format::Yaml, &text).unwrap();
        let opened = file.decrypt(&Identities::from(identity)).unwrap();
        prop_assert!(opened.warnings.is_empty());
        prop_assert!(opened.document == document, "{}", printed(&opened.document));
    }

    /// Whatever is read, the answer is a document or an error.
    #[test]
    fn nothing_panics(text in "[ -~\n]{0,200}") {
        if let Ok(document) = Document::parse(Format::Yaml, &text) {
            let _ = document.to_bytes();
        }
        let _ = EncryptedFile::parse(Format::Yaml, &text);
    }
}
