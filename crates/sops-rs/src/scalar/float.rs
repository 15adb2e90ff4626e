//! The digits of floats, as Go prints them.
//!
//! Both languages print the fewest digits that read back as the same number. Where two numbers of
//! that many digits are equally near, Go takes the even one and Rust the larger; the MAC covers
//! these digits, so it matters.

/// A finite number's sign, digits and decimal exponent: `-`, `15`, `2` is -150.
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i32,
}

impl Decimal {
    fn of(value: f64) -> Self {
        let shortest = format!("{value:e}");
        let places = shortest.split('e').next().unwrap_or_default();
        let places = places.bytes().filter(u8::is_ascii_digit).count();
        // Rounding to as many digits takes the even one of two.
        let rounded = format!("{value:.*e}", places - 1);
        let text = match rounded.parse() {
            Ok(back) if f64::to_bits(back) == value.to_bits() => rounded,
            _ => shortest,
        };
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        Self {
            negative: mantissa.starts_with('-'),
            digits: mantissa.chars().filter(char::is_ascii_digit).collect(),
            exponent: exponent.parse().unwrap_or(0),
        }
    }

    fn sign(&self) -> &'static str {
        if self.negative { "-" } else { "" }
    }

    /// With as many zeros as it takes instead of an exponent.
    fn positional(&self) -> String {
        let Self {
            digits, exponent, ..
        } = self;
        let sign = self.sign();
        let Ok(whole) = usize::try_from(*exponent) else {
            let zeros = "0".repeat(exponent.unsigned_abs() as usize - 1);
            return format!("{sign}0.{zeros}{digits}");
        };
        match digits.split_at_checked(whole + 1) {
            Some((whole, "")) => format!("{sign}{whole}"),
            Some((whole, fraction)) => format!("{sign}{whole}.{fraction}"),
            None => format!("{sign}{digits:0<width$}", width = whole + 1),
        }
    }

    /// With an exponent of at least so many digits.
    fn scientific(&self, width: usize) -> String {
        let (first, rest) = self.digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        let sign = if self.exponent < 0 { '-' } else { '+' };
        let exponent = self.exponent.unsigned_abs();
        format!(
            "{}{first}{point}{rest}e{sign}{exponent:0width$}",
            self.sign()
        )
    }
}

/// The digits that are encrypted and authenticated: never with an exponent.
pub(crate) fn positional(value: f64) -> String {
    match value {
        _ if value.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        _ => Decimal::of(value).positional(),
    }
}

/// The text in YAML: with an exponent of two digits at least for numbers below 1e-4 and from 1e6
/// on; a whole number has no point.
pub(crate) fn yaml(value: f64) -> String {
    match value {
        _ if value.is_nan() => ".nan".to_owned(),
        f64::INFINITY => ".inf".to_owned(),
        f64::NEG_INFINITY => "-.inf".to_owned(),
        _ => {
            let decimal = Decimal::of(value);
            if (-4..6).contains(&decimal.exponent) {
                decimal.positional()
            } else {
                decimal.scientific(2)
            }
        }
    }
}

/// The text in JSON, which has no word for what is not finite: with an exponent for numbers below
/// 1e-6 and from 1e21 on.
pub(crate) fn json(value: f64) -> String {
    if !value.is_finite() {
        return positional(value);
    }
    let decimal = Decimal::of(value);
    if value == 0.0 || (-6..21).contains(&decimal.exponent) {
        decimal.positional()
    } else {
        decimal.scientific(1)
    }
}

/// The text in dotenv and INI: as in YAML, but a whole number has a point, and the exponent a
/// large letter.
pub(crate) fn flat(value: f64) -> String {
    if !value.is_finite() {
        return positional(value);
    }
    let text = yaml(value);
    if text.contains(['.', 'e']) {
        text.to_uppercase()
    } else {
        text + ".0"
    }
}

#[cfg(test)]
mod tests {
    use super::{flat, json, positional, yaml};

    #[test]
    fn exponents_appear_where_go_puts_them() {
        let cases = [
            (0.0, "0", "0"),
            (-0.0, "-0", "-0"),
            (2.0, "2", "2"),
            (-2.5, "-2.5", "-2.5"),
            (150.0, "150", "150"),
            (0.05, "0.05", "0.05"),
            (999_999.0, "999999", "999999"),
            (1_000_000.0, "1e+06", "1000000"),
            (1_234_567.0, "1.234567e+06", "1234567"),
            (123_456_789.125, "1.23456789125e+08", "123456789.125"),
            (0.0001, "0.0001", "0.0001"),
            (0.00001, "1e-05", "0.00001"),
            (1e21, "1e+21", "1000000000000000000000"),
            (f64::NEG_INFINITY, "-.inf", "-Inf"),
        ];
        for (value, printed, authenticated) in cases {
            assert_eq!(yaml(value), printed);
            assert_eq!(positional(value), authenticated);
        }
    }

    #[test]
    fn every_format_has_its_own_way() {
        let cases = [
            (1.0, "1", "1.0"),
            (-0.0, "-0", "-0.0"),
            (1.5, "1.5", "1.5"),
            (1_234_567.5, "1234567.5", "1.2345675E+06"),
            (0.000_001, "0.000001", "1E-06"),
            (0.000_000_1, "1e-7", "1E-07"),
            (1e20, "100000000000000000000", "1E+20"),
            (1e21, "1e+21", "1E+21"),
            (1e-10, "1e-10", "1E-10"),
        ];
        for (value, in_json, in_dotenv) in cases {
            assert_eq!(json(value), in_json);
            assert_eq!(flat(value), in_dotenv);
        }
    }

    /// Exactly between …51.2 and …51.3, both of which read back as this number.
    #[test]
    #[expect(clippy::excessive_precision, reason = "the excess is the point")]
    fn of_two_equally_near_the_even_one_is_printed() {
        assert_eq!(positional(1_235_396_960_743_351.25), "1235396960743351.2");
        assert_eq!(positional(1_235_396_960_743_351.75), "1235396960743351.8");
    }
}
