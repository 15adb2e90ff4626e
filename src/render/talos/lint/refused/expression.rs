//! Expressions (CEL) that choose disks, volumes and links, and that tell when memory is short.
//!
//! Not a reader of the language: an expression is whole, and the names in it are those that Talos gives it.
//! Types are not followed.

use serde_json::Value;

use super::Judge;

/// Where expressions stand: kind, path, and the names that they may use.
const PLACES: &[(&str, &str, &[&str])] = &[
    ("VolumeConfig", DISK_PATH, DISK),
    ("UserVolumeConfig", DISK_PATH, DISK),
    ("RawVolumeConfig", DISK_PATH, DISK),
    ("SwapVolumeConfig", DISK_PATH, DISK),
    ("UnattendedInstallConfig", DISK_PATH, DISK),
    (
        "ExistingVolumeConfig",
        "discovery.volumeSelector.match",
        &["volume", "disk"],
    ),
    (
        "LinkAliasConfig",
        "selector.match",
        &["link", "glob", "mac"],
    ),
    ("OOMConfig", "triggerExpression", MEMORY),
    (
        "OOMConfig",
        "cgroupRankingExpression",
        &[
            "memory_max",
            "memory_current",
            "memory_peak",
            "path",
            "class",
        ],
    ),
];

const DISK_PATH: &str = "provisioning.diskSelector.match";
const DISK: &[&str] = &["disk", "system_disk", "glob"];
const MEMORY: &[&str] = &["time_since_trigger", "multiply_qos_vectors"];

/// Sizes, classes of control groups, and what the language itself has.
const KNOWN: &[&str] = &[
    "KiB",
    "MiB",
    "GiB",
    "TiB",
    "PiB",
    "EiB",
    "kB",
    "MB",
    "GB",
    "TB",
    "PB",
    "EB",
    "Besteffort",
    "Burstable",
    "Guaranteed",
    "Podruntime",
    "System",
    "true",
    "false",
    "null",
    "in",
    "size",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "bool",
    "duration",
    "timestamp",
    "dyn",
    "type",
    "has",
    "optional",
    "list",
    "map",
];

/// Checks the expressions of a document.
pub(super) fn check(kind: &str, document: &Value, judge: &mut Judge) {
    for (_, path, names) in PLACES.iter().filter(|(of, ..)| *of == kind) {
        judge.texts(document, path, is_whole, "is no whole expression (CEL)");
        for text in super::each(document, path)
            .into_iter()
            .filter_map(Value::as_str)
        {
            let pressure = |name: &str| *names == MEMORY && is_pressure(name);
            let bare = without_texts(text).unwrap_or_default();
            let stranger = free_names(&bare)
                .into_iter()
                .find(|name| !names.contains(name) && !KNOWN.contains(name) && !pressure(name));
            if let Some(name) = stranger {
                judge.refuse(
                    path,
                    format!("uses the name `{name}`, which it does not have"),
                );
            }
        }
    }
}

/// Figures of the kernel about memory, such as `d_qos_memory_full_avg10`.
fn is_pressure(name: &str) -> bool {
    let name = name.strip_prefix("d_").unwrap_or(name);
    let (of_class, name) = match name.strip_prefix("qos_") {
        Some(name) => (true, name),
        None => (false, name),
    };
    let Some(figure) = name.strip_prefix("memory_") else {
        return false;
    };
    let stall = figure
        .strip_prefix("some_")
        .or(figure.strip_prefix("full_"));
    let stalls = ["avg10", "avg60", "avg300", "total"];
    stall.is_some_and(|stall| stalls.contains(&stall))
        || of_class && ["current", "peak", "max"].contains(&figure)
}

/// Whether brackets and quotes are closed, and it does not end in the middle.
fn is_whole(text: &str) -> bool {
    let Some(text) = without_texts(text) else {
        return false;
    };
    let mut open = Vec::new();
    for letter in text.chars() {
        match letter {
            '(' => open.push(')'),
            '[' => open.push(']'),
            '{' => open.push('}'),
            ')' | ']' | '}' if open.pop() != Some(letter) => return false,
            _ => {}
        }
    }
    let cut = text
        .trim_end()
        .ends_with(['=', '<', '>', '+', '-', '*', '/', '&', '|', '!', ',', '.']);
    open.is_empty() && !cut
}

