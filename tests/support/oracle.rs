//! Talos' own configuration library as a process that answers questions (`talos-oracle`).
//!
//! One question is a line of JSON, one answer another (`tests/realparts/README.md`). Nothing of the
//! library is in the tests themselves, so a wrong assumption here shows as a refusal there.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use camino::Utf8Path;
use serde_json::{Value, json};

use super::realparts;

/// A running oracle.
pub struct Oracle {
    process: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// What the library said.
#[derive(Clone, Debug)]
pub struct Answer(Value);

impl Oracle {
    /// Starts it; the case declares the part `talos-oracle`.
    pub fn start() -> Self {
        Self::of_part("talos-oracle")
    }

    /// Starts the one of a part that the case has declared.
    pub fn of_part(part: &str) -> Self {
        Self::run(&realparts::program(part, part))
    }

    /// Starts the one that an environment variable names; the case declares the need.
    pub fn given(variable: &str) -> Self {
        Self::run(
            std::env::var(variable)
                .expect("it is declared")
                .as_str()
                .into(),
        )
    }

    fn run(program: &Utf8Path) -> Self {
        let mut process = Command::new(program)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let questions = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().expect("it is piped"));
        Self {
            process,
            questions,
            answers,
        }
    }

    /// Asks an operation with its arguments, a mapping.
    pub fn ask(&mut self, operation: &str, mut arguments: Value) -> Answer {
        arguments["id"] = json!("1");
        arguments["op"] = json!(operation);
        let questions = self.questions.as_mut().expect("it is open until the end");
        writeln!(questions, "{arguments}").expect("it listens");
        questions.flush().expect("it listens");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("it answers");
        Answer(serde_json::from_str(&line).expect("it answers in JSON"))
    }

    /// The documents of a configuration text, decoded strictly and encoded again.
    pub fn recode(&mut self, config: &str) -> Vec<Value> {
        let answer = self.ask("recode", json!({"config": config}));
        documents(answer.file("config.yaml"))
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        self.questions = None;
        let _ = self.process.wait();
    }
}

impl Answer {
    /// The library's refusal.
    pub fn error(&self) -> Option<&str> {
        self.0["error"].as_str().filter(|error| !error.is_empty())
    }

    /// A text that it made.
    pub fn file(&self, name: &str) -> &str {
        self.0["files"][name]
            .as_str()
            .unwrap_or_else(|| panic!("no `{name}`: {:?}", self.error()))
    }

    /// What it would rather have otherwise.
    pub fn warnings(&self) -> Vec<&str> {
        let warnings = self.0["warnings"].as_array();
        warnings
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }
}

/// Reads a stream of documents with a parser that the program does not use.
pub fn documents(text: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(text)
        .map(|document| serde::Deserialize::deserialize(document).expect("it is YAML"))
        .collect()
}
