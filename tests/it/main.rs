//! The integration tests: one program, run by `cargo test` (`docs/testing.md`).
//!
//! A topic is a file in this folder whose `tests()` returns its cases. To add one, write the file,
//! declare it below and name it in `TOPICS`; a case checks that no file was forgotten. The
//! harness is libtest-mimic, since a case may find only at run time that it cannot run here.

#![allow(
    unreachable_pub,
    reason = "nothing of a test program can be reached from outside"
)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests are no pure module"
)]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "../support/mod.rs"]
mod support;

mod age_keys;
mod browser;
mod bundle;
mod client_files;
mod cluster_secrets;
mod command_line;
mod fences;
mod generated_docs;
mod gitops;
mod harness;
mod hidden_secrets;
mod images;
mod init;
mod kubernetes_api;
mod rehearse;
mod render;
mod rendered_objects;
mod repository;
mod secrets;
mod secrets_change;
mod secrets_check;
mod secrets_edit;
mod secrets_git;
mod secrets_input;
mod served_cluster;
mod simulated_api;
mod simulated_machines;
mod sops;
mod sops_config;
mod sops_formats;
mod sops_in_place;
mod sops_layouts;
mod spec;
mod talos_base;
mod talos_cluster;
mod talos_config;
mod talos_docs;
mod talos_explain;
mod talos_full;
mod talos_goldens;
mod talos_hardware;
mod talos_identity;
mod talos_merge;
mod talos_node;
mod talos_patch_shapes;
mod talos_patches;
mod talos_pki;
mod talos_random_verdicts;
mod talos_upstream_patches;
mod talos_verdicts;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use support::{Case, panics, tally};

/// A topic's name and its cases.
type Topic = (&'static str, fn() -> Vec<Case>);

/// Every topic.
const TOPICS: &[Topic] = &[
    ("browser", browser::tests),
    ("age_keys", age_keys::tests),
    ("bundle", bundle::tests),
    ("client_files", client_files::tests),
    ("cluster_secrets", cluster_secrets::tests),
    ("command_line", command_line::tests),
    ("fences", fences::tests),
    ("generated_docs", generated_docs::tests),
    ("gitops", gitops::tests),
    ("harness", harness::tests),
    ("hidden_secrets", hidden_secrets::tests),
    ("images", images::tests),
    ("init", init::tests),
    ("kubernetes_api", kubernetes_api::tests),
    ("simulated_api", simulated_api::tests),
    ("simulated_machines", simulated_machines::tests),
    ("talos_base", talos_base::tests),
    ("talos_config", talos_config::tests),
    ("talos_docs", talos_docs::tests),
    ("talos_explain", talos_explain::tests),
    ("talos_goldens", talos_goldens::tests),
    ("talos_hardware", talos_hardware::tests),
    ("talos_identity", talos_identity::tests),
    ("talos_merge", talos_merge::tests),
    ("talos_patch_shapes", talos_patch_shapes::tests),
    ("talos_patches", talos_patches::tests),
    ("talos_pki", talos_pki::tests),
    ("talos_random_verdicts", talos_random_verdicts::tests),
    ("talos_upstream_patches", talos_upstream_patches::tests),
    ("talos_verdicts", talos_verdicts::tests),
    ("rehearse", rehearse::tests),
    ("render", render::tests),
    ("rendered_objects", rendered_objects::tests),
    ("repository", repository::tests),
    ("spec", spec::tests),
    ("secrets", secrets::tests),
    ("secrets_change", secrets_change::tests),
    ("secrets_check", secrets_check::tests),
    ("secrets_edit", secrets_edit::tests),
    ("secrets_git", secrets_git::tests),
    ("secrets_input", secrets_input::tests),
    ("served_cluster", served_cluster::tests),
    ("sops", sops::tests),
    ("sops_config", sops_config::tests),
    ("sops_formats", sops_formats::tests),
    ("sops_in_place", sops_in_place::tests),
    ("sops_layouts", sops_layouts::tests),
    ("talos_cluster", talos_cluster::tests),
    ("talos_full", talos_full::tests),
    ("talos_node", talos_node::tests),
];

fn main() -> ExitCode {
    panics::take_reports();
    let arguments = Arguments::from_args();
    let trials = TOPICS
        .iter()
        .flat_map(|(topic, cases)| cases().into_iter().map(|case| case.into_trial(topic)))
        .collect::<Vec<Trial>>();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if !arguments.list {
        tally::print();
    }
    conclusion.exit_code()
}
