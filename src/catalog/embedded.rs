//! The catalogue that ships with the program: read from disk in debug builds, from the binary in
//! release builds.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use rust_embed::RustEmbed;

use super::component::Catalog;
use super::load::LoadError;

#[derive(RustEmbed)]
#[folder = "catalog/"]
struct Files;

impl Catalog {
    /// Loads the catalogue that ships with the program.
    pub fn embedded() -> Result<Self, LoadError> {
        let mut files = BTreeMap::new();
        for path in Files::iter() {
            if let Some(file) = Files::get(&path) {
                files.insert(Utf8PathBuf::from("catalog").join(&*path), file.data.into());
            }
        }
        Self::default().with_files(&files)
    }
}
