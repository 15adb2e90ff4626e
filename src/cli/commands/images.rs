//! `homelab images`.

use super::Outcome;
use crate::cli::load::load;
use crate::cli::{Context, ExitStatus, Failure, Kind};
use crate::render::images::{Inventory, inventory};
use crate::ui;

/// Arguments of `homelab images`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Nothing is asked of anybody: images are those that configurations and manifests name, and those
that the release of Talos brings. Charts are listed as such, since what is inside is known to the
chart alone.

Examples:
  homelab images                    every image, who needs it, and the charts
  homelab images --plain            one reference a line, for a mirror
  homelab images --plain | xargs -I{} crane copy {} registry.homelab.local/{}
  homelab images --media            installers, and what machines are booted with
  homelab images --output json      everything, for programs"
)]
pub struct ImagesArgs {
    /// Write one reference a line: images and OCI charts; what is not known goes to standard error.
    #[arg(long, conflicts_with = "media")]
    plain: bool,
    /// Show what machines are booted with instead: schematics, installers, ISO images, iPXE, disk images.
    #[arg(long)]
    media: bool,
}

/// Lists the images of the cluster.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every command takes its arguments by value"
)]
pub fn run(context: &Context, args: ImagesArgs) -> Outcome {
    let (cluster, catalog) = load(context)?;
    let found = inventory(&cluster, &catalog).map_err(|error| Failure::new(Kind::Spec, error))?;
    if context.ui.is_json() {
        context.ui.json(&found)?;
        return Ok(ExitStatus::Done);
    }
    let text = if args.media {
        ui::images::media(&found)
    } else if args.plain {
        warn(context, &found);
        ui::images::plain(&found)
    } else {
        ui::images::list(&found)
    };
    context.ui.result(text.as_bytes())?;
    Ok(ExitStatus::Done)
}

/// Says what a list of references cannot hold, so that nobody takes it for all there is.
fn warn(context: &Context, found: &Inventory) {
    for open in &found.open {
        let line = format!("`{}` is not in the list: {}", open.repository, open.reason);
        context.ui.warning(&line);
    }
    for chart in &found.charts {
        let line = format!(
            "the images of chart `{}` are not in the list: `{}` shows them",
            chart.name,
            ui::images::template(chart)
        );
        context.ui.warning(&line);
    }
}
