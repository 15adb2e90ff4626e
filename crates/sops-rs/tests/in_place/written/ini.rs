//! INI files with the signs, spaces and quotes that people choose.

use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Written, masked_values, words};

/// The text without the section `[sops]`, which is the last, and the empty line before it.
pub(crate) fn masked(text: &str) -> String {
    let text = masked_values(text);
    let Some(start) = text.find("[sops]") else {
        return text;
    };
    let before = &text[..start];
    let line_break = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let before = before.strip_suffix(line_break).unwrap_or(before);
    let before = if text.ends_with('\n') {
        before
    } else {
        before.strip_suffix(line_break).unwrap_or(before)
    };
    before.to_owned()
}

#[derive(Clone, Debug)]
struct Key {
    empty: bool,
    comment: Option<(String, Vec<String>)>,
    name: String,
    sign: &'static str,
    quotes: (&'static str, &'static str),
    value: String,
    inline: Option<&'static str>,
}

#[derive(Clone, Debug)]
struct Section {
    comment: Option<(String, Vec<String>)>,
    empty: usize,
    name: String,
    keys: Vec<Key>,
}

/// What is encrypted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comments {
    /// Comments too; none stands on the line of a key.
    Encrypted,
    /// Values only, by a rule that keeps all comments in the clear.
    Clear,
}

/// Sections whose names begin with a word, so that many files fit into one.
pub(crate) fn written(prefix: String, comments: Comments) -> impl Strategy<Value = Written> {
    let style = (
        any::<bool>(),
        any::<bool>(),
        prop::sample::select(vec!["", "  ", "\t"]),
    );
    (vec(section(comments), 1..4), style).prop_map(
        move |(sections, (windows, end, indentation))| {
            let render = |encrypted| {
                let mut out = String::new();
                for (number, section) in sections.iter().enumerate() {
                    let hides = encrypted && comments == Comments::Encrypted;
                    comment(&mut out, section.comment.as_ref(), "", hides);
                    writeln!(out, "[{prefix}{}{number}]", section.name).unwrap_or_default();
                    for (number, one) in section.keys.iter().enumerate() {
                        if one.empty {
                            out.push('\n');
                        }
                        comment(&mut out, one.comment.as_ref(), indentation, hides);
                        let (open, close) = one.quotes;
                        let value = match one.value.as_str() {
                            "" => "",
                            _ if encrypted => "ENC",
                            value => value,
                        };
                        let inline = one.inline.unwrap_or_default();
                        let (name, sign) = (&one.name, one.sign);
                        let line = format!(
                            "{indentation}{name}{number}{sign}{open}{value}{close}{inline}\n"
                        );
                        out.push_str(&line);
                    }
                    out.push_str(&"\n".repeat(section.empty));
                }
                let out = if end {
                    out
                } else {
                    out.trim_end_matches('\n').to_owned()
                };
                if windows {
                    out.replace('\n', "\r\n")
                } else {
                    out
                }
            };
            Written {
                text: render(false),
                masked: render(true),
            }
        },
    )
}

fn comment(
    out: &mut String,
    comment: Option<&(String, Vec<String>)>,
    indentation: &str,
    encrypted: bool,
) {
    let Some((first, others)) = comment else {
        return;
    };
    let sign = &first[..first.len() - first.trim_start_matches(['#', ';', ' ']).len()];
    let first = if encrypted {
        format!("{sign}ENC")
    } else {
        first.clone()
    };
    writeln!(out, "{indentation}{first}").unwrap_or_default();
    for other in others.iter().filter(|_| !encrypted) {
        writeln!(out, "{indentation}{other}").unwrap_or_default();
    }
}

fn above() -> impl Strategy<Value = Option<(String, Vec<String>)>> {
    let line = || ("[#;] ?", words()).prop_map(|(sign, text)| format!("{sign}{text}"));
    proptest::option::weighted(0.3, (line(), vec(line(), 0..2)))
}

fn section(comments: Comments) -> impl Strategy<Value = Section> {
    let keys = vec(key(comments), 0..5);
    (above(), 0..3_usize, "[a-zA-Z][a-z ._-]{0,6}[a-z]", keys).prop_map(
        |(comment, empty, name, keys)| Section {
            comment,
            empty,
            name,
            keys,
        },
    )
}

fn key(comments: Comments) -> impl Strategy<Value = Key> {
    use prop::sample::select;
    let value = prop_oneof![
        4 => ("[a-zA-Z0-9_./@%+-]([a-zA-Z0-9 _./@%+-]{0,12}[a-zA-Z0-9])?", select(vec![("", ""), ("\"", "\""), ("'", "'"), ("`", "`")])),
        1 => (Just(String::new()), Just(("", ""))),
        1 => ("[a-z#;] [a-z#; ]{0,8}[a-z]", Just(("`", "`"))),
        1 => (" [a-z ]{1,6} ", Just(("\"", "\""))),
        1 => ("[a-z]{1,4}\n[a-z ]{1,4}", Just(("\"\"\"", "\"\"\""))),
    ];
    let inline = select(vec![
        None,
        None,
        Some(" ; why"),
        Some("  # why not"),
        Some(" ;x"),
    ]);
    let sign = select(vec!["=", " = ", ":", " : ", "   =  "]);
    (
        any::<bool>(),
        above(),
        "[a-zA-Z][a-zA-Z0-9_ .-]{0,8}",
        sign,
        value,
        inline,
    )
        .prop_map(
            move |(empty, comment, name, sign, (value, quotes), inline)| {
                // Behind back-quotes go-ini sees no comment.
                let inline = inline.filter(|_| {
                    comments == Comments::Clear
                        && quotes.0 != "`"
                        && !value.is_empty()
                        && !value.contains('\n')
                });
                Key {
                    empty,
                    comment,
                    name,
                    sign,
                    quotes,
                    value,
                    inline,
                }
            },
        )
}
