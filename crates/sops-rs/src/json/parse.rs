//! From JSON text to a tree.
//!
//! The stack of open containers is explicit. Integers within 64 bits are integers, every other
//! number is a float; a key may occur twice, as in `sops`. An integer of which the float loses digits
//! is remembered, for those who would not put up with it as `sops` does.

use zeroize::Zeroizing;

use crate::parse_error::ParseError;
use crate::scalar::Scalar;
use crate::tree::{Element, Entry, Item, MAX_DEPTH, Mapping, Tree, Value};

/// Reads a text that holds one object.
pub(crate) fn load(text: &str) -> Result<Tree, ParseError> {
    read(text).map(|(tree, _)| tree)
}

/// Returns where an integer loses digits, in a text that can be read.
pub(crate) fn lost_digits(text: &str) -> Option<ParseError> {
    read(text).ok().and_then(|(_, losing)| losing)
}

fn read(text: &str) -> Result<(Tree, Option<ParseError>), ParseError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader {
        text,
        position: 0,
        losing: None,
    };
    reader.skip_white();
    match reader.peek() {
        Some(b'{') => {}
        None => return Err(ParseError::Empty),
        Some(byte) => {
            return Err(ParseError::NotAMapping {
                line: reader.line(),
                found: if byte == b'[' {
                    "a list"
                } else {
                    "something else"
                },
            });
        }
    }
    let document = reader.document()?;
    reader.skip_white();
    if reader.peek().is_some() {
        return Err(reader.error("expected the end of the file after the object"));
    }
    let tree = Tree {
        documents: vec![document],
    };
    Ok((tree, reader.losing))
}

/// A container while it is being read.
enum Open {
    Object(Mapping, String),
    Array(Vec<Element>),
}

impl Open {
    fn of(bracket: u8) -> Self {
        match bracket {
            b'{' => Self::Object(Mapping::default(), String::new()),
            _ => Self::Array(Vec::new()),
        }
    }

    fn closing(&self) -> u8 {
        match self {
            Self::Object(..) => b'}',
            Self::Array(_) => b']',
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Object(mapping, _) => mapping.items.is_empty(),
            Self::Array(elements) => elements.is_empty(),
        }
    }

    fn push(&mut self, value: Value) {
        match self {
            Self::Object(mapping, key) => mapping.items.push(Item::Entry(Entry {
                key: std::mem::take(key),
                value,
            })),
            Self::Array(elements) => elements.push(Element::Value(value)),
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    position: usize,
    /// The first integer that loses digits.
    losing: Option<ParseError>,
}

impl Reader<'_> {
    /// Reads the object that starts here, with everything in it.
    fn document(&mut self) -> Result<Mapping, ParseError> {
        let mut stack: Vec<Open> = Vec::new();
        let mut open = self.open(&stack)?;
        loop {
            self.skip_white();
            if self.peek() == Some(open.closing()) {
                self.position += 1;
                let value = match open {
                    Open::Object(mapping, _) if stack.is_empty() => return Ok(mapping),
                    Open::Object(mapping, _) => Value::Mapping(mapping),
                    Open::Array(elements) => Value::Sequence(elements),
                };
                let Some(outer) = stack.pop() else {
                    return Err(self.error("expected an object"));
                };
                open = outer;
                open.push(value);
                continue;
            }
            if !open.is_empty() {
                self.expect(b',', "expected `,` or the end of the container")?;
                self.skip_white();
            }
            if let Open::Object(_, key) = &mut open {
                *key = self.key()?;
            }
            match self.peek() {
                Some(b'{' | b'[') => {
                    stack.push(open);
                    open = self.open(&stack)?;
                }
                _ => open.push(self.scalar()?),
            }
        }
    }

    fn open(&mut self, outer: &[Open]) -> Result<Open, ParseError> {
        if outer.len() >= MAX_DEPTH {
            let line = self.line();
            return Err(ParseError::TooDeep {
                line,
                limit: MAX_DEPTH,
            });
        }
        let bracket = self.peek().unwrap_or_default();
        self.position += 1;
        Ok(Open::of(bracket))
    }

    fn key(&mut self) -> Result<String, ParseError> {
        if self.peek() != Some(b'"') {
            return Err(self.error("expected a key in double quotes"));
        }
        let key = self.string()?;
        self.skip_white();
        self.expect(b':', "expected `:` after the key")?;
        self.skip_white();
        Ok(key.as_str().to_owned())
    }

    fn scalar(&mut self) -> Result<Value, ParseError> {
        match self.peek() {
            Some(b'"') => Ok(Value::from(self.string()?.as_str())),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'a'..=b'z') => self.word(),
            Some(_) => Err(self.error("expected a value")),
            None => Err(self.error("the file ends before the object does")),
        }
    }

