//! A client for the API of Talos Linux nodes.
//!
//! - **Two ways in.** [`Identity::Maintenance`] reaches a node that waits for its first
//!   configuration, with its public key pinned where it is known; [`Identity::Mutual`] reaches a
//!   configured node with the credentials of a talosconfig.
//! - **The caller owns the network and the time.** Bytes come from a [`Dial`], certificates are
//!   judged by [`Options::time`], and no call waits longer than its deadline, because some calls
//!   of Talos never return.
//! - **Errors are decisions.** Nobody there, somebody else there, a refusal, and an unknown
//!   outcome are different things to a caller, so that they are different [`Error`]s.
//!
//! ```no_run
//! use talos_api::{ApplyMode, Client, DryRun, Endpoint, Identity, Options};
//!
//! # async fn example(configuration: &[u8]) -> Result<(), talos_api::Error> {
//! let node = Endpoint::new("192.168.1.101");
//! let identity = Identity::Maintenance { fingerprints: vec![] };
//! let client = Client::connect(&node, &identity, &Options::default()).await?;
//! println!("{} is {}", client.peer().fingerprint, client.version().await?.tag);
//! for disk in client.list::<talos_api::resources::Disk>().await? {
//!     println!("{} {} {}", disk.id, disk.spec.serial, disk.spec.pretty_size);
//! }
//! client.apply_configuration(configuration, ApplyMode::Auto, DryRun::No).await?;
//! # Ok(())
//! # }
//! ```
//!
//! The definitions in `proto/` are this crate's own: the part of the API that it uses. Feature
//! `server` adds the server side of the same services, for simulated nodes.

mod client;
mod credentials;
mod dial;
mod endpoint;
mod error;
mod events;
mod kubeconfig;
mod machine;
mod peer;
pub mod proto;
pub mod resources;
#[cfg(feature = "server")]
pub mod server;
mod state;
mod talosconfig;
mod transport;
mod verify;

pub use client::{Client, Identity, InvalidNode, Options};
pub use credentials::{Credentials, CredentialsError};
pub use dial::{Dial, Dialing, Stream, Tcp};
pub use endpoint::{DEFAULT_PORT, Endpoint, ParseEndpointError};
pub use error::{Error, IdentityProblem};
pub use events::{Event, Events, Payload};
pub use machine::{
    Applied, ApplyMode, DryRun, EtcdMember, RebootMode, Service, Version, WallClock,
};
pub use peer::{Fingerprint, ParseFingerprintError, Peer};
pub use state::{Change, Kind, Resource, Singleton, Watch};
pub use talosconfig::{Context, Talosconfig, TalosconfigError};
pub use tonic::Code;
