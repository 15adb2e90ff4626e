//! `.sops.yaml`, and the rule that it has for a file.
#![no_main]

use std::path::Path;

use sops_rs::Config;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Ok(config) = Config::parse(text, Path::new("/repository")) else {
        return;
    };
    for file in ["/repository/secrets/a.yaml", "/repository/b.env", "/elsewhere/c"] {
        if let Some(rule) = config.rule_for(Path::new(file)) {
            let _ = rule.encryption_rule();
        }
    }
});
