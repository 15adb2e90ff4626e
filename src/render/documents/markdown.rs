//! Tables in Markdown.

use crate::render::marker::SENTENCE;

/// Returns the marker as a comment.
pub(super) fn marker() -> String {
    format!("<!-- {SENTENCE} -->\n")
}

/// Returns a table.
pub(super) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let mut text = line(&head.map(str::to_owned));
    text.push('|');
    text += &"---|".repeat(N);
    text.push('\n');
    for row in rows {
        text += &line(row);
    }
    text
}

fn line(cells: &[String]) -> String {
    let cells: Vec<_> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// Returns values as one cell.
pub(super) fn list<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
    let values: Vec<_> = values.into_iter().map(|value| value.to_string()).collect();
    values.join(", ")
}
