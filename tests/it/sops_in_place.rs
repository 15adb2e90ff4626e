//! Encryption in place against the real `sops`: what it opens, and what it changes afterwards.

use sops_rs::{EncryptedFile, Format, Identities, Layout, Value};

use super::sops::{Lab, corpus, parse, without_comments};
use crate::support::Case;

pub fn tests() -> Vec<Case> {
    let cases = [
        Case::new(
            "sops_opens_what_we_encrypt_in_place",
            sops_opens_what_we_encrypt_in_place,
        ),
        Case::new(
            "both_tools_change_files_in_turn",
            both_tools_change_files_in_turn,
        ),
    ];
    cases
        .into_iter()
        .map(|case| case.parts(&["sops"]))
        .collect()
}

/// Files that cannot be encrypted in place; they take the layout of `sops`. The first merges an
/// anchor whose copies differ once encrypted, the last has empty documents.
const NOT_IN_PLACE: [&str; 3] = [
    "anchors-merge",
    "budimanjojo+talhelper_pkg_talos_testdata_node2_basecfg",
    "multidoc-empty",
];

fn sops_opens_what_we_encrypt_in_place() {
    let lab = Lab::new();
    let mut not_in_place = Vec::new();
    for (name, text) in corpus() {
        let file = parse(&text).encrypt(&lab.rule()).unwrap();
        let Some(in_place) = file.to_text_like(&text, Layout::default()) else {
            not_in_place.push(name);
            continue;
        };
        let open = |text: &str| {
            lab.env.write("file.yaml", text);
            let run = lab.sops(["decrypt", "file.yaml"]);
            assert_eq!(run.code, Some(0), "{name}: {}", run.stderr);
            without_comments(&run.stdout)
        };
        assert_eq!(open(&in_place), open(&file.to_text()), "{name}");
    }
    assert_eq!(not_in_place, NOT_IN_PLACE);
}

/// What a person wrote, set by us and rotated by `sops`, set by `sops` and set by us.
fn both_tools_change_files_in_turn() {
    let lab = Lab::new();
    let text = "# for the database\n\nuser:   ada   # the owner\nkeys: {a: 1, b: [x, 'y']}\n";
    let identities = Identities::from(lab.identity.clone());
    let set = |text: &str, path: &str, value: &str| {
        let file = EncryptedFile::parse(Format::Yaml, text).unwrap();
        let mut edit = file.edit(&identities).unwrap();
        let value = Value::from_text(value).unwrap();
        edit.document_mut()
            .set(&path.parse().unwrap(), value)
            .unwrap();
        edit.save()
            .unwrap()
            .to_text_like(text, Layout::default())
            .unwrap()
    };
    let encrypted = parse(text).encrypt(&lab.rule()).unwrap();
    let encrypted = encrypted.to_text_like(text, Layout::default()).unwrap();
    lab.env
        .write("file.yaml", set(&encrypted, "keys.b[1]", "5"));
    for arguments in [
        &["rotate", "--in-place", "file.yaml"][..],
        &["set", "file.yaml", r#"["user"]"#, r#""bob""#],
    ] {
        let run = lab.sops(arguments.iter().copied());
        assert_eq!(run.code, Some(0), "{arguments:?}: {}", run.stderr);
    }
    let theirs = lab.env.read("file.yaml");
    let changed = set(&theirs, "keys.c", "[true, {d: e}]");
    lab.env.write("file.yaml", &changed);
    let run = lab.sops(["decrypt", "file.yaml"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(
        without_comments(&run.stdout),
        "user: bob\nkeys:\n    a: 1\n    b:\n        - x\n        - 5\n    c:\n        - true\n        - d: e"
    );
    assert_eq!(changed, reprinted(&changed), "the layout of sops is kept");
}

fn reprinted(text: &str) -> String {
    EncryptedFile::parse(Format::Yaml, text).unwrap().to_text()
}
