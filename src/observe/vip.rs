//! Whether somebody else has the virtual IP: asked by TCP first, then of the kernel.
//!
//! A host that drops what it is sent still has to answer for its hardware address in its own
//! network, and the kernel remembers whether somebody did. Beyond that nothing can be told.

use std::io::ErrorKind;
use std::net::IpAddr;
use std::time::Duration;

use crate::connect::{Connector, Route, Target};
use crate::plan::VipProbe;

const PROBE_DEADLINE: Duration = Duration::from_secs(3);
/// Linux' table of IPv4 neighbours.
const NEIGHBOURS: &str = "/proc/net/arp";

/// What the kernel knows about an address of its own network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Neighbour {
    /// Somebody answered for it.
    There,
    /// Nobody did.
    Nobody,
    /// It is not in a network of this computer, or the kernel does not tell.
    Unknown,
}

/// Probes the virtual IP. `ours` tells whether this cluster can already be answering there.
pub async fn vip(address: IpAddr, port: u16, ours: bool, connector: &dyn Connector) -> VipProbe {
    let target = Target::new(address, port);
    let answered = tokio::time::timeout(PROBE_DEADLINE, connector.connect(&target)).await;
    let met = match answered {
        Ok(Ok(_)) => Met::Answer,
        Ok(Err(error)) => Met::Error(error.kind()),
        Err(_) => Met::Silence,
    };
    let neighbour = match connector.route(&target) {
        Route::Direct => neighbour(address),
        Route::Redirected => Neighbour::Unknown,
    };
    judge(met, connector.route(&target), neighbour, ours)
}

/// What the attempt to connect met.
#[derive(Clone, Copy, Debug)]
enum Met {
    Answer,
    Error(ErrorKind),
    Silence,
}

fn judge(met: Met, route: Route, neighbour: Neighbour, ours: bool) -> VipProbe {
    match (met, route, neighbour) {
        (Met::Answer, ..) if ours => VipProbe::Ours,
        // A cluster that starts may hold the address and not serve yet.
        _ if ours => VipProbe::Silent,
        // A refusal comes from somebody; only a map's own end says no when nobody is behind it.
        (Met::Answer, ..)
        | (_, Route::Direct, Neighbour::There)
        | (Met::Error(ErrorKind::ConnectionRefused), Route::Direct, _) => VipProbe::Taken,
        (Met::Error(ErrorKind::ConnectionRefused | ErrorKind::HostUnreachable), ..)
        | (_, _, Neighbour::Nobody) => VipProbe::Silent,
        _ => VipProbe::Unknown,
    }
}

/// Asks the kernel, which has just looked for the address' owner.
fn neighbour(address: IpAddr) -> Neighbour {
    match fs_err::read_to_string(NEIGHBOURS) {
        Ok(table) => entry(&table, address),
        Err(_) => Neighbour::Unknown,
    }
}

/// Finds an address in the table: its third column has the flag 2 when the owner is known.
fn entry(table: &str, address: IpAddr) -> Neighbour {
    let wanted = address.to_string();
    let mut lines = table.lines().skip(1).map(str::split_ascii_whitespace);
    let flags = lines.find_map(|mut columns| {
        (columns.next() == Some(wanted.as_str())).then(|| columns.nth(1))?
    });
    let flags = flags
        .and_then(|text| text.strip_prefix("0x"))
        .and_then(|text| u32::from_str_radix(text, 16).ok());
    match flags {
        Some(flags) if flags & 2 != 0 => Neighbour::There,
        Some(_) => Neighbour::Nobody,
        None => Neighbour::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // As Linux 6.12 prints it after a ping to a host that is there and to one that is not.
    const TABLE: &str = "\
IP address       HW type     Flags       HW address            Mask     Device
192.168.1.1      0x1         0x2         52:54:00:aa:bb:cc     *        eth0
192.168.1.100    0x1         0x0         00:00:00:00:00:00     *        eth0
";

    #[test]
    fn the_kernel_tells_who_answered_for_an_address() {
        let look = |address: &str| entry(TABLE, address.parse().expect("an address"));
        assert_eq!(look("192.168.1.1"), Neighbour::There);
        assert_eq!(look("192.168.1.100"), Neighbour::Nobody);
        assert_eq!(look("192.168.1.10"), Neighbour::Unknown);
        assert_eq!(look("fd00::1"), Neighbour::Unknown);
    }

    #[test]
    fn silence_is_judged_by_the_kernel_and_a_refusal_by_the_way_it_came() {
        use Neighbour::{Nobody, There, Unknown};
        let refused = Met::Error(ErrorKind::ConnectionRefused);
        let unreachable = Met::Error(ErrorKind::HostUnreachable);
        for (met, route, neighbour, expected) in [
            (Met::Answer, Route::Direct, There, VipProbe::Taken),
            (Met::Answer, Route::Redirected, Unknown, VipProbe::Taken),
            (refused, Route::Direct, There, VipProbe::Taken),
            (refused, Route::Direct, Unknown, VipProbe::Taken),
            (refused, Route::Redirected, Unknown, VipProbe::Silent),
            (unreachable, Route::Direct, Nobody, VipProbe::Silent),
            (unreachable, Route::Direct, Unknown, VipProbe::Silent),
            (Met::Silence, Route::Direct, There, VipProbe::Taken),
            (Met::Silence, Route::Direct, Nobody, VipProbe::Silent),
            (Met::Silence, Route::Direct, Unknown, VipProbe::Unknown),
            (Met::Silence, Route::Redirected, Unknown, VipProbe::Unknown),
        ] {
            assert_eq!(
                judge(met, route, neighbour, false),
                expected,
                "{met:?} {route:?} {neighbour:?}"
            );
        }
        assert_eq!(
            judge(Met::Answer, Route::Direct, There, true),
            VipProbe::Ours
        );
        assert_eq!(judge(refused, Route::Direct, There, true), VipProbe::Silent);
    }
}
