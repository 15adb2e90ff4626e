//! Findings about a spec, as people and programs read them.

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use camino::Utf8Path;
use serde_json::{Value, json};

use crate::spec::{Checked, Diagnostic, Label, Severity};
use crate::yaml::Span;

/// The most findings that are shown to people at once.
const SHOWN: usize = 30;

/// Renders the findings that their owner has not accepted, in rustc's manner.
pub fn text(checked: &Checked) -> String {
    let renderer = Renderer::styled();
    let mut text = String::new();
    for diagnostic in open(checked).take(SHOWN) {
        text += &renderer.render(&[group(diagnostic, checked)]);
        text += "\n\n";
    }
    let more = open(checked).count().saturating_sub(SHOWN);
    if more > 0 {
        let rest = format!("… and {more} more; mend these first\n\n");
        text.push_str(&rest);
    }
    text
}

/// Returns all findings as data: what they are, where, and what to do.
pub fn json(checked: &Checked) -> Value {
    let findings = checked.diagnostics.iter().map(|diagnostic| {
        let labels = diagnostic.labels.iter().map(|label| {
            let (file, source) = source(label.file.as_deref(), checked);
            let mut place = place(label.span, source);
            place["text"] = json!(label.text);
            if label.file.as_deref() != diagnostic.file() {
                place["file"] = json!(file);
            }
            place
        });
        json!({
            "code": diagnostic.code.as_str(),
            "severity": diagnostic.severity(),
            "message": diagnostic.message,
            "file": source(diagnostic.file(), checked).0,
            "labels": labels.collect::<Vec<_>>(),
            "help": diagnostic.help,
            "accepted": diagnostic.accepted,
        })
    });
    findings.collect()
}

/// Counts the findings in words: `2 errors and 1 warning`.
pub fn count(checked: &Checked) -> String {
    let number = |severity| {
        let found = open(checked).filter(|diagnostic| diagnostic.severity() == severity);
        found.count()
    };
    let words = |number: usize, word: &str| match number {
        1 => format!("1 {word}"),
        _ => format!("{number} {word}s"),
    };
    match (number(Severity::Error), number(Severity::Warning)) {
        (0, 0) => "no findings".to_owned(),
        (0, warnings) => words(warnings, "warning"),
        (errors, 0) => words(errors, "error"),
        (errors, warnings) => {
            format!(
                "{} and {}",
                words(errors, "error"),
                words(warnings, "warning")
            )
        }
    }
}

fn open(checked: &Checked) -> impl Iterator<Item = &Diagnostic> {
    checked
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.accepted.is_none())
}

/// Returns the name and text of a file that places refer to.
fn source<'a>(file: Option<&'a Utf8Path>, checked: &'a Checked) -> (&'a str, &'a str) {
    match file {
        None => (&checked.source_name, &checked.source),
        Some(file) => (
            file.as_str(),
            checked.files.get(file).map_or("", String::as_str),
        ),
    }
}

fn group<'a>(diagnostic: &'a Diagnostic, checked: &'a Checked) -> Group<'a> {
    let level = match diagnostic.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level
        .primary_title(diagnostic.message.as_str())
        .id(diagnostic.code.as_str());
    let mut group = Group::with_title(title);
    if diagnostic.labels.is_empty() {
        group = group.element(Origin::path(&checked.source_name));
    }
    let main = diagnostic.file();
    for file in main.map_or(vec![None], |main| vec![Some(main), None]) {
        let labels = diagnostic.labels.iter().enumerate();
        let labels: Vec<_> = labels
            .filter(|(_, label)| label.file.as_deref() == file)
            .collect();
        if !labels.is_empty() {
            group = group.element(snippet(&labels, source(file, checked)));
        }
    }
    match &diagnostic.help {
        Some(help) => group.element(Level::HELP.message(help.as_str())),
        None => group,
    }
}

fn snippet<'a>(
    labels: &[(usize, &'a Label)],
    (path, source): (&'a str, &'a str),
) -> Snippet<'a, Annotation<'a>> {
    let annotations = labels.iter().map(|(index, label)| {
        let kind = if *index == 0 {
            AnnotationKind::Primary
        } else {
            AnnotationKind::Context
        };
        let text = (!label.text.is_empty()).then_some(label.text.as_str());
        kind.span(visible(label.span, source)).label(text)
    });
    Snippet::source(source).path(path).annotations(annotations)
}

/// Returns the part of a place that is on its first line.
fn visible(span: Span, source: &str) -> std::ops::Range<usize> {
    let start = span.start.min(source.len());
    let rest = source.get(start..).unwrap_or_default();
    let line = rest.find('\n').unwrap_or(rest.len());
    start..span.end.clamp(start, start + line)
}

fn place(span: Span, source: &str) -> Value {
    let (line, column) = span.position(source);
    let (end_line, end_column) = Span::new(span.end, span.end).position(source);
    json!({"line": line, "column": column, "endLine": end_line, "endColumn": end_column})
}
