//! The connector seam: every byte to a node, to the Kubernetes API or to Git passes here.
//!
//! Real runs dial TCP; `--connect-map` redirects targets (tunnels, port forwards, a served
//! rehearsal); seeded rehearsals hand out in-memory streams. Nothing above knows which. A probe
//! can count what passes and cut it off, so that a run can be ended at any point.

mod connector;
mod error_text;
mod map;
mod probe;
mod target;
mod tls;

pub use connector::{Connecting, Connector, Route, SharedConnector, Stream, Tcp};
pub use error_text::{error_text, plain};
pub use map::{ConnectMap, GitEntry, Mapped, Others, ParseConnectMapError, Serves};
pub use probe::{NoProbe, Point, Probe, Probed, SharedProbe, Verdict};
pub use target::{ParseTargetError, Target};
pub use tls::CertificateTime;
