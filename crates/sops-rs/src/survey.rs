//! Which values of a file a selection means, and which of them are encrypted. Takes no key.

use std::convert::Infallible;

use crate::cipher::is_encrypted;
use crate::document::Document;
use crate::encrypted_file::EncryptedFile;
use crate::path::ValuePath;
use crate::scalar::Scalar;
use crate::selection::Selection;
use crate::tree::{Comment, Element, Tree};
use crate::walk::{Leaf, Visit, Visitor, walk};

/// The values of a file. Empty ones are left out: they are never encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// The values, in the order of the file.
    pub values: Vec<SurveyedValue>,
}

/// A value, as far as it can be told without a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SurveyedValue {
    /// Where it stands.
    pub path: ValuePath,
    /// Whether the selection means it.
    pub selected: bool,
    /// Whether it has the form of an encrypted value.
    pub encrypted: bool,
}

impl Survey {
    /// Tells whether a value has the form of an encrypted one, selected or not.
    pub fn has_ciphertext(&self) -> bool {
        self.values.iter().any(|value| value.encrypted)
    }

    /// Returns the values that the selection means.
    pub fn selected(&self) -> impl Iterator<Item = &SurveyedValue> {
        self.values.iter().filter(|value| value.selected)
    }

    /// Returns the values that should be encrypted and are not.
    pub fn exposed(&self) -> impl Iterator<Item = &SurveyedValue> {
        self.selected().filter(|value| !value.encrypted)
    }

    /// Returns the values that are encrypted and should not be.
    pub fn stray(&self) -> impl Iterator<Item = &SurveyedValue> {
        let values = self.values.iter();
        values.filter(|value| value.encrypted && !value.selected)
    }
}

impl Document {
    /// Tells which values a selection means.
    ///
    /// ```
    /// use sops_rs::{Document, Format, Selection};
    ///
    /// let document = Document::parse(Format::Yaml, "user: ada\nhost_unencrypted: db\n")?;
    /// let survey = document.survey(&Selection::default());
    /// let selected: Vec<_> = survey.selected().map(|value| value.path.to_string()).collect();
    /// assert_eq!(selected, ["user"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn survey(&self, selection: &Selection) -> Survey {
        survey(self.tree(), selection)
    }
}

impl EncryptedFile {
    /// Tells which values the file's own selection means, and which of them are encrypted.
    pub fn survey(&self) -> Survey {
        self.survey_with(&self.metadata().selection)
    }

    /// Tells which values another selection means.
    pub fn survey_with(&self, selection: &Selection) -> Survey {
        survey(self.tree(), selection)
    }
}

fn survey(tree: &Tree, selection: &Selection) -> Survey {
    let mut surveyor = Surveyor::default();
    match walk(&mut tree.clone(), selection, &mut surveyor) {
        Ok(()) => Survey {
            values: surveyor.values,
        },
    }
}

/// Looks at every leaf and changes none.
#[derive(Default)]
struct Surveyor {
    values: Vec<SurveyedValue>,
}

impl Visitor for Surveyor {
    type Error = Infallible;

    fn scalar(&mut self, scalar: Scalar, visit: &Visit<'_>) -> Result<Leaf, Infallible> {
        if !scalar.is_empty() {
            self.values.push(SurveyedValue {
                path: visit.path.clone(),
                selected: visit.selected,
                encrypted: scalar.as_str().is_some_and(is_encrypted),
            });
        }
        Ok(Leaf::Scalar(scalar))
    }

    fn comment(&mut self, comment: Comment, _: &Visit<'_>) -> Result<Comment, Infallible> {
        Ok(comment)
    }

    fn list_comment(&mut self, comment: Comment, _: &Visit<'_>) -> Result<Element, Infallible> {
        Ok(Element::Comment(comment))
    }

    fn misplaced(&mut self, _: &ValuePath) -> Infallible {
        unreachable!("a scalar stays a scalar here")
    }
}
