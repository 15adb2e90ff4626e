//! What a server of the API needs beside the generated services in [`crate::proto`].

/// Packs a kubeconfig into the archive that the Kubeconfig method returns.
pub fn kubeconfig_archive(kubeconfig: &str) -> Vec<u8> {
    crate::kubeconfig::pack(kubeconfig)
}
