//! Lines no longer than a terminal is wide, broken between words.

use unicode_width::UnicodeWidthStr as _;

/// How much further in than its line the rest of it begins.
const INDENT: usize = 2;

/// Breaks every line that is too long between words; its rest is indented a little more than it. A
/// word that is longer than a line stays whole, so that it can be copied.
pub(super) fn wrapped(text: &str, width: usize) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 16);
    for line in text.split_inclusive('\n') {
        let (line, end) = match line.strip_suffix('\n') {
            Some(line) => (line, "\n"),
            None => (line, ""),
        };
        if line.width() <= width {
            out.push_str(line);
        } else {
            break_line(line, width, &mut out);
        }
        out.push_str(end);
    }
    out
}

fn break_line(line: &str, width: usize, out: &mut String) {
    let words = line.trim_start_matches(' ');
    let indent = line.len() - words.len();
    out.push_str(&line[..indent]);
    let rest = " ".repeat(indent + INDENT);
    let mut used = indent;
    for (number, word) in words.split(' ').enumerate() {
        let gap = usize::from(number > 0);
        if number > 0 && used + gap + word.width() > width {
            out.push('\n');
            out.push_str(&rest);
            used = rest.len();
        } else {
            out.push_str(&" "[..gap]);
            used += gap;
        }
        out.push_str(word);
        used += word.width();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_their_rest_is_indented() {
        let text = "short\n  before: `talos-1` answers and shows no sign of etcd\n";
        assert_eq!(
            wrapped(text, 30),
            "short\n  before: `talos-1` answers\n    and shows no sign of etcd\n"
        );
        assert_eq!(wrapped(text, 80), text);
    }

    #[test]
    fn a_long_word_stays_whole_and_nothing_is_lost() {
        let text = "see https://192.168.1.100:6443/readyz now";
        let told = wrapped(text, 12);
        assert_eq!(told, "see\n  https://192.168.1.100:6443/readyz\n  now");
        let words = |text: &str| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(words(&told), words(text));
    }
}
