//! What a machine's configuration would change, compared as documents, and whether the machine would
//! reboot for it, by its own word.

use talos_api::resources::MachineConfig;
use talos_api::{ApplyMode, Client, DryRun};

use crate::model::Version;
use crate::plan::Pending;
use crate::plan::change::changes;
use crate::render::reference::Joined;
use crate::yaml;

/// Compares the configuration that a machine runs with another; `None` when nothing differs, or it
/// does not tell: whoever applies looks again.
pub(super) async fn pending(
    client: &Client,
    configuration: &Joined,
    talos: Option<&Version>,
) -> Option<Pending> {
    let live = client.singleton::<MachineConfig>().await.ok()??;
    let before = yaml::parse_documents(&live.0).ok()?;
    // A machine that does not tell its release is taken for an old one: those reboot for more.
    let talos = talos.cloned().unwrap_or_else(|| Version::new(1, 13, 0));
    // With references in place of secrets, so that a change shows none, however its key is called.
    let after = configuration.documents();
    let changes = changes(&before, after, &talos, configuration);
    if changes.is_empty() {
        return None;
    }
    // The answer quotes the configuration, secrets included: only the mode leaves this function.
    let bytes = configuration.expose().as_bytes();
    let judged = client
        .apply_configuration(bytes, ApplyMode::Auto, DryRun::Yes)
        .await
        .ok()?;
    Some(Pending {
        changes,
        reboots: judged.mode == Some(ApplyMode::Reboot),
    })
}
