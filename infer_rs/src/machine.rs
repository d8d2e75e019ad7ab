//! What this machine is, as far as this process may use it.

use std::fs;

/// CPUs this process may use: affinity and cgroup quota respected.
pub fn usable_threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Sorted CPU feature names, none where there is no /proc/cpuinfo.
pub fn cpu_flags() -> Vec<String> {
    flags(&fs::read_to_string("/proc/cpuinfo").unwrap_or_default())
}

fn flags(text: &str) -> Vec<String> {
    let line = text.lines().filter_map(|line| line.split_once(':')).find(|(key, _)| key.trim() == "flags");
    let mut names: Vec<String> = line.map_or("", |(_, names)| names).split_whitespace().map(str::to_owned).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_those_of_the_first_cpu_sorted() {
        assert_eq!(flags("processor\t: 0\nflags\t\t: sse2 avx fma\n\nflags\t: x\n"), ["avx", "fma", "sse2"]);
        assert!(flags("Features : fp asimd\n").is_empty());
    }

    #[test]
    fn there_is_at_least_one_thread() {
        assert!(usable_threads() >= 1);
    }
}
