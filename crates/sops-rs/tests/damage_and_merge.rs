//! Files that were changed by hand or on two branches.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use proptest::collection::vec;
use proptest::prelude::*;
use sops_rs::{
    Comment, DecryptError, Document, EncryptedFile, EncryptionRule, Format, Identities, Identity,
    Item, Layout, MacCheck, Mapping, Pattern, Selection, Side, Tree, Value, Warning,
};

struct Lab {
    identities: Identities,
    rule: EncryptionRule,
}

impl Lab {
    fn new() -> Self {
        let identity = Identity::generate();
        let selection = Selection::EncryptedRegex(Pattern::new("^(data|list|b|c)$").unwrap());
        Self {
            rule: EncryptionRule::for_recipients(identity.recipient()).with_selection(selection),
            identities: Identities::from(identity),
        }
    }

    fn seal(&self, text: &str) -> String {
        let file = parse(text).encrypt(&self.rule).unwrap();
        file.to_text_with(Layout::indented(2))
    }

    fn cause(&self, text: &str) -> String {
        let file = open(text);
        let error = file.decrypt(&self.identities).err().unwrap();
        let salvage = file
            .salvage(&file.data_key(&self.identities).unwrap())
            .unwrap();
        assert!(salvage.failures.is_empty());
        assert_eq!(salvage.mac.unwrap().to_string(), error.to_string());
        error
            .to_string()
            .replace("the MAC does not match the contents: ", "")
    }

    fn plain(&self, file: &EncryptedFile) -> String {
        let opened = file.decrypt(&self.identities).unwrap();
        printed(&opened.document)
    }
}

fn parse(text: &str) -> Document {
    Document::parse(Format::Yaml, text).unwrap()
}

