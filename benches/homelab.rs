//! How long the daily work takes: validate and render by number of nodes, open a bundle, rehearse.
//!
//! Figures of one run compare with each other only: `cargo bench`.
#![allow(
    missing_docs,
    clippy::disallowed_methods,
    reason = "a benchmark is no public interface"
)]
#![allow(clippy::unwrap_used, reason = "a panic is how a benchmark fails")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use homelab::catalog::Catalog;
use homelab::execute::Silent;
use homelab::rehearse::{Script, Stage};
use homelab::spec::{self, Cluster};
use homelab::{render, yaml};
use serde_json::json;
use sops_rs::{Document, EncryptedFile, EncryptionRule, Format, Identities, Identity};

/// Node counts: a shelf, a rack, more than anybody has at home.
const SIZES: [usize; 3] = [3, 100, 1000];

fn spec_text(nodes: usize) -> String {
    let mut text = String::new();
    for number in 0..nodes {
        let role = if number < 3 {
            "control-plane"
        } else {
            "worker"
        };
        let (high, low) = ((number + 256) / 250, (number + 256) % 250 + 1);
        let mac = format!("52:54:00:00:{:02x}:{:02x}", number / 256, number % 256);
        writeln!(
            text,
            "    - {{name: node-{number:04}, role: {role}, address: 10.0.{high}.{low}, disk: {{serial: S{number}}}, nic: {{mac: \"{mac}\"}}}}"
        )
        .unwrap();
    }
    let own = include_str!("../homelab.yaml");
    let (head, tail) = own.split_once("  nodes:\n    - name").unwrap();
    let tail = &tail[tail.find("  secrets:\n").unwrap()..];
    let head = head
        .replace("192.168.1.0/24", "10.0.0.0/16")
        .replace("192.168.1.", "10.0.0.")
        .replace("10.42.0.0/16", "10.64.0.0/12")
        .replace("10.43.0.0/16", "10.96.0.0/16");
    format!("{head}  nodes:\n{text}{tail}")
}

fn cluster(text: &str, catalog: &Catalog) -> Cluster {
    let checked = spec::load("homelab.yaml", text, catalog);
    let messages: Vec<_> = checked
        .diagnostics
        .iter()
        .map(|finding| &finding.message)
        .collect();
    checked.cluster.unwrap_or_else(|| panic!("{messages:?}"))
}

fn validate_and_render(criterion: &mut Criterion) {
    let catalog = Catalog::embedded().unwrap();
    let mut group = criterion.benchmark_group("nodes");
    group.sample_size(10);
    for size in SIZES {
        let text = spec_text(size);
        group.bench_function(BenchmarkId::new("validate", size), |bencher| {
            bencher.iter(|| cluster(black_box(&text), &catalog));
        });
        let cluster = cluster(&text, &catalog);
        group.bench_function(BenchmarkId::new("render", size), |bencher| {
            bencher.iter(|| render::render(black_box(&cluster), &catalog).unwrap());
        });
    }
    group.finish();
}

/// A file as large as a Talos bundle: about twenty values, some of them long.
fn decrypt(criterion: &mut Criterion) {
    let values: Vec<String> = (0..20)
        .map(|number| "0123456789abcdef".repeat(number * 10))
        .collect();
    let document =
        Document::parse(Format::Yaml, &yaml::emit(&json!({ "values": values }))).unwrap();
    let identity = Identity::generate();
    let rule = EncryptionRule::for_recipients(identity.recipient());
    let text = document.encrypt(&rule).unwrap().to_text();
    let identities = Identities::from(identity);
    criterion.bench_function("secrets/decrypt", |bencher| {
        bencher.iter(|| {
            let file = EncryptedFile::parse(Format::Yaml, black_box(&text)).unwrap();
            file.decrypt(&identities).unwrap()
        });
    });
}

/// Per number of nodes: the plan alone, and the whole bootstrap.
fn rehearse(criterion: &mut Criterion) {
    let catalog = Catalog::embedded().unwrap();
    let mut group = criterion.benchmark_group("rehearse");
    group.sample_size(10);
    for size in SIZES {
        let cluster = cluster(&spec_text(size), &catalog);
        let stage = Stage::new(Arc::new(cluster), &catalog).unwrap();
        group.bench_function(BenchmarkId::new("plan", size), |bencher| {
            bencher.iter(|| stage.plan(0).unwrap());
        });
        group.bench_function(BenchmarkId::new("bootstrap", size), |bencher| {
            bencher.iter(|| {
                let rehearsed = stage.bootstrap(&Script::default(), Arc::new(Silent));
                assert!(rehearsed.unwrap().converged());
            });
        });
    }
    group.finish();
}

criterion_group!(benches, validate_and_render, decrypt, rehearse);
criterion_main!(benches);
