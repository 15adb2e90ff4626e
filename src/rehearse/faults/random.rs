//! Faults by seed: which, how many, and at which steps.

use clap::ValueEnum as _;

use super::fault::{Fault, FaultAt};
use crate::rehearse::span::mix;

/// Marks a fault that strikes at a step of the seed's choice.
pub(super) const ANYWHERE: &str = "?";

/// The most that go wrong in one rehearsal.
const MOST: u64 = 3;

/// Chooses one to three faults; where they strike is decided when the steps are known.
pub fn random(seed: u64) -> Vec<FaultAt> {
    let mut left: Vec<Fault> = Fault::value_variants().to_vec();
    let count = 1 + mix(seed, "how many faults") % MOST;
    let mut chosen = Vec::new();
    for number in 0..count {
        let place = mix(seed, &format!("fault {number}")) % (left.len() as u64).max(1);
        let Ok(place) = usize::try_from(place) else {
            break;
        };
        chosen.push(FaultAt {
            fault: left.swap_remove(place),
            step: Some(ANYWHERE.to_owned()),
        });
    }
    chosen
}
