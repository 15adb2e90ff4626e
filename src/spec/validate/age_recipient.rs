//! Whether a text is an age X25519 recipient: Bech32 (BIP 173) over 32 bytes, prefix `age`.

const CHARSET: &str = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const PREFIX: &str = "age";
const LENGTH: usize = 62;

/// Why a text is not a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RecipientError {
    /// It does not look like one.
    #[error("expected `age1` and 58 lower-case letters and digits")]
    Shape,
    /// A letter was lost, swapped or mistyped.
    #[error("its checksum is wrong: a letter is mistyped")]
    Checksum,
}

/// Checks a recipient's shape and checksum.
pub(super) fn check(text: &str) -> Result<(), RecipientError> {
    let data = text.strip_prefix("age1").filter(|_| text.len() == LENGTH);
    let data: Option<Vec<u32>> = data
        .ok_or(RecipientError::Shape)?
        .chars()
        .map(|letter| {
            CHARSET
                .find(letter)
                .and_then(|index| u32::try_from(index).ok())
        })
        .collect();
    let data = data.ok_or(RecipientError::Shape)?;
    let high = PREFIX.bytes().map(|byte| u32::from(byte >> 5));
    let low = PREFIX.bytes().map(|byte| u32::from(byte & 31));
    let values = high.chain([0]).chain(low).chain(data);
    if polymod(values) == 1 {
        Ok(())
    } else {
        Err(RecipientError::Checksum)
    }
}

/// The checksum polynomial of BIP 173.
fn polymod(values: impl Iterator<Item = u32>) -> u32 {
    const GENERATOR: [u32; 5] = [
        0x3b6a_57b2,
        0x2650_8e6d,
        0x1ea1_19fa,
        0x3d42_33dd,
        0x2a14_62b3,
    ];
    values.fold(1, |checksum, value| {
        let top = checksum >> 25;
        let next = ((checksum & 0x01ff_ffff) << 5) ^ value;
        GENERATOR
            .iter()
            .enumerate()
            .filter(|(bit, _)| (top >> bit) & 1 == 1)
            .fold(next, |next, (_, term)| next ^ term)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the age specification's test vectors and from `age-keygen`.
    const VALID: [&str; 2] = [
        "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj",
        "age169paenjp8tp39je8nsdgzc8sncr2plfksnrmxgnypvl8c7q97avsn65kqt",
    ];

    #[test]
    fn takes_real_recipients_and_notices_every_changed_letter() {
        for text in VALID {
            assert_eq!(check(text), Ok(()), "{text}");
            for index in 4..text.len() {
                let replacement = if &text[index..=index] == "q" {
                    "p"
                } else {
                    "q"
                };
                let mut changed = text.to_owned();
                changed.replace_range(index..=index, replacement);
                assert_eq!(check(&changed), Err(RecipientError::Checksum), "{changed}");
            }
        }
    }

    #[test]
    fn refuses_other_shapes() {
        for text in [
            "",
            "age1",
            "age1abc",
            "ssh-ed25519 AAAA",
            &VALID[0].to_uppercase(),
        ] {
            assert_eq!(check(text), Err(RecipientError::Shape), "{text}");
        }
    }
}
