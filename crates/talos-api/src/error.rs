//! What can go wrong between a caller and a node, in the terms a caller acts on.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use tonic::Code;

use crate::{Endpoint, Fingerprint, Peer};

/// Why a node could not be connected to, or a call to it did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing took the connection: the node is off, booting, or elsewhere.
    #[error("cannot reach `{endpoint}`")]
    Unreachable {
        /// Who was dialled.
        endpoint: Endpoint,
        /// What the network said.
        #[source]
        source: io::Error,
    },
    /// No answer came in time. A change that was asked for may have happened.
    #[error("no answer to `{method}` from `{endpoint}` within {after:?}")]
    Deadline {
        /// Who was asked.
        endpoint: Endpoint,
        /// What was asked; `connect` while the connection was being made.
        method: &'static str,
        /// How long the caller waited.
        after: Duration,
    },
    /// One side does not accept who the other is.
    #[error("`{endpoint}` {problem}")]
    Identity {
        /// Who was dialled.
        endpoint: Endpoint,
        /// What is wrong.
        problem: IdentityProblem,
        /// The certificate that the node showed, if it came to that.
        peer: Option<Box<Peer>>,
    },
    /// The connection ended before the reply. A change that was asked for may have happened.
    #[error("the connection to `{endpoint}` ended during `{method}`")]
    Lost {
        /// Who was asked.
        endpoint: Endpoint,
        /// What was asked; `connect` while the connection was being made.
        method: &'static str,
        /// How the connection ended.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The node answered and said no.
    #[error("`{endpoint}` refused `{method}`: {message} ({code:?})")]
    Refused {
        /// Who was asked.
        endpoint: Endpoint,
        /// What was asked.
        method: &'static str,
        /// The kind of refusal.
        code: Code,
        /// The node's own words.
        message: String,
    },
    /// The node answered something that its API does not allow.
    #[error("`{endpoint}` answered `{method}` with {what}")]
    Malformed {
        /// Who was asked.
        endpoint: Endpoint,
        /// What was asked.
        method: &'static str,
        /// What is wrong with the answer.
        what: String,
    },
}

/// Why one side does not accept who the other is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentityProblem {
    /// The node's certificate is not signed by the expected authority: it waits in maintenance
    /// mode, or belongs to another cluster. [`Peer::is_maintenance`] tells which.
    UnknownAuthority,
    /// The node's certificate, or its clock, is out of date.
    Expired,
    /// The node's certificate begins in the future by the caller's clock.
    NotYetValid,
    /// The certificate is genuine, but names other hosts than the one that was dialled.
    WrongName,
    /// The certificate is not one of the pinned ones.
    NotPinned(Fingerprint),
    /// Maintenance mode was expected, but the node has an identity already.
    NotInMaintenance,
    /// The node wants a client certificate and got none, or does not accept the one it got.
    ClientCertificateRefused,
    /// The TLS handshake failed otherwise.
    Handshake(String),
}

impl fmt::Display for IdentityProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownAuthority => {
                f.write_str("shows a certificate that the cluster's authority did not sign")
            }
            Self::Expired => f.write_str("shows a certificate that has expired"),
            Self::NotYetValid => f.write_str("shows a certificate that is not valid yet"),
            Self::WrongName => f.write_str("shows a certificate that does not name this host"),
            Self::NotPinned(fingerprint) => {
                write!(
                    f,
                    "shows a certificate with the fingerprint `{fingerprint}`, not a pinned one"
                )
            }
            Self::NotInMaintenance => f.write_str("is configured already: not in maintenance mode"),
            Self::ClientCertificateRefused => f.write_str("does not accept the client certificate"),
            Self::Handshake(reason) => write!(f, "broke off the TLS handshake: {reason}"),
        }
    }
}

impl Error {
    /// Returns who the error is about.
    pub fn endpoint(&self) -> &Endpoint {
        match self {
            Self::Unreachable { endpoint, .. }
            | Self::Deadline { endpoint, .. }
            | Self::Identity { endpoint, .. }
            | Self::Lost { endpoint, .. }
            | Self::Refused { endpoint, .. }
            | Self::Malformed { endpoint, .. } => endpoint,
        }
    }

    /// Returns the kind of refusal, when the node itself said no.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Returns the certificate that the node showed when identities did not match.
    pub fn peer(&self) -> Option<&Peer> {
        match self {
            Self::Identity { peer, .. } => peer.as_deref(),
            _ => None,
        }
    }

    /// Tells whether a change that was asked for may have happened although no reply came.
    pub fn is_outcome_unknown(&self) -> bool {
        matches!(self, Self::Deadline { .. } | Self::Lost { .. })
    }
}
