//! Lists of images, charts and boot media, as text.

use std::collections::BTreeSet;
use std::fmt::{Display, Write as _};

use super::table::table;
use crate::render::images::{Boot, Chart, Image, Inventory};

/// The most names that a row has room for.
const MOST: usize = 4;

/// Everything that the cluster pulls, for people.
pub fn list(found: &Inventory) -> String {
    let heading = ["IMAGE", "NEEDED BY", "FOR"].map(str::to_owned);
    let images = found.images.iter().map(image);
    let mut text = table(&std::iter::once(heading).chain(images).collect::<Vec<_>>());
    if !found.open.is_empty() {
        text.push_str("\nOf these only the name is known\n");
        for open in &found.open {
            let _ = writeln!(text, "  {}: {}", open.repository, open.reason);
        }
    }
    if !found.charts.is_empty() {
        text.push('\n');
        let heading = ["CHART", "COMPONENT", "ITS IMAGES"].map(str::to_owned);
        let charts = found
            .charts
            .iter()
            .map(|chart| [reference(chart), chart.component.clone(), template(chart)]);
        text.push_str(&table(
            &std::iter::once(heading).chain(charts).collect::<Vec<_>>(),
        ));
    }
    let assumed: BTreeSet<_> = found
        .images
        .iter()
        .filter_map(|image| image.assumed_from.as_deref())
        .collect();
    for release in assumed {
        let _ = writeln!(
            text,
            "\n* as of Talos {release}: the node's own release is not known here"
        );
    }
    text
}

fn image(image: &Image) -> [String; 3] {
    let mark = if image.assumed_from.is_some() {
        " *"
    } else {
        ""
    };
    [
        format!("{}{mark}", image.reference),
        few(&image.needed_by),
        few(&image.architectures),
    ]
}

fn few(names: &BTreeSet<impl Display>) -> String {
    let mut shown: Vec<_> = names.iter().take(MOST).map(ToString::to_string).collect();
    if names.len() > MOST {
        shown.push(format!("and {} more", names.len() - MOST));
    }
    shown.join(", ")
}

fn reference(chart: &Chart) -> String {
    if chart.repository.starts_with("oci://") {
        format!("{}:{}", chart.repository, chart.version)
    } else {
        format!("{} {} {}", chart.repository, chart.name, chart.version)
    }
}

/// The command that shows a chart's images.
pub fn template(chart: &Chart) -> String {
    let source = if chart.repository.starts_with("oci://") {
        chart.repository.clone()
    } else {
        format!("{} --repo {}", chart.name, chart.repository)
    };
    format!(
        "helm template {source} --version {} | grep image:",
        chart.version
    )
}

/// One reference a line.
pub fn plain(found: &Inventory) -> String {
    let images = found.images.iter().map(|image| image.reference.clone());
    let charts = found.charts.iter().map(reference);
    let charts = charts.filter_map(|chart| Some(chart.strip_prefix("oci://")?.to_owned()));
    let lines: BTreeSet<_> = images.chain(charts).collect();
    lines.into_iter().map(|line| line + "\n").collect()
}

/// What machines are booted with.
pub fn media(found: &Inventory) -> String {
    let boots: Vec<_> = found.boot.iter().map(boot).collect();
    boots.join("\n")
}

fn boot(boot: &Boot) -> String {
    let nodes = boot.nodes.iter().cloned().collect();
    let mut text = format!(
        "{} (Talos {}, {})\n  schematic  {}\n  installer  {}\n",
        few(&nodes),
        boot.version,
        boot.arch,
        boot.id,
        boot.installer
    );
    for (what, url) in &boot.urls {
        let _ = writeln!(text, "  {what:<9}  {url}");
    }
    let _ = writeln!(text, "  The factory is told once:");
    let _ = writeln!(
        text,
        "    curl -X POST --data-binary @- https://{}/schematics <<'END'",
        boot.factory
    );
    for line in boot.schematic.lines() {
        let _ = writeln!(text, "{line}");
    }
    text.push_str("END\n");
    text
}
