//! Simulated Talos machines: what they are, what they do with time, and their API.
//!
//! [`Fleet`] is the state of all machines, without clock, network or randomness; [`SharedFleet`]
//! serves it on byte streams with the real protocols. The world around tells machines what they
//! cannot know (whether a Kubernetes node is ready, whether a virtual IP leads anywhere), decides
//! by [`Reach`] what a connection attempt meets, and reads the account of what was done: wipes,
//! mutations, etcd clusters. Codes and words are those of Talos 1.13.9.

mod ailments;
mod calls;
mod config;
mod disk;
mod drive;
mod durations;
mod events;
mod fleet;
mod history;
mod identity;
mod known;
#[expect(clippy::module_inception, reason = "the file is named after its type")]
mod machine;
mod progress;
mod resources;
mod serve;
mod service;
mod services;
mod spec;
mod state_service;
mod surroundings;
mod time_service;

pub use ailments::Ailments;
pub use config::{ConfigError, MachineConfig};
pub use fleet::{Fleet, Mutation};
pub use history::{Passage, Standing};
pub use machine::{Machine, Reach, Wipe};
pub use serve::SharedFleet;
pub use spec::{DiskSpec, Holding, MachineSpec};

#[cfg(test)]
mod tests;
