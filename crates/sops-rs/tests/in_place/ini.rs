//! What people wrote in INI files.

use proptest::prelude::*;
use sops_rs::{Format, Layout, Pattern, Selection};

use super::lab::{Lab, changed_lines};
use super::written::ini::{Comments, masked, written};

#[test]
fn what_people_wrote_survives() {
    let table = [
        ("a=1\n", "a=ENC\n", None),
        ("a=1", "a=ENC", None),
        (
            "# top\n\n[s]\n\n\n  a  :  x y\n;b\nb = \"q\"\nc=\nd = ' z '\n\n",
            "# ENC\n\n[s]\n\n\n  a  :  ENC\n;ENC\nb = \"ENC\"\nc=\nd = 'ENC'\n\n",
            None,
        ),
        (
            "\u{feff}[s]\r\na = `x#y`\r\n; one\r\n# two\r\nb = \"\"\"1\r\n2\"\"\"\r\n",
            "\u{feff}[s]\r\na = `ENC`\r\n; ENC\r\nb = \"\"\"ENC\"\"\"\r\n",
            None,
        ),
        // A comment on the line of its key moves above it.
        (
            "[s] ; section\n\n  a = 1  # one\n; two\nb = 2 ; three\n",
            "; ENC\n[s]\n\n  # ENC\n  a = ENC\n; ENC\nb = ENC\n",
            Some("; section\n[s]\n\n  # one\n  a = 1\n; two\n; three\nb = 2\n"),
        ),
        // The empty line is not in the tree, nor how a value was continued.
        (
            "; one\n\n; two\na = x\\\n  y\n\n\nb = 1\n",
            "; ENC\na = ENC\n\n\nb = ENC\n",
            Some("; one\n; two\na = xy\n\n\nb = 1\n"),
        ),
        // A comment that belongs to nothing is lost in go-ini.
        ("\na = `1`\n; end\n", "\na = `ENC`\n", Some("\na = `1`\n")),
        (
            "[s]\n\n[s]\na=1\n[DEFAULT]\nb=2\n",
            "[s]\n\n[s]\na=ENC\n[DEFAULT]\nb=ENC\n",
            None,
        ),
        ("\n", "\n", None),
        ("", "", None),
    ];
    Lab::new(Format::Ini).check(masked, &table);
}

/// What go-ini passes over is in no tree, and may be a secret: the file takes the layout of `sops`.
#[test]
fn what_is_passed_over_does_not_stay_in_the_clear() {
    let lab = Lab::new(Format::Ini);
    for text in [
        "\na_unencrypted = `1` ; secret\n",
        "a = \"\"\"1\n2\"\"\" secret\n",
        "[s] secret\na=1\n",
    ] {
        let layout = Layout::default();
        assert!(
            lab.parse(text).to_text_like(text, layout).is_none(),
            "{text}"
        );
    }
}

#[test]
fn clear_comments_stay_where_they_are() {
    let table = [
        (
            "[0] ; x\n# y\na=1 ; z\n\n# w\n[1]\nb : `c`\n",
            "[0] ; x\n# y\na=ENC ; z\n\n# w\n[1]\nb : `ENC`\n",
            None,
        ),
        // Behind quotes that open and close on one line go-ini sees no comment.
        (
            "[0]\na = \"\"\"1\n2\"\"\" # z\n",
            "[0]\n# z\na = \"\"\"ENC\"\"\"\n",
            Some("[0]\n# z\na = \"\"\"1\n2\"\"\"\n"),
        ),
    ];
    keys_only().check(masked, &table);
}

/// Encrypts the keys whose names begin with a letter, but no comment: no section's name does.
fn keys_only() -> Lab {
    let letters = Pattern::new("^[a-zA-Z]").unwrap();
    Lab::selecting(Format::Ini, Selection::EncryptedRegex(letters))
}

#[test]
fn one_key_is_set_added_or_removed() {
    let lab = Lab::new(Format::Ini);
    let text = "top=1\n\n# first\n[one]\nlong_name = x\na         = y\n\n[two]\n  k : \"v\"\n  ; why\n  l : w";
    let encrypted = lab.encrypt(text);
    let set = |path: &str, value: &str, from: &str, to: &str, lines: usize| {
        let changed = lab.set(&encrypted, path, value);
        assert_eq!(lab.decrypt(&changed), text.replacen(from, to, 1), "{path}");
        assert_eq!(changed_lines(&encrypted, &changed), lines, "{changed}");
    };
    set("DEFAULT.top", "2", "top=1", "top=2", 1);
    set("DEFAULT.new", "3", "top=1\n", "top=1\nnew=3\n", 1);
    set("one.a", "a;b", "= y", "= `a;b`", 1);
    set("one.b", "z", "= y\n", "= y\nb         = z\n", 1);
    set("two.k", "' q '", "\"v\"", "\" q \"", 1);
    set("two.m", "q", "l : w", "l : w\n  m : q", 1);
    let unset = |path: &str, from: &str| {
        let changed = lab.unset(&encrypted, path);
        assert_eq!(lab.decrypt(&changed), text.replacen(from, "", 1), "{path}");
        assert_eq!(changed_lines(&encrypted, &changed), 0, "{changed}");
    };
    unset("one.a", "a         = y\n");
    unset("two.k", "  k : \"v\"\n");
    unset("DEFAULT.top", "top=1\n");
    unset("one", "\n# first\n[one]\nlong_name = x\na         = y\n");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_values_and_comments_change(written in written("s".to_owned(), Comments::Encrypted)) {
        let lab = Lab::new(Format::Ini);
        let encrypted = lab.encrypt(&written.text);
        prop_assert_eq!(masked(&encrypted), written.masked);
        prop_assert_eq!(lab.decrypt(&encrypted), written.text);
    }

    #[test]
    fn only_values_change(written in written("0".to_owned(), Comments::Clear)) {
        let lab = keys_only();
        let encrypted = lab.encrypt(&written.text);
        prop_assert_eq!(masked(&encrypted), written.masked);
        prop_assert_eq!(lab.decrypt(&encrypted), written.text);
    }
}
