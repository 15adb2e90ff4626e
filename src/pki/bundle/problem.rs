//! What can be wrong with a bundle. Every problem names its entry, and none says what it holds.

use jiff::Timestamp;

/// What stands in place of every secret in a text that was printed for reading.
pub(super) const REDACTED: &str = "******";

/// Something about a bundle that its owner must know. `path` is the entry in the bundle's file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleProblem {
    /// There is no text where one belongs.
    #[error("`{path}` is missing")]
    Missing {
        /// The entry.
        path: &'static str,
    },
    /// A value was left out on purpose.
    #[error("`{path}` is redacted (`{REDACTED}`)")]
    Redacted {
        /// The entry.
        path: &'static str,
    },
    /// A value is not 32 bytes in base64.
    #[error("`{path}` is not base64 of 32 bytes")]
    KeyLength {
        /// The entry.
        path: &'static str,
    },
    /// A token has another form.
    #[error("`{path}` is not a token of the form `abcdef.0123456789abcdef`")]
    Token {
        /// The entry.
        path: &'static str,
    },
    /// Both keys of Secrets in etcd are there.
    #[error(
        "`secrets.aescbcencryptionsecret` stands beside `{path}`, where one of the two belongs"
    )]
    TwoEncryptionSecrets {
        /// The entry.
        path: &'static str,
    },
    /// A certificate or key is not readable.
    #[error("`{path}` is not usable: {reason}")]
    Unusable {
        /// The entry.
        path: &'static str,
        /// Why, with its causes.
        reason: String,
    },
    /// A key is of a kind that its use does not allow.
    #[error("`{path}` is an Ed25519 key, with which Kubernetes signs no tokens")]
    KeyKind {
        /// The entry.
        path: &'static str,
    },
    /// A certificate may not sign others.
    #[error("the certificate in `{path}` is not a certificate authority")]
    NotAuthority {
        /// The entry.
        path: &'static str,
    },
    /// The key is another certificate's.
    #[error("certificate and key in `{path}` do not belong together")]
    Mismatch {
        /// The entry.
        path: &'static str,
    },
    /// A certificate does not hold any more.
    #[error("the certificate in `{path}` ended on {until}")]
    Ended {
        /// The entry.
        path: &'static str,
        /// Its last moment.
        until: Timestamp,
    },
    /// A certificate does not hold yet.
    #[error("the certificate in `{path}` holds only from {from} on")]
    NotYet {
        /// The entry.
        path: &'static str,
        /// Its first moment.
        from: Timestamp,
    },
    /// A certificate holds, but not for long any more.
    #[error("the certificate in `{path}` ends on {until}")]
    EndsSoon {
        /// The entry.
        path: &'static str,
        /// Its last moment.
        until: Timestamp,
    },
    /// The entry is another cluster's than the one that is known here.
    #[error("`{path}` is another cluster's than the one that this repository is known to run")]
    OtherCluster {
        /// The entry.
        path: &'static str,
    },
}

impl BundleProblem {
    /// Returns the entry of the bundle's file that it is about.
    pub fn path(&self) -> &'static str {
        match self {
            Self::Missing { path }
            | Self::Redacted { path }
            | Self::KeyLength { path }
            | Self::Token { path }
            | Self::TwoEncryptionSecrets { path }
            | Self::Unusable { path, .. }
            | Self::KeyKind { path }
            | Self::NotAuthority { path }
            | Self::Mismatch { path }
            | Self::Ended { path, .. }
            | Self::NotYet { path, .. }
            | Self::EndsSoon { path, .. }
            | Self::OtherCluster { path } => path,
        }
    }

    /// Tells whether the bundle makes a cluster all the same.
    pub fn is_warning(&self) -> bool {
        matches!(self, Self::EndsSoon { .. })
    }
}
