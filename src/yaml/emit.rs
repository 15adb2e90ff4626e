//! The one emitter.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Value;
use serde_saphyr::DoubleQuoted;

/// Emits one document, ending with a newline, without a leading `---`.
///
/// Strings that YAML 1.1 would read as something else are quoted, text of several lines becomes a
/// literal block, long lines stay whole, and no line ends in a space.
#[expect(clippy::missing_panics_doc, reason = "plain values always emit")]
pub fn emit(value: &Value) -> String {
    let options = serde_saphyr::ser_options! {
        min_fold_chars: usize::MAX,
        folded_wrap_chars: usize::MAX,
    };
    let mut text = String::new();
    serde_saphyr::to_fmt_writer_with_options(&mut text, &Styled(value), options)
        .expect("a tree of plain values always emits");
    let mut text = without_blank_indentation(text);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// Emits several documents, separated by `---`.
pub fn emit_documents<'a>(values: impl IntoIterator<Item = &'a Value>) -> String {
    values
        .into_iter()
        .map(emit)
        .collect::<Vec<_>>()
        .join("---\n")
}

/// Removes the indentation of blank lines inside blocks, which means nothing there: text whose
/// own lines end in spaces is never emitted as a block.
fn without_blank_indentation(text: String) -> String {
    if !text.contains(" \n") {
        return text;
    }
    text.split('\n')
        .map(|line| if line.trim().is_empty() { "" } else { line })
        .collect::<Vec<_>>()
        .join("\n")
}

/// A value with the style that each of its strings needs.
struct Styled<'a>(&'a Value);

impl Serialize for Styled<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::String(text) => StyledText(text).serialize(serializer),
            Value::Array(items) => {
                let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    sequence.serialize_element(&Styled(item))?;
                }
                sequence.end()
            }
            Value::Object(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(&StyledText(key), &Styled(value))?;
                }
                map.end()
            }
            other => other.serialize(serializer),
        }
    }
}

/// A string with the style it needs.
struct StyledText<'a>(&'a str);

impl Serialize for StyledText<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if needs_double_quotes(self.0) {
            DoubleQuoted(Cow::Borrowed(self.0)).serialize(serializer)
        } else {
            serializer.serialize_str(self.0)
        }
    }
}

/// Tells whether a block scalar would not carry this text safely.
///
/// libyaml and go-yaml refuse a block whose first line begins with a tab and no indentation
/// indicator, and a space at the end of a line does not survive editors.
fn needs_double_quotes(text: &str) -> bool {
    let blank_start = text.trim_start_matches(['\n', ' ']).starts_with('\t');
    text.contains('\n') && (blank_start || text.split('\n').any(|line| line.ends_with([' ', '\t'])))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::yaml;

    #[test]
    fn writes_the_style_of_kubernetes() {
        let value = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "motd", "labels": {}},
            "items": [{"name": "a", "ports": [80, 443]}, {"name": "b"}],
            "enabled": true,
            "note": null,
            "data": {"text": "first line\n\n  second: line\n", "bare": "no end\nof line"},
        });
        insta::assert_snapshot!(emit(&value), @r"
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: motd
          labels: {}
        items:
        - name: a
          ports:
          - 80
          - 443
        - name: b
        enabled: true
        note: null
        data:
          text: |
            first line

              second: line
          bare: |-
            no end
            of line
        ");
    }

    #[test]
    fn quotes_what_yaml_1_1_reads_as_something_else() {
        let value = json!([
            "yes",
            "on",
            "off",
            "y",
            "n",
            "NO",
            "1_000",
            "0775",
            "0o17",
            "1:30",
            "<<",
            "=",
            "~",
            "null",
            "1e3",
            ".5",
            "2026-11-21",
            "",
            " padded ",
            "a: b",
            "# no"
        ]);
        insta::assert_snapshot!(emit(&value), @r##"
        - "yes"
        - "on"
        - "off"
        - "y"
        - "n"
        - "NO"
        - "1_000"
        - "0775"
        - "0o17"
        - "1:30"
        - "<<"
        - "="
        - "~"
        - "null"
        - "1e3"
        - ".5"
        - "2026-11-21"
        - ""
        - " padded "
        - "a: b"
        - "# no"
        "##);
    }

    #[test]
    fn text_that_begins_with_a_tab_is_quoted() {
        let value =
            json!({"Makefile": "\tgo build\n", "late": "\n\tgo\n", "inner": "all:\n\tgo build\n"});
        let expected = concat!(
            "Makefile: \"\\tgo build\\n\"\n",
            "late: \"\\n\\tgo\\n\"\n",
            "inner: |\n  all:\n  \tgo build\n",
        );
        assert_eq!(emit(&value), expected);
    }

    #[test]
    fn long_lines_stay_whole() {
        let line = "word ".repeat(60) + "end";
        assert_eq!(emit(&json!({ "line": line })), format!("line: {line}\n"));
    }

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            "[ -~]{0,12}",
            "[\\t\\n :#'\"\\-|>{}\\[\\],&*!?%@`a-c0-9_.]{0,20}",
            "(yes|no|on|off|y|n|null|true|~|=|<<|\\.inf|\\.nan|0x1f|0o7|07|1_0|1e5|-|---|\\.\\.\\.)",
            "([a-c\\t ]{0,6}\\n){1,4}[a-c ]{0,3}",
            any::<String>().prop_map(|text| text.replace('\u{feff}', "")),
        ]
    }

    fn tree() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            proptest::num::f64::NORMAL.prop_map(Value::from),
            text().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((text(), inner), 0..5)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn what_is_emitted_is_read_back_equal_by_both_parsers(value in tree()) {
            let text = emit(&value);
            let second: Value = serde_yaml::from_str(&text)
                .map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
            prop_assert_eq!(&second, &value, "the second parser\n{}", text);
            prop_assert_eq!(&yaml::parse(&text).expect("parses"), &value, "our parser\n{}", text);
            if !value.is_null() {
                let parsed = yaml::parse_node(&text, &yaml::Limits::default());
                prop_assert!(parsed.problems.is_empty(), "{:?}\n{}", parsed.problems, text);
                let tree = parsed.node.map(|node| node.to_value());
                prop_assert_eq!(tree.as_ref(), Some(&value), "our tree\n{}", text);
            }
            prop_assert!(text.ends_with('\n') && !text.contains(" \n"));
        }
    }
}
