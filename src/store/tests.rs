//! Comparing and writing, on real directories.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

use super::*;
use crate::model::FileTree;

struct Repository {
    directory: tempfile::TempDir,
}

impl Repository {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        Self { directory }
    }

    fn root(&self) -> &Utf8Path {
        Utf8Path::from_path(self.directory.path()).expect("UTF-8")
    }

    fn render(&self, tree: &FileTree) -> Result<(), StoreError> {
        self.overwrite(tree, &[])
    }

    fn overwrite(&self, tree: &FileTree, files: &[&str]) -> Result<(), StoreError> {
        let files: BTreeSet<_> = files.iter().map(Utf8PathBuf::from).collect();
        write(self.root(), tree, &compare(self.root(), tree)?, &files)
    }

    fn edit(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        fs_err::create_dir_all(path.parent().expect("a folder")).expect("writable");
        fs_err::write(path, text).expect("writable");
    }

    fn text(&self, path: &str) -> String {
        fs_err::read_to_string(self.root().join(path)).expect("readable")
    }

    fn has(&self, path: &str) -> bool {
        self.root().join(path).symlink_metadata().is_ok()
    }

    fn is_current(&self, tree: &FileTree) -> bool {
        compare(self.root(), tree).expect("readable").is_current()
    }
}

fn tree(files: &[(&str, &str)]) -> FileTree {
    let mut tree = FileTree::default();
    for (path, text) in files {
        tree.add(*path, *text);
    }
    tree
}

#[test]
fn what_is_written_is_current_and_written_once() {
    let repository = Repository::new();
    let mut tree = tree(&[("a/b/c.yaml", "x: 1\n"), ("d.yaml", "y: 2\n")]);
    tree.add_executable("run.sh", "#!/bin/sh\n");
    repository.render(&tree).expect("written");
    assert!(repository.is_current(&tree));
    let written = |path: &str| {
        let metadata = fs_err::metadata(repository.root().join(path)).expect("there");
        metadata.modified().expect("a time")
    };
    let before = written("a/b/c.yaml");
    let changed = {
        let mut changed = tree.clone();
        changed.add("d.yaml", "y: 3\n");
        changed
    };
    repository.render(&changed).expect("written");
    assert_eq!(written("a/b/c.yaml"), before);
    assert_eq!(repository.text("d.yaml"), "y: 3\n");
}

