//! What people wrote in YAML.

use std::fmt::Write as _;

use proptest::prelude::*;
use sops_rs::{
    Document, EncryptedFile, EncryptionRule, Format, Identities, Identity, Layout, Pattern,
    Selection, Value,
};

use super::written::yaml::{Body, Entry, masked, render, written};

struct Lab {
    identities: Identities,
    rule: EncryptionRule,
}

impl Lab {
    fn new() -> Self {
        let identity = Identity::generate();
        Self {
            rule: EncryptionRule::for_recipients(identity.recipient()),
            identities: Identities::from(identity),
        }
    }

    fn selecting(pattern: &str) -> Self {
        let lab = Self::new();
        let selection = Selection::EncryptedRegex(Pattern::new(pattern).unwrap());
        Self {
            rule: lab.rule.with_selection(selection),
            ..lab
        }
    }

    fn encrypt(&self, text: &str) -> String {
        let file = parse(text).encrypt(&self.rule).unwrap();
        let in_place = file.to_text_like(text, layout());
        in_place.unwrap_or_else(|| panic!("not in place:\n{text}"))
    }

    fn open(&self, text: &str) -> Document {
        let file = EncryptedFile::parse(Format::Yaml, text).unwrap();
        let opened = file.decrypt(&self.identities);
        let opened = opened.unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(opened.warnings, [], "{text}");
        opened.document
    }

    fn decrypt(&self, text: &str) -> String {
        let document = self.open(text);
        let in_place = document.to_text_like(text, layout());
        in_place
            .unwrap_or_else(|| panic!("not in place:\n{text}"))
            .to_string()
    }
}

fn layout() -> Layout {
    Layout::indented(2)
}

fn parse(text: &str) -> Document {
    Document::parse(Format::Yaml, text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// What people write, and what must stand there after encryption and after decryption again;
/// nothing where that is the text itself.
struct Written {
    text: &'static str,
    encrypted: &'static str,
    decrypted: Option<&'static str>,
}

const WRITTEN: [Written; 17] = [
    Written {
        text: "# top\n\na:   one   # why\n\n\nb: 'two'\nc: \"three\"\n# end\n",
        encrypted: "#ENC\n\na:   ENC   #ENC\n\n\nb: 'ENC'\nc: \"ENC\"\n#ENC\n",
        decrypted: None,
    },
    Written {
        text: "a: 1\nb: 2.5\nc: true\nd: 2024-01-02T00:00:00Z\ne: null\nf: ~\ng:\nh: ''\ni: yes\n",
        encrypted: "a: ENC\nb: ENC\nc: ENC\nd: ENC\ne: null\nf: ~\ng:\nh: ''\ni: ENC\n",
        decrypted: None,
    },
    Written {
        text: "list:\n- a\n-   b # why\n- - c\n  - d\n-\n  k: v\nother:\n  - x\n",
        encrypted: "list:\n- ENC\n- ENC\n-   ENC\n- - ENC\n  - ENC\n-\n  k: ENC\nother:\n  - ENC\n",
        decrypted: Some("list:\n- a\n# why\n-   b\n- - c\n  - d\n-\n  k: v\nother:\n  - x\n"),
    },
    Written {
        text: "list:\n  # first\n  - a\n  # second\n  - b\n",
        encrypted: "list:\n  - ENC\n  - ENC\n  - ENC\n  - ENC\n",
        decrypted: None,
    },
    Written {
        text: "flow: {a: one, \"b\": \"two\", c: [1, x y, 'z']}\nempty: {}\nnone: []\n",
        encrypted: "flow: {a: 'ENC', \"b\": \"ENC\", c: ['ENC', 'ENC', 'ENC']}\nempty: {}\nnone: []\n",
        decrypted: Some("flow: {a: one, \"b\": \"two\", c: [1, x y, z]}\nempty: {}\nnone: []\n"),
    },
    Written {
        text: "key: |\n  one\n\n  two\nstrip: |-\n  x\nkeep: |+\n  y\n\nlast: z\n",
        encrypted: "key: ENC\nstrip: ENC\nkeep: ENC\nlast: ENC\n",
        decrypted: Some("key: |\n  one\n\n  two\nstrip: x\nkeep: |+\n  y\n\nlast: z\n"),
    },
    Written {
        text: "key: | # why\n  one\n  two\n\nlist:\n  - |\n    a\n    b\n  - c\n",
        encrypted: "key: ENC #ENC\n\nlist:\n  - ENC\n  - ENC\n",
        decrypted: None,
    },
    Written {
        text: "folded: >-\n  one\n  two\nplain: one\n  two\nend: x\n",
        encrypted: "folded: ENC\nplain: ENC\nend: ENC\n",
        decrypted: Some("folded: one two\nplain: one two\nend: x\n"),
    },
    Written {
        text: "a: !!str 5\nb: !!int \"5\"\nc: &anchor !!float 3\nd: !custom text\n",
        encrypted: "a: !!str ENC\nb: \"ENC\"\nc: &anchor ENC\nd: !custom ENC\n",
        decrypted: Some("a: !!str \"5\"\nb: 5\nc: &anchor 3.0\nd: !custom text\n"),
    },
    Written {
        text: "base: &base\n  user: ada\ncopy: *base\nmerged:\n  <<: *base\n  more: x\n",
        encrypted: "base: &base\n  user: ENC\ncopy: {\"user\": \"ENC\"}\nmerged:\n  <<: {\"user\": \"ENC\"}\n  more: ENC\n",
        decrypted: Some(
            "base: &base\n  user: ada\ncopy: {\"user\": \"ada\"}\nmerged:\n  <<: {\"user\": \"ada\"}\n  more: x\n",
        ),
    },
    Written {
        text: "\u{feff}a: one\r\n# note\r\nb:\r\n  - x\r\n",
        encrypted: "\u{feff}a: ENC\r\n#ENC\r\nb:\r\n  - ENC\r\n",
        decrypted: None,
    },
    Written {
        text: "a: no end of line",
        encrypted: "a: ENC\n",
        decrypted: Some("a: no end of line\n"),
    },
    Written {
        text: "%YAML 1.2\n---\na: one\n---\n# second\nb: two\n...\n---\nc: three\n",
        encrypted: "%YAML 1.2\n---\na: ENC\n---\n#ENC\nb: ENC\n...\n---\nc: ENC\n",
        decrypted: None,
    },
    Written {
        text: "? complex\n: value\n\"quoted key\": x\nlong:\n\n  # inside\n  deep:\n      deeper: y\n",
        encrypted: "? complex\n: ENC\n\"quoted key\": ENC\nlong:\n\n  #ENC\n  deep:\n      deeper: ENC\n",
        decrypted: None,
    },
    Written {
        text: "a: \"tab\\tand \\u00e9\"\nb: 'it''s'\nc: \"multi\n  line\"\nd: x#y\ne: \"\\\"\"\n",
        encrypted: "a: \"ENC\"\nb: 'ENC'\nc: \"ENC\"\nd: ENC\ne: \"ENC\"\n",
        decrypted: Some("a: \"tab\\tand é\"\nb: 'it''s'\nc: \"multi line\"\nd: x#y\ne: \"\\\"\"\n"),
    },
    Written {
        text: "{a: one, b: {c: two}}\n",
        encrypted: "{a: 'ENC', b: {c: 'ENC'}}\n",
        decrypted: None,
    },
    Written {
        text: "a_unencrypted: clear # as it is\nb: one\nc_unencrypted:\n  - x\n  # clear too\n  - y\n",
        encrypted: "a_unencrypted: clear #ENC\nb: ENC\nc_unencrypted:\n  - x\n  # clear too\n  - y\n",
        decrypted: None,
    },
];

/// Goes on after a failure, to show all of them.
fn attempt(step: impl FnOnce() -> String) -> std::thread::Result<String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(step))
}

