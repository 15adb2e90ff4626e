//! Tables of text: columns as wide as what is in them.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr;

/// Lays rows out in columns, two spaces apart; the last one is not padded.
pub fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            let padding = width.saturating_sub(cell.width()) + 2;
            let _ = write!(line, "{cell}{:padding$}", "");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_on_screen() {
        let rows = [["a", "b", "c"], ["größer", "", "x"], ["日本", "2", ""]];
        let rows: Vec<[String; 3]> = rows.map(|row| row.map(str::to_owned)).to_vec();
        assert_eq!(table(&rows), "a       b  c\ngrößer     x\n日本    2\n");
    }
}
