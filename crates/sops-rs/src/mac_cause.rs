//! Why a MAC does not match: what would have to be different for it to match.

use zeroize::Zeroizing;

use crate::metadata::Metadata;
use crate::path::ValuePath;
use crate::scalar::Scalar;
use crate::tree::{Comment, Element, Tree};
use crate::walk::{Leaf, MacHash, Visit, Visitor, walk};

/// Why a MAC does not match, as far as can be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MacCause {
    /// The values are those that were encrypted, but `mac_only_encrypted` was switched.
    #[error("`mac_only_encrypted` was changed after the file was encrypted")]
    OnlyEncryptedSwitched,
    /// The MAC counts the comments of lists, as that of `sops` 3.13.2 does by mistake.
    #[error("the MAC counts comments inside lists, a mistake of sops 3.13.2; the values are whole")]
    ListComments,
    /// The MAC matches without one value in the clear.
    #[error("`{path}` was added without encrypting the file again")]
    Added {
        /// Where it stands.
        path: ValuePath,
    },
    /// A value in the clear was changed, or a value was added, removed or moved within a list.
    #[error("a value was changed, added or removed without encrypting the file again")]
    Edited,
}

/// How many bytes may be hashed to find a value that was added.
const MAX_HASHED: usize = 64 << 20;

impl MacCause {
    /// Finds the cause, given the decrypted tree and the MAC that the file states.
    pub(crate) fn of(metadata: &Metadata, tree: &mut Tree, stated: &[u8]) -> Self {
        let mut leaves = Leaves(Vec::new());
        let done = walk(tree, &metadata.selection, &mut leaves);
        debug_assert!(done.is_ok(), "the visitor refuses nothing");
        let leaves = leaves.0;
        let only = metadata.mac_only_encrypted;
        let matches = |only, counts: &dyn Fn(usize, &Hashed) -> bool| {
            let mut hash = MacHash::new(only);
            for (index, leaf) in leaves.iter().enumerate() {
                if counts(index, leaf) {
                    hash.add_bytes(&leaf.bytes, leaf.selected);
                }
            }
            hash.finish().as_bytes() == stated
        };
        if matches(!only, &|_, leaf| !leaf.comment) {
            return Self::OnlyEncryptedSwitched;
        }
        if matches(only, &|_, leaf| !leaf.comment || leaf.selected) {
            return Self::ListComments;
        }
        let clear = |leaf: &Hashed| !leaf.comment && !leaf.selected && !only;
        let bytes: usize = leaves.iter().map(|leaf| leaf.bytes.len() + 1).sum();
        let candidates = leaves.iter().filter(|leaf| clear(leaf)).count();
        if candidates.saturating_mul(bytes) > MAX_HASHED {
            return Self::Edited;
        }
        let added = leaves.iter().enumerate().find(|(added, leaf)| {
            clear(leaf) && matches(only, &|index, leaf| index != *added && !leaf.comment)
        });
        added.map_or(Self::Edited, |(_, leaf)| Self::Added {
            path: leaf.path.clone(),
        })
    }
}

/// A scalar, or a comment of a list.
struct Hashed {
    bytes: Zeroizing<Vec<u8>>,
    selected: bool,
    comment: bool,
    path: ValuePath,
}

struct Leaves(Vec<Hashed>);

impl Leaves {
    fn note(&mut self, bytes: Zeroizing<Vec<u8>>, comment: bool, visit: &Visit<'_>) {
        self.0.push(Hashed {
            bytes,
            selected: visit.selected,
            comment,
            path: visit.path.clone(),
        });
    }
}

impl Visitor for Leaves {
    type Error = std::convert::Infallible;

    fn scalar(&mut self, scalar: Scalar, visit: &Visit<'_>) -> Result<Leaf, Self::Error> {
        self.note(scalar.bytes(), false, visit);
        Ok(Leaf::Scalar(scalar))
    }

    fn comment(&mut self, comment: Comment, _: &Visit<'_>) -> Result<Comment, Self::Error> {
        Ok(comment)
    }

    fn list_comment(
        &mut self,
        comment: Comment,
        visit: &Visit<'_>,
    ) -> Result<Element, Self::Error> {
        let bytes = Zeroizing::new(comment.text.as_bytes().to_vec());
        self.note(bytes, true, visit);
        Ok(Element::Comment(comment))
    }

    fn misplaced(&mut self, _: &ValuePath) -> Self::Error {
        unreachable!("no scalar turns into a comment here")
    }
}
