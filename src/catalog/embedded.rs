//! The catalogue that ships with the program: read from disk in debug builds, where it may be wrong and
//! its errors are told; from the binary in release builds, each component when it is asked for.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use rust_embed::RustEmbed;

use super::component::Catalog;
use super::load::{LoadError, by_folder};

#[derive(RustEmbed)]
#[folder = "catalog/"]
struct Files;

impl Catalog {
    /// Loads the catalogue that ships with the program.
    pub fn embedded() -> Result<Self, LoadError> {
        let files = files();
        if cfg!(debug_assertions) {
            Self::default().with_files(&files)
        } else {
            by_folder(&files).map(|folders| Self::default().with_shipped(folders))
        }
    }
}

fn files() -> BTreeMap<Utf8PathBuf, Vec<u8>> {
    Files::iter()
        .filter_map(|path| {
            let file = Files::get(&path)?;
            Some((Utf8PathBuf::from("catalog").join(&*path), file.data.into()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_read_when_they_are_asked_for_are_the_same() {
        let files = files();
        let folders = by_folder(&files).expect("text");
        let later = Catalog::default().with_shipped(folders);
        let at_once = Catalog::default().with_files(&files).expect("well formed");
        let names = |catalog: &Catalog| catalog.names().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(names(&later), names(&at_once));
        let shown = |catalog: &Catalog| {
            let all = catalog.iter().map(|component| format!("{component:?}"));
            all.collect::<Vec<_>>()
        };
        assert_eq!(shown(&later), shown(&at_once));
    }
}
