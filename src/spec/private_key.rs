//! Private keys that somebody wrote into a spec by mistake: never shown, by anything.

use super::diagnostic::Diagnostic;

/// How an age identity begins.
const AGE: &str = "AGE-SECRET-KEY-";

/// Hides private keys in a text, letter for letter, so that places stay right.
pub(super) fn masked(text: &str) -> String {
    // Bech32 is written in one case or the other.
    let upper = text.to_ascii_uppercase();
    let mut masked = text.to_owned();
    let mut from = 0;
    while let Some(found) = upper.get(from..).and_then(|rest| rest.find(AGE)) {
        let start = from + found + AGE.len();
        let rest = masked.get(start..).unwrap_or_default();
        let length = rest.find(|letter: char| !letter.is_ascii_alphanumeric());
        let end = start + length.unwrap_or(rest.len());
        masked.replace_range(start..end, &"*".repeat(end - start));
        from = end;
    }
    masked
}

/// Hides private keys in everything that a finding says.
pub(super) fn mask(finding: &mut Diagnostic) {
    finding.message = masked(&finding.message);
    finding.help = finding.help.as_deref().map(masked);
    for label in &mut finding.labels {
        label.text = masked(&label.text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hides_every_key_and_nothing_else() {
        let text = "a: AGE-SECRET-KEY-1QPZ\nb: [age-secret-key-1abc, age1public]\n";
        let hidden = "a: AGE-SECRET-KEY-****\nb: [age-secret-key-****, age1public]\n";
        assert_eq!(masked(text), hidden);
        assert_eq!(masked("AGE-SECRET-KEY-"), "AGE-SECRET-KEY-");
    }
}
