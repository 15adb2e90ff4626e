//! Texts that keep the layout somebody gave them.
//!
//! A file that `sops` laid out gets that layout again. What a person wrote is changed where its
//! values change, and nowhere else.

use zeroize::Zeroizing;

use crate::codec;
use crate::document::Document;
use crate::encrypted_file::EncryptedFile;
use crate::format::Format;
use crate::layout::Layout;
use crate::tree::Tree;
use crate::{dotenv, ini, json, yaml};

impl EncryptedFile {
    /// Prints the file in the layout of a text: that of the plain document when it is encrypted
    /// for the first time, or its own older one. White space, comments, quoting and the spelling of
    /// what stays clear are left as they are; only values change, and the `sops` entry is added. A
    /// binary file has no layout but that of `sops`.
    ///
    /// The result was read again and holds exactly this file; `None` where that cannot be reached
    /// by changing single places of the text. [`EncryptedFile::to_text_with`] always can.
    ///
    /// ```
    /// use sops_rs::{Document, EncryptionRule, Format, Identity, Layout, Selection};
    ///
    /// let text = "kind: Secret   # for the database\n\nstringData: {password: x}\n";
    /// let rule = EncryptionRule::for_recipients(Identity::generate().recipient())
    ///     .with_selection(Selection::EncryptedSuffix("Data".to_owned()));
    /// let file = Document::parse(Format::Yaml, text)?.encrypt(&rule)?;
    ///
    /// let encrypted = file.to_text_like(text, Layout::default()).ok_or("another layout")?;
    /// assert!(encrypted.starts_with(
    ///     "kind: Secret   # for the database\n\nstringData: {password: 'ENC[AES256_GCM,"
    /// ));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_text_like(&self, text: &str, layout: Layout) -> Option<String> {
        let mut tree = self.tree().clone();
        self.metadata().append_to(&mut tree, self.format());
        let mut text = like(self.format(), text, &tree, layout)?;
        // Nothing in it is secret, and it may be large: it is taken, not copied.
        Some(std::mem::take(&mut *text))
    }
}

impl Document {
    /// Prints the document in the layout of a text: that of the file it was encrypted in, or an
    /// older one of its own. The `sops` entry goes.
    ///
    /// The result was read again and holds exactly this document; `None` where that cannot be
    /// reached by changing single places of the text.
    pub fn to_text_like(&self, text: &str, layout: Layout) -> Option<Zeroizing<String>> {
        match self.format {
            // Its text is not that of the JSON around it.
            Format::Binary => None,
            format => like(format, text, &self.tree, layout),
        }
    }
}

fn like(format: Format, text: &str, tree: &Tree, layout: Layout) -> Option<Zeroizing<String>> {
    let old = codec::load_encrypted(format, text.as_bytes()).ok()?;
    let print = |tree: &Tree, layout| codec::emit_encrypted(format, tree, layout);
    let is_printed = |layout: &Layout| *print(&old, *layout) == text.as_bytes();
    if let Some(own) = printed_layouts(format, layout).into_iter().find(is_printed) {
        drop(old);
        let text = String::from_utf8(std::mem::take(&mut *print(tree, own)));
        return text.ok().map(Zeroizing::new);
    }
    let like = match format {
        Format::Yaml => yaml::emit_like(text, &old, tree, layout.yaml()),
        Format::Json => json::emit_like(text, &old, tree, layout.json()),
        Format::Dotenv => dotenv::emit_like(text, &old, tree),
        Format::Ini => ini::emit_like(text, &old, tree),
        Format::Binary => None,
    }?;
    drop(old);
    let read = codec::load_encrypted(format, like.as_bytes()).ok()?;
    read.is_reading_of(tree, format).then_some(like)
}

/// The layouts of a format in which `sops` may have printed a text.
fn printed_layouts(format: Format, layout: Layout) -> Vec<Layout> {
    let others: &[Layout] = match format {
        Format::Dotenv | Format::Ini => &[],
        // Other steps are those of people, whose spelling is to stay, too.
        Format::Json => &[Layout::default()],
        Format::Yaml | Format::Binary => {
            &[Layout::default(), Layout::indented(2), Layout::indented(4)]
        }
    };
    let mut layouts = vec![layout];
    layouts.extend(others);
    layouts
}
