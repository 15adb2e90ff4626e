//! Opens and encrypts files, and says how long it took: what `scripts/bench sops` measures.
//!
//! `sops_file decrypt FILE…` opens and checks files and prints them; `sops_file encrypt FILE` prints
//! the encrypted file; `sops_file recipient` prints for whom. The key is that of
//! `SOPS_AGE_KEY_FILE`.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "an example is a program: it reads its arguments and files, and prints"
)]

use std::error::Error;
use std::io::Write;
use std::path::Path;

use sops_rs::{Document, EncryptedFile, EncryptionRule, Environment, Format, Identities, Layout};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (verb, files) = arguments
        .split_first()
        .ok_or("usage: sops_file decrypt|encrypt FILE…")?;
    let identities = Identities::load(&Environment::of_process());
    let mut out = std::io::stdout().lock();
    match (verb.as_str(), files) {
        ("decrypt", files) => {
            for file in files {
                out.write_all(&decrypted(file, &identities)?.to_bytes())?;
            }
        }
        ("recipient", []) => {
            for recipient in identities.recipients() {
                writeln!(out, "{recipient}")?;
            }
        }
        ("encrypt", [file]) => out.write_all(encrypted(file, &identities)?.as_bytes())?,
        _ => return Err("usage: sops_file decrypt|encrypt FILE…".into()),
    }
    Ok(())
}

fn decrypted(path: &str, identities: &Identities) -> Result<Document, Box<dyn Error>> {
    let format = Format::of_path(Path::new(path));
    let file = EncryptedFile::parse(format, &std::fs::read(path)?)?;
    Ok(file.decrypt(identities)?.document)
}

fn encrypted(path: &str, identities: &Identities) -> Result<String, Box<dyn Error>> {
    let format = Format::of_path(Path::new(path));
    let rule = EncryptionRule::for_recipients(identities.recipients());
    let file = {
        let document = Document::parse(format, &std::fs::read(path)?)?;
        document.encrypt(&rule)?
    };
    Ok(file.to_text_with(Layout::default()))
}
