//! The walk over a tree that encryption, decryption and the MAC share.
//!
//! Depth first, in document order, all documents of a file with one hash. A visitor is told of
//! every scalar and comment whether the rule selects it and under which path it is authenticated.
//! The depth of a tree is bounded when it is read, so the recursion is too.

use sha2::{Digest, Sha512};

use crate::path::ValuePath;
use crate::scalar::Scalar;
use crate::selection::Selection;
use crate::tree::{Comment, Element, Item, Mapping, Tree, Value};

/// What the hash of a file with `mac_only_encrypted` starts with: SHA-256 of `sops`.
const ONLY_ENCRYPTED: [u8; 32] = [
    0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0x0b,
    0x0b, 0x97, 0x5b, 0x3b, 0xf4, 0x4f, 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69,
];

/// The hash over the plaintext of a file.
pub(crate) struct MacHash {
    hash: Sha512,
    only_encrypted: bool,
}

impl MacHash {
    pub(crate) fn new(only_encrypted: bool) -> Self {
        let mut hash = Sha512::new();
        if only_encrypted {
            hash.update(ONLY_ENCRYPTED);
        }
        Self {
            hash,
            only_encrypted,
        }
    }

    /// Adds a scalar in its plain form.
    pub(crate) fn add(&mut self, scalar: &Scalar, selected: bool) {
        if selected || !self.only_encrypted {
            self.hash.update(scalar.bytes().as_slice());
        }
    }

    /// Adds the bytes of a scalar in its plain form.
    pub(crate) fn add_bytes(&mut self, bytes: &[u8], selected: bool) {
        if selected || !self.only_encrypted {
            self.hash.update(bytes);
        }
    }

    /// Returns the hash as a file states it.
    pub(crate) fn finish(self) -> String {
        use std::fmt::Write;
        let mut text = String::with_capacity(128);
        for byte in self.hash.finalize() {
            let _ = write!(text, "{byte:02X}");
        }
        text
    }
}

/// A scalar or a comment on the way.
pub(crate) struct Visit<'a> {
    /// Whether the rule selects it.
    pub(crate) selected: bool,
    /// Whether it is a comment that is selected by nothing but another one above it, in the same list.
    pub(crate) by_comment: bool,
    /// The additional data it is authenticated with.
    pub(crate) aad: &'a str,
    /// Where it stands.
    pub(crate) path: &'a ValuePath,
}

/// What the walk does at each leaf.
pub(crate) trait Visitor {
    /// What can go wrong.
    type Error;

    /// A scalar; a comment instead of a value is allowed in lists only.
    fn scalar(&mut self, scalar: Scalar, visit: &Visit<'_>) -> Result<Leaf, Self::Error>;

    /// A comment of a mapping, which stays a comment.
    fn comment(&mut self, comment: Comment, visit: &Visit<'_>) -> Result<Comment, Self::Error>;

    /// A comment of a list: treated like any other unless said otherwise.
    fn list_comment(
        &mut self,
        comment: Comment,
        visit: &Visit<'_>,
    ) -> Result<Element, Self::Error> {
        self.comment(comment, visit).map(Element::Comment)
    }

    /// A comment in place of a mapping's value.
    fn misplaced(&mut self, path: &ValuePath) -> Self::Error;
}

/// What a visitor makes of a scalar.
pub(crate) enum Leaf {
    Scalar(Scalar),
    Comment(Comment),
}

/// Walks over a tree and replaces its leaves.
pub(crate) fn walk<V: Visitor>(
    tree: &mut Tree,
    selection: &Selection,
    visitor: &mut V,
) -> Result<(), V::Error> {
    for (position, document) in tree.documents.iter_mut().enumerate() {
        let mut walker = Walker {
            selection,
            visitor,
            aad: String::new(),
            path: ValuePath::document(position),
        };
        walker.mapping(document, Scope::default())?;
    }
    Ok(())
}

/// What the way to a container says about what is in it.
#[derive(Clone, Copy, Default)]
struct Scope {
    /// A key on the way matches.
    key: bool,
    /// A comment that is active on an outer level matches.
    comment: bool,
}

struct Walker<'a, V> {
    selection: &'a Selection,
    visitor: &'a mut V,
    aad: String,
    path: ValuePath,
}

impl<V: Visitor> Walker<'_, V> {
    fn mapping(&mut self, mapping: &mut Mapping, scope: Scope) -> Result<(), V::Error> {
        let mut active = false;
        for item in &mut mapping.items {
            match item {
                Item::Comment(comment) => {
                    let matched = self.selection.matches_comment(&comment.text);
                    let selected = self.selects_comment(scope, active, matched);
                    active |= matched;
                    let taken = std::mem::replace(comment, Comment::new(""));
                    *comment = self.leaf(selected, false, |visitor, visit| {
                        visitor.comment(taken, visit)
                    })?;
                }
                Item::Entry(entry) => {
                    let aad_length = self.aad.len();
                    self.aad.push_str(&entry.key);
                    self.aad.push(':');
                    self.path.push_key(&entry.key);
                    let inner = Scope {
                        key: scope.key || self.selection.matches_key(&entry.key),
                        comment: scope.comment || active,
                    };
                    if let Some(comment) = self.value(&mut entry.value, inner)? {
                        drop(comment);
                        return Err(self.visitor.misplaced(&self.path));
                    }
                    self.path.pop();
                    self.aad.truncate(aad_length);
                    active = false;
                }
            }
        }
        Ok(())
    }

