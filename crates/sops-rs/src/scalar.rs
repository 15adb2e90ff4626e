//! Scalars and their exact bytes: what is encrypted, and what the MAC covers.
//!
//! The bytes are those of `sops`: booleans are `True` and `False`, floats never have an exponent,
//! times are RFC 3339 with as many fractional digits as needed.

use std::fmt;

use zeroize::Zeroizing;

use crate::tree::Comment;

pub(crate) mod float;
mod time;

pub use time::Time;

/// A scalar value. Strings are bytes: nothing promises that they are UTF-8.
#[derive(Clone, PartialEq)]
pub enum Scalar {
    /// A string.
    Str(Zeroizing<Vec<u8>>),
    /// An integer.
    Int(i64),
    /// A floating-point number.
    Float(f64),
    /// A truth value.
    Bool(bool),
    /// A point in time.
    Time(Time),
}

/// The type of an encrypted value, as the file names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScalarType {
    /// `str`
    Str,
    /// `int`
    Int,
    /// `float`
    Float,
    /// `bool`
    Bool,
    /// `time`
    Time,
    /// `comment`
    Comment,
    /// `bytes`: read, never written.
    Bytes,
}

/// Bytes that are not a value of the type they claim.
#[derive(Debug, thiserror::Error)]
#[error("the decrypted bytes are not of type `{kind}`")]
pub struct ScalarError {
    /// The type.
    pub kind: ScalarType,
}

/// What an encrypted value was before.
pub(crate) enum Plain {
    Scalar(Scalar),
    Comment(Comment),
}

impl Scalar {
    /// Returns the type.
    pub fn kind(&self) -> ScalarType {
        match self {
            Self::Str(_) => ScalarType::Str,
            Self::Int(_) => ScalarType::Int,
            Self::Float(_) => ScalarType::Float,
            Self::Bool(_) => ScalarType::Bool,
            Self::Time(_) => ScalarType::Time,
        }
    }

    /// Returns the bytes that are encrypted and covered by the MAC.
    pub fn bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match self {
            Self::Str(bytes) => return bytes.clone(),
            Self::Int(value) => value.to_string().into_bytes(),
            Self::Float(value) => float::positional(*value).into_bytes(),
            Self::Bool(true) => b"True".to_vec(),
            Self::Bool(false) => b"False".to_vec(),
            Self::Time(time) => time.as_str().as_bytes().to_vec(),
        })
    }

    /// Returns the text in formats that know only text; the string itself, byte by byte.
    pub(crate) fn flat_text(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match self {
            Self::Float(value) => float::flat(*value).into_bytes(),
            Self::Bool(value) => value.to_string().into_bytes(),
            Self::Time(time) => time.in_seconds().into_bytes(),
            Self::Str(_) | Self::Int(_) => return self.bytes(),
        })
    }

    /// Returns the text of a string that is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// Tells whether it is the empty string, which is never encrypted.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Str(bytes) if bytes.is_empty())
    }
}

impl From<&str> for Scalar {
    fn from(text: &str) -> Self {
        Self::Str(Zeroizing::new(text.as_bytes().to_vec()))
    }
}

impl ScalarType {
    /// Returns the word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Str => "str",
            Self::Int => "int",
            Self::Float => "float",
            Self::Bool => "bool",
            Self::Time => "time",
            Self::Comment => "comment",
            Self::Bytes => "bytes",
        }
    }

    /// Finds the type of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        [
            Self::Str,
            Self::Int,
            Self::Float,
            Self::Bool,
            Self::Time,
            Self::Comment,
            Self::Bytes,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == word)
    }

    /// Makes a value of decrypted bytes.
    pub(crate) fn read(self, bytes: Zeroizing<Vec<u8>>) -> Result<Plain, ScalarError> {
        let error = || ScalarError { kind: self };
        let text = || std::str::from_utf8(&bytes).map_err(|_| error());
        Ok(Plain::Scalar(match self {
            Self::Str | Self::Bytes => Scalar::Str(bytes),
            Self::Int => Scalar::Int(text()?.parse().map_err(|_| error())?),
            Self::Float => Scalar::Float(read_float(text()?).ok_or_else(error)?),
            Self::Bool => Scalar::Bool(read_bool(text()?).ok_or_else(error)?),
            Self::Time => Scalar::Time(Time::from_rfc3339(text()?).ok_or_else(error)?),
            Self::Comment => return Ok(Plain::Comment(Comment::new(text()?))),
        }))
    }
}

impl fmt::Display for ScalarType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn read_float(text: &str) -> Option<f64> {
    let value: f64 = text.parse().ok()?;
    let named = text
        .trim_start_matches(['+', '-'])
        .starts_with(['i', 'I', 'n', 'N']);
    (value.is_finite() || named).then_some(value)
}

fn read_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Scalar, Time};

    fn text(scalar: &Scalar) -> String {
        String::from_utf8(scalar.bytes().to_vec()).unwrap()
    }

    #[test]
    fn bytes_are_those_of_sops() {
        assert_eq!(text(&Scalar::Bool(true)), "True");
        assert_eq!(text(&Scalar::Bool(false)), "False");
        assert_eq!(text(&Scalar::Int(-7)), "-7");
        assert_eq!(text(&Scalar::Float(1.0)), "1");
        assert_eq!(text(&Scalar::Float(-0.0)), "-0");
        assert_eq!(text(&Scalar::Float(1e21)), "1000000000000000000000");
        assert_eq!(text(&Scalar::Float(1e-7)), "0.0000001");
        assert_eq!(text(&Scalar::Float(f64::INFINITY)), "+Inf");
        assert_eq!(text(&Scalar::Float(f64::NEG_INFINITY)), "-Inf");
        assert_eq!(text(&Scalar::Float(f64::NAN)), "NaN");
        let time = Time::from_yaml("2024-1-2").unwrap();
        assert_eq!(text(&Scalar::Time(time)), "2024-01-02T00:00:00Z");
    }
}
