//! What a run keeps on this computer: the journal, the lock, and the kubeconfig.
//!
//! The journal is a hint for people; nothing is ever decided from it. The lock is the operating
//! system's and ends with the process, however it ends.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;

use crate::model::Secret;

/// Where a run keeps what it must remember.
pub trait State: Send + Sync {
    /// Appends one line to the journal; it is on disk when this returns.
    fn append(&self, line: &str) -> io::Result<()>;

    /// Returns the stored kubeconfig.
    fn kubeconfig(&self) -> io::Result<Option<Secret<String>>>;

    /// Stores the kubeconfig, readable by its owner only.
    fn store_kubeconfig(&self, text: &Secret<String>) -> io::Result<()>;

    /// Takes the lock until the guard is dropped; `None` when another process holds it.
    fn lock(&self) -> io::Result<Option<Box<dyn Send>>>;
}

/// Keeps it in a directory, `.homelab/state` of the repository.
#[derive(Debug)]
pub struct StateDirectory {
    directory: Utf8PathBuf,
}

impl StateDirectory {
    /// Uses this directory, making it when needed. Git never takes what is in it, whatever else the
    /// repository ignores: a credential, and a journal that would make each tree another.
    pub fn open(directory: impl Into<Utf8PathBuf>) -> io::Result<Self> {
        let directory = directory.into();
        fs::create_dir_all(&directory)?;
        restrict(&directory, 0o700)?;
        let ignored = directory.join(".gitignore");
        if !ignored.exists() {
            fs::write(ignored, "*\n")?;
        }
        Ok(Self { directory })
    }

    fn path(&self, name: &str) -> Utf8PathBuf {
        self.directory.join(name)
    }
}

impl State for StateDirectory {
    fn append(&self, line: &str) -> io::Result<()> {
        let mut file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path("journal.ndjson"))?;
        file.write_all(format!("{line}\n").as_bytes())?;
        file.sync_data()
    }

    fn kubeconfig(&self) -> io::Result<Option<Secret<String>>> {
        match fs::read_to_string(self.path("kubeconfig")) {
            Ok(text) => Ok(Some(Secret::new(text))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn store_kubeconfig(&self, text: &Secret<String>) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        file.write_all(text.expose().as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(self.path("kubeconfig"))?;
        Ok(())
    }

    fn lock(&self) -> io::Result<Option<Box<dyn Send>>> {
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path("lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(error)) => Err(error),
        }
    }
}

#[cfg(unix)]
fn restrict(path: &Utf8Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn restrict(_path: &Utf8Path, _mode: u32) -> io::Result<()> {
    Ok(())
}

/// Keeps it in memory: what a simulated computer remembers.
#[derive(Default)]
pub struct MemoryState {
    kept: std::sync::Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    journal: Vec<String>,
    kubeconfig: Option<Secret<String>>,
    locked: bool,
}

/// Holds the lock of a [`MemoryState`].
struct MemoryLock(std::sync::Arc<Mutex<Kept>>);

impl MemoryState {
    /// Returns the journal's lines.
    pub fn journal(&self) -> Vec<String> {
        self.kept().journal.clone()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State for MemoryState {
    fn append(&self, line: &str) -> io::Result<()> {
        self.kept().journal.push(line.to_owned());
        Ok(())
    }

    fn kubeconfig(&self) -> io::Result<Option<Secret<String>>> {
        Ok(self.kept().kubeconfig.clone())
    }

    fn store_kubeconfig(&self, text: &Secret<String>) -> io::Result<()> {
        self.kept().kubeconfig = Some(text.clone());
        Ok(())
    }

    fn lock(&self) -> io::Result<Option<Box<dyn Send>>> {
        let mut kept = self.kept();
        if kept.locked {
            return Ok(None);
        }
        kept.locked = true;
        Ok(Some(Box::new(MemoryLock(std::sync::Arc::clone(
            &self.kept,
        )))))
    }
}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).locked = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_run_holds_the_lock_and_its_end_frees_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = Utf8Path::from_path(directory.path()).expect("UTF-8");
        let first = StateDirectory::open(path).expect("opens");
        let second = StateDirectory::open(path).expect("opens");
        let guard = first.lock().expect("locks");
        assert!(guard.is_some());
        assert!(second.lock().expect("answers").is_none());
        drop(guard);
        assert!(second.lock().expect("answers").is_some());
    }

    #[test]
    fn git_is_told_to_take_nothing_of_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = Utf8Path::from_path(directory.path()).expect("UTF-8");
        let git = |arguments: &[&str]| {
            let command = std::process::Command::new("git")
                .arg("-C")
                .arg(path)
                .args(arguments)
                .output()
                .expect("git runs");
            assert!(command.status.success(), "{command:?}");
            String::from_utf8(command.stdout).expect("text")
        };
        git(&["init", "-q"]);
        let state = StateDirectory::open(path.join(".homelab/state")).expect("opens");
        state.append("a line").expect("appends");
        assert_eq!(git(&["status", "--porcelain"]), "");
    }

    #[test]
    fn the_kubeconfig_is_for_its_owner_only() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = Utf8Path::from_path(directory.path()).expect("UTF-8");
        let state = StateDirectory::open(path).expect("opens");
        assert!(state.kubeconfig().expect("answers").is_none());
        state
            .store_kubeconfig(&Secret::new("kind: Config".to_owned()))
            .expect("stores");
        let stored = state.kubeconfig().expect("answers").expect("is there");
        assert_eq!(stored.expose(), "kind: Config");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(path.join("kubeconfig"))
                .expect("is there")
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
