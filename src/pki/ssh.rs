//! A deploy key: the SSH key with which the GitOps engine reads its repository.

use ssh_key::private::{Ed25519Keypair, Ed25519PrivateKey, KeypairData};
use ssh_key::public::Ed25519PublicKey;
use ssh_key::{LineEnding, PrivateKey as SshPrivateKey};
use zeroize::Zeroizing;

use super::entropy::{Entropy, random};
use super::{KeyError, PrivateKey};
use crate::model::Secret;

/// An Ed25519 key in the form that OpenSSH reads.
#[derive(Clone)]
pub struct DeployKey {
    /// The private half: an `OPENSSH PRIVATE KEY` block.
    pub private: Secret<String>,
    /// The public half, as one line: `ssh-ed25519 … comment`.
    pub public: String,
}

/// Why a deploy key cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum DeployKeyError {
    /// The key itself cannot be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// It cannot be put into OpenSSH's form.
    #[error("cannot write the key in OpenSSH's form")]
    Encode(#[from] ssh_key::Error),
}

impl DeployKey {
    /// Makes a key; the comment tells people what it is for.
    pub fn generate(comment: &str, entropy: &mut dyn Entropy) -> Result<Self, DeployKeyError> {
        let seed = Zeroizing::new(random::<32>(entropy));
        let public = PrivateKey::from_seed(&seed).public_key();
        let public = Ed25519PublicKey::try_from(public.as_slice())?;
        let pair = Ed25519Keypair {
            public,
            private: Ed25519PrivateKey::from_bytes(&seed),
        };
        let key = SshPrivateKey::new(KeypairData::Ed25519(pair), comment)?;
        Ok(Self {
            private: Secret::new(key.to_openssh(LineEnding::LF)?.to_string()),
            public: key.public_key().to_openssh()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::SeededEntropy;

    #[test]
    fn both_halves_are_one_key() {
        let key = DeployKey::generate("flux@lab", &mut SeededEntropy::new(1)).unwrap();
        let read = SshPrivateKey::from_openssh(key.private.expose()).unwrap();
        assert_eq!(read.public_key().to_openssh().unwrap(), key.public);
        assert!(
            key.public
                .starts_with("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI")
        );
        assert!(key.public.ends_with(" flux@lab"));
    }
}
