//! From a tree to INI text, laid out as go-ini does.
//!
//! Where go-ini's own choice of quotes would read back as something else, other quotes are taken.

use zeroize::Zeroizing;

use super::read::{Lines, split_key};
use super::{DEFAULT, DELIMITERS};
use crate::tree::{Comment, Entry, Item, Mapping, Tree, Value};

/// Prints a tree.
pub(crate) fn emit(tree: &Tree) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::new());
    let sections: Vec<&Entry> = tree.documents.iter().flat_map(Mapping::entries).collect();
    for (position, section) in sections.iter().enumerate() {
        let Value::Mapping(keys) = &section.value else {
            continue;
        };
        let (own, keys) = match keys.items.split_first() {
            Some((Item::Comment(own), rest)) => (Some(own), rest),
            _ => (None, keys.items.as_slice()),
        };
        if let Some(comment) = own {
            print_comment(comment, &mut out);
        }
        if position > 0 || !section.key.eq_ignore_ascii_case(DEFAULT) {
            out.push(b'[');
            out.extend_from_slice(section.key.as_bytes());
            out.extend_from_slice(b"]\n");
        } else if keys.is_empty() {
            continue;
        }
        print_keys(keys, &mut out);
        if position + 1 < sections.len() {
            out.push(b'\n');
        }
    }
    out
}

fn print_keys(items: &[Item], out: &mut Vec<u8>) {
    let width = items.iter().map(|item| match item {
        Item::Entry(entry) => quoted_key(&entry.key).len(),
        Item::Comment(_) => 0,
    });
    let width = width.max().unwrap_or(0);
    for (position, item) in items.iter().enumerate() {
        let Item::Entry(entry) = item else { continue };
        let next = items[position + 1..].iter();
        let comment = next
            .map_while(|item| match item {
                Item::Comment(comment) => Some(comment),
                Item::Entry(_) => None,
            })
            .last();
        if let Some(comment) = comment {
            print_comment(comment, out);
        }
        let key = quoted_key(&entry.key);
        out.extend_from_slice(key.as_bytes());
        out.extend(std::iter::repeat_n(b' ', width - key.len()));
        out.extend_from_slice(b" = ");
        if let Value::Scalar(scalar) = &entry.value {
            out.extend_from_slice(&quoted_value(&scalar.flat_text()));
        }
        out.push(b'\n');
    }
}

/// An empty comment is none.
fn print_comment(comment: &Comment, out: &mut Vec<u8>) {
    if comment.text.is_empty() {
        return;
    }
    for line in comment.text.split('\n') {
        let (sign, text) = match line.as_bytes().first() {
            Some(sign @ (b'#' | b';')) => (*sign, &line[1..]),
            _ => (b';', line),
        };
        out.push(sign);
        out.push(b' ');
        out.extend_from_slice(text.trim().as_bytes());
        out.push(b'\n');
    }
}

pub(super) fn quoted_key(key: &str) -> String {
    let preferred = if key.contains('"') || key.contains(DELIMITERS) {
        "`"
    } else if key.contains('`') {
        "\"\"\""
    } else {
        ""
    };
    let reads_back = |line: &String| is_line_of_key(line, key);
    let mut forms = [preferred, "`", "\"\"\"", "\"", ""]
        .into_iter()
        .map(|quote| format!("{quote}{key}{quote}"));
    let first = forms.next().unwrap_or_default();
    if reads_back(&first) {
        return first;
    }
    forms.find(reads_back).unwrap_or(first)
}

fn is_line_of_key(line: &str, key: &str) -> bool {
    let starts_key = !line.starts_with(['#', ';', '[']) && line.trim() == line;
    starts_key && split_key(&format!("{line} = ")).is_ok_and(|(read, _)| read == key)
}

/// Tells whether some quotes keep a key as it is.
pub(crate) fn key_reads_back(key: &str) -> bool {
    is_line_of_key(&quoted_key(key), key)
}

/// Tells whether some quotes keep a value as it is.
pub(crate) fn value_reads_back(value: &[u8]) -> bool {
    let text = std::str::from_utf8(value);
    let printed = quoted_value(value);
    match (text, std::str::from_utf8(&printed)) {
        (Ok(text), Ok(printed)) => reads_back(printed, text),
        _ => false,
    }
}

pub(super) fn quoted_value(value: &[u8]) -> Zeroizing<Vec<u8>> {
    let Ok(text) = std::str::from_utf8(value) else {
        return Zeroizing::new(value.to_vec());
    };
    let preferred = if text.contains(['\n', '`']) {
        "\"\"\""
    } else if text.contains(['#', ';']) {
        "`"
    } else if text.trim() != text {
        "\""
    } else {
        ""
    };
    let form = |quote: &str| Zeroizing::new(format!("{quote}{text}{quote}"));
    let fitting = [preferred, "`", "\"\"\"", "\"", "'"]
        .into_iter()
        .map(form)
        .find(|form| reads_back(form, text));
    Zeroizing::new(
        fitting
            .unwrap_or_else(|| form(preferred))
            .as_bytes()
            .to_vec(),
    )
}

pub(super) fn reads_back(form: &str, text: &str) -> bool {
    let (first, rest) = match form.split_once('\n') {
        Some((first, rest)) => (format!("{first}\n"), format!("{rest}\n")),
        None => (format!("{form}\n"), String::new()),
    };
    let mut lines = Lines::new(&rest);
    let read = lines.value(&first);
    read.is_ok_and(|read| *read == text) && lines.comment.is_empty() && lines.is_at_end()
}

#[cfg(test)]
mod tests {
    use super::super::load;
    use super::{Value, emit, quoted_value};

    #[test]
    fn every_key_reads_back() {
        for line in [
            "a", "a b", "`a=b`", "\"#a\"", "`[a]`", "\"a`=\"", "`\"a\"=`", "a`\"", "a\"b",
        ] {
            let tree = load(&format!("{line} = x\n")).unwrap();
            let printed = emit(&tree);
            let printed = std::str::from_utf8(&printed).unwrap();
            assert!(load(printed).unwrap() == tree, "{line}: {printed}");
        }
    }

    #[test]
    fn every_value_reads_back() {
        for text in [
            "",
            "a b",
            " a",
            "\"a\"",
            "'a'",
            "a\\",
            "a\\\nb",
            "#",
            "a;b",
            "`",
            "`a",
            "a`#",
            "\n",
            "a\n\"b\"\n",
            "\"",
            "'",
            "\"\"\"",
            "=",
        ] {
            let printed = quoted_value(text.as_bytes());
            let printed = String::from_utf8(printed.to_vec()).unwrap();
            let tree = load(&format!("k = {printed}\nafter = x\n")).unwrap();
            let again = emit(&tree);
            let Some(Value::Mapping(keys)) = tree.documents[0].get("DEFAULT") else {
                panic!("no section");
            };
            assert_eq!(
                keys.get("k").and_then(|value| value.as_str()),
                Some(text),
                "{printed}"
            );
            assert!(again.ends_with(b"after = x\n"));
        }
    }
}
