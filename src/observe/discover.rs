//! Who answers in a network: machines with the Talos API, and hosts with SSH.
//!
//! Polite: one address is knocked at once, on two ports, a few addresses at a time. Bounded: a
//! network has at most [`MOST_HOSTS`] addresses. Nothing is changed and nothing is guessed: what
//! does not answer is left out.

use std::net::IpAddr;
use std::time::Duration;

use futures::StreamExt as _;
use ipnet::IpNet;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};

use super::node::{Depth, machine};
use crate::connect::{Connector, SharedConnector, Target};
use crate::plan::{Answer, Discovered, NodeState};
use crate::talos::Talos;

/// The most addresses that are asked: a /20 of IPv4.
pub const MOST_HOSTS: usize = 4096;

const TALOS_PORT: u16 = 50000;
const SSH_PORT: u16 = 22;
/// In its own network a host answers within milliseconds.
const KNOCK: Duration = Duration::from_millis(1500);
/// The first line of an SSH server is at most this long (RFC 4253).
const BANNER: u64 = 255;

/// Returns the addresses of a network that hosts can have; `None` when they are too many.
pub fn hosts(network: IpNet) -> Option<Vec<IpAddr>> {
    let hosts: Vec<IpAddr> = network.hosts().take(MOST_HOSTS + 1).collect();
    (hosts.len() <= MOST_HOSTS).then_some(hosts)
}

/// Asks every address; returns who answered, by address.
pub async fn discover(
    hosts: Vec<IpAddr>,
    talos: &Talos,
    connector: &SharedConnector,
) -> Vec<Discovered> {
    let asking = futures::stream::iter(hosts)
        .map(|address| ask(address, talos, connector.as_ref()))
        .buffer_unordered(super::AT_ONCE);
    let mut found: Vec<_> = asking.filter_map(std::future::ready).collect().await;
    found.sort_by_key(|it| it.address);
    found
}

async fn ask(address: IpAddr, talos: &Talos, connector: &dyn Connector) -> Option<Discovered> {
    let (is_talos, ssh) = futures::join!(
        knock(address, TALOS_PORT, connector),
        banner(address, connector)
    );
    if is_talos {
        let state = machine(talos, address, Depth::Full(None)).await;
        // What listens at the port and speaks no TLS is something else.
        if !matches!(state, NodeState::Unreachable { .. }) {
            let answer = Answer::Talos(Box::new(state));
            return Some(Discovered { address, answer });
        }
    }
    let answer = Answer::Ssh(ssh?);
    Some(Discovered { address, answer })
}

async fn knock(address: IpAddr, port: u16, connector: &dyn Connector) -> bool {
    let target = Target::new(address, port);
    let answered = tokio::time::timeout(KNOCK, connector.connect(&target)).await;
    matches!(answered, Ok(Ok(_)))
}

/// Reads how an SSH server introduces itself.
async fn banner(address: IpAddr, connector: &dyn Connector) -> Option<String> {
    let target = Target::new(address, SSH_PORT);
    let reading = async {
        let stream = connector.connect(&target).await.ok()?;
        let mut line = Vec::new();
        BufReader::new(stream.take(BANNER))
            .read_until(b'\n', &mut line)
            .await
            .ok()?;
        let line = String::from_utf8(line).ok()?;
        let plain = line.trim_end().starts_with("SSH-")
            && line
                .trim_end()
                .chars()
                .all(|c| c.is_ascii_graphic() || c == ' ');
        plain.then(|| line.trim_end().to_owned())
    };
    tokio::time::timeout(KNOCK, reading).await.ok()?
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::AsyncWriteExt as _;

    use super::*;
    use crate::connect::{Connecting, Route, Stream};
    use crate::model::SystemClock;

    /// A network in which the hosts below 10 speak SSH, or something else, and nobody else is.
    #[derive(Default)]
    struct Lab {
        open: AtomicUsize,
        most: AtomicUsize,
    }

    impl Connector for Lab {
        fn connect<'a>(&'a self, target: &'a Target) -> Connecting<'a> {
            Box::pin(async move {
                let open = self.open.fetch_add(1, Ordering::Relaxed) + 1;
                self.most.fetch_max(open, Ordering::Relaxed);
                tokio::task::yield_now().await;
                self.open.fetch_sub(1, Ordering::Relaxed);
                let words: &[u8] = match target.host.as_str() {
                    "10.0.0.1" => b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
                    "10.0.0.2" => b"HTTP/1.1 400 Bad Request\r\n",
                    "10.0.0.3" => b"SSH-2.0-\x1b[2Jfunny\r\n",
                    "10.0.0.4" => b"",
                    _ => return Err(io::ErrorKind::ConnectionRefused.into()),
                };
                if target.port != SSH_PORT {
                    return Err(io::ErrorKind::ConnectionRefused.into());
                }
                let (near, mut far) = tokio::io::duplex(1024);
                far.write_all(words).await?;
                Ok(Box::new(near) as Box<dyn Stream>)
            })
        }

        fn route(&self, _target: &Target) -> Route {
            Route::Direct
        }
    }

    #[tokio::test(start_paused = true)]
    async fn hosts_with_ssh_are_known_by_their_greeting_and_few_are_asked_at_once() {
        let lab = Arc::new(Lab::default());
        let connector: SharedConnector = lab.clone();
        let talos = Talos::anonymous(Arc::clone(&connector), Arc::new(SystemClock));
        let hosts = hosts("10.0.0.0/22".parse().expect("a network")).expect("few enough");
        assert_eq!(hosts.len(), 1022);
        let found = discover(hosts, &talos, &connector).await;
        let expected = Discovered {
            address: "10.0.0.1".parse().expect("an address"),
            answer: Answer::Ssh("SSH-2.0-OpenSSH_9.2p1 Debian-2".to_owned()),
        };
        assert_eq!(found, [expected]);
        assert!(lab.most.load(Ordering::Relaxed) <= 2 * crate::observe::AT_ONCE);
    }

    #[test]
    fn a_network_that_is_too_large_is_not_asked() {
        let network = |text: &str| text.parse().expect("a network");
        assert_eq!(hosts(network("10.0.0.0/20")).map(|it| it.len()), Some(4094));
        assert_eq!(hosts(network("10.0.0.0/19")), None);
        assert_eq!(hosts(network("fd00::/64")), None);
        assert_eq!(hosts(network("10.0.0.7/32")).map(|it| it.len()), Some(1));
    }
}
