//! `cluster/secrets/`: which encrypted files Flux decrypts. The files themselves are people's.

use std::collections::BTreeMap;

use super::objects::file_list;
use crate::catalog::ExpectedSecret;
use crate::model::FileTree;
use crate::render::marker::yaml_file;

/// Lists the declared files, whether they exist yet or not: what is on disk must not decide.
pub(super) fn render(secrets: &[ExpectedSecret]) -> FileTree {
    let mut folders = BTreeMap::<_, Vec<&str>>::new();
    for secret in secrets {
        let (Some(folder), Some(file)) = (secret.file.parent(), secret.file.file_name()) else {
            continue;
        };
        folders.entry(folder).or_default().push(file);
    }
    let mut tree = FileTree::default();
    for (folder, files) in folders {
        let list = file_list(files);
        tree.add(folder.join("kustomization.yaml"), yaml_file([&list]));
    }
    tree
}
