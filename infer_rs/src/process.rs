//! What this process is, as far as its numbers depend on it: read back from what is in force where there is something to ask.
//!
//! The keys and their values are those of contract/process.py; bench/PROTOCOL.md describes them. What a system does not say is absent.

use std::collections::BTreeMap;
use std::fs;
use std::hint::black_box;
use std::path::Path;

use crate::ffi;
use crate::protocol::Setting;

/// `release` or `debug`: numbers of the latter are worth nothing.
pub const BUILD: &str = if cfg!(debug_assertions) { "debug" } else { "release" };

/// What `std::time::Instant` reads, by the names that Python has for it.
const TIMER: &str = if cfg!(windows) {
    "QueryPerformanceCounter()"
} else if cfg!(target_os = "macos") {
    "mach_absolute_time()"
} else {
    "clock_gettime(CLOCK_MONOTONIC)"
};

/// The `process` of a receipt. `library`: the build information of the library that executes models.
pub fn facts(library: &str) -> BTreeMap<String, Setting> {
    let known = [
        ("affinity", ffi::affinity().map(|cpus| Setting::Word(ranges(&cpus)))),
        ("cgroup_quota", Some(Setting::Word(cgroup_quota(Path::new("/sys/fs/cgroup"))))),
        ("allocator", allocator().map(Setting::Word)),
        ("timer", Some(Setting::Word(TIMER.into()))),
        ("timer_resolution_ns", ffi::timer_resolution_ns().map(Setting::Count)),
        ("clocksource", clocksource().map(Setting::Word)),
        ("denormals", Some(Setting::Word(denormals().into()))),
        ("profile", Some(Setting::Word(BUILD.into()))),
        ("library_profile", Some(Setting::Word(build_type(library)))),
    ];
    known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// `kept` or `zeroed`: what this thread's arithmetic does with numbers below the smallest normal one, whoever set it.
pub fn denormals() -> &'static str {
    let made = black_box(f64::MIN_POSITIVE) / 2.0;
    let read = black_box(f64::from_bits(1)) * 2.0_f64.powi(60);
    // By their bits: a comparison would read them as zero, too.
    if black_box(made).to_bits() == 0 || black_box(read).to_bits() == 0 { "zeroed" } else { "kept" }
}

/// Sorted numbers as Linux writes lists of CPUs: 0, 1, 2 and 5 as `0-2,5`.
fn ranges(numbers: &[usize]) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => runs.push((*number, *number)),
        }
    }
    let words = runs.iter().map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") });
    words.collect::<Vec<_>>().join(",")
}

/// Microseconds of CPU time in each period of so many, as contract/machine.py reads them (v2 `cpu.max`, v1 `cpu.cfs_quota_us`).
fn cgroup_quota(root: &Path) -> String {
    let read = |names: &[&str]| -> Option<String> {
        let texts = names.iter().map(|name| fs::read_to_string(root.join(name)).ok()).collect::<Option<Vec<_>>>()?;
        Some(texts.join(" "))
    };
    for names in [&["cpu.max"][..], &["cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"]] {
        let text = read(names).unwrap_or_default();
        if let [limit, period] = text.split_whitespace().collect::<Vec<_>>()[..] {
            return if matches!(limit, "max" | "-1") { "unlimited".into() } else { format!("{limit} of {period} us") };
        }
    }
    "unlimited".into()
}

/// Who answers `malloc` here: `glibc 2.36`, or the file that stands in for it, preloaded or linked in.
fn allocator() -> Option<String> {
    let name = mapped(ffi::malloc_address()?, &fs::read_to_string("/proc/self/maps").ok()?)?;
    if name == "libc.so.6" { ffi::glibc_version().map(|version| format!("glibc {version}")) } else { Some(name) }
}

/// The name of the file that is mapped at an address (proc(5), /proc/pid/maps).
fn mapped(address: usize, maps: &str) -> Option<String> {
    let line = maps.lines().find(|line| {
        let span = line.split_whitespace().next().and_then(|span| span.split_once('-'));
        let bound = |text| usize::from_str_radix(text, 16).ok();
        span.and_then(|(low, high)| Some((bound(low)?..bound(high)?).contains(&address))).unwrap_or(false)
    })?;
    let path = line.find('/').map(|start| Path::new(&line[start..]))?;
    Some(path.file_name()?.to_string_lossy().into_owned())
}

fn clocksource() -> Option<String> {
    let text = fs::read_to_string("/sys/devices/system/clocksource/clocksource0/current_clocksource").ok()?;
    Some(text.trim().to_owned())
}

/// `release` or `debug`, from ONNX Runtime's build information.
fn build_type(info: &str) -> String {
    let rest = info.split_once("build type=").map_or("", |(_, rest)| rest);
    let word: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
    if word.is_empty() { "unknown".into() } else { word.to_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_cpus_are_written_as_linux_writes_them() {
        assert_eq!(ranges(&[0, 1, 2, 5, 7, 8]), "0-2,5,7-8");
        assert_eq!((ranges(&[3]), ranges(&[])), ("3".to_owned(), String::new()));
    }

    #[test]
    fn the_quota_of_both_versions_of_cgroups() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let quota = || cgroup_quota(folder.path());
        assert_eq!(quota(), "unlimited");
        write("cpu/cpu.cfs_quota_us", "400000\n");
        assert_eq!(quota(), "unlimited", "half of it says nothing");
        write("cpu/cpu.cfs_period_us", "100000\n");
        assert_eq!(quota(), "400000 of 100000 us");
        write("cpu/cpu.cfs_quota_us", "-1\n");
        assert_eq!(quota(), "unlimited");
        write("cpu.max", "150000 100000\n");
        assert_eq!(quota(), "150000 of 100000 us");
        write("cpu.max", "max 100000\n");
        assert_eq!(quota(), "unlimited");
    }

    #[test]
    fn the_file_at_an_address_is_found_among_the_mapped_ones() {
        let maps =
            "1000-2000 r--p 00000000 fe:00 1    /usr/lib/a b.so\n2000-3000 rw-p 00000000 00:00 0 \n3000-4000 r-xp 0 fe:00 2 /l/libc.so.6\n";
        assert_eq!(mapped(0x1fff, maps).as_deref(), Some("a b.so"));
        assert_eq!(mapped(0x3000, maps).as_deref(), Some("libc.so.6"));
        assert_eq!((mapped(0x2000, maps), mapped(0x4000, maps)), (None, None));
    }

    #[test]
    fn the_build_type_is_taken_from_the_build_information() {
        assert_eq!(build_type("ORT Build Info: git-branch=HEAD, build type=RelWithDebInfo, cmake"), "relwithdebinfo");
        assert_eq!(build_type("ORT Build Info: build type="), "unknown");
    }

    #[test]
    fn denormals_are_kept_unless_somebody_says_otherwise() {
        assert_eq!(denormals(), "kept");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_says_everything() {
        let facts = facts("build type=Release");
        for name in ["affinity", "allocator", "timer", "timer_resolution_ns"] {
            assert!(facts.contains_key(name), "{name}: {facts:?}");
        }
    }
}
