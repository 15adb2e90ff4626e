//! What is listed, and how it is put together.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{machines, objects};
use crate::catalog::{Catalog, ChartSource, Templates, selected};
use crate::render::{ChartRelease, RenderError};
use crate::spec::Cluster;
use crate::spec::cluster::Arch;

/// Everything that the cluster pulls.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inventory {
    /// The images, by name.
    pub images: Vec<Image>,
    /// Images of which only the name is known, by name.
    pub open: Vec<Open>,
    /// The charts, in the order of the components.
    pub charts: Vec<Chart>,
    /// What machines are booted with, by the first node of each.
    pub boot: Vec<Boot>,
}

/// An image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// The reference as it is pulled, with the digest when it is pinned.
    pub reference: String,
    /// The digest, when it is pinned.
    pub digest: Option<String>,
    /// The processors that need it.
    pub architectures: BTreeSet<Arch>,
    /// Nodes, components and parts of the system that need it.
    pub needed_by: BTreeSet<String>,
    /// The Talos release whose default this is, where the node's own is not known here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assumed_from: Option<String>,
}

/// An image of which only the name is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Open {
    /// The image without a tag.
    pub repository: String,
    /// Who needs it.
    pub needed_by: String,
    /// Who decides its tag, and after what.
    pub reason: String,
}

/// A chart; which images are inside is its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Chart {
    /// The component that it installs.
    pub component: String,
    /// The chart's name.
    pub name: String,
    /// Its repository; an OCI one includes the name.
    pub repository: String,
    /// Its version.
    pub version: String,
    /// Whether its images are in the list: a chart has to be rendered for that.
    pub images_listed: bool,
}

/// What the nodes of one image are booted with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Boot {
    /// The nodes.
    pub nodes: Vec<String>,
    /// The identity of the schematic.
    pub id: String,
    /// The schematic, as the factory has to be told once.
    pub schematic: String,
    /// The factory's host.
    pub factory: String,
    /// The release of Talos.
    pub version: String,
    /// The processor.
    pub arch: Arch,
    /// The image that installs and upgrades.
    pub installer: String,
    /// URLs by what they are: `iso`, `pxe`, `diskImage`, `uki`, `kernel`, `initramfs`, `cmdline`.
    pub urls: BTreeMap<&'static str, String>,
}

/// Images by reference.
#[derive(Debug, Default)]
pub(super) struct Images(BTreeMap<String, Image>);

impl Images {
    /// Notes that an image is needed.
    pub(super) fn add(
        &mut self,
        reference: &str,
        by: &str,
        architectures: impl IntoIterator<Item = Arch>,
    ) -> &mut Image {
        let digest = reference.split_once('@').map(|(_, digest)| digest);
        let image = self.0.entry(reference.to_owned()).or_insert_with(|| Image {
            reference: reference.to_owned(),
            digest: digest.map(str::to_owned),
            architectures: BTreeSet::new(),
            needed_by: BTreeSet::new(),
            assumed_from: None,
        });
        image.architectures.extend(architectures);
        image.needed_by.insert(by.to_owned());
        image
    }
}

/// Lists everything that a cluster pulls.
pub fn inventory(cluster: &Cluster, catalog: &Catalog) -> Result<Inventory, RenderError> {
    let mut images = Images::default();
    let mut open = BTreeSet::new();
    let boot = machines::list(cluster, catalog, &mut images)?;
    objects::list(cluster, catalog, &mut images, &mut open)?;
    Ok(Inventory {
        images: images.0.into_values().collect(),
        open: open.into_iter().collect(),
        charts: charts(cluster, catalog)?,
        boot,
    })
}

fn charts(cluster: &Cluster, catalog: &Catalog) -> Result<Vec<Chart>, RenderError> {
    let templates = Templates::new(cluster);
    let mut charts = Vec::new();
    for (selected, component) in selected(cluster, catalog) {
        let Some(release) = ChartRelease::of(&templates, component, selected)? else {
            continue;
        };
        let (ChartSource::Oci(repository) | ChartSource::Helm(repository)) = release.source;
        charts.push(Chart {
            component: release.component,
            name: release.chart,
            repository,
            version: release.version,
            images_listed: false,
        });
    }
    Ok(charts)
}
