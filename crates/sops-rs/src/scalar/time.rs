//! Points in time, kept as the one text that `sops` prints for them.

/// A point in time with its offset, as RFC 3339 text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Time(String);

impl Time {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Makes it of a moment, in UTC and whole seconds.
    pub fn from_timestamp(moment: jiff::Timestamp) -> Self {
        Self(moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
    }

    /// Returns the text without the fraction of the second.
    pub(crate) fn in_seconds(&self) -> String {
        match self.0.split_once('.') {
            Some((whole, rest)) => {
                let offset = rest.trim_start_matches(|c: char| c.is_ascii_digit());
                format!("{whole}{offset}")
            }
            None => self.0.clone(),
        }
    }

    /// Reads RFC 3339.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let mut reader = Reader(text);
        let date = reader.date(2)?;
        reader.take('T')?;
        let clock = reader.clock(2)?;
        let offset = reader.offset()?;
        reader.end()?;
        Some(Self(date + "T" + &clock + &offset))
    }

    /// Reads what YAML resolves to a timestamp: a date, a date and a time with an offset, or a
    /// date and a time separated by a space, which is in UTC.
    pub fn from_yaml(text: &str) -> Option<Self> {
        let mut reader = Reader(text);
        let date = reader.date(1)?;
        let (clock, offset) = match reader.next() {
            None => return Some(Self(date + "T00:00:00Z")),
            Some('T' | 't') => (reader.clock(1)?, reader.offset()?),
            Some(' ') => (reader.clock(1)?, "Z".to_owned()),
            Some(_) => return None,
        };
        reader.end()?;
        Some(Self(date + "T" + &clock + &offset))
    }
}

/// What is left to read.
struct Reader<'a>(&'a str);

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let mut chars = self.0.chars();
        let next = chars.next()?;
        self.0 = chars.as_str();
        Some(next)
    }

    fn take(&mut self, wanted: char) -> Option<()> {
        self.0 = self.0.strip_prefix(wanted)?;
        Some(())
    }

    fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }

    /// Reads at least `least` and at most `most` digits.
    fn number(&mut self, least: usize, most: usize) -> Option<u32> {
        let digits = self
            .0
            .bytes()
            .take(most)
            .take_while(u8::is_ascii_digit)
            .count();
        if digits < least {
            return None;
        }
        let (number, rest) = self.0.split_at(digits);
        self.0 = rest;
        number.parse().ok()
    }

    fn date(&mut self, least: usize) -> Option<String> {
        let year = self.number(4, 4)?;
        self.take('-')?;
        let month = self.number(least, 2)?;
        self.take('-')?;
        let day = self.number(least, 2)?;
        let valid = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
        valid.then(|| format!("{year:04}-{month:02}-{day:02}"))
    }

    fn clock(&mut self, least: usize) -> Option<String> {
        let hour = self.number(least, 2)?;
        self.take(':')?;
        let minute = self.number(least, 2)?;
        self.take(':')?;
        let second = self.number(least, 2)?;
        let fraction = self.fraction();
        (hour < 24 && minute < 60 && second < 60)
            .then(|| format!("{hour:02}:{minute:02}:{second:02}{fraction}"))
    }

    /// Reads a fraction down to nanoseconds; what is finer is cut, trailing zeros are dropped.
    fn fraction(&mut self) -> String {
        let Some(rest) = self.0.strip_prefix(['.', ',']) else {
            return String::new();
        };
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return String::new();
        }
        let (fraction, rest) = rest.split_at(digits);
        self.0 = rest;
        match fraction.get(..9).unwrap_or(fraction).trim_end_matches('0') {
            "" => String::new(),
            digits => format!(".{digits}"),
        }
    }

    fn offset(&mut self) -> Option<String> {
        let sign = self.next()?;
        if sign == 'Z' {
            return Some("Z".to_owned());
        }
        if sign != '+' && sign != '-' {
            return None;
        }
        let hours = self.number(2, 2)?;
        self.take(':')?;
        let minutes = self.number(2, 2)?;
        if hours > 23 || minutes > 59 {
            return None;
        }
        Some(match (hours, minutes) {
            (0, 0) => "Z".to_owned(),
            _ => format!("{sign}{hours:02}:{minutes:02}"),
        })
    }
}

fn days_in(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::Time;

    #[test]
    fn yaml_timestamps_are_normalised() {
        let cases = [
            ("2024-01-02", Some("2024-01-02T00:00:00Z")),
            ("2024-1-2", Some("2024-01-02T00:00:00Z")),
            ("2024-01-02T03:04:05Z", Some("2024-01-02T03:04:05Z")),
            (
                "2024-01-02t3:4:5.500+02:00",
                Some("2024-01-02T03:04:05.5+02:00"),
            ),
            ("2024-01-02 03:04:05.123", Some("2024-01-02T03:04:05.123Z")),
            ("2024-01-02T03:04:05+00:00", Some("2024-01-02T03:04:05Z")),
            ("2024-02-29", Some("2024-02-29T00:00:00Z")),
            ("2023-02-29", None),
            ("2024-01-02T03:04:05", None),
            ("2024-01-02T25:04:05Z", None),
            ("2024-13-02", None),
            ("2024-01-02 ", None),
            ("20240-1-2", None),
        ];
        for (text, expected) in cases {
            assert_eq!(
                Time::from_yaml(text).as_ref().map(Time::as_str),
                expected,
                "{text}"
            );
        }
    }
}
