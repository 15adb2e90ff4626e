//! The answer to `info/refs?service=git-upload-pack`: pkt-lines of commit and reference.

/// Finds a branch's commit in a smart-HTTP advertisement.
///
/// `Err` says why the bytes are none; `Ok(None)` that the branch is not in it.
pub(super) fn branch(advertisement: &[u8], branch: &str) -> Result<Option<String>, &'static str> {
    let wanted = format!("refs/heads/{branch}");
    let mut rest = advertisement;
    let mut announced = false;
    while !rest.is_empty() {
        let (line, after) = packet(rest).ok_or("a damaged list of references")?;
        rest = after;
        let line = line.split(|byte| *byte == 0).next().unwrap_or_default();
        let text = std::str::from_utf8(line).map_err(|_| "a damaged list of references")?;
        let text = text.trim_end();
        if text == "# service=git-upload-pack" {
            announced = true;
        } else if let Some((commit, name)) = text.split_once(' ')
            && name == wanted
        {
            return Ok(Some(commit.to_owned()));
        }
    }
    if announced {
        Ok(None)
    } else {
        Err("an answer that is not a Git server's")
    }
}

/// Splits the first pkt-line off; a flush packet is an empty line.
fn packet(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_at_checked(4)?;
    let length = usize::from_str_radix(std::str::from_utf8(length).ok()?, 16).ok()?;
    match length {
        0 => Some((&[], rest)),
        1..4 => None,
        _ => rest.split_at_checked(length - 4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // As `git http-backend` 2.39 answers for a repository with two branches, most capabilities left out.
    const ADVERTISEMENT: &[u8] = b"001e# service=git-upload-pack\n0000\
        00586d0b36d0b36d0b36d0b36d0b36d0b36d0b36d0b3 HEAD\0multi_ack symref=HEAD:refs/heads/main\n\
        003d6d0b36d0b36d0b36d0b36d0b36d0b36d0b36d0b3 refs/heads/main\n\
        003c6d0b36d0b36d0b36d0b36d0b36d0b36d0b36d0b4 refs/heads/old\n0000";

    #[test]
    fn finds_the_branch_and_only_it() {
        let main = branch(ADVERTISEMENT, "main").expect("reads");
        assert_eq!(
            main.as_deref(),
            Some("6d0b36d0b36d0b36d0b36d0b36d0b36d0b36d0b3")
        );
        assert_eq!(branch(ADVERTISEMENT, "gone"), Ok(None));
    }

    #[test]
    fn anything_else_is_an_error() {
        for bytes in [&b"<html>"[..], b"zzzz", b"0003", b"00ffshort", b""] {
            assert!(branch(bytes, "main").is_err());
        }
    }
}
