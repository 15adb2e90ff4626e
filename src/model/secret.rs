//! A value that cannot be printed.

use zeroize::{Zeroize, Zeroizing};

/// A secret: no `Debug`, no `Display`, no `Serialize`; wiped from memory when dropped.
///
/// Reading it takes the word [`expose`](Secret::expose), which a reviewer can search for.
#[derive(Clone)]
pub struct Secret<T: Zeroize>(Zeroizing<T>);

impl<T: Zeroize> Secret<T> {
    /// Takes a value into custody.
    pub fn new(value: T) -> Self {
        Self(Zeroizing::new(value))
    }

    /// Returns the secret itself.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}
