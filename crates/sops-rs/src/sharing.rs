//! Shamir's secret sharing, byte by byte over GF(2⁸), in the form that `sops` stores.
//!
//! A share is the values of one random polynomial for each byte of the secret, then the point they
//! were taken at: 1, 2, … in the order of the groups. The field is that of AES.

use rand::{CryptoRng, RngCore};
use zeroize::Zeroizing;

/// A share of a secret.
pub(crate) type Share = Zeroizing<Vec<u8>>;

/// Shares that do not make up a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShareError {
    /// There are fewer than two.
    #[error("at least two shares are needed")]
    TooFew,
    /// They have different lengths, or one is empty.
    #[error("the shares differ in length")]
    Lengths,
    /// Two are the same one.
    #[error("two groups hold the same share")]
    Duplicate,
}

/// Shares a secret out; any `threshold` of the shares make it up again.
pub(crate) fn split(
    secret: &[u8],
    shares: u8,
    threshold: u8,
    rng: &mut (impl RngCore + CryptoRng),
) -> Vec<Share> {
    let mut polynomials = Vec::with_capacity(secret.len());
    for byte in secret {
        let mut coefficients = Zeroizing::new(vec![0; usize::from(threshold.max(1))]);
        rng.fill_bytes(&mut coefficients);
        coefficients[0] = *byte;
        polynomials.push(coefficients);
    }
    let share = |point: u8| {
        let values = polynomials.iter().map(|coefficients| {
            let from_highest = coefficients.iter().rev();
            from_highest.fold(0, |sum, coefficient| multiply(sum, point) ^ coefficient)
        });
        let mut share = Zeroizing::new(Vec::with_capacity(secret.len() + 1));
        share.extend(values);
        share.push(point);
        share
    };
    (1..=shares).map(share).collect()
}

/// Makes up the secret of shares: the value at 0 of the polynomial through them.
pub(crate) fn combine(shares: &[Share]) -> Result<Zeroizing<Vec<u8>>, ShareError> {
    let [first, _, ..] = shares else {
        return Err(ShareError::TooFew);
    };
    let length = first.len();
    if length < 2 || shares.iter().any(|share| share.len() != length) {
        return Err(ShareError::Lengths);
    }
    let points: Vec<u8> = shares.iter().map(|share| share[length - 1]).collect();
    let mut secret = Zeroizing::new(vec![0; length - 1]);
    for (position, share) in shares.iter().enumerate() {
        let weight = weight(&points, position).ok_or(ShareError::Duplicate)?;
        for (byte, value) in secret.iter_mut().zip(share.iter()) {
            *byte ^= multiply(*value, weight);
        }
    }
    Ok(secret)
}

/// Lagrange's weight of one point at 0; `None` when another point is the same.
fn weight(points: &[u8], position: usize) -> Option<u8> {
    let own = points[position];
    let others = points
        .iter()
        .enumerate()
        .filter(|(other, _)| *other != position);
    let mut weight = 1;
    for (_, other) in others {
        let distance = own ^ other;
        if distance == 0 {
            return None;
        }
        weight = multiply(weight, multiply(*other, invert(distance)));
    }
    Some(weight)
}

/// Multiplies in the field, in a time that does not depend on the values.
fn multiply(mut a: u8, b: u8) -> u8 {
    /// The lower bits of AES' polynomial: x⁸ + x⁴ + x³ + x + 1.
    const POLYNOMIAL: u8 = 0x1b;
    let mut product = 0;
    for bit in 0..8 {
        product ^= a & 0u8.wrapping_sub((b >> bit) & 1);
        let carry = 0u8.wrapping_sub(a >> 7);
        a = (a << 1) ^ (carry & POLYNOMIAL);
    }
    product
}

/// The inverse: the 254th power, since the 255th is 1.
fn invert(a: u8) -> u8 {
    let mut power = a;
    for _ in 0..6 {
        power = multiply(multiply(power, power), a);
    }
    multiply(power, power)
}

#[cfg(test)]
mod tests {
    use rand::rngs::OsRng;
    use zeroize::Zeroizing;

    use super::{ShareError, combine, invert, multiply, split};

    #[test]
    fn the_field_is_that_of_aes() {
        // FIPS 197, 4.2: {57} x {83} = {c1}, {57} x {13} = {fe}; 5.1.1: {53} and {ca} are inverse.
        assert_eq!(multiply(0x57, 0x83), 0xc1);
        assert_eq!(multiply(0x57, 0x13), 0xfe);
        assert_eq!(multiply(0x53, 0xca), 1);
        assert_eq!(invert(0x53), 0xca);
        for a in 1..=255 {
            assert_eq!(multiply(a, invert(a)), 1);
        }
    }

    #[test]
    fn a_line_through_two_points_by_hand() {
        // 42 + 7x at 1 and 2, in the field: 42 ^ 7 = 45, 42 ^ 14 = 36.
        let shares = [Zeroizing::new(vec![45, 1]), Zeroizing::new(vec![36, 2])];
        assert_eq!(*combine(&shares).unwrap(), [42]);
    }

    #[test]
    fn any_sufficient_shares_make_up_the_secret() {
        let secret: Vec<u8> = (0..32).collect();
        let shares = split(&secret, 5, 3, &mut OsRng);
        assert_eq!(shares.len(), 5);
        assert!(shares.iter().all(|share| share.len() == 33));
        let points: Vec<u8> = shares.iter().map(|share| share[32]).collect();
        assert_eq!(points, [1, 2, 3, 4, 5]);
        for chosen in [[0, 1, 2], [4, 2, 0], [1, 3, 4]] {
            let chosen = chosen.map(|index: usize| shares[index].clone());
            assert_eq!(*combine(&chosen).unwrap(), secret);
        }
        assert_eq!(*combine(&shares).unwrap(), secret);
        assert_ne!(*combine(&shares[..2]).unwrap(), secret);
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let share = |bytes: &[u8]| Zeroizing::new(bytes.to_vec());
        assert_eq!(combine(&[]), Err(ShareError::TooFew));
        assert_eq!(combine(&[share(&[1, 1])]), Err(ShareError::TooFew));
        let lengths = [share(&[1, 1]), share(&[1, 2, 2])];
        assert_eq!(combine(&lengths), Err(ShareError::Lengths));
        let same = [share(&[1, 1]), share(&[1, 1])];
        assert_eq!(combine(&same), Err(ShareError::Duplicate));
        assert_eq!(
            combine(&[share(&[1]), share(&[2])]),
            Err(ShareError::Lengths)
        );
    }
}
