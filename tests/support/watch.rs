//! What others on this computer could see while commands run.
//!
//! A thread looks again and again at the arguments and the environment of every process that this
//! program started, and at every file below some folders: also at those that are gone when a
//! command ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::Planted;
use super::env::walk;

/// How long a look and the next are apart.
const EVERY: Duration = Duration::from_millis(20);

/// A thread that looks.
pub struct Watch {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
}

/// What was seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// The secrets that showed, each with the place.
    pub leaks: BTreeSet<String>,
    /// Every command line, its arguments separated by spaces.
    pub commands: BTreeSet<String>,
    /// How many files were read that others had not been before.
    pub files: usize,
}

impl Watch {
    /// Begins to look for secrets in processes and below folders.
    pub fn begin(planted: &Arc<Planted>, folders: Vec<Utf8PathBuf>) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (ended, planted) = (Arc::clone(&over), Arc::clone(planted));
        let thread = std::thread::spawn(move || {
            let mut look = Look::default();
            loop {
                // Asked first, so that the last look comes after the end was called for.
                let is_last = ended.load(Ordering::Acquire);
                look.at_processes(&planted);
                for folder in &folders {
                    look.at_files(&planted, folder);
                }
                if is_last {
                    return look.seen;
                }
                std::thread::sleep(EVERY);
            }
        });
        Self { over, thread }
    }

    /// Looks for the last time and tells what was seen.
    pub fn end(self) -> Seen {
        self.over.store(true, Ordering::Release);
        self.thread.join().expect("looking does not panic")
    }
}

/// What is known from one look to the next: nothing is searched twice.
#[derive(Default)]
struct Look {
    seen: Seen,
    known: BTreeSet<Vec<u8>>,
}

impl Look {
    fn at_processes(&mut self, planted: &Planted) {
        for process in descendants() {
            for (what, file) in [("arguments", "cmdline"), ("environment", "environ")] {
                // It may have ended meanwhile.
                let Ok(bytes) = std::fs::read(format!("/proc/{process}/{file}")) else {
                    continue;
                };
                if what == "arguments" {
                    let command = String::from_utf8_lossy(&bytes).replace('\0', " ");
                    self.seen.commands.insert(command.trim_end().to_owned());
                }
                self.search(planted, &format!("the {what} of a process"), bytes);
            }
        }
    }

    fn at_files(&mut self, planted: &Planted, folder: &Utf8Path) {
        let mut files = Vec::new();
        walk(folder, &mut |file| files.push(file));
        for file in files {
            if let Ok(bytes) = std::fs::read(&file) {
                let is_new = self.search(planted, file.as_str(), bytes);
                self.seen.files += usize::from(is_new);
            }
        }
    }

    /// Tells whether this was not searched before.
    fn search(&mut self, planted: &Planted, place: &str, bytes: Vec<u8>) -> bool {
        if self.known.contains(&bytes) {
            return false;
        }
        let found = planted.found_in(&bytes).into_iter();
        let leaks = found.map(|secret| format!("{place}: {secret}"));
        self.seen.leaks.extend(leaks);
        self.known.insert(bytes)
    }
}

/// The processes that this program started, and those that they started, where `/proc` tells.
fn descendants() -> Vec<u32> {
    let parents: BTreeMap<u32, u32> = std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|process| Some((process, parent(process)?)))
        .collect();
    let own = std::process::id();
    let is_ours = |process: &u32| {
        std::iter::successors(parents.get(process), |above| parents.get(above))
            .any(|above| *above == own)
    };
    parents.keys().copied().filter(is_ours).collect()
}

/// The second field after the name, which is in parentheses and may hold anything (proc(5)).
fn parent(process: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = status.rsplit_once(')')?;
    fields.split_whitespace().nth(1)?.parse().ok()
}
