//! Points at which a run can be ended, as a power cut would: counted at the seam, not in the logic.
//!
//! A point is reached when a request leaves, when a reply has come in, and when a journal line is
//! on disk. A probe that answers [`Verdict::Cut`] freezes everything of the run from then on; the
//! caller then drops it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Connecting, Connector, Route, SharedConnector, Stream, Target};

/// What has just happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Point {
    /// Bytes are about to leave after some had come in: a request. One that is cut never arrives.
    Sent(Target),
    /// Bytes came in after some had left: a reply is here, nobody has acted on it.
    Received(Target),
    /// A journal line is on disk.
    Journalled,
}

/// What becomes of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Continue,
    /// It is frozen.
    Cut,
}

/// Sees every point of a run.
pub trait Probe: Send + Sync {
    /// Is told of a point; once it answers [`Verdict::Cut`] it always does.
    fn reached(&self, point: &Point) -> Verdict;

    /// Tells whether the run has been cut.
    fn is_cut(&self) -> bool;
}

/// A probe that can be shared.
pub type SharedProbe = Arc<dyn Probe>;

/// The probe of real runs: sees nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProbe;

impl Probe for NoProbe {
    fn reached(&self, _point: &Point) -> Verdict {
        Verdict::Continue
    }

    fn is_cut(&self) -> bool {
        false
    }
}

/// A connector whose streams tell a probe what passes.
pub struct Probed {
    inner: SharedConnector,
    probe: SharedProbe,
}

impl Probed {
    /// Watches a connector.
    pub fn new(inner: SharedConnector, probe: SharedProbe) -> Self {
        Self { inner, probe }
    }
}

impl Connector for Probed {
    fn connect<'a>(&'a self, target: &'a Target) -> Connecting<'a> {
        Box::pin(async move {
            if self.probe.is_cut() {
                std::future::pending::<()>().await;
            }
            let inner = self.inner.connect(target).await?;
            let stream = ProbedStream {
                inner,
                probe: Arc::clone(&self.probe),
                target: target.clone(),
                last: Direction::In,
            };
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }

    fn route(&self, target: &Target) -> Route {
        self.inner.route(target)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    In,
    Out,
}

struct ProbedStream {
    inner: Box<dyn Stream>,
    probe: SharedProbe,
    target: Target,
    last: Direction,
}

impl AsyncWrite for ProbedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.probe.is_cut() {
            return Poll::Pending;
        }
        if self.last == Direction::In {
            self.last = Direction::Out;
            if self.probe.reached(&Point::Sent(self.target.clone())) == Verdict::Cut {
                return Poll::Pending;
            }
        }
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

impl AsyncRead for ProbedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.probe.is_cut() {
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        std::task::ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        if buffer.filled().len() > before && self.last == Direction::Out {
            self.last = Direction::In;
            if self.probe.reached(&Point::Received(self.target.clone())) == Verdict::Cut {
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(()))
    }
}
