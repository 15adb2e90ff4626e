//! From INI text to a tree.

use zeroize::Zeroizing;

use super::{DEFAULT, DELIMITERS};
use crate::format::Format;
use crate::parse_error::ParseError;
use crate::tree::{Comment, Item, Mapping, Tree};

/// Reads a text.
pub(crate) fn load(text: &str) -> Result<Tree, ParseError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = Lines::new(text);
    let mut document = Mapping::default();
    let mut section = Section::new(DEFAULT);
    while let Some(line) = lines.next() {
        let line = line.trim_start();
        if line.is_empty() {
            continue;
        }
        if line.starts_with(['#', ';']) {
            lines.comment.push_str(line);
        } else if line.starts_with('[') {
            let next = lines.section(line)?;
            std::mem::replace(&mut section, next).close(&mut document);
        } else {
            let (key, value) = lines.entry(line)?;
            let comment = lines.take_comment();
            section.push(key, &value, comment, lines.number)?;
        }
    }
    section.close(&mut document);
    Ok(Tree {
        documents: vec![document],
    })
}

/// A section while it is being read.
struct Section<'a> {
    name: &'a str,
    keys: Mapping,
    seen: std::collections::BTreeSet<&'a str>,
}

impl<'a> Section<'a> {
    fn new(name: &'a str) -> Self {
        Self {
            name,
            keys: Mapping::default(),
            seen: std::collections::BTreeSet::new(),
        }
    }

    /// Adds a key and, behind it, the comment that stands above it. Of a key that occurs twice
    /// go-ini keeps the last, silently; that would be a loss.
    fn push(
        &mut self,
        key: &'a str,
        value: &str,
        comment: Option<Comment>,
        line: usize,
    ) -> Result<(), ParseError> {
        if !self.seen.insert(key) {
            let key = key.to_owned();
            return Err(ParseError::DuplicateKey { line, key });
        }
        self.keys.push(key, value);
        self.keys.items.extend(comment.map(Item::Comment));
        Ok(())
    }

    fn close(self, document: &mut Mapping) {
        document.push(self.name, self.keys);
    }
}

/// The lines that are left, and the comment that waits for what it stands above.
pub(super) struct Lines<'a> {
    rest: &'a str,
    number: usize,
    pub(super) comment: Zeroizing<String>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            rest: text,
            number: 0,
            comment: Zeroizing::default(),
        }
    }

    /// How much of the text is left.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    /// Takes a line with its end.
    pub(super) fn next(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        let length = self
            .rest
            .find('\n')
            .map_or(self.rest.len(), |newline| newline + 1);
        let (line, rest) = self.rest.split_at(length);
        self.rest = rest;
        self.number += 1;
        Some(line)
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    fn error(&self, message: &str) -> ParseError {
        ParseError::Syntax {
            line: self.number,
            column: 1,
            message: message.to_owned(),
        }
    }

    /// Takes the comment that was read, without its first sign.
    fn take_comment(&mut self) -> Option<Comment> {
        let comment = std::mem::take(&mut self.comment);
        let comment = comment.trim();
        let text = match comment.as_bytes().first()? {
            b';' => comment.trim_start_matches([';', ' ']),
            b'#' => comment.trim_start_matches(['#', ' ']),
            _ => comment,
        };
        Some(Comment::new(text))
    }

    fn section(&mut self, line: &'a str) -> Result<Section<'a>, ParseError> {
        let close = line
            .rfind(']')
            .ok_or_else(|| self.error("a section without `]`"))?;
        let name = &line[1..close];
        if name.is_empty() {
            return Err(self.error("a section without a name"));
        }
        if let Some(comment) = comment_in(&line[close + 1..]) {
            self.comment.push_str(comment);
        }
        let mut section = Section::new(name);
        let comment = self.take_comment();
        section.keys.items.extend(comment.map(Item::Comment));
        Ok(section)
    }

    fn entry(&mut self, line: &'a str) -> Result<(&'a str, Zeroizing<String>), ParseError> {
        let (key, rest) = split_key(line).map_err(|message| self.error(message))?;
        let line = self.number;
        let lost = |problem| ParseError::LostKey {
            line,
            key: key.to_owned(),
            format: Format::Ini,
            problem,
        };
        match key {
            "" => return Err(self.error("a key without a name")),
            "-" => {
                return Err(lost(
                    "it stands for a number, which is written as a comment",
                ));
            }
            _ => {}
        }
        Ok((key, self.value(rest)?))
    }

    /// Reads a value that begins behind the sign between it and its key.
    pub(super) fn value(&mut self, text: &str) -> Result<Zeroizing<String>, ParseError> {
        let text = text.trim_start();
        if text.is_empty() {
            return Ok(Zeroizing::default());
        }
        let quote = match text {
            _ if text.starts_with("\"\"\"") && text.len() > 3 => "\"\"\"",
            _ if text.starts_with('`') => "`",
            _ => return Ok(self.bare_value(text.trim_end())),
        };
        let inner = &text[quote.len()..];
        match inner.rfind(quote) {
            Some(end) => Ok(Zeroizing::new(inner[..end].to_owned())),
            None => self.quoted_lines(inner, quote),
        }
    }

    /// Reads on to the line with the closing quote.
    fn quoted_lines(&mut self, first: &str, quote: &str) -> Result<Zeroizing<String>, ParseError> {
        let start = self.error("a quoted value without its closing quote");
        let mut value = Zeroizing::new(first.to_owned());
        while let Some(line) = self.next() {
            let Some(end) = line.rfind(quote) else {
                value.push_str(line);
                continue;
            };
            value.push_str(&line[..end]);
            if let Some(comment) = comment_in(&line[end..]) {
                self.comment.push_str(comment.trim());
            }
            return Ok(value);
        }
        Err(start)
    }

    fn bare_value(&mut self, text: &str) -> Zeroizing<String> {
        if let Some(first) = text.strip_suffix('\\') {
            return self.continued(first);
        }
        let comment = text.find(['#', ';']).unwrap_or(text.len());
        self.comment.push_str(&text[comment..]);
        let text = text[..comment].trim();
        let inner = surrounded(text, '\'').or_else(|| surrounded(text, '"'));
        Zeroizing::new(inner.unwrap_or(text).to_owned())
    }

    /// Joins the lines that a backslash at the end of each continues.
    fn continued(&mut self, first: &str) -> Zeroizing<String> {
        let mut value = Zeroizing::new(first.to_owned());
        while let Some(line) = self.next() {
            let line = line.trim();
            if line.is_empty() {
                break;
            }
            value.push_str(line);
            if !value.ends_with('\\') {
                break;
            }
            value.pop();
        }
        value
    }
}

/// Splits a line into its key and what stands behind the sign after it.
pub(super) fn split_key(line: &str) -> Result<(&str, &str), &'static str> {
    let quote = match line {
        _ if line.starts_with("\"\"\"") && line.len() > 6 => "\"\"\"",
        _ if line.starts_with('"') => "\"",
        _ if line.starts_with('`') => "`",
        _ => "",
    };
    let inner = &line[quote.len()..];
    let (key, behind) = if quote.is_empty() {
        (inner, inner)
    } else {
        let end = inner
            .find(quote)
            .ok_or("a quoted key without its closing quote")?;
        (&inner[..end], &inner[end + quote.len()..])
    };
    let sign = behind
        .find(DELIMITERS)
        .ok_or("expected `key = value`, a section or a comment")?;
    let key = if quote.is_empty() { &key[..sign] } else { key };
    Ok((key.trim(), &behind[sign + 1..]))
}

