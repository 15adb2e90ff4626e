//! The connector seam: every byte to a node, to the Kubernetes API or to Git passes here.
//!
//! Real runs dial TCP; `--connect-map` redirects targets (tunnels, port forwards, a served
//! rehearsal); seeded rehearsals hand out in-memory streams. Nothing above knows which.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

/// A byte stream in both directions.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What [`Connector::connect`] returns.
pub type Connecting<'a> = Pin<Box<dyn Future<Output = io::Result<Box<dyn Stream>>> + Send + 'a>>;

/// A way to reach a host and port.
pub trait Connector: Send + Sync {
    /// Opens a stream to the target.
    fn connect<'a>(&'a self, target: &'a Target) -> Connecting<'a>;
}

/// A connector that can be shared.
pub type SharedConnector = Arc<dyn Connector>;

/// A host (name or address, IPv6 without brackets) and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// A DNS name or an address.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

impl Target {
    /// Names a target.
    pub fn new(host: impl fmt::Display, port: u16) -> Self {
        Self {
            host: host.to_string(),
            port,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Dials TCP.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tcp;

impl Connector for Tcp {
    fn connect<'a>(&'a self, target: &'a Target) -> Connecting<'a> {
        Box::pin(async move {
            let stream =
                tokio::net::TcpStream::connect((target.host.as_str(), target.port)).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }
}
