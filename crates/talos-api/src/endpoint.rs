//! Where a node's API listens.

use std::fmt;
use std::str::FromStr;

/// The port of the Talos API on every node.
pub const DEFAULT_PORT: u16 = 50000;

/// A host (name or address, IPv6 without brackets) and a port.
///
/// ```
/// let endpoint: talos_api::Endpoint = "192.168.1.101".parse()?;
/// assert_eq!(endpoint.to_string(), "192.168.1.101:50000");
/// # Ok::<(), talos_api::ParseEndpointError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    host: String,
    port: u16,
}

/// Why a text names no endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a host with an optional port such as `192.168.1.101:50000`, found `{0}`")]
pub struct ParseEndpointError(String);

impl Endpoint {
    /// Names the API at the usual port of a host.
    pub fn new(host: impl fmt::Display) -> Self {
        Self::with_port(host, DEFAULT_PORT)
    }

    /// Names the API at another port.
    pub fn with_port(host: impl fmt::Display, port: u16) -> Self {
        Self {
            host: host.to_string(),
            port,
        }
    }

    /// Returns the host, IPv6 without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for Endpoint {
    type Err = ParseEndpointError;

    /// Reads the forms that a talosconfig may hold: `host`, `host:port`, `[v6]:port`, a bare IPv6
    /// address, or an `https://` URL (whose default port is 443).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || ParseEndpointError(text.to_owned());
        let (rest, default_port) = match text.strip_prefix("https://") {
            Some(rest) => (rest.strip_suffix('/').unwrap_or(rest), 443),
            None => (text, DEFAULT_PORT),
        };
        let (host, port) = if let Some(bracketed) = rest.strip_prefix('[') {
            let (host, after) = bracketed.split_once(']').ok_or_else(invalid)?;
            match after {
                "" => (host, None),
                _ => (host, Some(after.strip_prefix(':').ok_or_else(invalid)?)),
            }
        } else if rest.matches(':').count() > 1 {
            (rest, None)
        } else {
            match rest.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            }
        };
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || "/,@".contains(c)) {
            return Err(invalid());
        }
        let port = match port {
            Some(port) => port.parse().map_err(|_| invalid())?,
            None => default_port,
        };
        Ok(Self::with_port(host, port))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form_of_a_talosconfig() {
        for (text, expected) in [
            ("192.168.1.101", "192.168.1.101:50000"),
            ("talos-1.lan:50443", "talos-1.lan:50443"),
            ("fd00::1", "[fd00::1]:50000"),
            ("[fd00::1]", "[fd00::1]:50000"),
            ("[fd00::1]:6000", "[fd00::1]:6000"),
            ("https://talos.example.org", "talos.example.org:443"),
            ("https://talos.example.org:8443/", "talos.example.org:8443"),
        ] {
            let endpoint: Endpoint = text.parse().expect(text);
            assert_eq!(endpoint.to_string(), expected);
        }
    }

    #[test]
    fn refuses_lists_and_garbage() {
        for text in [
            "",
            ":50000",
            "a b",
            "10.0.0.1,10.0.0.2",
            "[fd00::1",
            "h:port",
            "[::1]6",
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }
}