    fn word(&mut self) -> Result<Value, ParseError> {
        let rest = &self.text[self.position..];
        let words: [(&str, Value); 3] = [
            ("null", Value::Null),
            ("true", Scalar::Bool(true).into()),
            ("false", Scalar::Bool(false).into()),
        ];
        for (word, value) in words {
            if rest.starts_with(word) {
                self.position += word.len();
                return Ok(value);
            }
        }
        Err(self.error("expected a value"))
    }

    fn number(&mut self) -> Result<Value, ParseError> {
        let length = number_length(&self.text.as_bytes()[self.position..])
            .ok_or_else(|| self.error("not a number as JSON spells them"))?;
        let literal = &self.text[self.position..self.position + length];
        let scalar = match (literal.parse(), literal.parse::<f64>()) {
            (Ok(int), _) => Scalar::Int(int),
            (_, Ok(float)) if float.is_finite() => Scalar::Float(float),
            _ => return Err(self.error("the number is too large")),
        };
        if let Scalar::Float(float) = scalar
            && !literal.contains(['.', 'e', 'E'])
            && float.to_string() != literal
            && self.losing.is_none()
        {
            let message = "an integer beyond 64 bits would lose digits: put it into quotes";
            self.losing = Some(self.error(message));
        }
        self.position += length;
        Ok(scalar.into())
    }

