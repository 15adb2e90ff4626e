//! Where findings are collected.

use std::fmt::Display;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

use crate::spec::code::Code;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::raw::Text;
use crate::yaml::Span;

/// Everything that was found so far.
#[derive(Debug, Default)]
pub(in crate::spec) struct Findings {
    diagnostics: Vec<Diagnostic>,
}

impl Findings {
    /// Starts with what was already found.
    pub(in crate::spec) fn new(diagnostics: Vec<Diagnostic>) -> Self {
        Self { diagnostics }
    }

    /// Returns everything.
    pub(in crate::spec) fn into_inner(self) -> Vec<Diagnostic> {
        self.diagnostics
    }

    /// Adds a finding.
    pub(in crate::spec) fn add(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Adds findings.
    pub(in crate::spec) fn extend(&mut self, diagnostics: Vec<Diagnostic>) {
        self.diagnostics.extend(diagnostics);
    }

    /// Parses a text whose error message says what was expected.
    pub(super) fn parsed<T>(&mut self, text: &Text) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        match text.value.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.invalid(text.span, error.to_string());
                None
            }
        }
    }

    /// Parses an IP address.
    pub(super) fn address(&mut self, text: &Text) -> Option<IpAddr> {
        let address = text.value.parse().ok();
        if address.is_none() {
            let message = format!("expected an IP address such as `192.168.1.10`, found `{text}`");
            let finding = Diagnostic::new(Code::InvalidValue, text.span, message);
            self.add(match text.value.split_once('/') {
                Some((address, _)) => {
                    finding.help(format!("write `{address}`, without its network"))
                }
                None => finding,
            });
        }
        address
    }

    /// Parses a network; one with host bits is reported and returned without them.
    pub(super) fn network(&mut self, text: &Text) -> Option<IpNet> {
        let Ok(network) = text.value.parse::<IpNet>() else {
            let message = format!("expected a network such as `10.42.0.0/16`, found `{text}`");
            self.invalid(text.span, message);
            return None;
        };
        if network.addr() != network.network() {
            let message = format!("`{text}` has bits set outside its network");
            let finding = Diagnostic::new(Code::HostBits, text.span, message)
                .label(format!("the network is /{} long", network.prefix_len()))
                .help(format!("did you mean `{}`?", network.trunc()));
            self.add(finding);
        }
        Some(network.trunc())
    }

    /// Adds a finding about a value that is not allowed.
    pub(super) fn invalid(&mut self, span: Span, message: impl Into<String>) {
        self.add(Diagnostic::new(Code::InvalidValue, span, message));
    }
}
