//! The local side: the commit that holds the working tree.

use camino::Utf8Path;
use tokio::process::Command;

/// The local commit that holds the tree, as far as there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Commit {
    /// Everything is committed, as this commit.
    Clean(String),
    /// This many paths have changes that no commit holds.
    Dirty(usize),
    /// There is no repository, or no commit.
    None(String),
    /// The remote serves the working tree itself, so that there is nothing to compare.
    Served,
}

/// Asks the user's `git` which commit holds the tree at this root.
pub async fn commit(root: &Utf8Path) -> Commit {
    let head = match git(root, &["rev-parse", "--verify", "HEAD"]).await {
        Ok(head) => head.trim().to_owned(),
        Err(reason) => return Commit::None(reason),
    };
    match git(root, &["status", "--porcelain", "--", "."]).await {
        Ok(changes) if changes.is_empty() => Commit::Clean(head),
        Ok(changes) => Commit::Dirty(changes.lines().count()),
        Err(reason) => Commit::None(reason),
    }
}

async fn git(root: &Utf8Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(arguments)
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| format!("cannot run `git`: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let message = String::from_utf8_lossy(&output.stderr);
        Err(message.lines().next().unwrap_or("`git` failed").to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn run(root: &Utf8Path, arguments: &[&str]) {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
        let all: Vec<_> = identity.iter().chain(arguments).copied().collect();
        git(root, &all).await.expect("git works");
    }

    #[tokio::test]
    async fn tells_committed_from_changed_from_absent() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = Utf8Path::from_path(directory.path()).expect("UTF-8");
        assert!(matches!(commit(root).await, Commit::None(_)));
        run(root, &["init", "-q", "-b", "main"]).await;
        assert!(matches!(commit(root).await, Commit::None(_)));
        fs_err::write(root.join("a"), "1").expect("writes");
        run(root, &["add", "-A"]).await;
        run(root, &["commit", "-q", "-m", "a"]).await;
        assert!(matches!(commit(root).await, Commit::Clean(head) if head.len() == 40));
        fs_err::write(root.join("b"), "2").expect("writes");
        assert_eq!(commit(root).await, Commit::Dirty(1));
    }
}