fn comment_in(text: &str) -> Option<&str> {
    text.find(['#', ';']).map(|start| &text[start..])
}

/// The inside of a text in quotes that has no other quote.
fn surrounded(text: &str, quote: char) -> Option<&str> {
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inner.contains(quote)).then_some(inner)
}

#[cfg(test)]
mod tests {
    use super::load;
    use crate::tree::Value;

    fn value(text: &str) -> String {
        let tree = load(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        match tree.documents[0].get("DEFAULT") {
            Some(Value::Mapping(keys)) => keys.get("k").and_then(Value::as_str).unwrap().to_owned(),
            _ => panic!("no section"),
        }
    }

    /// Expected values: what go-ini 1.67 returns.
    #[test]
    fn values_are_read_as_in_go_ini() {
        let cases = [
            ("k = a b \r\n", "a b"),
            ("k: v", "v"),
            ("k = 'a b'", "a b"),
            ("k = \" a \" # c", " a "),
            ("k = 'a' 'b'", "'a' 'b'"),
            ("k = a#b", "a"),
            ("k = `a#b;c`", "a#b;c"),
            ("k = \"\"\"a\nb`c\"\"\"", "a\nb`c"),
            ("k = a\\\n  b \\\nc\n", "ab c"),
            ("`k` = v", "v"),
            ("\"k\" = v", "v"),
            ("k =", ""),
            ("k = \"", "\""),
        ];
        for (text, expected) in cases {
            assert_eq!(value(text), expected, "{text}");
        }
    }

    #[test]
    fn what_would_be_lost_is_refused() {
        let cases = [
            ("a=1\na=2\n", "line 2: key `a` is already defined"),
            (
                "- = x\n",
                "line 1: key `-` cannot be kept in ini: it stands for a number, which is written as a comment",
            ),
            ("[s\n", "line 1, column 1: a section without `]`"),
            ("[]\n", "line 1, column 1: a section without a name"),
            ("=x\n", "line 1, column 1: a key without a name"),
            (
                "\nx\n",
                "line 2, column 1: expected `key = value`, a section or a comment",
            ),
            (
                "k = `x\ny\n",
                "line 1, column 1: a quoted value without its closing quote",
            ),
        ];
        for (text, expected) in cases {
            let found = load(text).map(|_| ()).unwrap_err().to_string();
            assert_eq!(found, expected, "{text}");
        }
    }
}
