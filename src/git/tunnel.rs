//! A way for the user's own `git` through the connector: a door on loopback, open while it runs.
//!
//! For `https://` the door is an HTTP proxy, for `ssh://` it stands in for the host; names, host
//! keys and certificates stay those of the real remote. Where the connector reaches the remote
//! directly, no door is needed and `git` goes its own way.

use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::connect::{Connector, Target};

/// A request line with its headers is at most this long.
const MAX_REQUEST: usize = 8 * 1024;

/// How `git` reaches a remote over the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// HTTP in TLS.
    Https(Target),
    /// SSH.
    Ssh(Target),
}

/// A door that is open.
pub(super) struct Tunnel {
    listener: TcpListener,
    way: Way,
}

impl Way {
    /// Reads from a remote's URL how it is reached; `None` when no network is needed for it.
    pub(super) fn of(url: &str) -> Option<Self> {
        let authority = |rest: &str, port: u16| {
            let host = rest.split(['/', '?']).next().unwrap_or_default();
            let host = host.rsplit('@').next().unwrap_or_default();
            let with_port = host.parse::<Target>().ok();
            let bare = || Target::new(host.trim_matches(['[', ']']), port);
            (!host.is_empty()).then(|| with_port.unwrap_or_else(bare))
        };
        if let Some(rest) = url.strip_prefix("https://") {
            return authority(rest, 443).map(Self::Https);
        }
        if let Some(rest) = url.strip_prefix("ssh://") {
            return authority(rest, 22).map(Self::Ssh);
        }
        // `git@host:path`, as long as no slash comes before the colon.
        let (host, _) = url.split_once(':').filter(|_| !url.contains("://"))?;
        let is_local = host.contains('/') || host.is_empty();
        (!is_local).then(|| authority(host, 22).map(Self::Ssh))?
    }

    /// Returns where it leads.
    pub(super) fn target(&self) -> &Target {
        match self {
            Self::Https(target) | Self::Ssh(target) => target,
        }
    }
}

impl Tunnel {
    /// Opens a door.
    pub(super) async fn open(way: Way) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        Ok(Self { listener, way })
    }

    /// Returns the variables that send `git` to the door.
    pub(super) fn environment(&self) -> io::Result<Vec<(&'static str, String)>> {
        let port = self.listener.local_addr()?.port();
        Ok(match &self.way {
            Way::Https(_) => vec![
                ("GIT_CONFIG_COUNT", "1".to_owned()),
                ("GIT_CONFIG_KEY_0", "http.proxy".to_owned()),
                ("GIT_CONFIG_VALUE_0", format!("http://127.0.0.1:{port}")),
            ],
            Way::Ssh(target) => vec![(
                "GIT_SSH_COMMAND",
                format!(
                    "ssh -o HostName=127.0.0.1 -o Port={port} -o HostKeyAlias={} -o CheckHostIP=no -o ProxyCommand=none -o ProxyJump=none",
                    target.host
                ),
            )],
        })
    }

    /// Passes connections on for as long as it is polled.
    pub(super) async fn serve(&self, connector: &dyn Connector) -> Infallible {
        let mut open = FuturesUnordered::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => {
                    // A caller that has gone is no loss.
                    if let Ok((stream, _)) = accepted {
                        open.push(self.pass(stream, connector));
                    }
                }
                Some(_) = open.next(), if !open.is_empty() => {}
            }
        }
    }

    async fn pass(&self, near: TcpStream, connector: &dyn Connector) -> io::Result<()> {
        let mut near = BufReader::new(near);
        let target = match &self.way {
            Way::Ssh(target) => target.clone(),
            Way::Https(_) => asked_for(&mut near).await?,
        };
        let mut far = connector.connect(&target).await?;
        if matches!(self.way, Way::Https(_)) {
            near.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
                .await?;
        }
        tokio::io::copy_bidirectional(&mut near, &mut far).await?;
        Ok(())
    }
}

/// Reads `CONNECT host:port` and the headers after it.
async fn asked_for(near: &mut BufReader<TcpStream>) -> io::Result<Target> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    let mut target = None;
    let mut read = 0;
    loop {
        let mut line = String::new();
        read += near.read_line(&mut line).await?;
        if line.is_empty() || read > MAX_REQUEST {
            return Err(invalid());
        }
        if line.trim_end().is_empty() {
            return target.ok_or_else(invalid);
        }
        if target.is_none() {
            let mut words = line.split_ascii_whitespace();
            let is_connect = words.next() == Some("CONNECT");
            let asked = words.next().filter(|_| is_connect).ok_or_else(invalid)?;
            target = Some(asked.parse().map_err(|_| invalid())?);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;
    use crate::connect::{Connecting, Route, Stream};

    #[test]
    fn urls_tell_how_they_are_reached() {
        let https = |host: &str, port| Some(Way::Https(Target::new(host, port)));
        let ssh = |host: &str, port| Some(Way::Ssh(Target::new(host, port)));
        for (url, expected) in [
            ("https://github.com/a/b.git", https("github.com", 443)),
            ("https://me@git.lan:8443/b.git", https("git.lan", 8443)),
            ("ssh://git@github.com/a/b.git", ssh("github.com", 22)),
            ("ssh://git@git.lan:2222/b.git", ssh("git.lan", 2222)),
            ("ssh://git@[fd00::1]:2222/b.git", ssh("fd00::1", 2222)),
            ("ssh://[fd00::1]/b.git", ssh("fd00::1", 22)),
            ("git@github.com:a/b.git", ssh("github.com", 22)),
            ("/srv/git/b.git", None),
            ("./a:b", None),
            ("file:///srv/git/b.git", None),
            ("http://git.lan/b.git", None),
        ] {
            assert_eq!(Way::of(url), expected, "{url}");
        }
    }

    /// Answers with the name of whoever was asked for.
    struct Naming;

    impl Connector for Naming {
        fn connect<'a>(&'a self, target: &'a Target) -> Connecting<'a> {
            Box::pin(async move {
                let (near, mut far) = tokio::io::duplex(1024);
                far.write_all(target.to_string().as_bytes()).await?;
                Ok(Box::new(near) as Box<dyn Stream>)
            })
        }

        fn route(&self, _target: &Target) -> Route {
            Route::Redirected
        }
    }

    async fn told(way: Way, request: &[u8]) -> String {
        let tunnel = Tunnel::open(way).await.expect("a door opens");
        let door = tunnel.listener.local_addr().expect("it has an address");
        let calling = async {
            let mut stream = TcpStream::connect(door).await.expect("it is open");
            stream.write_all(request).await.expect("it listens");
            let mut answer = String::new();
            stream
                .read_to_string(&mut answer)
                .await
                .expect("it answers in text");
            answer
        };
        tokio::select! {
            answer = calling => answer,
            never = tunnel.serve(&Naming) => match never {},
        }
    }

    #[tokio::test]
    async fn a_door_leads_where_the_connector_leads() {
        let ssh = Way::Ssh(Target::new("git.lan", 2222));
        assert_eq!(told(ssh, b"").await, "git.lan:2222");
        let https = || Way::Https(Target::new("git.lan", 443));
        let request = b"CONNECT git.lan:443 HTTP/1.1\r\nHost: git.lan:443\r\n\r\n";
        assert_eq!(
            told(https(), request).await,
            "HTTP/1.1 200 Connection established\r\n\r\ngit.lan:443"
        );
        assert_eq!(told(https(), b"GET / HTTP/1.1\r\n\r\n").await, "");
    }
}
