//! A way to reach a host and port, and the one over TCP.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use super::Target;

/// A byte stream in both directions.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What [`Connector::connect`] returns.
pub type Connecting<'a> = Pin<Box<dyn Future<Output = io::Result<Box<dyn Stream>>> + Send + 'a>>;

/// A way to reach a host and port.
pub trait Connector: Send + Sync {
    /// Opens a stream to the target.
    fn connect<'a>(&'a self, target: &'a Target) -> Connecting<'a>;

    /// Tells how this computer reaches the target. Only on a direct way does the kernel know about
    /// it, and can another program be sent there.
    fn route(&self, target: &Target) -> Route;
}

/// How a target is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Over the network of this computer, at the target's own address.
    Direct,
    /// Through something else: a tunnel, a map, memory.
    Redirected,
}

/// A connector that can be shared.
pub type SharedConnector = Arc<dyn Connector>;

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

    fn route(&self, _target: &Target) -> Route {
        Route::Direct
    }
}
