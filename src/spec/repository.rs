//! What can only be told by a look at what lies around a spec: the repository, and the configurations of
//! machines that are made from it. The look is somebody else's; here are the findings, and whether their
//! owner accepts them.

use camino::Utf8PathBuf;

use super::load::{by_place, decode};
use super::patch_files::PatchFiles;
use super::validate::{Findings, Scope, Subject, accept, missing_secrets};
use super::{Checked, Diagnostic};
use crate::catalog::Catalog;
use crate::yaml::{self, Limits};

/// An encrypted file that the tree lists and the repository does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingSecret {
    /// The file, relative to the repository's root.
    pub file: Utf8PathBuf,
    /// What it holds.
    pub summary: String,
    /// The component that expects it; `None` when it is the cluster itself.
    pub component: Option<String>,
}

impl Checked {
    /// Adds what is missing in the repository, and what else was found in it.
    #[must_use]
    pub fn with_repository(
        self,
        missing: &[MissingSecret],
        others: Vec<Diagnostic>,
        catalog: &Catalog,
    ) -> Self {
        self.with(Subject::Repository, catalog, |scope, findings| {
            missing_secrets::check(missing, scope, findings);
            findings.extend(others);
        })
    }

    /// Adds what was found in the finished configurations of machines.
    #[must_use]
    pub fn with_machines(self, diagnostics: Vec<Diagnostic>, catalog: &Catalog) -> Self {
        self.with(Subject::Machines, catalog, |_, findings| {
            findings.extend(diagnostics);
        })
    }

    /// Adds findings, accepted where their owner accepts them. A spec with errors is left as it is: nobody
    /// knows what would come of it.
    fn with(
        mut self,
        subject: Subject,
        catalog: &Catalog,
        find: impl FnOnce(Scope<'_>, &mut Findings),
    ) -> Self {
        if self.cluster.is_none() {
            return self;
        }
        let Some(root) = yaml::parse_node(&self.source, &Limits::default()).node else {
            return self;
        };
        let Some((raw, root, lost)) = decode(&root, &mut Vec::new()) else {
            return self;
        };
        let mut findings = Findings::default();
        let scope = Scope {
            source: &self.source,
            root: &root,
            lost: &lost,
            catalog,
            patch_files: &PatchFiles::default(),
        };
        find(scope, &mut findings);
        if let Some(spec) = &raw.spec {
            self.diagnostics.extend(accept(spec, findings, subject));
        }
        self.diagnostics.sort_by(by_place);
        if self.has_errors() {
            self.cluster = None;
        }
        self
    }
}
