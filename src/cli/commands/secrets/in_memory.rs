//! Whether a directory lies in memory: by what the kernel says of its file system, not by its name.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Where Linux lists the mounted file systems.
const MOUNTS: &str = "/proc/self/mountinfo";

/// Tells whether a directory lies on a file system that is kept in memory. Where nothing says so,
/// it does not.
pub(super) fn is_in_memory(directory: &Path) -> bool {
    let Ok(metadata) = std::fs::metadata(directory) else {
        return false;
    };
    std::fs::read(MOUNTS).is_ok_and(|mounts| {
        lists_in_memory(&String::from_utf8_lossy(&mounts), &device(metadata.dev()))
    })
}

/// A device's number as the list of mounts spells it.
fn device(number: u64) -> String {
    let major = (number >> 8) & 0xfff | (number >> 32) & !0xfff;
    let minor = number & 0xff | (number >> 12) & 0xffff_ff00;
    format!("{major}:{minor}")
}

/// Looks a device up. The fields of a line: id, parent, device, …, `-`, type, source, options.
fn lists_in_memory(mounts: &str, device: &str) -> bool {
    mounts.lines().any(|line| {
        line.split_once(" - ").is_some_and(|(mount, system)| {
            mount.split(' ').nth(2) == Some(device)
                && matches!(system.split(' ').next(), Some("tmpfs" | "ramfs"))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_list_decides() {
        // The first line is the example of proc_pid_mountinfo(5).
        let mounts = "\
36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
25 24 0:23 / /dev/shm rw,nosuid,nodev shared:4 - tmpfs tmpfs rw,inode64
33 25 259:300 / /run/user/1000 rw - ramfs none rw
";
        assert!(!lists_in_memory(mounts, "98:0"));
        assert!(lists_in_memory(mounts, "0:23"));
        assert!(lists_in_memory(mounts, "259:300"));
        assert!(!lists_in_memory(mounts, "0:2"));
    }

    #[test]
    fn devices_are_spelt_as_the_kernel_spells_them() {
        // By glibc's `makedev`: the low byte of the minor number, 12 bits of the major one, the rest.
        assert_eq!(device(0x1b), "0:27");
        assert_eq!(device(0xfe00), "254:0");
        assert_eq!(device(0x0011_032c), "259:300");
    }
}