    /// Reads the string that starts here.
    fn string(&mut self) -> Result<Zeroizing<String>, ParseError> {
        self.position += 1;
        let mut out = Zeroizing::new(String::new());
        loop {
            let rest = &self.text[self.position..];
            let plain = rest
                .bytes()
                .position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))
                .unwrap_or(rest.len());
            out.push_str(&rest[..plain]);
            self.position += plain;
            match self.peek() {
                Some(b'"') => {
                    self.position += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                Some(_) => return Err(self.error("a control character in a string")),
                None => return Err(self.error("the file ends within a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, ParseError> {
        let sign = self.text.as_bytes().get(self.position + 1);
        let c = match sign {
            Some(sign @ (b'"' | b'\\' | b'/')) => char::from(*sign),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.error("an unknown escape in a string")),
        };
        self.position += 2;
        Ok(c)
    }

    /// Half a surrogate pair alone is no character; like Go, the replacement character stands for
    /// it.
    fn unicode_escape(&mut self) -> Result<char, ParseError> {
        let first = self.hex_unit()?;
        if let Some(c) = char::from_u32(first) {
            return Ok(c);
        }
        let before_second = self.position;
        if (0xd800..0xdc00).contains(&first) && self.text[self.position..].starts_with("\\u") {
            let second = self.hex_unit()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.position = before_second;
        }
        Ok(char::REPLACEMENT_CHARACTER)
    }

    /// Reads `\u` and four hexadecimal digits.
    fn hex_unit(&mut self) -> Result<u32, ParseError> {
        let digits = self.text.get(self.position + 2..self.position + 6);
        let unit = digits
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .ok_or_else(|| self.error("expected four hexadecimal digits after `\\u`"))?;
        self.position += 6;
        Ok(unit)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    fn expect(&mut self, byte: u8, message: &str) -> Result<(), ParseError> {
        if self.peek() != Some(byte) {
            return Err(match self.peek() {
                Some(_) => self.error(message),
                None => self.error("the file ends before the object does"),
            });
        }
        self.position += 1;
        Ok(())
    }

    fn skip_white(&mut self) {
        let rest = self.text.as_bytes()[self.position..].iter();
        self.position += rest
            .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
            .count();
    }

    fn line(&self) -> usize {
        let before = self.text[..self.position].bytes();
        before.filter(|&byte| byte == b'\n').count() + 1
    }

    fn error(&self, message: &str) -> ParseError {
        let before = &self.text[..self.position];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        ParseError::Syntax {
            line: self.line(),
            column: before[line_start..].chars().count() + 1,
            message: message.to_owned(),
        }
    }
}

/// The length of the number that bytes begin with:
/// `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?`
fn number_length(bytes: &[u8]) -> Option<usize> {
    let digits = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default().iter();
        rest.take_while(|byte| byte.is_ascii_digit()).count()
    };
    let mut length = usize::from(bytes.first() == Some(&b'-'));
    length += match bytes.get(length)? {
        b'0' => 1,
        b'1'..=b'9' => digits(length),
        _ => return None,
    };
    if bytes.get(length) == Some(&b'.') {
        length += 1 + Some(digits(length + 1)).filter(|&count| count > 0)?;
    }
    if let Some(b'e' | b'E') = bytes.get(length) {
        length += 1;
        length += usize::from(matches!(bytes.get(length), Some(b'+' | b'-')));
        length += Some(digits(length)).filter(|&count| count > 0)?;
    }
    let follows = bytes.get(length).copied().unwrap_or(b' ');
    (!follows.is_ascii_digit()).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::load;
    use crate::tree::Value;

    fn show(number: &str) -> String {
        let tree = load(&format!("{{\"n\": {number}}}")).map_err(|error| error.to_string());
        match tree.as_ref().map(|tree| tree.documents[0].get("n")) {
            Ok(Some(Value::Scalar(scalar))) => {
                let bytes = scalar.bytes();
                format!("{} {}", scalar.kind(), String::from_utf8_lossy(&bytes))
            }
            Ok(_) => "nothing".to_owned(),
            Err(error) => error.clone(),
        }
    }

    #[test]
    fn whole_numbers_are_exact_and_others_are_floats() {
        let cases = [
            ("0", "int 0"),
            ("-0", "int 0"),
            ("-0.0", "float -0"),
            ("9223372036854775807", "int 9223372036854775807"),
            ("9223372036854775808", "float 9223372036854776000"),
            ("1e3", "float 1000"),
            ("1E-7", "float 0.0000001"),
            ("1e999", "line 1, column 7: the number is too large"),
            ("01", "line 1, column 7: not a number as JSON spells them"),
            ("1.", "line 1, column 7: not a number as JSON spells them"),
            ("+1", "line 1, column 7: expected a value"),
        ];
        for (number, expected) in cases {
            assert_eq!(show(number), expected, "{number}");
        }
    }

    #[test]
    fn integers_that_lose_digits_are_found() {
        let lost = |text| super::lost_digits(text).map(|error| error.to_string());
        assert_eq!(
            lost("{\"a\": 1,\n \"b\": 12345678901234567890}").unwrap(),
            "line 2, column 7: an integer beyond 64 bits would lose digits: put it into quotes"
        );
        assert_eq!(
            lost("{\"a\": -9223372036854775808, \"b\": 12345678901234567000}"),
            None
        );
        assert_eq!(
            lost("{\"a\": 1.2345678901234567890, \"b\": 1e30, \"c\": \"12345678901234567890\"}"),
            None
        );
    }

    #[test]
    fn strings_are_read_as_in_go() {
        let text = r#"{"s": "\u00e9\ud83d\ude00\ud800x\udc00\/\b\f\n\r\t\"\\"}"#;
        let tree = load(text).unwrap();
        let value = tree.documents[0].get("s").and_then(Value::as_str);
        let expected = "é😀\u{fffd}x\u{fffd}/\u{8}\u{c}\n\r\t\"\\";
        assert_eq!(value, Some(expected));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let cases = [
            ("", "the file is empty"),
            ("[1]", "line 1: a document must be a mapping, found a list"),
            (
                "{\n \"a\": 1",
                "line 2, column 8: the file ends before the object does",
            ),
            (
                "{\"a\": \"x",
                "line 1, column 9: the file ends within a string",
            ),
            (
                "{\"a\": 1,}",
                "line 1, column 9: expected a key in double quotes",
            ),
            ("{\"a\": [1,]}", "line 1, column 10: expected a value"),
            ("{\"a\" 1}", "line 1, column 6: expected `:` after the key"),
            (
                "{\"a\": 1 2}",
                "line 1, column 9: expected `,` or the end of the container",
            ),
            (
                "{} {}",
                "line 1, column 4: expected the end of the file after the object",
            ),
            (
                "{\"a\": \"\\x\"}",
                "line 1, column 8: an unknown escape in a string",
            ),
            (
                "{\"a\": \"\n\"}",
                "line 1, column 8: a control character in a string",
            ),
        ];
        for (text, expected) in cases {
            let found = load(text).map(|_| ()).unwrap_err().to_string();
            assert_eq!(found, expected, "{text}");
        }
    }
}
