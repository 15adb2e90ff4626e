//! Faults: what goes wrong in a rehearsal, when, and for how long.
//!
//! A [`Fault`] is a name; [`FaultAt`] says at which step it strikes. [`Director`] listens to the
//! run as anybody can and lets faults strike; what is then wrong is kept by the machines and in
//! [`Ongoing`]. The engine knows none of this.

mod director;
mod fault;
mod ongoing;
mod random;

pub use director::{Director, Struck};
pub use fault::{Fault, FaultAt, ParseFaultError, is_step};
pub use ongoing::{EtcdState, Fate, Ongoing};
pub use random::random;
