//! Comments that were encrypted under another container than the one they stand in now.
//!
//! Programs disagree about which container a comment between two belongs to, and people move
//! comments. The containers of the whole file are tried; a wrong one cannot go unnoticed.

use std::collections::BTreeSet;

use crate::cipher::{Cipher, is_encrypted};
use crate::encrypted_file::Warning;
use crate::path::ValuePath;
use crate::scalar::{Plain, Scalar};
use crate::selection::Selection;
use crate::tree::{Comment, Element, Tree};
use crate::walk::{Leaf, Visit, Visitor, walk};

/// How many containers are remembered, and how many bytes are tried to decrypt in all.
const MAX_CONTAINERS: usize = 4096;
const MAX_TRIED: usize = 32 << 20;

/// Decrypts what can be in a decrypted tree, and warns of every comment that was not in its place.
pub(crate) fn rescue(tree: &mut Tree, selection: &Selection, cipher: &Cipher<'_>) -> Vec<Warning> {
    let mut containers = Containers(BTreeSet::from([":".to_owned()]));
    let done = walk(tree, selection, &mut containers);
    debug_assert!(done.is_ok(), "the visitor refuses nothing");
    let mut rescue = Rescue {
        cipher,
        containers: containers.0,
        left: MAX_TRIED,
        warnings: Vec::new(),
    };
    let done = walk(tree, selection, &mut rescue);
    debug_assert!(done.is_ok(), "the visitor refuses nothing");
    rescue.warnings
}

/// The paths of all containers that hold a value.
struct Containers(BTreeSet<String>);

impl Visitor for Containers {
    type Error = std::convert::Infallible;

    fn scalar(&mut self, scalar: Scalar, visit: &Visit<'_>) -> Result<Leaf, Self::Error> {
        for (end, _) in visit.aad.match_indices(':') {
            if self.0.len() < MAX_CONTAINERS {
                self.0.insert(visit.aad[..=end].to_owned());
            }
        }
        Ok(Leaf::Scalar(scalar))
    }

    fn comment(&mut self, comment: Comment, _: &Visit<'_>) -> Result<Comment, Self::Error> {
        Ok(comment)
    }

    fn list_comment(&mut self, comment: Comment, _: &Visit<'_>) -> Result<Element, Self::Error> {
        Ok(Element::Comment(comment))
    }

    fn misplaced(&mut self, _: &ValuePath) -> Self::Error {
        unreachable!("no scalar turns into a comment here")
    }
}

struct Rescue<'a> {
    cipher: &'a Cipher<'a>,
    containers: BTreeSet<String>,
    /// How many bytes may still be tried.
    left: usize,
    warnings: Vec<Warning>,
}

impl Rescue<'_> {
    fn find(&mut self, text: &str) -> Option<Comment> {
        for container in &self.containers {
            self.left = self.left.checked_sub(text.len())?;
            if let Ok(Plain::Comment(comment)) = self.cipher.decrypt(text, container) {
                return Some(comment);
            }
        }
        None
    }
}

impl Visitor for Rescue<'_> {
    type Error = std::convert::Infallible;

    fn scalar(&mut self, scalar: Scalar, _: &Visit<'_>) -> Result<Leaf, Self::Error> {
        Ok(Leaf::Scalar(scalar))
    }

    fn comment(&mut self, comment: Comment, visit: &Visit<'_>) -> Result<Comment, Self::Error> {
        if !is_encrypted(&comment.text) {
            return Ok(comment);
        }
        let path = visit.path.clone();
        if let Some(found) = self.find(&comment.text) {
            self.warnings.push(Warning::MovedComment { path });
            Ok(Comment {
                inline: comment.inline,
                ..found
            })
        } else {
            if visit.selected {
                self.warnings.push(Warning::ClearComment { path });
            }
            Ok(comment)
        }
    }

    fn misplaced(&mut self, _: &ValuePath) -> Self::Error {
        unreachable!("no scalar turns into a comment here")
    }
}