#[test]
fn the_manifest_is_what_sha256sum_prints() {
    let repository = Repository::new();
    repository
        .render(&tree(&[("b", "hello\n"), ("a", "")]))
        .expect("written");
    // printf '' | sha256sum; echo hello | sha256sum
    insta::assert_snapshot!(repository.text(MANIFEST_PATH), @r"
    # Files that `homelab render` made; render again to heal a merge conflict.
    e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a
    5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03  b
    ");
}

#[test]
fn what_is_no_longer_rendered_goes_with_its_empty_folders() {
    let repository = Repository::new();
    repository
        .render(&tree(&[("a/b/c", "1"), ("a/d", "2")]))
        .expect("written");
    repository.edit("a/mine", "3");
    repository.render(&tree(&[("e", "4")])).expect("written");
    assert!(!repository.has("a/b"));
    assert!(!repository.has("a/d"));
    assert_eq!(repository.text("a/mine"), "3");
}

#[test]
fn a_file_changed_by_hand_stops_everything() {
    let repository = Repository::new();
    repository
        .render(&tree(&[("a", "1"), ("b", "1")]))
        .expect("written");
    repository.edit("a", "mine");
    let new = tree(&[("a", "2"), ("b", "2")]);
    let error = repository.render(&new).expect_err("refused");
    assert!(error.is_refusal());
    let text = error.to_string();
    assert_eq!(
        text,
        "a file that would be overwritten was changed by hand: `a`"
    );
    assert_eq!(repository.text("b"), "1", "nothing else is written either");
    repository.overwrite(&new, &["a"]).expect("agreed");
    assert_eq!(repository.text("a"), "2");
}

#[test]
fn a_file_that_was_never_generated_is_not_overwritten_or_deleted() {
    let repository = Repository::new();
    repository.edit("a", "mine");
    assert!(
        repository
            .render(&tree(&[("a", "1")]))
            .expect_err("refused")
            .is_refusal()
    );
    repository.render(&tree(&[("b", "1")])).expect("written");
    assert_eq!(repository.text("a"), "mine");
}

#[test]
fn a_generated_file_changed_by_hand_is_not_deleted() {
    let repository = Repository::new();
    repository.render(&tree(&[("a", "1")])).expect("written");
    repository.edit("a", "mine");
    assert!(
        repository
            .render(&tree(&[]))
            .expect_err("refused")
            .is_refusal()
    );
    assert_eq!(repository.text("a"), "mine");
}

#[test]
fn a_hand_made_change_that_agrees_is_no_conflict() {
    let repository = Repository::new();
    repository.render(&tree(&[("a", "1")])).expect("written");
    repository.edit("a", "2");
    repository.render(&tree(&[("a", "2")])).expect("written");
}

#[test]
fn a_merge_conflict_is_healed_by_rendering_again() {
    let repository = Repository::new();
    repository
        .render(&tree(&[("a", "1\n"), ("b", "1\n")]))
        .expect("written");
    let ours = repository.text(MANIFEST_PATH);
    repository
        .render(&tree(&[("a", "2\n"), ("b", "2\n")]))
        .expect("written");
    let theirs = repository.text(MANIFEST_PATH);
    let conflict = format!("<<<<<<< ours\n{ours}=======\n{theirs}>>>>>>> theirs\n");
    repository.edit(MANIFEST_PATH, &conflict);
    repository.edit("a", "1\n");
    repository.edit("b", "<<<<<<< ours\n1\n=======\n2\n>>>>>>> theirs\n");
    let merged = tree(&[("a", "3\n"), ("b", "3\n")]);
    repository.render(&merged).expect("written");
    assert!(repository.is_current(&merged));
}

#[test]
fn a_run_that_was_killed_half_way_is_continued() {
    let repository = Repository::new();
    repository
        .render(&tree(&[("a", "1"), ("b", "1")]))
        .expect("written");
    let second = tree(&[("a", "2"), ("b", "2")]);
    // What a kill after the first file leaves: the manifest of both, one file new, one old.
    let both = Manifest::parse(&repository.text(MANIFEST_PATH)).merged(Manifest::of(&second));
    repository.edit(MANIFEST_PATH, &both.to_text());
    repository.edit("a", "2");
    let third = tree(&[("a", "3"), ("b", "3")]);
    repository
        .render(&third)
        .expect("nobody changed anything by hand");
    assert!(repository.is_current(&third));
}

#[test]
fn a_manifest_cannot_reach_outside() {
    let repository = Repository::new();
    let outside = Repository::new();
    outside.edit("precious", "hello\n");
    let target = format!(
        "../{}/precious",
        outside.root().file_name().expect("a name")
    );
    let hash = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
    let absolute = outside.root().join("precious");
    repository.edit(
        MANIFEST_PATH,
        &format!("{hash}  {target}\n{hash}  {absolute}\n"),
    );
    repository.render(&tree(&[])).expect("written");
    assert_eq!(outside.text("precious"), "hello\n");
    let escape = tree(&[("../x", "1")]);
    assert!(matches!(
        repository.render(&escape),
        Err(StoreError::Outside { .. })
    ));
}

#[cfg(unix)]
#[test]
fn symbolic_links_are_not_followed() {
    let repository = Repository::new();
    let outside = Repository::new();
    outside.edit("file", "1");
    let link = |from: &str, to: &Utf8Path| {
        std::os::unix::fs::symlink(to, repository.root().join(from)).expect("a link");
    };
    link("folder", outside.root());
    link("file", &outside.root().join("file"));
    for path in ["folder/file", "folder/new", "file"] {
        let error = repository
            .render(&tree(&[(path, "2")]))
            .expect_err("refused");
        assert!(
            matches!(error, StoreError::SymbolicLink { .. }),
            "{path}: {error}"
        );
    }
    assert_eq!(outside.text("file"), "1");
    assert!(!outside.has("new"));
}

#[cfg(unix)]
#[test]
fn a_lost_permission_is_restored() {
    use std::os::unix::fs::PermissionsExt as _;
    let repository = Repository::new();
    let mut tree = FileTree::default();
    tree.add_executable("run.sh", "#!/bin/sh\n");
    repository.render(&tree).expect("written");
    let path = repository.root().join("run.sh");
    fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("writable");
    let comparison = compare(repository.root(), &tree).expect("readable");
    assert_eq!(
        comparison.changes[Utf8Path::new("run.sh")].kind,
        ChangeKind::Mode
    );
    repository.render(&tree).expect("written");
    let mode = fs_err::metadata(&path).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
}

#[test]
fn a_folder_in_the_place_of_a_file_is_refused() {
    let repository = Repository::new();
    repository.edit("a/b", "mine");
    let error = repository
        .render(&tree(&[("a", "1")]))
        .expect_err("refused");
    assert!(matches!(error, StoreError::NotAFile { .. }));
    let error = repository
        .render(&tree(&[("a/b/c", "1")]))
        .expect_err("refused");
    assert!(matches!(error, StoreError::NotAFile { .. }));
}

#[test]
fn changes_are_shown_as_a_patch() {
    let repository = Repository::new();
    repository
        .render(&tree(&[("a", "1\n2\n3\n"), ("gone", "1\n")]))
        .expect("written");
    let new = tree(&[("a", "1\n2\n4\n"), ("new", "1\n")]);
    let mut comparison = compare(repository.root(), &new).expect("readable");
    comparison.changes.remove(Utf8Path::new(MANIFEST_PATH));
    insta::assert_snapshot!(unified_diff(&comparison), @r##"
    --- a/a
    +++ b/a
    @@ -1,3 +1,3 @@
     1
     2
    -3
    +4
    --- a/gone
    +++ /dev/null
    @@ -1 +0,0 @@
    -1
    --- /dev/null
    +++ b/new
    @@ -0,0 +1 @@
    +1
    "##);
}
