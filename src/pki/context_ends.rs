//! Until when the contexts of a client file hold: all of them, whoever put them there.

use jiff::Timestamp;
use serde_json::Value;

use super::Validity;
use super::contexts::{kube_certificate, talos_certificate};

/// A context that a certificate proves, and the time of that certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextEnd {
    /// The context's name.
    pub name: String,
    /// From when to when it holds.
    pub validity: Validity,
}

impl Validity {
    /// Tells whether it holds and less than a tenth of its time is left: an hour of eight, a month of a year.
    pub fn ends_soon(&self, now: Timestamp) -> bool {
        const PART: i32 = 10;
        let (left, whole) = (
            self.until.duration_since(now),
            self.until.duration_since(self.from),
        );
        self.holds_at(now) && left < whole / PART
    }
}

/// Returns the contexts of a `talosconfig` that have a certificate.
pub fn talos_ends(file: &Value) -> Vec<ContextEnd> {
    let contexts = file["contexts"].as_object().into_iter().flatten();
    let ends = contexts.filter_map(|(name, _)| {
        let validity = talos_certificate(file, name).ok()?.validity();
        let name = name.clone();
        Some(ContextEnd { name, validity })
    });
    ends.collect()
}

/// Returns the contexts of a kubeconfig that have a certificate in them.
pub fn kube_ends(file: &Value) -> Vec<ContextEnd> {
    let contexts = file["contexts"].as_array().into_iter().flatten();
    let ends = contexts.filter_map(|context| {
        let name = context["name"].as_str()?.to_owned();
        let validity = kube_certificate(file, &name).ok()?.validity();
        Some(ContextEnd { name, validity })
    });
    ends.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    /// Ten hours: the last one is soon.
    #[test]
    fn the_last_tenth_is_soon() {
        let validity = Validity {
            from: at("2027-01-01T00:00:00Z"),
            until: at("2027-01-01T10:00:00Z"),
        };
        assert!(!validity.ends_soon(at("2027-01-01T09:00:00Z")));
        assert!(validity.ends_soon(at("2027-01-01T09:00:01Z")));
        assert!(validity.ends_soon(at("2027-01-01T10:00:00Z")));
        assert!(!validity.ends_soon(at("2027-01-01T10:00:01Z")), "it ended");
    }
}
