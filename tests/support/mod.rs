//! What the integration tests stand on.
//!
//! - [`Case`]: a test with what it needs from this machine; [`tally`] says what could not run;
//! - [`realparts`]: the real programs, found where `scripts/realparts` keeps them;
//! - [`control_plane`]: a real Kubernetes API;
//! - [`gitops`]: simulated machines with a real Kubernetes and the real Flux;
//! - [`lab`]: real Talos nodes; [`operator`]: somebody who makes a cluster of them;
//! - [`TestEnv`]: a directory of its own in which the built `homelab` runs with nothing inherited;
//! - [`Redactor`]: what differs from run to run, replaced, so that whole outputs can be compared;
//! - [`Random`]: choices that follow from a seed; [`author`]: configurations and patches drawn by one;
//! - [`assert_same`]: where two configurations differ;
//! - [`generated`]: files of this repository that are made from the code and must be current;
//! - [`oracle`]: Talos' own configuration library, asked; [`clusters`], [`made_up`]: clusters to ask it about;
//! - [`raw_api`]: requests to a Kubernetes API as they are;
//! - [`played`]: what a real cluster needs beside it before Git can take over;
//! - [`panics`]: a failure says where, once;
//! - [`planted`]: secrets that must not be seen anywhere;
//! - [`served`]: a simulated world in a process of its own;
//! - [`vault`]: a repository with encryption rules and the key for them;
//! - [`watch`]: what others could see while commands run.

#![allow(dead_code, reason = "a kit offers more than today's cases use")]

pub mod author;
pub mod case;
pub mod clusters;
pub mod control_plane;
pub mod difference;
pub mod env;
pub mod generated;
pub mod gitops;
pub mod host;
pub mod lab;
pub mod made_up;
pub mod operator;
pub mod oracle;
pub mod panics;
pub mod planted;
pub mod played;
pub mod random;
pub mod raw_api;
pub mod realparts;
pub mod redact;
pub mod served;
pub mod tally;
pub mod vault;
pub mod watch;
pub mod x509;

pub(crate) use case::cases;
pub use case::{Case, Need};
pub use difference::{assert_kept, assert_same};
pub use env::{Run, TestEnv, walk};
pub use oracle::Oracle;
pub use planted::Planted;
pub use random::Random;
pub use redact::Redactor;
pub use served::World;
pub use watch::Watch;
