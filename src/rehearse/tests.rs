//! The engine against the world.

use std::sync::Arc;

use super::*;
use crate::catalog::Catalog;
use crate::catalog::tests::reference_cluster;
use crate::execute::Silent;

fn stage() -> Stage {
    let catalog = Catalog::embedded().expect("the shipped catalogue loads");
    Stage::new(Arc::new(reference_cluster()), &catalog).expect("the reference cluster renders")
}

#[test]
fn the_reference_cluster_comes_up() {
    let rehearsed = stage()
        .bootstrap(&Script::default(), Arc::new(Silent))
        .expect("a runtime starts");
    for event in &rehearsed.events {
        if let Some(line) = crate::ui::progress::line(event, rehearsed.began) {
            eprintln!("{line}");
        }
    }
    eprintln!(
        "{}",
        serde_json::to_string_pretty(&rehearsed.report.gitops).expect("JSON")
    );
    rehearsed.outcome.expect("it succeeds");
    assert_eq!(rehearsed.report.etcd_clusters_bootstrapped, 1);
}
