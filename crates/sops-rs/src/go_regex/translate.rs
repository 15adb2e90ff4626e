//! From Go's regular expressions to those of the `regex` crate.
//!
//! The languages are close relatives. What differs: `\d \w \s \b` are ASCII in Go, `\Q…\E` quotes, `{` may
//! be itself, octal escapes are known, and inside a class `[`, `&&`, `--` and `~~` are plain characters.
//! What Go refuses and the crate takes is refused (<https://pkg.go.dev/regexp/syntax>).

use std::fmt::Write;

use super::PatternProblem;

/// The most that Go repeats anything.
const MAX_REPETITION: u32 = 1000;

/// Classes with a name, as in `[[:alpha:]]`.
const NAMED_CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// Rewrites a pattern of Go.
pub(super) fn translate(source: &str) -> Result<String, PatternProblem> {
    let mut translation = Translation {
        rest: source,
        out: String::with_capacity(source.len() + 8),
        repeated: false,
    };
    while !translation.rest.is_empty() {
        translation.item()?;
    }
    Ok(translation.out)
}

struct Translation<'a> {
    rest: &'a str,
    out: String,
    /// What was read last is a repetition, which cannot be repeated again.
    repeated: bool,
}

impl Translation<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    /// Takes a text if it comes next.
    fn take(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn item(&mut self) -> Result<(), PatternProblem> {
        let repeated = std::mem::take(&mut self.repeated);
        let Some(c) = self.next() else {
            return Ok(());
        };
        match c {
            '\\' => self.escape(),
            '[' => self.class(),
            '(' => self.group(),
            '*' | '+' | '?' => self.repetition(&c.to_string(), repeated),
            '{' => {
                if let Some(count) = self.count() {
                    return self.counted(&count, repeated);
                }
                self.push_char(c);
                Ok(())
            }
            '}' => {
                self.push_char(c);
                Ok(())
            }
            c => {
                self.out.push(c);
                Ok(())
            }
        }
    }

    fn repetition(&mut self, sign: &str, repeated: bool) -> Result<(), PatternProblem> {
        if repeated {
            return Err(PatternProblem::Repetition(sign.to_owned()));
        }
        self.out.push_str(sign);
        if self.take("?") {
            self.out.push('?');
        }
        self.repeated = true;
        Ok(())
    }

    /// Reads `n}`, `n,}` or `n,m}`; anything else after a brace makes it a character.
    fn count(&mut self) -> Option<String> {
        let (inner, rest) = self.rest.split_once('}')?;
        let (least, most) = inner.split_once(',').unwrap_or((inner, ""));
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if least.is_empty() || !is_number(least) || !is_number(most) {
            return None;
        }
        self.rest = rest;
        Some(inner.to_owned())
    }

    fn counted(&mut self, count: &str, repeated: bool) -> Result<(), PatternProblem> {
        let sign = format!("{{{count}}}");
        let mut numbers = count.split(',').filter(|number| !number.is_empty());
        let fits = |number: &str| {
            number
                .parse()
                .is_ok_and(|number: u32| number <= MAX_REPETITION)
        };
        if !numbers.all(fits) {
            return Err(PatternProblem::Count(sign));
        }
        self.repetition(&sign, repeated)
    }

    /// Reads the start of a group: its name or its flags.
    fn group(&mut self) -> Result<(), PatternProblem> {
        self.out.push('(');
        if !self.take("?") {
            return Ok(());
        }
        if self.take("P<") || self.take("<") {
            return self.group_name();
        }
        let end = self.rest.find([':', ')']).unwrap_or(self.rest.len());
        let flags = &self.rest[..end];
        if !flags
            .chars()
            .all(|flag| matches!(flag, 'i' | 'm' | 's' | 'U' | '-'))
        {
            return Err(PatternProblem::Unknown(format!("(?{flags}")));
        }
        self.out.push('?');
        self.out.push_str(flags);
        self.rest = &self.rest[end..];
        Ok(())
    }

    /// Passes over the name of a group, which nothing refers to; Go lets two have the same.
    fn group_name(&mut self) -> Result<(), PatternProblem> {
        let (name, rest) = self.rest.split_once('>').unwrap_or((self.rest, ""));
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(is_name) {
            return Err(PatternProblem::Unknown(format!("(?<{name}")));
        }
        self.rest = rest;
        Ok(())
    }

    fn escape(&mut self) -> Result<(), PatternProblem> {
        if self.take("Q") {
            let (literal, after) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
            self.out.push_str(&regex::escape(literal));
            self.rest = after;
            return Ok(());
        }
        for (sign, text) in [("A", "\\A"), ("z", "\\z"), ("b", "(?-u:\\b)"), ("B", "\\B")] {
            if self.take(sign) {
                self.out.push_str(text);
                return Ok(());
            }
        }
        if let Some(class) = self.perl_class() {
            self.out.push('[');
            self.out.push_str(class);
            self.out.push(']');
            return Ok(());
        }
        if self.property() {
            return Ok(());
        }
        let c = self.escaped_char()?;
        self.push_char(c);
        Ok(())
    }

    /// `\d` and its relatives, as the inside of a class.
    fn perl_class(&mut self) -> Option<&'static str> {
        let class = match self.rest.chars().next()? {
            'd' => "0-9",
            'D' => "[^0-9]",
            'w' => "0-9A-Za-z_",
            'W' => "[^0-9A-Za-z_]",
            's' => "\\t\\n\\f\\r ",
            'S' => "[^\\t\\n\\f\\r ]",
            _ => return None,
        };
        self.rest = &self.rest[1..];
        Some(class)
    }

    /// Copies `p` or `P` and the name of a property of characters, if they come next.
    fn property(&mut self) -> bool {
        if !self.rest.starts_with(['p', 'P']) {
            return false;
        }
        let name = &self.rest[1..];
        let length = match name.chars().next() {
            Some('{') => name.find('}').map_or(name.len(), |end| end + 1),
            Some(c) => c.len_utf8(),
            None => 0,
        };
        let (name, rest) = name.split_at(length);
        let negated = name.starts_with("{^");
        let sign = if self.rest.starts_with('P') == negated {
            "\\p"
        } else {
            "\\P"
        };
        self.out.push_str(sign);
        self.out.push_str(&name.replacen("{^", "{", 1));
        self.rest = rest;
        true
    }

    /// Reads the escape of one character, after its backslash.
    fn escaped_char(&mut self) -> Result<char, PatternProblem> {
        let before = self.rest;
        let unknown = || {
            let shown: String = before.chars().take(1).collect();
            PatternProblem::Unknown(format!("\\{shown}"))
        };
        let c = self.next().ok_or_else(unknown)?;
        let code = match c {
            'a' => 0x07,
            'f' => 0x0c,
            't' => 0x09,
            'n' => 0x0a,
            'r' => 0x0d,
            'v' => 0x0b,
            'x' => self.hexadecimal().ok_or_else(unknown)?,
            '0'..='7' => self.octal(c).ok_or_else(unknown)?,
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => u32::from(c),
            _ => return Err(unknown()),
        };
        char::from_u32(code).ok_or_else(unknown)
    }

    /// Two digits, or any number of them in braces.
    fn hexadecimal(&mut self) -> Option<u32> {
        let (digits, rest) = match self.rest.strip_prefix('{') {
            Some(braced) => braced.split_once('}')?,
            None => self.rest.split_at_checked(2)?,
        };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        self.rest = rest;
        u32::from_str_radix(digits, 16).ok()
    }

    /// Up to three digits. One alone, other than zero, would be a reference, which Go has not.
    fn octal(&mut self, first: char) -> Option<u32> {
        let further = self.rest.bytes().take(2);
        let count = further
            .take_while(|byte| matches!(byte, b'0'..=b'7'))
            .count();
        if first != '0' && count == 0 {
            return None;
        }
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        u32::from_str_radix(&format!("{first}{digits}"), 8).ok()
    }

    fn class(&mut self) -> Result<(), PatternProblem> {
        let start = self.rest;
        self.out.push('[');
        if self.take("^") {
            self.out.push('^');
        }
        let mut first = true;
        while first || !self.take("]") {
            if self.rest.is_empty() {
                return Err(PatternProblem::Unclosed(format!("[{start}")));
            }
            first = false;
            self.member()?;
        }
        self.out.push(']');
        Ok(())
    }

    /// One member of a class: a class, a property, a character or a range of them.
    fn member(&mut self) -> Result<(), PatternProblem> {
        if self.named_class()? {
            return Ok(());
        }
        let before = self.rest;
        if self.take("\\") {
            if let Some(class) = self.perl_class() {
                self.out.push_str(class);
                return Ok(());
            }
            if self.property() {
                return Ok(());
            }
        }
        self.rest = before;
        let low = self.class_char()?;
        self.push_char(low);
        let is_range =
            self.rest.starts_with('-') && !self.rest.starts_with("-]") && self.rest.len() > 1;
        if is_range {
            self.rest = &self.rest[1..];
            let high = self.class_char()?;
            if high < low {
                return Err(PatternProblem::Range(format!("{low}-{high}")));
            }
            self.out.push('-');
            self.push_char(high);
        }
        Ok(())
    }

    fn named_class(&mut self) -> Result<bool, PatternProblem> {
        let Some(inner) = self.rest.strip_prefix("[:") else {
            return Ok(false);
        };
        let Some((name, rest)) = inner.split_once(":]") else {
            return Ok(false);
        };
        if !NAMED_CLASSES.contains(&name.strip_prefix('^').unwrap_or(name)) {
            return Err(PatternProblem::Unknown(format!("[:{name}:]")));
        }
        self.out.push_str("[:");
        self.out.push_str(name);
        self.out.push_str(":]");
        self.rest = rest;
        Ok(true)
    }

    fn class_char(&mut self) -> Result<char, PatternProblem> {
        match self.next() {
            Some('\\') => self.escaped_char(),
            Some(c) => Ok(c),
            None => Err(PatternProblem::Unclosed("[".to_owned())),
        }
    }

    /// Pushes a character that means nothing but itself.
    fn push_char(&mut self, c: char) {
        if c.is_alphanumeric() {
            self.out.push(c);
        } else {
            let _ = write!(self.out, "\\x{{{:x}}}", u32::from(c));
        }
    }
}