/// Empties what stands in quotes and leaves out comments; `None` where a quote is not closed.
fn without_texts(text: &str) -> Option<String> {
    let (mut kept, mut rest) = (String::new(), text);
    while let Some(letter) = rest.chars().next() {
        if matches!(letter, '"' | '\'') {
            let is_raw = kept.ends_with(['r', 'R']);
            rest = after_text(rest, letter, is_raw)?;
            kept.push_str("\"\"");
        } else if rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
        } else {
            kept.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    Some(kept)
}

/// What follows a text: it ends with the quote that it begins with, once or three times, and a backslash takes
/// the letter after it along unless the text is a raw one.
fn after_text(text: &str, quote: char, is_raw: bool) -> Option<&str> {
    let thrice = quote.to_string().repeat(3);
    let end = if text.starts_with(&thrice) {
        &thrice[..]
    } else {
        &thrice[..1]
    };
    let mut rest = &text[end.len()..];
    while !rest.starts_with(end) {
        let mut letters = rest.chars();
        if letters.next()? == '\\' && !is_raw {
            letters.next()?;
        }
        rest = letters.as_str();
    }
    Some(&rest[end.len()..])
}

/// The names that nothing before them leads to: no members, no numbers, no variable of a macro. Texts are
/// empty already.
fn free_names(text: &str) -> Vec<&str> {
    let (mut names, mut own) = (Vec::new(), Vec::new());
    let mut rest = text;
    let mut before = ' ';
    while let Some(letter) = rest.chars().next() {
        let end = match letter {
            letter if letter.is_ascii_alphanumeric() || letter == '_' => {
                let word = |c: char| !c.is_ascii_alphanumeric() && c != '_';
                let end = rest.find(word).unwrap_or(rest.len());
                let (name, after) = rest.split_at(end);
                // `all`, `exists`, `filter`, `map`: the first argument is a name of their own.
                let macros = ["all", "exists", "exists_one", "map", "filter"];
                if before == '.' && macros.contains(&name) && after.starts_with('(') {
                    let argument = after[1..].split(',').next().unwrap_or_default();
                    own.push(argument.trim());
                }
                let quoted = after.starts_with('"');
                if before != '.' && !letter.is_ascii_digit() && !quoted {
                    names.push(name);
                }
                end
            }
            letter => letter.len_utf8(),
        };
        let is_optional = letter == '?' && before == '.';
        if !letter.is_whitespace() && !is_optional {
            before = letter;
        }
        rest = &rest[end..];
    }
    names.retain(|name| !own.contains(name));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_texts_and_numbers_are_no_names() {
        for (text, expected) in [
            ("disk.size > 10u * GB", vec!["disk", "GB"]),
            ("glob('sd*', disk.dev_path)", vec!["glob", "disk"]),
            (
                "'a' in disk.symlinks.map(link, link + \"x\")",
                vec!["in", "disk"],
            ),
            ("link.hardware_addr == b'x'", vec!["link"]),
            ("!system_disk && 1.5 > 0x1F", vec!["system_disk"]),
            ("disk.model == \"3.5\\\" HDD\"", vec!["disk"]),
            ("disk.?serial == r'\\'", vec!["disk"]),
            (
                "disk.rotational // not nvme\n && true",
                vec!["disk", "true"],
            ),
        ] {
            let bare = without_texts(text).expect("its quotes are closed");
            assert_eq!(free_names(&bare), expected, "{text}");
        }
    }

    #[test]
    fn what_is_cut_off_is_told() {
        for text in ["disk.size >", "(", "a)", "'x", "a &&", "'x\\'", "'''x''"] {
            assert!(!is_whole(text), "{text}");
        }
        for text in [
            "glob('[a', disk.dev_path) || !system_disk",
            "disk.model == '\\'('",
            "disk.model == r'\\' // (",
            "disk.model == \"\"\"a\"(\"\"\"",
        ] {
            assert!(is_whole(text), "{text}");
        }
    }
}