#[test]
fn what_people_wrote_survives() {
    let lab = Lab::new();
    let mut failures = String::new();
    for written in &WRITTEN {
        let text = written.text;
        let Ok(encrypted) = attempt(|| lab.encrypt(text)) else {
            writeln!(failures, "not encrypted in place: {text:?}").unwrap();
            continue;
        };
        if !text.starts_with('{') && masked(&encrypted) != written.encrypted {
            writeln!(
                failures,
                "encrypted:\n{}\nexpected:\n{}",
                masked(&encrypted),
                written.encrypted
            )
            .unwrap();
        }
        assert!(
            lab.open(&encrypted)
                .tree()
                .has_values_of(parse(text).tree())
        );
        let expected = written.decrypted.unwrap_or(text);
        match attempt(|| lab.decrypt(&encrypted)) {
            Ok(decrypted) if decrypted == expected => {}
            Ok(decrypted) => {
                writeln!(failures, "decrypted:\n{decrypted}\nexpected:\n{expected}").unwrap();
            }
            Err(_) => writeln!(failures, "not decrypted in place:\n{encrypted}").unwrap(),
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn an_alias_stays_where_nothing_is_encrypted() {
    let lab = Lab::selecting("^data$");
    let text = "labels: &labels {app: web}\nselector: *labels\ndata:\n  key: x\n";
    let encrypted = lab.encrypt(text);
    assert_eq!(
        masked(&encrypted),
        "labels: &labels {app: web}\nselector: *labels\ndata:\n  key: ENC\n"
    );
    assert_eq!(lab.decrypt(&encrypted), text);
    // An alias in a clear place to an encrypted value would bring the ciphertext there.
    let text = "data:\n  key: &key x\nname: *key\n";
    let encrypted = lab.encrypt(text);
    assert_eq!(masked(&encrypted), "data:\n  key: &key ENC\nname: \"x\"\n");
}

#[test]
fn one_value_is_set_added_or_removed_in_place() {
    let lab = Lab::new();
    let text = "# top\n\na:   one   # why\nmap: {x: 1, y: 2}\nnest:\n  b: 'two'\n\n  c: three\nlist:\n- p\n- q\n";
    let encrypted = lab.encrypt(text);
    let change = |change: &dyn Fn(&mut Document)| {
        let file = EncryptedFile::parse(Format::Yaml, &encrypted).unwrap();
        let mut edit = file.edit(&lab.identities).unwrap();
        change(edit.document_mut());
        let file = edit.save().unwrap();
        let changed = file.to_text_like(&encrypted, layout()).unwrap();
        let old: Vec<&str> = encrypted.lines().collect();
        let new = changed.lines().filter(|line| !old.contains(line));
        let new = new.filter(|line| !line.contains("mac:") && !line.contains("lastmodified:"));
        (lab.decrypt(&changed), new.count())
    };
    let set = |path: &str, value: &str| {
        let value = Value::from_text(value).unwrap();
        change(&|document| document.set(&path.parse().unwrap(), value.clone()).unwrap())
    };
    let unset = |path: &str| {
        change(&|document| {
            document.unset(&path.parse().unwrap()).unwrap();
        })
    };
    let with = |from: &str, to: &str, lines| (text.replace(from, to), lines);
    assert_eq!(set("a", "eins"), with("one", "eins", 1));
    assert_eq!(set("nest.b", "zwei"), with("two", "zwei", 1));
    assert_eq!(set("map.x", "7"), with("x: 1", "x: 7", 1));
    assert_eq!(
        set("nest.d", "four"),
        with("three\n", "three\n  d: four\n", 1)
    );
    assert_eq!(
        set("nest.d", "{e: [1, 2]}"),
        with("three\n", "three\n  d:\n    e:\n      - 1\n      - 2\n", 4)
    );
    assert_eq!(set("list[2]", "r"), with("- q\n", "- q\n- r\n", 1));
    assert_eq!(set("new", "x"), (format!("{text}new: x\n"), 1));
    assert_eq!(
        set("nest", "gone"),
        with("nest:\n  b: 'two'\n\n  c: three\n", "nest: gone\n", 1)
    );
    assert_eq!(unset("a"), with("a:   one   # why", "# why", 1));
    assert_eq!(unset("map.x"), with("x: 1, ", "", 1));
    assert_eq!(unset("map.y"), with(", y: 2", "", 1));
    assert_eq!(unset("nest.b"), with("  b: 'two'\n", "", 0));
    assert_eq!(unset("list[0]"), with("- p\n", "", 0));
    assert_eq!(unset("list"), with("list:\n- p\n- q\n", "", 0));
}

#[test]
fn files_that_sops_wrote_keep_its_layout() {
    let read = |name: &str| include_ops(name);
    let base = read("00-base");
    let mut identities = Identities::default();
    identities.add_text(
        include_str!("../data/keys/age-mock.txt"),
        &sops_rs::IdentityOrigin::Given,
    );
    let file = EncryptedFile::parse(Format::Yaml, &base).unwrap();
    let mut edit = file.edit(&identities).unwrap();
    let value = Value::from_text("{n: 1, s: x, l: [1]}").unwrap();
    edit.document_mut()
        .set(&"obj".parse().unwrap(), value)
        .unwrap();
    let changed = edit.save().unwrap();
    let text = changed.to_text_like(&base, Layout::default()).unwrap();
    assert_eq!(text, changed.to_text_with(Layout::indented(2)));
}

fn include_ops(name: &str) -> String {
    match name {
        "00-base" => include_str!("../data/ops/00-base.enc.yaml").to_owned(),
        other => panic!("{other}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// Outside of encrypted values every byte stays, and decryption gives back every byte.
    #[test]
    fn only_values_change(entries in written()) {
        let lab = Lab::new();
        let text = render(&entries, false);
        let encrypted = lab.encrypt(&text);
        prop_assert_eq!(masked(&encrypted), render(&entries, true));
        prop_assert_eq!(lab.decrypt(&encrypted), text);
    }

    /// One changed value changes one line, and the two lines that state when and that it did.
    #[test]
    fn one_value_is_one_line(mut entries in written(), chosen in any::<prop::sample::Index>()) {
        let position = chosen.index(entries.len() + 1);
        entries.insert(position, Entry {
            key: "changed".to_owned(),
            blank: false,
            comment: None,
            inline: None,
            body: Body::Plain("old".to_owned()),
        });
        let path = format!("changed{position}");
        let lab = Lab::new();
        let text = render(&entries, false);
        let encrypted = lab.encrypt(&text);
        let file = EncryptedFile::parse(Format::Yaml, &encrypted).unwrap();
        let mut edit = file.edit(&lab.identities).unwrap();
        edit.document_mut().set(&path.parse().unwrap(), Value::from("NEW")).unwrap();
        let changed = edit.save().unwrap().to_text_like(&encrypted, layout()).unwrap();
        let pairs = encrypted.lines().zip(changed.lines()).filter(|(old, new)| old != new);
        let starts: Vec<&str> = pairs
            .map(|(_, new)| new.trim_start().split(':').next().unwrap_or_default())
            .filter(|start| *start != "lastmodified")
            .collect();
        prop_assert_eq!(starts, [path.as_str(), "mac"]);
        prop_assert_eq!(encrypted.lines().count(), changed.lines().count());
    }
}
