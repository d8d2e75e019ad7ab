//! Session options: each one explicit, none left to a default that another runtime may not share.

use std::collections::BTreeMap;

use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};

use super::Provider;
use crate::error::{Error, Result};
use crate::protocol::Setting;
use crate::{ffi, machine, process};

/// Values of all options of a session; the defaults are those of Python's `InferenceSession`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "bench/PROTOCOL.md, `load`")]
pub struct Options {
    pub threads: usize,
    pub inter_threads: usize,
    pub spinning: bool,
    pub optimization: Optimization,
    pub arena: bool,
    pub memory_pattern: bool,
}

/// ONNX Runtime's graph optimisation levels, by Python's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Optimization {
    All,
    Extended,
    Basic,
    Disabled,
}

/// ONNX Runtime takes a C `int`, and starts as many as it is told to.
const THREADS: std::ops::RangeInclusive<usize> = 1..=1024;

const LEVELS: [(&str, Optimization); 4] = [
    ("all", Optimization::All),
    ("extended", Optimization::Extended),
    ("basic", Optimization::Basic),
    ("disabled", Optimization::Disabled),
];

// Of every session of every runtime (contract/process.py has the same words).
const STOPWATCH: &str = "host to host, copies included";
const OUTPUT_ALLOCATION: &str = "in each forward";

impl Options {
    /// The defaults, with this number of threads (or as many as the process may use).
    pub fn with_threads(threads: Option<usize>) -> Self {
        Self {
            threads: threads.unwrap_or_else(machine::usable_threads),
            inter_threads: 1,
            spinning: true,
            optimization: Optimization::All,
            arena: true,
            memory_pattern: true,
        }
    }

    /// Applies what was asked. A key that no runtime has is a usage error.
    pub fn apply(&mut self, asked: &BTreeMap<String, Setting>) -> Result<()> {
        for (name, setting) in asked {
            match (name.as_str(), setting) {
                ("threads", Setting::Count(count)) if THREADS.contains(count) => self.threads = *count,
                ("inter_threads", Setting::Count(count)) if THREADS.contains(count) => self.inter_threads = *count,
                ("spinning", Setting::Switch(on)) => self.spinning = *on,
                ("arena", Setting::Switch(on)) => self.arena = *on,
                ("memory_pattern", Setting::Switch(on)) => self.memory_pattern = *on,
                ("optimization", Setting::Word(word)) => self.optimization = level(word)?,
                ("threads" | "inter_threads", _) => return Err(wrong(name, "an integer from 1 to 1024")),
                ("spinning" | "arena" | "memory_pattern", _) => return Err(wrong(name, "true or false")),
                ("optimization", _) => return Err(wrong(name, "a word")),
                // A key that only another runtime has is left out of the answer, which is how the caller knows.
                ("dtype" | "form" | "training", _) => {}
                _ => return Err(wrong(name, "threads, inter_threads, spinning, optimization, arena or memory_pattern")),
            }
        }
        Ok(())
    }

    /// All effective options of a session that `builder` makes. Entries are what the builder says of itself; the rest is what was set,
    /// for setting it would have failed otherwise, and ONNX Runtime's C API cannot be asked for it.
    pub fn in_force(&self, builder: &SessionBuilder, provider: Provider) -> ort::Result<BTreeMap<String, Setting>> {
        // The session sets its own threads; the one that calls it may have been set by any library before.
        let zeroed = ffi::config_entry(builder, c"session.set_denormal_as_zero")? != "0";
        let word = |word: &str| Setting::Word(word.to_owned());
        let mut options = BTreeMap::from([
            ("threads", Setting::Count(self.threads)),
            ("inter_threads", Setting::Count(self.inter_threads)),
            ("spinning", Setting::Switch(ffi::config_entry(builder, c"session.intra_op.allow_spinning")? == "1")),
            ("optimization", word(self.optimization.word())),
            ("arena", Setting::Switch(self.arena)),
            ("memory_pattern", Setting::Switch(self.memory_pattern)),
            ("denormals", word(if zeroed { "zeroed" } else { process::denormals() })),
            ("stopwatch", word(STOPWATCH)),
            ("output_allocation", word(OUTPUT_ALLOCATION)),
        ]);
        if provider == Provider::Cuda {
            options.extend([("tf32", Setting::Switch(false)), ("conv_search", word("exhaustive"))]);
        }
        Ok(options.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

impl Optimization {
    fn word(self) -> &'static str {
        LEVELS.into_iter().find(|(_, level)| *level == self).map_or("", |(word, _)| word)
    }
}

impl From<Optimization> for GraphOptimizationLevel {
    fn from(level: Optimization) -> Self {
        match level {
            Optimization::All => Self::All,
            Optimization::Extended => Self::Level2,
            Optimization::Basic => Self::Level1,
            Optimization::Disabled => Self::Disable,
        }
    }
}

fn level(word: &str) -> Result<Optimization> {
    let found = LEVELS.iter().find(|(name, _)| *name == word);
    found.map(|(_, level)| *level).ok_or_else(|| wrong("optimization", "all, extended, basic or disabled"))
}

fn wrong(name: &str, expected: &str) -> Error {
    Error::usage(format!("expected {expected}"), format!("request.load.options.{name}"), "see bench/PROTOCOL.md, `load`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(name: &str, setting: Setting) -> BTreeMap<String, Setting> {
        BTreeMap::from([(name.to_owned(), setting)])
    }

    #[test]
    fn asked_keys_are_applied_and_those_of_other_runtimes_left_out() {
        let mut options = Options::with_threads(Some(2));
        let mut both = asked("threads", Setting::Count(3));
        both.extend(asked("dtype", Setting::Word("float32".into())));
        both.extend(asked("form", Setting::Word("program-static".into())));
        both.extend(asked("training", Setting::Switch(false)));
        options.apply(&both).unwrap();
        assert_eq!((options.threads, options.inter_threads), (3, 1));
        options.apply(&asked("optimization", Setting::Word("basic".into()))).unwrap();
        assert_eq!((options.optimization, options.optimization.word()), (Optimization::Basic, "basic"));
    }

    #[test]
    fn wrong_values_are_named() {
        let mut options = Options::with_threads(None);
        for wrong in [
            asked("threads", Setting::Count(0)),
            asked("threads", Setting::Switch(true)),
            asked("threads", Setting::Count(1025)),
            asked("inter_threads", Setting::Count(1 << 32)),
            asked("channels_last", Setting::Switch(true)),
            asked("arena", Setting::Count(1)),
            asked("optimization", Setting::Word("most".into())),
            asked("optimization", Setting::Count(99)),
        ] {
            let error = options.apply(&wrong).unwrap_err();
            assert!(wrong.keys().all(|name| error.place.ends_with(name)) && error.exit_code() == 2);
        }
    }
}
