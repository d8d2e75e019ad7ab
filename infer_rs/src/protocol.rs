//! The runner protocol's messages, number 3: bench/PROTOCOL.md describes them, contract/protocol.py has the same in Python.

use std::collections::BTreeMap;

use serde::de::{DeserializeOwned, Deserializer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::{Error, Kind, Result};

/// The protocol's number.
pub const PROTOCOL: u32 = 3;

/// A field that must be there, though it may be null: serde takes a missing `Option` for null otherwise.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> std::result::Result<Option<T>, D::Error> {
    Option::deserialize(from)
}

macro_rules! messages {
    ($($(#[$about:meta])* $name:ident { $($(#[$field_about:meta])* $field:ident: $kind:ty,)* })*) => {$(
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        #[allow(missing_docs, reason = "bench/PROTOCOL.md describes every field")]
        pub struct $name { $($(#[$field_about])* pub $field: $kind,)* }
    )*};
}

messages! {
    /// Who are you?
    HelloArgs { protocol: u32, }

    /// What the runner is, said by the very thing that runs.
    Receipt {
        protocol: u32,
        runtime: String,
        version: String,
        #[serde(deserialize_with = "present")]
        commit: Option<String>,
        library: String,
        library_sha256: String,
        source: String,
        build: String,
        threads: usize,
        providers: Vec<String>,
        jpeg: String,
        #[serde(deserialize_with = "present")]
        jpeg_simd: Option<bool>,
        cpu_flags: Vec<String>,
        process: BTreeMap<String, Setting>,
        packages: BTreeMap<String, String>,
        pid: u32,
    }

    /// Create a session from a model file.
    LoadArgs { model: String, provider: String, options: BTreeMap<String, Setting>, }

    /// An input or output of a graph; null is a dynamic dimension.
    ValueInfo { name: String, shape: Vec<Option<u64>>, dtype: String, }

    /// A session, and the options in force in it.
    Loaded {
        id: String,
        providers: Vec<String>,
        #[serde(deserialize_with = "present")]
        placement: Option<BTreeMap<String, u64>>,
        options: BTreeMap<String, Setting>,
        inputs: Vec<ValueInfo>,
        outputs: Vec<ValueInfo>,
        #[serde(deserialize_with = "present")]
        classes: Option<Vec<String>>,
        model_sha256: String,
        ns: u64,
    }

    /// Answer for images or for a ready tensor.
    PredictArgs {
        id: String,
        #[serde(deserialize_with = "present")]
        images: Option<Vec<String>>,
        #[serde(deserialize_with = "present")]
        tensor: Option<String>,
        batch: usize,
        outputs: Vec<String>,
        out: String,
    }

    /// Shape and dtype of a named array.
    ArrayInfo { shape: Vec<u64>, dtype: String, }

    /// Named arrays, top-1 of the logits, one crc32 per forward.
    Predicted {
        arrays: BTreeMap<String, ArrayInfo>,
        #[serde(deserialize_with = "present")]
        top1: Option<Vec<usize>>,
        crc32: Vec<u32>,
    }

    /// One stage's array from a file instead of the runner's own.
    StageStart { stage: Stage, array: String, }

    /// Every stage's array of one image, or those from `start` on.
    StagesArgs {
        id: String,
        image: String,
        #[serde(deserialize_with = "present")]
        start: Option<StageStart>,
        out: String,
    }

    /// Arrays of the stages and logits, the answer, and the EXIF orientation that the file states.
    Staged {
        arrays: BTreeMap<String, ArrayInfo>,
        top1: usize,
        #[serde(deserialize_with = "present")]
        label: Option<String>,
        #[serde(deserialize_with = "present")]
        orientation: Option<u8>,
    }

    /// Take samples of a scenario.
    TimeArgs {
        id: String,
        scenario: Scenario,
        #[serde(deserialize_with = "present")]
        images: Option<Vec<String>>,
        #[serde(deserialize_with = "present")]
        tensor: Option<String>,
        batch: usize,
        warmup: usize,
        samples: usize,
        #[serde(deserialize_with = "present")]
        max_ns: Option<u64>,
        split: bool,
    }

    /// Nanoseconds and crc32 per sample.
    Timed {
        samples: Vec<u64>,
        crc32: Vec<u32>,
        #[serde(deserialize_with = "present")]
        split: Option<Split>,
    }

    /// Where an `e2e` sample's nanoseconds went.
    Split { read: Vec<u64>, decode: Vec<u64>, resize: Vec<u64>, normalise: Vec<u64>, logits: Vec<u64>, label: Vec<u64>, }

    /// Time per operator.
    ProfileArgs { id: String, tensor: String, batch: usize, repeats: usize, }

    /// Of one operator kind, summed over the repeats.
    OperatorTime { op: String, calls: u64, ns: u64, }

    /// Of one node, summed over the repeats.
    NodeTime { name: String, op: String, ns: u64, }

    /// Longest first; `wall_ns` of the recorded forwards together, by the clock of `time`.
    Profiled { operators: Vec<OperatorTime>, nodes: Vec<NodeTime>, wall_ns: u64, }

    /// Drop a session.
    UnloadArgs { id: String, }

    /// No fields.
    Nothing {}

    /// Why a request failed.
    Failure { kind: Kind, what: String, r#where: String, next: String, }
}

/// The value of a session's option, or of a fact of the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Setting {
    /// Such as `spinning`.
    Switch(bool),
    /// Such as `threads`.
    Count(usize),
    /// Such as `optimization`.
    Word(String),
}

/// What happens to an image before its logits, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "bench/PROTOCOL.md, `stages`")]
pub enum Stage {
    Decode,
    Orient,
    Resize,
    Crop,
    Normalise,
}

/// What one sample is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scenario {
    /// One batch from host memory to host memory, for its latency.
    Latency,
    /// The same, for images per second.
    Throughput,
    /// One image path to one label.
    E2e,
    /// A new session from the model's file.
    Load,
}

/// One line to a runner; the arguments stay text until the verb says what they are.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request<'a> {
    /// Counts up from 1; a reply repeats it.
    pub seq: u64,
    /// What to do.
    pub verb: String,
    /// The verb's own fields.
    #[serde(borrow)]
    pub args: &'a RawValue,
}

/// One line back.
#[derive(Debug, Serialize)]
pub struct Reply<T> {
    /// The request's number.
    pub seq: u64,
    /// Whether `result` or `error` follows.
    pub ok: bool,
    /// The verb's result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<T>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self { kind: error.kind, what: error.what.clone(), r#where: error.place.clone(), next: error.next.clone() }
    }
}

/// The number to answer a line with, be the request in it good or bad; 0 where it cannot be read.
pub fn seq_of(line: &[u8]) -> u64 {
    let value = serde_json::from_slice::<serde_json::Value>(line).ok();
    value.and_then(|value| value.get("seq")?.as_u64()).unwrap_or(0)
}

/// Reads an object of strict JSON; the error names the field.
pub fn parse<'a, T: Deserialize<'a>>(text: &'a str, place: &str) -> Result<T> {
    if !text.trim_start().starts_with('{') {
        // serde would take a list for the fields in their order.
        return Err(Error::usage("expected an object", place, "see bench/PROTOCOL.md"));
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|fault| {
        let path = fault.path().to_string();
        let field = if path == "." { place.to_owned() } else { format!("{place}.{path}") };
        Error::usage(format!("not as the protocol has it: {}", fault.inner()), field, "see bench/PROTOCOL.md")
    })?;
    json.end().map_err(|fault| Error::usage(format!("more than one value: {fault}"), place, "see bench/PROTOCOL.md"))?;
    Ok(value)
}

/// The typed arguments of a verb.
pub fn arguments<T: DeserializeOwned>(request: &Request) -> Result<T> {
    parse(request.args.get(), &format!("request.{}", request.verb))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_field_is_an_error_even_where_null_is_allowed() {
        let error = parse::<Timed>(r#"{"samples": [1], "crc32": [2]}"#, "reply.time").unwrap_err();
        assert!(error.what.contains("missing field `split`"), "{error}");
        assert_eq!(parse::<Timed>(r#"{"samples": [1], "crc32": [2], "split": null}"#, "").unwrap().split, None);
    }

    #[test]
    fn an_unknown_field_a_wrong_type_and_nan_are_errors_that_name_the_field() {
        let unknown = parse::<HelloArgs>(r#"{"protocol": 1, "x": 2}"#, "request.hello").unwrap_err();
        assert!(unknown.what.contains("unknown field `x`") && unknown.place.starts_with("request.hello"), "{unknown}");
        assert_eq!(parse::<HelloArgs>(r#"{"protocol": "1"}"#, "request.hello").unwrap_err().place, "request.hello.protocol");
        assert!(parse::<HelloArgs>(r#"{"protocol": NaN}"#, "request.hello").is_err());
        assert!(parse::<HelloArgs>(r#"{"protocol": 1, "protocol": 1}"#, "request.hello").is_err(), "a key used twice");
        assert_eq!(parse::<HelloArgs>("[1]", "request.hello").unwrap_err().what, "expected an object");
    }

    #[test]
    fn settings_keep_their_types() {
        let options = r#"{"id": 0, "spinning": true, "level": "all"}"#;
        let parsed: BTreeMap<String, Setting> = parse(options, "").unwrap();
        assert_eq!(parsed["id"], Setting::Count(0));
        assert_eq!(parsed["spinning"], Setting::Switch(true));
        assert_eq!(parsed["level"], Setting::Word("all".into()));
    }
}