fn printed(document: &Document) -> String {
    let bytes = document.to_bytes_with(Layout::indented(2));
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn open(text: &str) -> EncryptedFile {
    EncryptedFile::parse(Format::Yaml, text).unwrap()
}

const TEXT: &str = "kind: Secret\nreplicas: 3\ndata:\n  # who\n  user: ada\n  password: x\nlist:\n  # in a list\n  - y\n";

#[test]
fn a_mac_that_does_not_match_says_why() {
    let lab = Lab::new();
    let text = lab.seal(TEXT);
    let edited = "a value was changed, added or removed without encrypting the file again";
    assert_eq!(
        lab.cause(&text.replace("kind: Secret", "kind: Other")),
        edited
    );
    assert_eq!(lab.cause(&text.replace("replicas: 3\n", "")), edited);
    assert_eq!(
        lab.cause(&text.replace("replicas: 3\n", "replicas: 3\nmeta:\n  name: x\n")),
        "`meta.name` was added without encrypting the file again"
    );
    assert_eq!(
        lab.cause(&text.replace(
            "  lastmodified",
            "  mac_only_encrypted: true\n  lastmodified"
        )),
        "`mac_only_encrypted` was changed after the file was encrypted"
    );
}

/// The MAC that `sops` 3.13.2 computes when it opens the file: with the text of the comment.
#[test]
fn a_mac_that_counts_comments_of_lists_is_told_apart() {
    let lab = Lab::new();
    let with_element = TEXT.replace("  # in a list\n", "  - ' in a list'\n");
    let counted = lab.seal(&with_element);
    let key = open(&counted).data_key(&lab.identities).unwrap();
    // The same key and MAC around a comment in the place of the element.
    let file = open(&counted);
    let commented = parse(TEXT).encrypt_reusing_with(
        &file,
        &key,
        &lab.rule,
        jiff::Timestamp::UNIX_EPOCH,
        &mut rand::rngs::OsRng,
    );
    let commented = commented.unwrap().to_text_with(Layout::indented(2));
    let line = |text: &str, start: &str| {
        let mut lines = text.lines();
        lines
            .find(|line| line.starts_with(start))
            .unwrap()
            .to_owned()
    };
    let mut text = commented.clone();
    for start in ["  mac: ", "  lastmodified: "] {
        text = text.replace(&line(&commented, start), &line(&counted, start));
    }
    assert_eq!(
        lab.cause(&text),
        "the MAC counts comments inside lists, a mistake of sops 3.13.2; the values are whole"
    );
}

#[test]
fn everything_that_still_opens_is_saved() {
    let lab = Lab::new();
    let text = lab.seal(TEXT).replace("  user:", "  owner:");
    let text = text.replace("data:\n", "data:\n  extra: plain\n");
    let file = open(&text);
    let key = file.data_key(&lab.identities).unwrap();
    assert_eq!(
        file.decrypt_with(&key, MacCheck::Skipped)
            .err()
            .unwrap()
            .to_string(),
        "data.extra: the value is not encrypted"
    );
    let salvage = file.salvage(&key).unwrap();
    let failures: Vec<String> = salvage.failures.iter().map(ToString::to_string).collect();
    assert_eq!(
        failures,
        [
            "data.extra: the value is not encrypted",
            "data.owner: the encrypted value was changed, or moved to another key"
        ]
    );
    assert!(matches!(
        salvage.mac,
        Some(DecryptError::MacMismatch { .. })
    ));
    let get = |path: &str| salvage.document.get(&path.parse().unwrap()).unwrap();
    assert_eq!(get("data.password").as_str(), Some("x"));
    assert_eq!(get("list[0]").as_str(), Some("y"));
    assert_eq!(get("data.extra").as_str(), Some("plain"));
    assert!(get("data.owner").as_str().unwrap().starts_with("ENC["));
}

#[test]
fn comments_open_under_another_container() {
    let lab = Lab::new();
    let text = lab.seal("data:\n  # moved\n  a: x\nb:\n  c: z\n");
    let comment = text
        .lines()
        .find(|line| line.contains("type:comment"))
        .unwrap();
    let moved = text.replace(&format!("{comment}\n"), "");
    let moved = moved.replace("  c:", &format!("{comment}\n  c:"));
    let opened = open(&moved).decrypt(&lab.identities).unwrap();
    assert_eq!(
        printed(&opened.document),
        "data:\n  a: x\nb:\n  # moved\n  c: z\n"
    );
    let path = "b".parse().unwrap();
    assert_eq!(opened.warnings, [Warning::MovedComment { path }]);
}

#[test]
fn two_branches_merge_value_by_value() {
    let base =
        parse("# top\na: 1\nb: 1\nlist: [1, 2, 3, 4]\nmap:\n  x: 1\n  y: 1\ngone: 1\nend: 1\n");
    let ours = parse(
        "# top\na: 2\n# about b\nb: 1\nlist: [0, 1, 2, 3, 4]\nmap:\n  x: 2\n  y: 1\nend: 1\nmine: 1\n",
    );
    let theirs = parse(
        "# new top\na: 1\nb: 2\nours: {k: 1}\nlist: [1, 2, 3, 5, 4]\nmap:\n  x: 1\n  y: 2\ngone: 1\nend: 1\n",
    );
    let merge = Document::merge(&base, &ours, &theirs, Side::Ours);
    assert_eq!(merge.conflicts, []);
    assert_eq!(
        printed(&merge.document),
        "# new top\na: 2\n# about b\nb: 2\nours:\n  k: 1\nlist:\n  - 0\n  - 1\n  - 2\n  - 3\n  - 5\n  - 4\nmap:\n  x: 2\n  \"y\": 2\nend: 1\nmine: 1\n"
    );
}

#[test]
fn only_what_both_changed_differently_conflicts() {
    let base = parse("a: 1\nb: 1\nlist: [1, 2]\nkept: 1\n");
    let ours = parse("a: 2\nb: 2\nlist: [1, 3]\n");
    let theirs = parse("a: 3\nb: 2\nlist: [1, 4]\nkept: 2\n");
    let conflicts = |side| {
        let merge = Document::merge(&base, &ours, &theirs, side);
        let paths: Vec<String> = merge.conflicts.iter().map(ToString::to_string).collect();
        assert_eq!(paths, ["a", "list[1]", "kept"]);
        merge.document
    };
    assert!(conflicts(Side::Ours) == ours);
    assert!(conflicts(Side::Theirs) == theirs);
}

#[test]
fn merged_files_open_and_keep_both_sides_ciphertexts() {
    let lab = Lab::new();
    let base_text = "data:\n  a: 1\n  b: 2\n  c: 3\n";
    let base = open(&lab.seal(base_text));
    let change = |path: &str, value: &str| {
        let mut edit = base.edit(&lab.identities).unwrap();
        let value = Value::from_text(value).unwrap();
        edit.document_mut()
            .set(&path.parse().unwrap(), value)
            .unwrap();
        edit.save().unwrap()
    };
    let (ours, theirs) = (change("data.a", "10"), change("data.c", "30"));
    let merge = EncryptedFile::merge(&base, &ours, &theirs, &lab.identities).unwrap();
    assert!(merge.conflicts.is_empty() && merge.theirs.is_none() && !merge.metadata_conflict);
    assert_eq!(lab.plain(&merge.ours), "data:\n  a: 10\n  b: 2\n  c: 30\n");
    let line = |file: &EncryptedFile, key: &str| {
        let text = file.to_text_with(Layout::indented(2));
        let mut lines = text.lines();
        lines
            .find(|line| line.starts_with(&format!("  {key}:")))
            .unwrap()
            .to_owned()
    };
    assert_eq!(line(&merge.ours, "a"), line(&ours, "a"));
    assert_eq!(line(&merge.ours, "b"), line(&base, "b"));
    assert_eq!(line(&merge.ours, "c"), line(&theirs, "c"));

    let theirs = change("data.a", "11");
    let merge = EncryptedFile::merge(&base, &ours, &theirs, &lab.identities).unwrap();
    assert_eq!(merge.conflicts, ["data.a".parse().unwrap()]);
    assert_eq!(lab.plain(&merge.ours), "data:\n  a: 10\n  b: 2\n  c: 3\n");
    assert_eq!(
        lab.plain(&merge.theirs.unwrap()),
        "data:\n  a: 11\n  b: 2\n  c: 3\n"
    );
}

fn document(values: &[(u8, u8)], commented: bool) -> Document {
    let mut mapping = Mapping::default();
    for (key, value) in values {
        let key = format!("k{key}");
        if mapping.get(&key).is_none() {
            if commented {
                mapping.items.push(Item::Comment(Comment::new(" note")));
            }
            mapping.push(key, Value::from(value.to_string().as_str()));
        }
    }
    let documents = vec![mapping];
    Document::from_tree(Format::Yaml, Tree { documents }).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// One side that did nothing has no say; equal changes are no conflict.
    #[test]
    fn a_merge_with_nobody_is_the_other_side(
        base in vec((0_u8..6, any::<u8>()), 0..6),
        other in vec((0_u8..6, any::<u8>()), 0..6),
    ) {
        let (base, other) = (document(&base, true), document(&other, true));
        for (ours, theirs) in [(&other, &base), (&base, &other), (&other, &other)] {
            let merge = Document::merge(&base, ours, theirs, Side::Ours);
            prop_assert!(merge.conflicts.is_empty());
            prop_assert!(other.changes_to(&merge.document).is_empty());
        }
    }
}
