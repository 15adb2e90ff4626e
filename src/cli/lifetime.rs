//! How long a certificate is to hold, as people write it: `30m`, `8h`, `7d`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;

use crate::pki::Certificate;

/// The longest that may be asked for: as long as Talos' own administrator's certificate.
const LONGEST: Duration = Duration::from_hours(24 * 365);

/// How long a certificate is to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime(Duration);

/// Why a text is no lifetime.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseLifetimeError {
    /// It has another form.
    #[error("expected a number with `m`, `h` or `d`, such as `8h`")]
    Form,
    /// It is longer than anybody should want.
    #[error("at most 365d: make a new one when it is needed")]
    TooLong,
}

impl Lifetime {
    /// A day of work.
    pub const USUAL: Self = Self(Duration::from_hours(8));

    /// Returns how long it holds from now, shortened to what the authority itself has left.
    pub fn within(self, authority: &Certificate, now: Timestamp) -> Duration {
        let left = authority.validity().until.duration_since(now);
        self.0.min(Duration::try_from(left).unwrap_or_default())
    }
}

impl FromStr for Lifetime {
    type Err = ParseLifetimeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let minutes = match text.as_bytes().last() {
            Some(b'm') => 1,
            Some(b'h') => 60,
            Some(b'd') => 24 * 60,
            _ => return Err(ParseLifetimeError::Form),
        };
        let number: u64 = text[..text.len() - 1]
            .parse()
            .map_err(|_| ParseLifetimeError::Form)?;
        let seconds = number.checked_mul(minutes * 60);
        let lifetime = Duration::from_secs(seconds.ok_or(ParseLifetimeError::TooLong)?);
        match lifetime {
            Duration::ZERO => Err(ParseLifetimeError::Form),
            lifetime if lifetime > LONGEST => Err(ParseLifetimeError::TooLong),
            lifetime => Ok(Self(lifetime)),
        }
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.0.as_secs() / 60;
        match minutes {
            days if days % (24 * 60) == 0 => write!(f, "{}d", days / (24 * 60)),
            hours if hours % 60 == 0 => write!(f, "{}h", hours / 60),
            minutes => write!(f, "{minutes}m"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_lifetimes() {
        for text in ["30m", "8h", "7d", "365d"] {
            assert_eq!(text.parse::<Lifetime>().expect("reads").to_string(), text);
        }
        for text in ["", "8", "h", "0h", "-1h", "1.5h", "8w", "é"] {
            assert_eq!(
                text.parse::<Lifetime>(),
                Err(ParseLifetimeError::Form),
                "{text}"
            );
        }
        for text in ["366d", "99999999999999999999d", "18446744073709551615d"] {
            assert!(text.parse::<Lifetime>().is_err(), "{text}");
        }
    }
}
