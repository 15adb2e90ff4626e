//! A directory of its own in which the built `homelab` runs with nothing inherited.
//!
//! The environment is cleared but for `PATH`; home, configuration and temporary folders lie inside
//! the directory; width and colour are fixed. So a test sees what a fresh account would see.

use std::ffi::OsStr;
use std::io::Write as _;
use std::process::{Child, Command, Output, Stdio};

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;
use tempfile::TempDir;

use super::redact::Redactor;

/// A directory with a home and a place to work in.
pub struct TestEnv {
    _guard: TempDir,
    base: Utf8PathBuf,
}

impl TestEnv {
    /// An empty one.
    pub fn new() -> Self {
        let guard = tempfile::Builder::new()
            .prefix("homelab-test-")
            .tempdir()
            .expect("a temporary directory can be made");
        let base = guard.path().canonicalize().expect("it exists");
        let base = Utf8PathBuf::from_path_buf(base).expect("temporary paths are UTF-8");
        for folder in ["home", "repo", "tmp"] {
            std::fs::create_dir(base.join(folder)).expect("it is empty");
        }
        Self {
            _guard: guard,
            base,
        }
    }

    /// The directory in which commands run: the user's repository.
    pub fn root(&self) -> Utf8PathBuf {
        self.base.join("repo")
    }

    /// The user's home.
    pub fn home(&self) -> Utf8PathBuf {
        self.base.join("home")
    }

    /// The directory that holds everything of this environment.
    pub fn base(&self) -> &Utf8Path {
        &self.base
    }

    /// Writes a file of the repository, with its parents.
    pub fn write(&self, path: impl AsRef<Utf8Path>, content: impl AsRef<[u8]>) {
        let path = self.root().join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).expect("parents can be made");
        }
        std::fs::write(&path, content).unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// Reads a file of the repository.
    pub fn read(&self, path: impl AsRef<Utf8Path>) -> String {
        let path = self.root().join(path);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Whether the repository holds this file or folder.
    pub fn has(&self, path: impl AsRef<Utf8Path>) -> bool {
        self.root().join(path).exists()
    }

    /// The lines of the journal that runs keep.
    pub fn journal(&self) -> Vec<Value> {
        let path = self.root().join(".homelab/state/journal.ndjson");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        // A line may be half written.
        text.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// The files of the repository, sorted, without `.git`.
    pub fn files(&self) -> Vec<Utf8PathBuf> {
        let mut found = Vec::new();
        walk(&self.root(), &mut |file| found.push(file));
        let root = self.root();
        let mut names: Vec<Utf8PathBuf> = found
            .iter()
            .filter_map(|file| file.strip_prefix(&root).ok().map(Utf8Path::to_owned))
            .filter(|file| !file.starts_with(".git"))
            .collect();
        names.sort();
        names
    }

    /// The built `homelab` with these arguments.
    pub fn homelab<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Invocation {
        self.program(env!("CARGO_BIN_EXE_homelab"), arguments)
    }

    /// Any program, in the same clean environment.
    pub fn program<A: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Invocation {
        let mut command = Command::new(program.as_ref());
        command
            .args(arguments)
            .current_dir(self.root())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home())
            .env("XDG_CONFIG_HOME", self.home().join(".config"))
            .env("XDG_CACHE_HOME", self.home().join(".cache"))
            .env("XDG_STATE_HOME", self.home().join(".local/state"))
            .env("TMPDIR", self.base.join("tmp"))
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .env("COLUMNS", "100")
            .env("GIT_CONFIG_NOSYSTEM", "1");
        Invocation {
            command,
            input: Vec::new(),
            redactor: self.redactor(),
        }
    }

    /// Replaces what is particular to this environment.
    pub fn redactor(&self) -> Redactor {
        Redactor::new()
            .replace(self.root().as_str(), "[REPO]")
            .replace(self.home().as_str(), "[HOME]")
            .replace(self.base.as_str(), "[BASE]")
    }
}

/// Calls for every regular file below a folder.
pub fn walk(folder: &Utf8Path, found: &mut dyn FnMut(Utf8PathBuf)) {
    let Ok(entries) = folder.read_dir_utf8() else {
        return;
    };
    for entry in entries.flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => walk(entry.path(), found),
            Ok(kind) if kind.is_file() => found(entry.path().to_owned()),
            _ => {}
        }
    }
}

/// A command that is about to run.
pub struct Invocation {
    command: Command,
    input: Vec<u8>,
    redactor: Redactor,
}

impl Invocation {
    /// Sets a variable of its environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets the folder it runs in.
    pub fn current_dir(mut self, folder: impl AsRef<Utf8Path>) -> Self {
        self.command.current_dir(folder.as_ref());
        self
    }

    /// Sets its standard input.
    pub fn stdin(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.input = text.into();
        self
    }

    /// Runs it to its end.
    pub fn run(mut self) -> Run {
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", self.command.get_program().display()));
        let mut stdin = child.stdin.take().expect("it was asked for");
        let input = std::mem::take(&mut self.input);
        // From a thread, since a program may write before it has read; a program that does not
        // read its input at all closes the pipe, which is no failure.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().expect("it can be waited for");
        writer.join().expect("writing does not panic");
        Run::new(&output, self.redactor)
    }

    /// Starts it and returns at once; the caller ends it.
    pub fn spawn(mut self) -> Child {
        self.command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", self.command.get_program().display()))
    }
}

/// A command that has run.
pub struct Run {
    /// Its exit code; absent when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    redactor: Redactor,
}

impl Run {
    /// A command that was run by hand.
    pub fn new(output: &Output, redactor: Redactor) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            redactor,
        }
    }

    /// Fails unless the command ended with this exit code.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "exit code\n--- stdout\n{}--- stderr\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// Fails unless the command ended with exit code 0.
    #[track_caller]
    pub fn success(self) -> Self {
        self.expect_code(0)
    }

    /// The whole run as one text, redacted: exit code, standard output, standard error.
    pub fn transcript(&self) -> String {
        let code = self
            .code
            .map_or("a signal".to_owned(), |code| code.to_string());
        self.redactor.apply(&format!(
            "exit: {code}\n--- stdout\n{}--- stderr\n{}",
            self.stdout, self.stderr
        ))
    }
}
