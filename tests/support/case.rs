//! A test case: a name, what it needs, and what it does.
//!
//! A case whose needs this machine does not meet is ignored with the reason, never passed. It
//! fails instead when `HOMELAB_REALPARTS=require:…` names the missing part or its tier.

use libtest_mimic::{Completion, Failed, Trial};

use super::{host, panics, realparts, tally};

/// What a case needs beyond the source tree and a Rust toolchain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A real part, by its name in `scripts/realparts list`.
    Part(&'static str),
    /// A program of this machine that is found in `PATH`.
    Program(&'static str),
    /// A program that this environment variable names, since nothing here can build it.
    Given(&'static str),
    /// A folder of a Go module's files in the module cache, which building a real part fills.
    Module(&'static str),
    /// Root, and the right to make network and process namespaces.
    Namespaces,
    /// That somebody asked for long tests: it takes this many minutes.
    Minutes(u8),
}

/// What a case returns: nothing (it panics when it fails), or a result.
pub trait Outcome {
    /// The failure's text, with its causes.
    fn failure(self) -> Result<(), String>;
}

impl Outcome for () {
    fn failure(self) -> Result<(), String> {
        Ok(())
    }
}

impl Outcome for anyhow::Result<()> {
    fn failure(self) -> Result<(), String> {
        self.map_err(|error| format!("{error:#}"))
    }
}

type Body = Box<dyn FnOnce() -> Result<(), String> + Send>;

/// A test case.
pub struct Case {
    name: String,
    needs: Vec<Need>,
    body: Body,
}

impl Case {
    /// A case of this name.
    pub fn new<O: Outcome>(
        name: impl Into<String>,
        body: impl FnOnce() -> O + Send + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            needs: Vec::new(),
            body: Box::new(move || body().failure()),
        }
    }

    /// Adds real parts that the case needs.
    pub fn parts(mut self, names: &[&'static str]) -> Self {
        self.needs.extend(names.iter().map(|name| Need::Part(name)));
        self
    }

    /// Adds something else that the case needs.
    pub fn needs(mut self, need: Need) -> Self {
        self.needs.push(need);
        self
    }

    /// The case as the harness runs it, named `topic::name`.
    pub fn into_trial(self, topic: &str) -> Trial {
        let Self { name, needs, body } = self;
        Trial::ignorable_test(format!("{topic}::{name}"), move || {
            run(&needs, body).map_err(Failed::from)
        })
    }
}

fn run(needs: &[Need], body: Body) -> Result<Completion, String> {
    for need in needs {
        let Err(lack) = met(*need) else { continue };
        if let Some(rule) = lack.required_by {
            return Err(format!(
                "{} ({}), and HOMELAB_REALPARTS requires `{rule}`",
                lack.what, lack.remedy
            ));
        }
        tally::ignored(&lack.what, &lack.remedy);
        return Ok(Completion::ignored_with(lack.what));
    }
    if !needs.is_empty() {
        tally::ran();
    }
    panics::caught(body).map(|()| Completion::Completed)
}

/// What is missing, and what can be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    /// The reason for which the case is ignored.
    pub what: String,
    /// How to mend it.
    pub remedy: String,
    /// The word of `HOMELAB_REALPARTS` that makes it a failure.
    pub required_by: Option<String>,
}

fn met(need: Need) -> Result<(), Lack> {
    match need {
        Need::Part(name) => realparts::find(name).map(|_| ()),
        Need::Program(name) => host::program(name),
        Need::Given(variable) => host::given(variable),
        Need::Module(folder) => host::module(folder).map(|_| ()),
        Need::Namespaces => host::namespaces(),
        Need::Minutes(minutes) => host::patience(minutes),
    }
}

/// Cases named after functions: `cases![first, second]`.
macro_rules! cases {
    ($($body:ident),+ $(,)?) => {
        vec![$($crate::support::Case::new(stringify!($body), $body)),+]
    };
}
pub(crate) use cases;
