//! Whether a bundle can make a cluster: before anything is applied, not after.
//!
//! The document is judged as it was read, so that everything that is wrong with it is found at once:
//! a bundle that lacks one value is looked at as closely as a whole one.

use std::error::Error;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;

use super::model::{decode_certificate, decode_key};
use super::problem::REDACTED;
use super::{BundleProblem, SecretsBundle};
use crate::model::Secret;
use crate::pki::{Certificate, KeyAlgorithm, token};

/// From this long before its end on, somebody should look after a certificate authority.
pub const AUTHORITY_NOTICE: Duration = Duration::from_hours(180 * 24);

const SECRETBOX: &str = "secrets.secretboxencryptionsecret";
const AESCBC: &str = "secrets.aescbcencryptionsecret";
const SERVICE_ACCOUNT: &str = "certs.k8sserviceaccount.key";

/// An authority's entry, and those of its certificate and key.
const AUTHORITIES: [[&str; 3]; 4] = [
    ["certs.etcd", "certs.etcd.crt", "certs.etcd.key"],
    ["certs.k8s", "certs.k8s.crt", "certs.k8s.key"],
    [
        "certs.k8saggregator",
        "certs.k8saggregator.crt",
        "certs.k8saggregator.key",
    ],
    ["certs.os", "certs.os.crt", "certs.os.key"],
];

impl SecretsBundle {
    /// Returns everything about this bundle that its owner must know at this moment.
    pub fn problems(&self, now: Timestamp) -> Vec<BundleProblem> {
        problems(&self.to_document(), now)
    }
}

/// Returns everything about a bundle's document that its owner must know at this moment.
pub fn problems(document: &Value, now: Timestamp) -> Vec<BundleProblem> {
    let mut check = Check {
        document,
        now,
        found: Vec::new(),
    };
    check.text("cluster.id");
    check.key_material("cluster.secret");
    check.token("secrets.bootstraptoken");
    check.encryption();
    check.token("trustdinfo.token");
    for entry in AUTHORITIES {
        check.authority(entry);
    }
    check.service_account();
    check.found
}

/// Returns the entries that a bundle lacks. Their names can be read without a key.
pub fn missing(document: &Value) -> Vec<BundleProblem> {
    // The values are not known, so nothing else is said about them.
    let mut found = problems(document, Timestamp::UNIX_EPOCH);
    found.retain(|problem| matches!(problem, BundleProblem::Missing { .. }));
    found
}

struct Check<'a> {
    document: &'a Value,
    now: Timestamp,
    found: Vec<BundleProblem>,
}

impl<'a> Check<'a> {
    fn find(&self, path: &str) -> Option<&'a str> {
        let found = path
            .split('.')
            .try_fold(self.document, |value, key| value.get(key));
        found
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    }

    /// Returns the text of an entry that must be there.
    fn text(&mut self, path: &'static str) -> Option<&'a str> {
        match self.find(path) {
            None => self.found.push(BundleProblem::Missing { path }),
            Some(REDACTED) => self.found.push(BundleProblem::Redacted { path }),
            Some(text) => return Some(text),
        }
        None
    }

    fn key_material(&mut self, path: &'static str) {
        let Some(text) = self.text(path) else { return };
        let length = STANDARD.decode(text).map(|bytes| bytes.len());
        if length != Ok(32) {
            self.found.push(BundleProblem::KeyLength { path });
        }
    }

    fn token(&mut self, path: &'static str) {
        let Some(text) = self.text(path) else { return };
        if !token::is_well_formed(text) {
            self.found.push(BundleProblem::Token { path });
        }
    }

    /// Clusters that are older than secretbox have the other one.
    fn encryption(&mut self) {
        match (self.find(SECRETBOX), self.find(AESCBC)) {
            (Some(_), Some(_)) => {
                let path = SECRETBOX;
                self.found
                    .push(BundleProblem::TwoEncryptionSecrets { path });
            }
            (None, Some(_)) => self.key_material(AESCBC),
            (_, None) => self.key_material(SECRETBOX),
        }
    }

    fn authority(&mut self, [path, certificate_path, key_path]: [&'static str; 3]) {
        let certificate = self.decoded(certificate_path, decode_certificate);
        let key = self.decoded(key_path, |text| decode_key(&Secret::new(text.to_owned())));
        let Some(certificate) = certificate else {
            return;
        };
        if !certificate.is_authority() {
            self.found.push(BundleProblem::NotAuthority { path });
        } else if key.is_some_and(|key| key.public_key() != certificate.public_key()) {
            self.found.push(BundleProblem::Mismatch { path });
        }
        self.time(path, &certificate);
    }

    fn time(&mut self, path: &'static str, certificate: &Certificate) {
        let (from, until) = (certificate.validity().from, certificate.validity().until);
        let soon = self.now.checked_add(AUTHORITY_NOTICE);
        let soon = soon.unwrap_or(Timestamp::MAX);
        if until < self.now {
            self.found.push(BundleProblem::Ended { path, until });
        } else if self.now < from {
            self.found.push(BundleProblem::NotYet { path, from });
        } else if until < soon {
            self.found.push(BundleProblem::EndsSoon { path, until });
        }
    }

    fn service_account(&mut self) {
        let path = SERVICE_ACCOUNT;
        let key = self.decoded(path, |text| decode_key(&Secret::new(text.to_owned())));
        if key.is_some_and(|key| key.algorithm() == KeyAlgorithm::Ed25519) {
            self.found.push(BundleProblem::KeyKind { path });
        }
    }

    fn decoded<T, E: Error>(
        &mut self,
        path: &'static str,
        decode: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match decode(self.text(path)?) {
            Ok(decoded) => Some(decoded),
            Err(error) => {
                let reason = with_causes(&error);
                self.found.push(BundleProblem::Unusable { path, reason });
                None
            }
        }
    }
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&[": ", &error.to_string()].concat());
        cause = error.source();
    }
    text
}
