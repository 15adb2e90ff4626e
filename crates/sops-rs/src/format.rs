//! The document formats a SOPS file can have, and which one a file's name tells.

use std::fmt;
use std::path::Path;

/// A document format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// YAML, one or several documents.
    Yaml,
    /// JSON with an object at the top.
    Json,
    /// Lines of `KEY=value`.
    Dotenv,
    /// Sections of `key = value`.
    Ini,
    /// Any bytes; encrypted as one value in a JSON object.
    Binary,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 5] = [
        Self::Yaml,
        Self::Json,
        Self::Dotenv,
        Self::Ini,
        Self::Binary,
    ];

    /// Returns the format that a file's name tells, as `sops` chooses it: what is none of the
    /// others is binary. The case of letters counts.
    pub fn of_path(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        let endings: [(&[u8], Self); 5] = [
            (b".yaml", Self::Yaml),
            (b".yml", Self::Yaml),
            (b".json", Self::Json),
            (b".env", Self::Dotenv),
            (b".ini", Self::Ini),
        ];
        endings
            .into_iter()
            .find(|(ending, _)| name.ends_with(ending))
            .map_or(Self::Binary, |(_, format)| format)
    }

    /// Finds the format of a name as `--input-type` of `sops` takes it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Returns that name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Json => "json",
            Self::Dotenv => "dotenv",
            Self::Ini => "ini",
            Self::Binary => "binary",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Format;

    /// As `FormatForPath` of sops has it.
    #[test]
    fn a_name_tells_the_format() {
        let cases = [
            ("a/secret.yaml", Format::Yaml),
            ("secret.sops.yml", Format::Yaml),
            ("x.json", Format::Json),
            (".env", Format::Dotenv),
            ("prod.env", Format::Dotenv),
            (".env.prod", Format::Binary),
            ("php.ini", Format::Ini),
            ("x.YAML", Format::Binary),
            ("key", Format::Binary),
            ("yaml", Format::Binary),
        ];
        for (path, format) in cases {
            assert_eq!(Format::of_path(Path::new(path)), format, "{path}");
        }
        assert_eq!(Format::from_name("dotenv"), Some(Format::Dotenv));
        assert_eq!(Format::from_name("toml"), None);
    }
}
