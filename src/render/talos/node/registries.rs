//! Registries: mirrors that are more than a list of URLs, authorities and logins.

use serde_json::{Value, json};

use crate::render::reference::SecretRef;
use crate::render::talos::forms::document;
use crate::spec::cluster::{Cluster, Distribution, Mirror};

/// Returns the documents.
pub(super) fn documents(cluster: &Cluster) -> Vec<Value> {
    let Distribution::Talos(talos) = &cluster.distribution;
    let registries = &talos.registries;
    let mirrors = registries
        .mirrors
        .iter()
        .filter(|(_, mirror)| !mirror.is_plain());
    let mirrors =
        mirrors.map(|(host, mirror)| document("RegistryMirrorConfig", self::mirror(host, mirror)));
    let authorities = registries
        .authorities
        .iter()
        .map(|(host, ca)| document("RegistryTLSConfig", json!({"name": host, "ca": ca})));
    let logins = registries.logins.iter().map(|(host, login)| {
        let (file, path) = login
            .password
            .split_once('#')
            .unwrap_or((&login.password, ""));
        let password = SecretRef::new(file, path).to_value();
        let content = json!({"name": host, "username": login.username, "password": password});
        document("RegistryAuthConfig", content)
    });
    mirrors.chain(authorities).chain(logins).collect()
}

fn mirror(host: &str, mirror: &Mirror) -> Value {
    let endpoint = |url: &String| {
        let mut endpoint = json!({"url": url});
        if mirror.override_path {
            endpoint["overridePath"] = json!(true);
        }
        endpoint
    };
    let mut content = json!({
        "name": host,
        "endpoints": mirror.endpoints.iter().map(endpoint).collect::<Vec<_>>(),
    });
    if mirror.skip_fallback {
        content["skipFallback"] = json!(true);
    }
    content
}
