//! A disk by what it is, for machines whose disks have no serial number that is known beforehand.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// Traits that a disk has all of. One that none is known of is any disk's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DiskTraits {
    /// Its model, where `*` stands for any letters.
    pub model: Option<String>,
    /// What kind it is.
    pub kind: Option<DiskKind>,
    /// Its size, compared: `>= 400GB`.
    pub size: Option<SizeBound>,
    /// Where it is plugged in, where `*` stands for any letters.
    pub bus_path: Option<String>,
}

/// Kinds of disks, in Talos' words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskKind {
    /// On PCI Express.
    Nvme,
    /// Without moving parts.
    Ssd,
    /// With turning platters.
    Hdd,
    /// A memory card.
    Sd,
}

/// A comparison with a size, such as `>= 400GB`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SizeBound {
    operator: &'static str,
    number: u64,
    unit: &'static str,
}

/// Why a text is no comparison with a size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a comparison with a size such as `>= 400GB`, found `{0}`")]
pub struct ParseSizeBoundError(String);

/// Longer operators and units before those that they begin with.
const OPERATORS: [&str; 5] = [">=", "<=", "==", ">", "<"];
const UNITS: [(&str, u64); 8] = [
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
];

impl DiskKind {
    /// Returns Talos' word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nvme => "nvme",
            Self::Ssd => "ssd",
            Self::Hdd => "hdd",
            Self::Sd => "sd",
        }
    }

    /// Returns the expression that is true of such a disk, as the older selector understood the word.
    pub fn expression(self) -> &'static str {
        match self {
            Self::Nvme => "disk.transport == \"nvme\"",
            Self::Ssd => "disk.transport != \"\" && !disk.rotational",
            Self::Hdd => "disk.transport != \"\" && disk.rotational",
            Self::Sd => "disk.transport == \"mmc\"",
        }
    }

    /// Tells whether a disk is of this kind.
    pub fn is(self, transport: &str, rotational: bool) -> bool {
        match self {
            Self::Nvme => transport == "nvme",
            Self::Ssd => !transport.is_empty() && !rotational,
            Self::Hdd => !transport.is_empty() && rotational,
            Self::Sd => transport == "mmc",
        }
    }
}

impl SizeBound {
    /// Tells whether a disk of so many bytes is meant.
    pub fn allows(&self, bytes: u64) -> bool {
        let bound = self.bound();
        match self.operator {
            ">=" => bytes >= bound,
            "<=" => bytes <= bound,
            ">" => bytes > bound,
            "<" => bytes < bound,
            _ => bytes == bound,
        }
    }

    /// Returns a size that fits.
    pub fn example(&self) -> u64 {
        let bound = self.bound();
        match self.operator {
            ">" => bound.saturating_add(1),
            "<" => bound.saturating_sub(1),
            _ => bound,
        }
    }

    fn bound(&self) -> u64 {
        let factor = UNITS
            .iter()
            .find(|(unit, _)| *unit == self.unit)
            .map_or(1, |(_, factor)| *factor);
        self.number.saturating_mul(factor)
    }

    /// Returns the expression that is true of such a disk.
    pub fn expression(&self) -> String {
        format!(
            "disk.size {} {}u * {}",
            self.operator, self.number, self.unit
        )
    }
}

impl FromStr for SizeBound {
    type Err = ParseSizeBoundError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let operator = OPERATORS
                .into_iter()
                .find(|operator| text.starts_with(operator))?;
            let size = text[operator.len()..].trim();
            let (unit, _) = UNITS.into_iter().find(|(unit, _)| size.ends_with(unit))?;
            let number = size[..size.len() - unit.len()].trim().parse().ok()?;
            Some(Self {
                operator,
                number,
                unit,
            })
        };
        read().ok_or_else(|| ParseSizeBoundError(text.to_owned()))
    }
}

impl fmt::Display for SizeBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.operator, self.number, self.unit)
    }
}

impl DiskTraits {
    /// Tells whether a disk has all of them.
    pub fn are_of(
        &self,
        model: &str,
        transport: &str,
        rotational: bool,
        bytes: u64,
        bus_path: &str,
    ) -> bool {
        let like = |pattern: &Option<String>, text: &str| {
            pattern
                .as_ref()
                .is_none_or(|pattern| matches(pattern, text))
        };
        like(&self.model, model)
            && like(&self.bus_path, bus_path)
            && self.kind.is_none_or(|kind| kind.is(transport, rotational))
            && self.size.as_ref().is_none_or(|size| size.allows(bytes))
    }
}

/// Tells whether a text fits a pattern in which `*` stands for any letters.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<_> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some(found) = rest.find(part) else {
            return false;
        };
        rest = &rest[found + part.len()..];
    }
    rest.ends_with(last)
}

impl fmt::Display for DiskTraits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let traits = [
            self.model.as_ref().map(|model| format!("model `{model}`")),
            self.kind.map(|kind| format!("type `{}`", kind.as_str())),
            self.size.as_ref().map(|size| format!("size `{size}`")),
            self.bus_path
                .as_ref()
                .map(|path| format!("bus path `{path}`")),
        ];
        f.write_str(&traits.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_compare_as_they_are_written() {
        let bound: SizeBound = ">= 400GB".parse().expect("a comparison");
        assert!(bound.allows(400_000_000_000) && !bound.allows(399_999_999_999));
        assert_eq!(bound.expression(), "disk.size >= 400u * GB");
        let exact: SizeBound = "==1TiB".parse().expect("a comparison");
        assert!(exact.allows(1 << 40) && !exact.allows(1_000_000_000_000));
        for text in ["400GB", ">= many", ">= 400", ">= GB", ""] {
            assert!(text.parse::<SizeBound>().is_err(), "{text}");
        }
    }

    #[test]
    fn patterns_fit_as_a_shell_has_it() {
        for (pattern, text, fits) in [
            ("Samsung*", "Samsung SSD 980", true),
            ("*980*", "Samsung SSD 980 PRO", true),
            ("Samsung", "Samsung SSD", false),
            ("*", "", true),
            ("a*a", "a", false),
            ("a*b*c", "a-b-b-c", true),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn all_traits_must_fit() {
        let traits = DiskTraits {
            model: Some("Samsung*".to_owned()),
            kind: Some(DiskKind::Nvme),
            size: ">= 400GB".parse().ok(),
            bus_path: None,
        };
        assert!(traits.are_of("Samsung SSD", "nvme", false, 500_000_000_000, ""));
        assert!(!traits.are_of("Samsung SSD", "sata", false, 500_000_000_000, ""));
        assert!(!traits.are_of("Samsung SSD", "nvme", false, 200_000_000_000, ""));
        assert_eq!(
            traits.to_string(),
            "model `Samsung*`, type `nvme`, size `>= 400GB`"
        );
    }
}
