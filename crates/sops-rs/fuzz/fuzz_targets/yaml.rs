//! Plain YAML documents.
#![no_main]

use sops_rs::Format;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sops_rs_fuzz::round_trip(Format::Yaml, bytes));
