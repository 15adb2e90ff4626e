//! The nonces of a file, remembered by what they encrypted.
//!
//! A value that did not change gets the nonce it had, so its ciphertext stays the same to the
//! byte. A nonce is used again for the same plaintext, type and path only; anything else would
//! break AES-GCM. Equal values of one list share all three: each gets back the nonce of its own
//! position, and what remains is handed out in order.

use std::collections::VecDeque;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use indexmap::IndexMap;
use rand::{CryptoRng, RngCore};
use sha2::{Digest, Sha256};

use crate::cipher::Nonce;
use crate::path::ValuePath;
use crate::scalar::{Scalar, ScalarType};
use crate::selection::Selection;
use crate::tree::{Comment, Tree};
use crate::walk::{Leaf, Visit, Visitor, walk};

/// What a nonce encrypted: type, plaintext and path.
type Fingerprint = [u8; 32];

/// A hash of the place a value had, positions included.
type Spot = u64;

/// The nonces of a file.
#[derive(Default)]
pub(crate) struct KnownIvs {
    at: IndexMap<(Fingerprint, Spot), VecDeque<Nonce>>,
    /// The places that a fingerprint occurs at, in order.
    order: IndexMap<Fingerprint, VecDeque<Spot>>,
    /// Nonces set aside for values that are still where they were.
    reserved: IndexMap<(Fingerprint, Spot), VecDeque<Nonce>>,
    repeats: bool,
}

impl KnownIvs {
    /// Remembers the nonce of a decrypted value.
    pub(crate) fn remember(
        &mut self,
        nonce: Nonce,
        bytes: &[u8],
        kind: ScalarType,
        visit: &Visit<'_>,
    ) {
        let (print, spot) = (fingerprint(bytes, kind, visit.aad), spot(visit.path));
        self.at.entry((print, spot)).or_default().push_back(nonce);
        let spots = self.order.entry(print).or_default();
        self.repeats |= !spots.is_empty();
        spots.push_back(spot);
    }

    /// Sets the nonces of a tree's values aside that did not move, so that an equal value before
    /// them does not take them.
    fn reserve(&mut self, tree: &mut Tree, selection: &Selection) {
        if self.repeats {
            let done = walk(tree, selection, &mut Reservation(self));
            debug_assert!(done.is_ok(), "the visitor refuses nothing");
        }
    }

    fn set_aside(&mut self, bytes: &[u8], kind: ScalarType, visit: &Visit<'_>) {
        let key = (fingerprint(bytes, kind, visit.aad), spot(visit.path));
        if let Some(nonce) = self.at.get_mut(&key).and_then(VecDeque::pop_front) {
            self.reserved.entry(key).or_default().push_back(nonce);
        }
    }

    fn take(&mut self, bytes: &[u8], kind: ScalarType, visit: &Visit<'_>) -> Option<Nonce> {
        if self.order.is_empty() {
            return None;
        }
        let print = fingerprint(bytes, kind, visit.aad);
        if self.repeats {
            let reserved = self.reserved.get_mut(&(print, spot(visit.path)));
            if let Some(nonce) = reserved.and_then(VecDeque::pop_front) {
                return Some(nonce);
            }
        }
        let spots = self.order.get_mut(&print)?;
        while let Some(spot) = spots.pop_front() {
            let nonce = self
                .at
                .get_mut(&(print, spot))
                .and_then(VecDeque::pop_front);
            if nonce.is_some() {
                return nonce;
            }
        }
        None
    }
}

fn fingerprint(bytes: &[u8], kind: ScalarType, aad: &str) -> Fingerprint {
    let mut hash = Sha256::new();
    hash.update(aad.len().to_le_bytes());
    hash.update(aad);
    hash.update(kind.as_str());
    hash.update(":");
    hash.update(bytes);
    hash.finalize().into()
}

fn spot(path: &ValuePath) -> Spot {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hasher.finish()
}

/// Where the nonces of an encryption come from: known ones first, fresh ones else.
pub(crate) struct Ivs<'a, R> {
    known: KnownIvs,
    rng: &'a mut R,
}

impl<'a, R: RngCore + CryptoRng> Ivs<'a, R> {
    pub(crate) fn fresh(rng: &'a mut R) -> Self {
        let known = KnownIvs::default();
        Self { known, rng }
    }

    /// Nonces for a tree that is about to be encrypted.
    pub(crate) fn known(
        mut known: KnownIvs,
        tree: &mut Tree,
        selection: &Selection,
        rng: &'a mut R,
    ) -> Self {
        known.reserve(tree, selection);
        Self { known, rng }
    }

    pub(crate) fn next(&mut self, bytes: &[u8], kind: ScalarType, visit: &Visit<'_>) -> Nonce {
        self.known
            .take(bytes, kind, visit)
            .unwrap_or_else(|| self.random())
    }

    pub(crate) fn random(&mut self) -> Nonce {
        let mut nonce = Nonce::default();
        self.rng.fill_bytes(&mut nonce);
        nonce
    }
}

/// Looks at every leaf and changes none.
struct Reservation<'a>(&'a mut KnownIvs);

impl Visitor for Reservation<'_> {
    type Error = std::convert::Infallible;

    fn scalar(&mut self, scalar: Scalar, visit: &Visit<'_>) -> Result<Leaf, Self::Error> {
        if visit.selected {
            self.0.set_aside(&scalar.bytes(), scalar.kind(), visit);
        }
        Ok(Leaf::Scalar(scalar))
    }

    fn comment(&mut self, comment: Comment, visit: &Visit<'_>) -> Result<Comment, Self::Error> {
        if visit.selected {
            self.0
                .set_aside(comment.text.as_bytes(), ScalarType::Comment, visit);
        }
        Ok(comment)
    }

    fn misplaced(&mut self, _: &ValuePath) -> Self::Error {
        unreachable!("no scalar turns into a comment here")
    }
}