    fn sequence(&mut self, elements: &mut [Element], scope: Scope) -> Result<(), V::Error> {
        let mut active = false;
        let mut index = 0;
        for element in elements {
            self.path.push_index(index);
            match element {
                Element::Comment(comment) => {
                    let matched = self.selection.matches_comment(&comment.text);
                    let selected = self.selects_comment(scope, active, matched);
                    active |= matched;
                    let taken = std::mem::replace(comment, Comment::new(""));
                    let by_comment = selected && !self.selects(scope);
                    *element = self.leaf(selected, by_comment, |visitor, visit| {
                        visitor.list_comment(taken, visit)
                    })?;
                }
                Element::Value(value) => {
                    let inner = Scope {
                        comment: scope.comment || active,
                        ..scope
                    };
                    if let Some(comment) = self.value(value, inner)? {
                        // An encrypted comment is an element. What stands above it holds for the value below.
                        *element = Element::Comment(comment);
                    } else {
                        index += 1;
                        active = false;
                    }
                }
            }
            self.path.pop();
        }
        Ok(())
    }

    /// Walks into a value; a comment comes back where a scalar turned into one.
    fn value(&mut self, value: &mut Value, scope: Scope) -> Result<Option<Comment>, V::Error> {
        match value {
            Value::Null => {}
            Value::Mapping(mapping) => self.mapping(mapping, scope)?,
            Value::Sequence(elements) => self.sequence(elements, scope)?,
            Value::Scalar(_) => {
                let Value::Scalar(scalar) = std::mem::replace(value, Value::Null) else {
                    return Ok(None);
                };
                let selected = self.selects(scope);
                match self.leaf(selected, false, |visitor, visit| {
                    visitor.scalar(scalar, visit)
                })? {
                    Leaf::Scalar(scalar) => *value = Value::Scalar(scalar),
                    Leaf::Comment(comment) => return Ok(Some(comment)),
                }
            }
        }
        Ok(None)
    }

    fn leaf<T>(
        &mut self,
        selected: bool,
        by_comment: bool,
        visit: impl FnOnce(&mut V, &Visit<'_>) -> Result<T, V::Error>,
    ) -> Result<T, V::Error> {
        let aad = if self.aad.is_empty() { ":" } else { &self.aad };
        visit(
            self.visitor,
            &Visit {
                selected,
                by_comment,
                aad,
                path: &self.path,
            },
        )
    }

    fn selects(&self, scope: Scope) -> bool {
        (scope.key || scope.comment) == self.selection.encrypts_matches()
    }

    /// A comment that makes what follows encrypted stays clear itself; one that makes what
    /// follows clear is clear too.
    fn selects_comment(&self, scope: Scope, active: bool, matched: bool) -> bool {
        let matched = matched && !self.selection.encrypts_matches();
        let scope = Scope {
            comment: scope.comment || active || matched,
            ..scope
        };
        self.selects(scope)
    }
}
