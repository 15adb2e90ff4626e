//! The Secrets that components expect: made of random bytes, or asked for.

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::catalog::{ExpectedSecret, SecretKey, SecretValue};
use crate::model::{Secret, hexadecimal};
use crate::pki::Entropy;

/// What a person is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The component that needs the answer.
    pub component: &'a str,
    /// The Secret that it goes into.
    pub secret: &'a str,
    /// The key within the Secret.
    pub key: &'a str,
    /// The question.
    pub text: &'a str,
}

/// Asks a person; `None` when there is nobody to ask, or no answer.
pub type Ask<'a> = dyn FnMut(Question<'_>) -> Option<Secret<String>> + 'a;

/// Makes the Kubernetes Secret that a component expects; `None` while a value is missing.
pub(super) fn secret(
    expected: &ExpectedSecret,
    entropy: &mut dyn Entropy,
    ask: &mut Ask<'_>,
) -> Option<Value> {
    let mut data = Map::new();
    for SecretKey { name, value } in &expected.declaration.keys {
        let value = match value {
            SecretValue::Random(length) => random(*length, entropy),
            SecretValue::Prompt(text) => ask(Question {
                component: &expected.component,
                secret: &expected.declaration.name,
                key: name,
                text,
            })?,
        };
        data.insert(name.clone(), Value::from(value.expose().as_str()));
    }
    Some(json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": expected.declaration.name, "namespace": expected.namespace},
        "stringData": data,
    }))
}

fn random(length: usize, entropy: &mut dyn Entropy) -> Secret<String> {
    let mut bytes = Zeroizing::new(vec![0; length]);
    entropy.fill(&mut bytes);
    Secret::new(hexadecimal(&bytes))
}
