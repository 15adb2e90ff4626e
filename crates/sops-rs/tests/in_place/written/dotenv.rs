//! Dotenv files with empty lines, comments and line breaks of their own.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Written, masked_values};

/// The text without metadata.
pub(crate) fn masked(text: &str) -> String {
    let lines = masked_values(text);
    let ends = lines.ends_with('\n');
    let lines = lines.strip_suffix('\n').unwrap_or(&lines);
    let kept = lines.split('\n').filter(|line| !line.starts_with("sops_"));
    let kept: Vec<&str> = kept.collect();
    let end = if ends && !kept.is_empty() { "\n" } else { "" };
    kept.join("\n") + end
}

/// Lines that belong together; their keys begin with a word, so that many files fit into one.
pub(crate) fn written(prefix: String) -> impl Strategy<Value = Written> {
    let value = prop_oneof![
        3 => "[ -~é漢\t]{1,20}",
        1 => Just(String::new()),
        1 => "[\"'][a-z #=]{0,8}[\"']",
        1 => "[a-z]{1,4}\\\\n[a-z]{1,4}",
    ];
    let line = prop_oneof![
        4 => ("[A-Z_]{0,6}", prop::sample::select(vec!["", " "]), value)
            .prop_map(|(key, space, value)| (format!("{key}{space}"), Some(value))),
        1 => "[ a-zé#;]{0,12}".prop_map(|text| (text, None)),
    ];
    let line = (line, 0..3_usize);
    (vec(line, 1..8), any::<bool>(), any::<bool>(), 0..2_usize).prop_map(
        move |(lines, windows, end, last)| {
            let (mut text, mut masked) = (Vec::new(), Vec::new());
            let cr = if windows { "\r" } else { "" };
            for (number, ((head, value), empty)) in lines.into_iter().enumerate() {
                for list in [&mut text, &mut masked] {
                    list.extend(std::iter::repeat_n(String::new(), empty));
                }
                let (start, plain) = match value {
                    Some(value) => (format!("{prefix}{number}{head}="), value),
                    None => ("#".to_owned(), head),
                };
                let plain = plain + cr;
                let is_empty = plain.is_empty();
                let shown = if is_empty { "" } else { "ENC" };
                masked.push(format!("{start}{shown}"));
                text.push(start + &plain);
            }
            for list in [&mut text, &mut masked] {
                list.extend(std::iter::repeat_n(String::new(), last));
                if end || last > 0 {
                    list.push(String::new());
                }
            }
            Written {
                text: text.join("\n"),
                masked: masked.join("\n"),
            }
        },
    )
}
