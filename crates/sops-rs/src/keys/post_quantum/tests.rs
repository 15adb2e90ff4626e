use age::{Identity as _, Recipient as _};
use age_core::format::FileKey;

use super::{Identity, Recipient};

const IDENTITY: &str = include_str!("../../../tests/data/keys/age-pq-mock.txt");
const RECIPIENT: &str = include_str!("../../../tests/data/keys/age-pq-mock.pub");

fn identity() -> Identity {
    IDENTITY.trim().parse().ok().unwrap()
}

#[test]
fn the_public_key_is_the_one_that_age_derives() {
    assert_eq!(identity().to_public().to_string(), RECIPIENT.trim());
    assert_eq!(identity().to_text().as_str(), IDENTITY.trim());
    let recipient: Recipient = RECIPIENT.trim().parse().ok().unwrap();
    assert_eq!(recipient.to_string(), RECIPIENT.trim());
}

#[test]
fn a_stanza_opens_for_its_key_only() {
    use age::secrecy::ExposeSecret;
    let file_key = FileKey::new(Box::new([7; 16]));
    let (stanzas, labels) = identity().to_public().wrap_file_key(&file_key).unwrap();
    assert_eq!(labels.into_iter().collect::<Vec<_>>(), ["postquantum"]);
    let opened = identity().unwrap_stanzas(&stanzas).unwrap().unwrap();
    assert_eq!(opened.expose_secret(), file_key.expose_secret());
    assert!(Identity::generate().unwrap_stanzas(&stanzas).is_none());

    let mut stanzas = stanzas;
    stanzas[0].body[0] ^= 1;
    assert!(identity().unwrap_stanzas(&stanzas).is_none(), "changed");
    stanzas[0].body.pop();
    assert!(
        identity().unwrap_stanzas(&stanzas).unwrap().is_err(),
        "too short"
    );
    stanzas[0].body.push(0);
    stanzas[0].args.push(String::new());
    assert!(
        identity().unwrap_stanzas(&stanzas).unwrap().is_err(),
        "too many arguments"
    );
}

#[test]
fn damaged_keys_are_refused() {
    let invalid = |text: &str| text.parse::<Recipient>().is_err();
    assert!(invalid(""));
    assert!(invalid(&RECIPIENT.trim()[..500]));
    assert!(invalid(&RECIPIENT.trim().replace("age1pq1", "age1px1")));
    assert!(
        IDENTITY
            .trim()
            .to_lowercase()
            .replace('z', "q")
            .parse::<Identity>()
            .is_err()
    );
}

#[test]
fn keys_that_are_no_keys_are_refused() {
    let encode = |bytes: &[u8]| age_core::primitives::bech32_encode(super::RECIPIENT, bytes);
    let valid = super::Serializable::to_bytes(&identity().to_public().0).to_vec();
    assert!(encode(&valid).parse::<Recipient>().is_ok());
    let mut beyond_the_modulus = valid.clone();
    beyond_the_modulus[..3].fill(0xff);
    assert!(encode(&beyond_the_modulus).parse::<Recipient>().is_err());
    let mut of_low_order = valid;
    of_low_order[1184..].fill(0);
    assert!(encode(&of_low_order).parse::<Recipient>().is_err());
}
