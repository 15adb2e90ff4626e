//! "Did you mean …?"

/// Returns the candidate that differs least from what was written, if one is close.
pub(super) fn closest<'a>(
    written: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let limit = (written.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(&fold(written), &fold(candidate)), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Case and the choice between `camelCase`, `kebab-case` and `snake_case` count for nothing.
fn fold(text: &str) -> Vec<char> {
    text.chars()
        .filter(|letter| !matches!(letter, '-' | '_'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Counts insertions, removals, replacements and swaps of neighbours that separate two texts.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for (i, letter) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, other) in b.iter().enumerate() {
            let replaced = rows[i][j] + usize::from(letter != other);
            let mut best = replaced.min(rows[i][j + 1] + 1).min(row[j] + 1);
            let swapped = i > 0 && j > 0 && letter == &b[j - 1] && other == &a[i - 1];
            if swapped {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_of_the_hand_and_other_spellings() {
        let keys = [
            "nodes",
            "nameservers",
            "timeServers",
            "gateway",
            "loadBalancer",
        ];
        let cases = [
            ("nodse", Some("nodes")),
            ("nameserver", Some("nameservers")),
            ("time_servers", Some("timeServers")),
            ("load-balancer", Some("loadBalancer")),
            ("Gateway", Some("gateway")),
            ("storage", None),
            ("x", None),
        ];
        for (written, expected) in cases {
            assert_eq!(closest(written, keys), expected, "{written}");
        }
    }
}
