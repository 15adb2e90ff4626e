//! `.sops.yaml`: which files are encrypted for whom.

use serde_json::json;

use crate::yaml;

/// Where the rules lie in a repository.
pub const RULES_FILE: &str = ".sops.yaml";

const HEADER: &str = "\
# Which files are encrypted, for whom, and which of their values. Read by `sops` and by `homelab`.
# After a change of recipients run `homelab secrets updatekeys .`; homelab.yaml lists the same recipients.
";

/// Writes the rules of a new repository: in Kubernetes Secrets the data only, so that reviewers see
/// which Secret it is; everything in all other files.
pub fn creation_rules(recipients: &[String]) -> String {
    let recipients = recipients.join(",");
    let rules = json!({
        "creation_rules": [
            {
                "path_regex": r"^cluster/.*\.sops\.ya?ml$",
                "encrypted_regex": "^(data|stringData)$",
                "age": recipients,
            },
            {"path_regex": r"\.sops\.ya?ml$", "age": recipients},
        ],
    });
    format!("{HEADER}{}", yaml::emit(&rules))
}
