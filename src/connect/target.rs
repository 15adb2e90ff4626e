//! A host and a port.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A host (name or address, IPv6 without brackets) and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Target {
    /// A DNS name or an address.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

/// Why a text is not a target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `host:port` such as `192.168.1.101:50000`, found `{0}`")]
pub struct ParseTargetError(String);

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

impl FromStr for Target {
    type Err = ParseTargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || ParseTargetError(text.to_owned());
        let (host, port) = text.rsplit_once(':').ok_or_else(invalid)?;
        let host = match host.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']').ok_or_else(invalid)?,
            None if host.contains(':') => return Err(invalid()),
            None => host,
        };
        if host.is_empty() {
            return Err(invalid());
        }
        Ok(Self::new(host, port.parse().map_err(|_| invalid())?))
    }
}

impl TryFrom<String> for Target {
    type Error = ParseTargetError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        target.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for text in ["192.168.1.101:50000", "[fd00::1]:6443", "git.lan:80"] {
            assert_eq!(text.parse::<Target>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn refuses_anything_else() {
        for text in [
            "",
            "host",
            ":80",
            "host:port",
            "fd00::1:80x",
            "fd00::1:80",
            "[fd00::1:80",
        ] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }
}
