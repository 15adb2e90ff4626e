//! JSON with the white space and the spelling that people and programs choose.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Written, masked_values, words};

/// The text without the member `sops`, which is the last.
pub(crate) fn masked(text: &str) -> String {
    let text = masked_values(text);
    let Some(start) = text.find("\"sops\"") else {
        return text;
    };
    let before = text[..start].trim_end();
    let before = before.strip_suffix(',').unwrap_or(before).trim_end();
    let close = text.rfind('}').unwrap_or_default();
    let end = text[..close].rfind('}').unwrap_or_default() + 1;
    format!("{before}{}", &text[end..])
}

#[derive(Clone, Debug)]
enum Body {
    /// A value as it is spelled, and whether it is encrypted.
    Scalar(String, bool),
    Array(Vec<Body>),
    Object(Vec<(String, Body)>),
    /// On one line, whatever is around it.
    OneLine(Box<Body>),
}

#[derive(Clone, Debug)]
struct Style {
    line_break: Option<&'static str>,
    step: &'static str,
    colon: &'static str,
    comma: &'static str,
    empty_lines: bool,
    end: &'static str,
    mark: &'static str,
}

struct Renderer<'s> {
    out: String,
    style: &'s Style,
    encrypted: bool,
    lines: bool,
}

impl Renderer<'_> {
    fn body(&mut self, body: &Body, depth: usize) {
        match body {
            Body::Scalar(text, encrypted) => {
                let shown = if self.encrypted && *encrypted {
                    "\"ENC\""
                } else {
                    text
                };
                self.out.push_str(shown);
            }
            Body::Array(elements) => {
                self.container(['[', ']'], elements, depth, |renderer, element| {
                    renderer.body(element, depth + 1);
                });
            }
            Body::Object(members) => {
                self.container(['{', '}'], members, depth, |renderer, (key, body)| {
                    renderer.out.push_str(key);
                    renderer.out.push_str(renderer.style.colon);
                    renderer.body(body, depth + 1);
                });
            }
            Body::OneLine(body) => {
                let lines = std::mem::replace(&mut self.lines, false);
                self.body(body, depth);
                self.lines = lines;
            }
        }
    }

    fn container<T>(
        &mut self,
        [open, close]: [char; 2],
        members: &[T],
        depth: usize,
        print: impl Fn(&mut Self, &T),
    ) {
        self.out.push(open);
        for (number, member) in members.iter().enumerate() {
            if number > 0 {
                self.out
                    .push_str(if self.lines { "," } else { self.style.comma });
            }
            if number > 0 && self.lines && self.style.empty_lines {
                self.out.push_str(self.style.line_break.unwrap_or_default());
            }
            self.new_line(depth + 1);
            print(self, member);
        }
        if !members.is_empty() {
            self.new_line(depth);
        }
        self.out.push(close);
    }

    fn new_line(&mut self, depth: usize) {
        if let Some(line_break) = self.style.line_break
            && self.lines
        {
            self.out.push_str(line_break);
            self.out.push_str(&self.style.step.repeat(depth));
        }
    }
}

fn style() -> impl Strategy<Value = Style> {
    use prop::sample::select;
    (
        select(vec![None, Some("\n"), Some("\n"), Some("\r\n")]),
        // With `": "` and a tabulator it would be the layout of sops, with its own spelling.
        select(vec![
            ("", ": "),
            (" ", ":"),
            ("  ", ": "),
            ("   ", " : "),
            ("    ", ": "),
            ("\t", ":"),
        ]),
        select(vec![",", ", ", " , "]),
        any::<bool>(),
        select(vec!["", "\n", "\r\n", "\n\n  "]),
        select(vec!["", "", "\u{feff}"]),
    )
        .prop_map(
            |(line_break, (step, colon), comma, empty_lines, end, mark)| Style {
                line_break,
                step,
                colon,
                comma,
                empty_lines,
                end,
                mark,
            },
        )
}

fn scalar() -> impl Strategy<Value = Body> {
    let spelled = |list: &[&'static str], encrypted| {
        let list: Vec<Body> = list
            .iter()
            .map(|text| Body::Scalar((*text).to_owned(), encrypted))
            .collect();
        prop::sample::select(list)
    };
    prop_oneof![
        3 => words().prop_map(|text| Body::Scalar(format!("\"{text}\""), true)),
        1 => "[a-z<>&'/é漢\u{2028}\u{7f}]{1,6}".prop_map(|text| Body::Scalar(format!("\"{text}\""), true)),
        1 => spelled(&[r#""a\"b\\c""#, r#""\n\t\r\b\f\u0001""#, "\"null\"", "\"1\""], true),
        1 => any::<i64>().prop_map(|number| Body::Scalar(number.to_string(), true)),
        1 => spelled(&["1.0", "-0.0", "2.5", "1e-7", "1e+21", "true", "false"], true),
        1 => spelled(&["null", "\"\"", "{}", "[]", "[ ]", "{\n}"], false),
    ]
}

/// Documents; what `text` is must be printable for a failure.
pub(crate) fn written() -> impl Strategy<Value = Written> {
    let body = scalar().prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 1..4).prop_map(Body::Array),
            members(inner.clone()).prop_map(Body::Object),
            members(inner).prop_map(|members| Body::OneLine(Box::new(Body::Object(members)))),
        ]
    });
    (members(body), style()).prop_map(|(members, style)| {
        let render = |encrypted| {
            let mut renderer = Renderer {
                out: style.mark.to_owned(),
                style: &style,
                encrypted,
                lines: style.line_break.is_some(),
            };
            renderer.body(&Body::Object(members.clone()), 0);
            renderer.out + style.end
        };
        Written {
            text: render(false),
            masked: render(true),
        }
    })
}

fn members(values: impl Strategy<Value = Body>) -> impl Strategy<Value = Vec<(String, Body)>> {
    let key = prop_oneof![words(), Just("\\u00e9\\/".to_owned()), "[<é&]{1,3}"];
    vec((key, values), 1..5).prop_map(|members| {
        let members = members.into_iter().enumerate();
        members
            .map(|(number, (key, body))| (format!("\"{key}{number}\""), body))
            .collect()
    })
}
