//! Whether a bundle can make a cluster: before anything is applied, not after.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::model::decode_key;
use super::{EncodedPair, PartError, SecretsBundle};
use crate::model::Secret;
use crate::pki::token;

/// Something that makes a bundle unusable. `path` is the place in the bundle's file.
#[derive(Debug, thiserror::Error)]
pub enum BundleProblem {
    /// A value is empty.
    #[error("`{path}` is empty")]
    Empty {
        /// The place.
        path: &'static str,
    },
    /// A value is not 32 bytes in base64.
    #[error("`{path}` is not base64 of 32 bytes")]
    KeyLength {
        /// The place.
        path: &'static str,
    },
    /// A token has another form.
    #[error("`{path}` is not a token of the form `abcdef.0123456789abcdef`")]
    Token {
        /// The place.
        path: &'static str,
    },
    /// Neither or both of the keys of Secrets in etcd are there.
    #[error(
        "expected exactly one of `secrets.secretboxencryptionsecret` and `secrets.aescbcencryptionsecret`"
    )]
    EncryptionSecret,
    /// A certificate or key is not readable.
    #[error("`{path}` is not usable")]
    Unusable {
        /// The place.
        path: &'static str,
        /// Why.
        #[source]
        source: PartError,
    },
    /// A certificate may not sign others.
    #[error("the certificate in `{path}` is not a certificate authority")]
    NotAuthority {
        /// The place.
        path: &'static str,
    },
    /// The key is another certificate's.
    #[error("certificate and key in `{path}` do not belong together")]
    Mismatch {
        /// The place.
        path: &'static str,
    },
    /// The certificate does not hold now.
    #[error("the certificate in `{path}` holds from {from} until {until}, not now")]
    NotNow {
        /// The place.
        path: &'static str,
        /// The first moment.
        from: Timestamp,
        /// The last moment.
        until: Timestamp,
    },
}

impl SecretsBundle {
    /// Returns everything that makes this bundle unusable at this moment.
    pub fn problems(&self, now: Timestamp) -> Vec<BundleProblem> {
        let mut problems = Vec::new();
        if self.cluster.id.is_empty() {
            problems.push(BundleProblem::Empty { path: "cluster.id" });
        }
        problems.extend(key_material("cluster.secret", &self.cluster.secret));
        problems.extend(join_token(
            "secrets.bootstraptoken",
            &self.secrets.bootstrap_token,
        ));
        problems.extend(join_token("trustdinfo.token", &self.trustd_token));
        problems.extend(self.encryption_problem());
        let certificates = &self.certificates;
        for (path, pair) in [
            ("certs.etcd", &certificates.etcd),
            ("certs.k8s", &certificates.k8s),
            ("certs.k8saggregator", &certificates.k8s_aggregator),
            ("certs.os", &certificates.os),
        ] {
            problems.extend(authority(path, pair, now));
        }
        if let Err(source) = decode_key(&certificates.k8s_service_account) {
            let path = "certs.k8sserviceaccount.key";
            problems.push(BundleProblem::Unusable { path, source });
        }
        problems
    }

    fn encryption_problem(&self) -> Option<BundleProblem> {
        let secrets = &self.secrets;
        match (
            &secrets.secretbox_encryption_secret,
            &secrets.aescbc_encryption_secret,
        ) {
            (Some(key), None) => key_material("secrets.secretboxencryptionsecret", key),
            (None, Some(key)) => key_material("secrets.aescbcencryptionsecret", key),
            _ => Some(BundleProblem::EncryptionSecret),
        }
    }
}

fn key_material(path: &'static str, value: &Secret<String>) -> Option<BundleProblem> {
    let length = STANDARD.decode(value.expose()).map(|bytes| bytes.len());
    (length != Ok(32)).then_some(BundleProblem::KeyLength { path })
}

fn join_token(path: &'static str, value: &Secret<String>) -> Option<BundleProblem> {
    (!token::is_well_formed(value.expose())).then_some(BundleProblem::Token { path })
}

fn authority(path: &'static str, pair: &EncodedPair, now: Timestamp) -> Option<BundleProblem> {
    let authority = match pair.authority() {
        Ok(authority) => authority,
        Err(source) => return Some(BundleProblem::Unusable { path, source }),
    };
    let validity = authority.certificate.validity();
    if !authority.certificate.is_authority() {
        Some(BundleProblem::NotAuthority { path })
    } else if authority.certificate.public_key() != authority.key.public_key() {
        Some(BundleProblem::Mismatch { path })
    } else if !validity.holds_at(now) {
        let (from, until) = (validity.from, validity.until);
        Some(BundleProblem::NotNow { path, from, until })
    } else {
        None
    }
}
