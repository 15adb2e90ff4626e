//! Choices that follow from a seed, so that a failure repeats itself.

use homelab::pki::{Entropy as _, SeededEntropy};

/// A sequence of choices.
pub struct Random(SeededEntropy);

impl Random {
    /// Starts the sequence of this seed.
    pub fn new(seed: u64) -> Self {
        Self(SeededEntropy::new(seed))
    }

    /// A number below a limit.
    pub fn below(&mut self, limit: u8) -> u8 {
        let mut byte = [0];
        self.0.fill(&mut byte);
        byte[0] % limit
    }

    /// Yes or no.
    pub fn flag(&mut self) -> bool {
        self.below(2) == 0
    }

    /// One of some.
    pub fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        let limit = u8::try_from(choices.len()).expect("a few");
        choices[usize::from(self.below(limit))].clone()
    }

    /// Any number of some, in their order.
    pub fn some<T: Clone>(&mut self, choices: &[T]) -> Vec<T> {
        choices.iter().filter(|_| self.flag()).cloned().collect()
    }
}
