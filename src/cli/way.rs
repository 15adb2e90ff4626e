//! The way to machines: through the connection map, with credentials where there are any.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::sealed::{bundle, opener};
use super::{Context, Failure, Kind};
use crate::connect::{ConnectMap, Mapped, SharedConnector, Tcp};
use crate::execute::administrator;
use crate::model::{Clock, SystemClock};
use crate::pki::SystemEntropy;
use crate::render::talos::BUNDLE_PATH;
use crate::talos::Talos;

/// Arguments of every command that talks to the cluster.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ConnectArgs {
    /// Reach machines and the Git remote where this file says, like curl's --connect-to.
    #[arg(long, value_name = "FILE")]
    pub connect_map: Option<Utf8PathBuf>,
}

/// Runs a command that talks to the cluster to its end.
pub fn block_on<T>(command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(command)
}

/// Reads the connection map.
pub fn connect_map(path: Option<&Utf8Path>) -> Result<Option<ConnectMap>, Failure> {
    let Some(path) = path else { return Ok(None) };
    let text = fs_err::read_to_string(path)?;
    let map = ConnectMap::parse(&text).map_err(|error| {
        Failure::new(
            Kind::Usage,
            anyhow::Error::new(error).context(format!("`{path}`")),
        )
    })?;
    Ok(Some(map))
}

/// Returns the way to every target.
pub fn connector(map: Option<ConnectMap>) -> SharedConnector {
    match map {
        Some(map) => Arc::new(Mapped::new(map, Arc::new(Tcp))),
        None => Arc::new(Tcp),
    }
}

/// The way to machines, for looks that need no bundle.
pub struct Way {
    /// The way to every target.
    pub connector: SharedConnector,
    /// The way to machines: as an administrator where the bundle is there, else as a stranger.
    pub talos: Talos,
    /// Whether the bundle is there.
    pub has_bundle: bool,
}

/// Opens the way. Before there is a bundle only machines without a configuration tell anything.
pub fn way(context: &Context, args: &ConnectArgs) -> Result<Way, Failure> {
    let connector = connector(connect_map(args.connect_map.as_deref())?);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let opener = opener(context);
    let has_bundle = opener.has(Utf8Path::new(BUNDLE_PATH));
    let talos = if has_bundle {
        let now = clock.now();
        let bundle = bundle(context, &opener, now)?;
        let credentials = administrator(&bundle, now, &mut SystemEntropy)?;
        Talos::new(credentials, Arc::clone(&connector), clock)
    } else {
        Talos::anonymous(Arc::clone(&connector), clock)
    };
    Ok(Way {
        connector,
        talos,
        has_bundle,
    })
}
