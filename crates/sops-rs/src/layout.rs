//! How documents are laid out.

/// How a document is laid out that is printed anew; dotenv and INI have only one such layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    yaml: usize,
    json: Indent,
    binary: Indent,
}

/// One step of indentation in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indent {
    /// A tabulator.
    Tab,
    /// This many spaces.
    Spaces(usize),
}

impl Layout {
    /// Indents by this many spaces in every format; in YAML 1 to 9, others are brought into that
    /// range.
    pub fn indented(spaces: usize) -> Self {
        Self {
            yaml: 0,
            json: Indent::Spaces(spaces),
            binary: Indent::Spaces(spaces),
        }
        .with_yaml(spaces)
    }

    /// Indents YAML by this many spaces: 1 to 9, others are brought into that range.
    #[must_use]
    pub fn with_yaml(mut self, spaces: usize) -> Self {
        self.yaml = spaces.clamp(1, 9);
        self
    }

    /// Indents JSON so.
    #[must_use]
    pub fn with_json(mut self, indent: Indent) -> Self {
        self.json = indent;
        self
    }

    /// Indents the JSON of encrypted binary files so.
    #[must_use]
    pub fn with_binary(mut self, indent: Indent) -> Self {
        self.binary = indent;
        self
    }

    /// Returns the indentation of YAML.
    pub fn yaml(self) -> usize {
        self.yaml
    }

    /// Returns the indentation of JSON.
    pub fn json(self) -> Indent {
        self.json
    }

    /// Returns the indentation of encrypted binary files.
    pub fn binary(self) -> Indent {
        self.binary
    }
}

impl Default for Layout {
    /// That of `sops`: four spaces in YAML, tabulators in JSON.
    fn default() -> Self {
        Self {
            yaml: 4,
            json: Indent::Tab,
            binary: Indent::Tab,
        }
    }
}
