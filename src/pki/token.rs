//! Join tokens, in the form of Kubernetes bootstrap tokens.

use super::Entropy;
use crate::model::Secret;

const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// Bytes from here on would make the first letters of the alphabet likelier than the others.
const UNBIASED_BELOW: u8 = 252;

/// Makes a token: six characters, a dot, sixteen characters.
pub(super) fn generate(entropy: &mut dyn Entropy) -> Secret<String> {
    let mut token = part(6, entropy);
    token.push('.');
    token.push_str(&part(16, entropy));
    Secret::new(token)
}

/// Tells whether a text has the form of a token.
pub(super) fn is_well_formed(text: &str) -> bool {
    let well_formed = |part: &str, length| {
        part.len() == length && part.bytes().all(|byte| ALPHABET.contains(&byte))
    };
    text.split_once('.')
        .is_some_and(|(id, secret)| well_formed(id, 6) && well_formed(secret, 16))
}

fn part(length: usize, entropy: &mut dyn Entropy) -> String {
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let mut byte = [0];
        entropy.fill(&mut byte);
        if byte[0] < UNBIASED_BELOW {
            text.push(char::from(ALPHABET[usize::from(byte[0]) % ALPHABET.len()]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::SeededEntropy;

    #[test]
    fn makes_tokens_of_the_required_form() {
        let mut entropy = SeededEntropy::new(1);
        for _ in 0..100 {
            assert!(is_well_formed(generate(&mut entropy).expose()));
        }
    }

    #[test]
    fn rejects_biased_bytes() {
        struct Counting(u8);
        impl Entropy for Counting {
            fn fill(&mut self, buffer: &mut [u8]) {
                buffer[0] = self.0;
                self.0 = self.0.wrapping_add(1);
            }
        }
        // 250 and 251 stand for `y` and `z`; 252 to 255 are passed over; then it starts with 0.
        assert_eq!(part(4, &mut Counting(250)), "yz01");
    }

    #[test]
    fn knows_what_is_no_token() {
        for text in [
            "",
            "abcdef",
            "abcdef.0123456789abcde",
            "ABCDEF.0123456789abcdef",
            "abcdef.0123456789abcdef ",
        ] {
            assert!(!is_well_formed(text), "{text:?}");
        }
    }
}
