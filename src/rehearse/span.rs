//! Spans that vary with the seed: how long something takes, told apart by what it is about.
//!
//! Two tables use this, one for machines and one for what moves inside Kubernetes. Equal seeds
//! give equal spans in every build and on every computer.

use std::time::Duration;

/// A span that varies with the seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    base: u64,
    spread: u64,
}

/// Makes a span of `base` seconds and up to `spread` more.
pub(super) const fn span(base: u64, spread: u64) -> Span {
    Span { base, spread }
}

impl Span {
    /// Returns the span for this thing in the world of this seed.
    pub(super) fn of(self, seed: u64, about: &str) -> Duration {
        let share = mix(seed, about) % (self.spread * 1000 + 1);
        Duration::from_millis(self.base * 1000 + share)
    }
}

/// Mixes a seed and a text: FNV-1a, then avalanche.
pub(super) fn mix(seed: u64, text: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}
