//! From text to a tree and back.

use zeroize::Zeroizing;

use crate::parse_error::ParseError;
use crate::scalar::Scalar;
use crate::tree::{Comment, Item, Mapping, Tree, Value};

/// Reads a text.
pub(crate) fn load(text: &str) -> Result<Tree, ParseError> {
    let mut mapping = Mapping::default();
    for (index, line) in text.split('\n').enumerate() {
        if line.is_empty() {
            continue;
        }
        if let Some(comment) = line.strip_prefix('#') {
            mapping.items.push(Item::Comment(Comment::new(comment)));
            continue;
        }
        let (key, value) = line.split_once('=').ok_or_else(|| ParseError::Syntax {
            line: index + 1,
            column: line.chars().count() + 1,
            message: "expected `KEY=value` or a comment, found no `=`".to_owned(),
        })?;
        mapping.push(key, unescaped(value));
    }
    Ok(Tree {
        documents: vec![mapping],
    })
}

fn unescaped(value: &str) -> Scalar {
    let text = Zeroizing::new(value.replace("\\n", "\n"));
    Scalar::from(text.as_str())
}

/// Prints a tree.
pub(crate) fn emit(tree: &Tree) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::new());
    for item in tree.documents.iter().flat_map(|mapping| &mapping.items) {
        print_item(item, &mut out);
        out.push(b'\n');
    }
    out
}

/// Prints the line of an item, without its end.
pub(super) fn print_item(item: &Item, out: &mut Vec<u8>) {
    match item {
        Item::Comment(comment) => {
            out.push(b'#');
            out.extend_from_slice(comment.text.as_bytes());
        }
        Item::Entry(entry) => {
            out.extend_from_slice(entry.key.as_bytes());
            out.push(b'=');
            if let Value::Scalar(scalar) = &entry.value {
                escape(&scalar.flat_text(), out);
            }
        }
    }
}

fn escape(text: &[u8], out: &mut Vec<u8>) {
    for &byte in text {
        match byte {
            b'\n' => out.extend_from_slice(b"\\n"),
            byte => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{emit, load};
    use crate::parse_error::ParseError;

    #[test]
    fn a_line_without_an_equals_sign_is_named() {
        let error = load("A=1\n\nexport B\n").map(|_| ());
        assert!(
            matches!(error, Err(ParseError::Syntax { line: 3, .. })),
            "{error:?}"
        );
    }

    #[test]
    fn what_is_between_the_signs_is_kept() {
        let text = "# a\nA = 'x' \nB=a=b\r\nC=1\\n2\n\u{feff}D=\n";
        let tree = load(text).unwrap();
        assert_eq!(String::from_utf8_lossy(&emit(&tree)), text);
        let value = tree.documents[0].get("C").and_then(|value| value.as_str());
        assert_eq!(value, Some("1\n2"));
    }
}
