//! Findings as SARIF 2.1.0, the format that code scanning reads.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::model::hexadecimal;
use crate::store::sealed::check::{Code, Finding};

/// Returns the log of one run.
pub(super) fn log(findings: &[Finding]) -> Value {
    let rules: Vec<Value> = Code::ALL.into_iter().map(rule).collect();
    let results: Vec<Value> = findings.iter().map(result).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "homelab secrets check",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "utf16CodeUnits",
            "results": results,
        }],
    })
}

fn rule(code: Code) -> Value {
    json!({
        "id": code.name(),
        "shortDescription": {"text": code.summary()},
        "defaultConfiguration": {"level": level(code)},
    })
}

fn level(code: Code) -> &'static str {
    if code.is_error() { "error" } else { "warning" }
}

fn result(finding: &Finding) -> Value {
    let index = Code::ALL.iter().position(|code| *code == finding.code);
    json!({
        "ruleId": finding.code.name(),
        "ruleIndex": index,
        "level": level(finding.code),
        "message": {"text": format!("{}. To do: {}.", finding.message, finding.remedy)},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": uri(finding.file.as_str()), "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": finding.line},
        }}],
        "partialFingerprints": {"homelab/v1": fingerprint(finding)},
    })
}

/// What makes a finding the same one although lines above it were added.
fn fingerprint(finding: &Finding) -> String {
    let text = format!("{}\0{}\0{}", finding.code, finding.file, finding.message);
    hexadecimal(&Sha256::digest(text)[..16])
}

/// A relative URI: whatever is not unreserved in RFC 3986 is percent-encoded.
fn uri(path: &str) -> String {
    path.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}
