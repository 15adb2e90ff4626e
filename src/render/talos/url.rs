//! URLs as Talos merges them: part by part, so that what the patch's does not have stays.

use serde_json::Value;

use super::MergeError;
use crate::model::LeafPath;

/// The parts of a URL, each empty when it is not there.
struct Parts<'a> {
    scheme: &'a str,
    /// What follows the scheme when that is no path.
    opaque: &'a str,
    user: &'a str,
    host: &'a str,
    path: &'a str,
    query: &'a str,
    fragment: &'a str,
}

/// Lays a URL over another; two logins cannot be merged.
pub(super) fn merge(left: &mut Value, right: &Value) -> Result<(), MergeError> {
    let (Some(before), Some(after)) = (left.as_str(), right.as_str()) else {
        left.clone_from(right);
        return Ok(());
    };
    let (before, after) = (Parts::of(before), Parts::of(after));
    if !before.user.is_empty() && !after.user.is_empty() {
        return Err(MergeError::Unmergeable(LeafPath::default()));
    }
    *left = before.under(&after).text().into();
    Ok(())
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Self {
        let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
        let (text, query) = text.split_once('?').unwrap_or((text, ""));
        let (scheme, rest) = text
            .split_once(':')
            .filter(|(scheme, _)| is_scheme(scheme))
            .unwrap_or(("", text));
        let (authority, path, opaque) = match rest.strip_prefix("//") {
            Some(rest) => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                (authority, path, "")
            }
            None if scheme.is_empty() || rest.starts_with('/') => ("", rest, ""),
            None => ("", "", rest),
        };
        let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        Self {
            scheme,
            opaque,
            user,
            host,
            path,
            query,
            fragment,
        }
    }

    fn under(&self, over: &Self) -> Self {
        let either = |under: &'a str, over: &'a str| if over.is_empty() { under } else { over };
        Self {
            scheme: either(self.scheme, over.scheme),
            opaque: either(self.opaque, over.opaque),
            user: either(self.user, over.user),
            host: either(self.host, over.host),
            path: either(self.path, over.path),
            query: either(self.query, over.query),
            fragment: either(self.fragment, over.fragment),
        }
    }

    fn text(&self) -> String {
        let part = |before: &str, part: &str, after: &str| match part {
            "" => String::new(),
            part => format!("{before}{part}{after}"),
        };
        let place = if self.opaque.is_empty() {
            let has_authority = !(self.user.is_empty() && self.host.is_empty());
            let slashes = if has_authority || !self.scheme.is_empty() {
                "//"
            } else {
                ""
            };
            let joint =
                if !self.host.is_empty() && !self.path.is_empty() && !self.path.starts_with('/') {
                    "/"
                } else {
                    ""
                };
            let user = part("", self.user, "@");
            format!("{slashes}{user}{}{joint}{}", self.host, self.path)
        } else {
            self.opaque.to_owned()
        };
        let (scheme, query) = (part("", self.scheme, ":"), part("?", self.query, ""));
        format!("{scheme}{place}{query}{}", part("#", self.fragment, ""))
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_patch_does_not_have_stays() {
        for (left, right, expected) in [
            ("https://a:6443", "https://b:6444", "https://b:6444"),
            ("https://a:6443/x?y=1", "https://b", "https://b/x?y=1"),
            ("udp://me:x@a:1", "tcp://a:2/z", "tcp://me:x@a:2/z"),
        ] {
            let mut url = json!(left);
            merge(&mut url, &json!(right)).expect("merges");
            assert_eq!(url, expected);
        }
        assert!(merge(&mut json!("https://a@b"), &json!("https://c@d")).is_err());
    }
}
