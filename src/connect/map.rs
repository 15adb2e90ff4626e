//! `--connect-map FILE`: where targets really are, like curl's `--connect-to`.
//!
//! The file is JSON:
//! `{"version": 1, "targets": {"192.168.1.101:50000": "127.0.0.1:40001"}, "others": "direct",
//! "git": {"url": "http://127.0.0.1:40100/homelab.git", "serves": "working-tree"}}`.
//! A target that is not listed is dialled directly, unless `others` is `refuse`.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};

use super::{Connecting, Connector, Route, SharedConnector, Target};

/// The file's content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectMap {
    /// The form of the file: 1.
    pub version: u32,
    /// Where each target really is.
    #[serde(default)]
    pub targets: BTreeMap<Target, Target>,
    /// What becomes of targets that are not listed.
    #[serde(default)]
    pub others: Others,
    /// The Git remote, when it is not where the spec says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<GitEntry>,
}

/// What becomes of targets that are not listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Others {
    /// They are dialled as they are.
    #[default]
    Direct,
    /// They are refused, so that nothing outside the map is touched.
    Refuse,
}

/// Where the Git remote really is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GitEntry {
    /// Its URL, `http://` or `https://`; its host and port are looked up in the map too.
    pub url: String,
    /// What it serves.
    #[serde(default)]
    pub serves: Serves,
}

/// What a Git remote serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Serves {
    /// A repository of its own: its branch is compared with the local commit.
    #[default]
    Repository,
    /// This working tree as it is: whatever commit it shows is the right one.
    WorkingTree,
}

/// Why a file is not a connection map.
#[derive(Debug, thiserror::Error)]
pub enum ParseConnectMapError {
    /// It is not the JSON that was expected.
    #[error("not a connection map")]
    Syntax(#[from] serde_json::Error),
    /// It has another form.
    #[error("expected a connection map of version 1, found version {0}")]
    Version(u32),
}

impl ConnectMap {
    /// The only version there is.
    pub const VERSION: u32 = 1;

    /// Reads the file's content.
    pub fn parse(text: &str) -> Result<Self, ParseConnectMapError> {
        let map: Self = serde_json::from_str(text)?;
        if map.version == Self::VERSION {
            Ok(map)
        } else {
            Err(ParseConnectMapError::Version(map.version))
        }
    }
}

/// Redirects targets by a map.
pub struct Mapped {
    map: ConnectMap,
    inner: SharedConnector,
}

impl Mapped {
    /// Puts a map in front of a connector.
    pub fn new(map: ConnectMap, inner: SharedConnector) -> Self {
        Self { map, inner }
    }
}

impl Connector for Mapped {
    fn connect<'a>(&'a self, target: &'a Target) -> Connecting<'a> {
        match self.map.targets.get(target) {
            Some(mapped) => self.inner.connect(mapped),
            None if self.map.others == Others::Direct => self.inner.connect(target),
            None => Box::pin(async move {
                Err(io::Error::new(
                    io::ErrorKind::ConnectionRefused,
                    format!("`{target}` is not in the connection map"),
                ))
            }),
        }
    }

    fn route(&self, target: &Target) -> Route {
        match self.map.targets.get(target) {
            None if self.map.others == Others::Direct => self.inner.route(target),
            _ => Route::Redirected,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Notes what it is asked for and refuses it.
    #[derive(Default)]
    struct Noting(Mutex<Vec<String>>);

    impl Connector for Noting {
        fn connect<'a>(&'a self, target: &'a Target) -> Connecting<'a> {
            self.0.lock().expect("one thread").push(target.to_string());
            Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) })
        }

        fn route(&self, _target: &Target) -> Route {
            Route::Direct
        }
    }

    async fn dialled(map: &str) -> Vec<String> {
        let noting = Arc::new(Noting::default());
        let mapped = Mapped::new(ConnectMap::parse(map).expect("a map"), noting.clone());
        for target in [
            Target::new("10.0.0.1", 50000),
            Target::new("10.0.0.2", 50000),
        ] {
            assert!(mapped.connect(&target).await.is_err());
        }
        let dialled = noting.0.lock().expect("one thread");
        dialled.clone()
    }

    #[tokio::test]
    async fn redirects_what_is_listed_and_dials_the_rest() {
        let map = r#"{"version": 1, "targets": {"10.0.0.1:50000": "127.0.0.1:40001"}}"#;
        assert_eq!(dialled(map).await, ["127.0.0.1:40001", "10.0.0.2:50000"]);
    }

    #[tokio::test]
    async fn touches_nothing_outside_a_closed_map() {
        let map = r#"{"version": 1, "others": "refuse", "targets": {"10.0.0.1:50000": "127.0.0.1:40001"}}"#;
        assert_eq!(dialled(map).await, ["127.0.0.1:40001"]);
    }

    #[test]
    fn only_what_is_not_in_an_open_map_is_reached_directly() {
        let target = |last: u8| Target::new(format!("10.0.0.{last}"), 50000);
        let targets = r#""targets": {"10.0.0.1:50000": "127.0.0.1:40001"}"#;
        for (others, second) in [("direct", Route::Direct), ("refuse", Route::Redirected)] {
            let text = format!(r#"{{"version": 1, "others": "{others}", {targets}}}"#);
            let map = ConnectMap::parse(&text).expect("a map");
            let mapped = Mapped::new(map, Arc::new(Noting::default()));
            assert_eq!(mapped.route(&target(1)), Route::Redirected);
            assert_eq!(mapped.route(&target(2)), second);
        }
    }

    #[test]
    fn refuses_other_versions_and_unknown_keys() {
        for text in [
            r#"{"version": 2}"#,
            r#"{"version": 1, "tragets": {}}"#,
            "[]",
        ] {
            assert!(ConnectMap::parse(text).is_err(), "{text}");
        }
    }
}
