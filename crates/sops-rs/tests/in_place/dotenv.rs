//! What people wrote in dotenv files.

use proptest::prelude::*;
use sops_rs::Format;

use super::lab::{Lab, changed_lines};
use super::written::dotenv::{masked, written};

#[test]
fn what_people_wrote_survives() {
    let table = [
        ("A=1\n", "A=ENC\n", None),
        ("A=1", "A=ENC", None),
        (
            "\n\n# top\n\nA=1\nexport B='x y'  \n\n\n",
            "\n\n#ENC\n\nA=ENC\nexport B=ENC\n\n\n",
            None,
        ),
        ("A=\nB=a=b\n#\n\nC=1\\n2", "A=\nB=ENC\n#\n\nC=ENC", None),
        ("A=1\r\n# x\r\nB=\r\n", "A=ENC\n#ENC\nB=ENC\n", None),
        (
            "\u{feff}A=1\n\nB= 2 # no comment\n",
            "\u{feff}A=ENC\n\nB=ENC\n",
            None,
        ),
        ("\n", "\n", None),
        ("", "", None),
    ];
    Lab::new(Format::Dotenv).check(masked, &table);
}

#[test]
fn one_line_is_set_added_or_removed() {
    let lab = Lab::new(Format::Dotenv);
    let text = "# top\n\nA=1\nB=2\n\n# two\nC=3";
    let encrypted = lab.encrypt(text);
    let check = |changed: String, expected: &str, lines| {
        assert_eq!(lab.decrypt(&changed), expected);
        assert_eq!(changed_lines(&encrypted, &changed), lines, "{changed}");
    };
    check(
        lab.set(&encrypted, "B", "zwei"),
        &text.replace('2', "zwei"),
        1,
    );
    check(
        lab.set(&encrypted, "D", "new"),
        &format!("{text}\nD=new"),
        1,
    );
    check(lab.unset(&encrypted, "B"), &text.replace("B=2\n", ""), 0);
    check(lab.unset(&encrypted, "C"), "# top\n\nA=1\nB=2\n\n# two", 0);
    check(lab.edit(&encrypted, |_| {}), text, 0);
}

#[test]
fn lines_behind_the_metadata_stay_before_it() {
    let lab = Lab::new(Format::Dotenv);
    let encrypted = lab.encrypt("A=1\n\n") + "\nB_unencrypted=2\n";
    let file = sops_rs::EncryptedFile::parse(Format::Dotenv, &encrypted).unwrap();
    let printed = file
        .to_text_like(&encrypted, sops_rs::Layout::default())
        .unwrap();
    assert_eq!(masked(&printed), "A=ENC\n\n\nB_unencrypted=2\n");
    assert!(printed.find("B_unencrypted") < printed.find("sops_age"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_values_change(written in written("K".to_owned())) {
        let lab = Lab::new(Format::Dotenv);
        let encrypted = lab.encrypt(&written.text);
        prop_assert_eq!(masked(&encrypted), written.masked);
        prop_assert_eq!(lab.decrypt(&encrypted), written.text);
    }
}
