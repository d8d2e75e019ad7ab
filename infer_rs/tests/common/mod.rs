//! What the integration tests share.

#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub use infer_rs::onnx::delimited as field;
use serde_json::Value;
use sha2::{Digest, Sha256};

pub fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// Expectations of Pillow 13.0.0, written by tests/data/make_golden.py.
pub fn golden(part: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(data().join("golden.json")).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(all["pillow"], "13.0.0");
    let cases = all[part].as_array().unwrap().clone();
    assert!(!cases.is_empty());
    cases
}

pub fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

pub fn infer_rs(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_infer-rs")).args(arguments).env_remove("ORT_DYLIB_PATH").output().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A model that flattens an image to "logits", by hand: input 1 x 3 x 2 x 2, or N x 3 x 2 x 2.
pub fn model(batch: Option<u8>, metadata: &[(&str, &str)]) -> Vec<u8> {
    // onnx.proto3: a TypeProto of float32 with dimensions that are numbers (1) or names (2).
    let dimension = |size: Option<u8>| match size {
        Some(size) => field(1, &[8, size]),
        None => field(1, &field(2, b"batch")),
    };
    let value = |name: &str, sizes: &[Option<u8>]| {
        let shape: Vec<u8> = sizes.iter().flat_map(|size| dimension(*size)).collect();
        let tensor = [vec![8, 1], field(2, &shape)].concat();
        [field(1, name.as_bytes()), field(2, &field(1, &tensor))].concat()
    };
    let node = |input: &str, output: &str, operator: &str| {
        let name = format!("node_{output}");
        [field(1, input.as_bytes()), field(2, output.as_bytes()), field(3, name.as_bytes()), field(4, operator.as_bytes())].concat()
    };
    let graph = [
        field(1, &node("images", "hidden", "Relu")),
        field(1, &node("hidden", "logits", "Flatten")),
        field(2, b"tiny"),
        field(11, &value("images", &[batch, Some(3), Some(2), Some(2)])),
        field(12, &value("logits", &[batch, Some(12)])),
    ]
    .concat();
    let entries = metadata.iter().flat_map(|(key, text)| field(14, &[field(1, key.as_bytes()), field(2, text.as_bytes())].concat()));
    let mut bytes = vec![8, 8];
    bytes.extend(field(2, b"by hand"));
    bytes.extend(field(7, &graph));
    bytes.extend(field(8, &[16, 17]));
    bytes.extend(entries);
    bytes
}

/// The metadata of a Concord model for images of 2 x 2 pixels.
pub const METADATA: [(&str, &str); 3] = [
    (
        "concord.preprocess",
        r#"{"format":1,"colour":"RGB","orient":false,"resize":{"kind":"shorter","size":3},"interpolation":"bilinear","crop":{"kind":"center",
        "width":2,"height":2},"scale":"x/255","mean":[0.5,0.5,0.5],"std":[0.5,0.5,0.5],"layout":"NCHW"}"#,
    ),
    ("concord.labels", r#"["a","b","c","d","e","f","g","h","i","j","k","l"]"#),
    ("concord.task", "classify"),
];

/// The path of an image in data/images.
pub fn image(name: &str) -> String {
    data().join("images").join(name).display().to_string()
}

/// A temporary folder with models in it.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        std::fs::write(folder.path("dynamic.onnx"), model(None, &METADATA)).unwrap();
        std::fs::write(folder.path("static.onnx"), model(Some(1), &METADATA)).unwrap();
        std::fs::write(folder.path("bare.onnx"), model(None, &[])).unwrap();
        let three = METADATA.map(|(key, text)| (key, text.replace("\"width\":2", "\"width\":3")));
        std::fs::write(folder.path("three.onnx"), model(None, &three.each_ref().map(|(key, text)| (*key, text.as_str())))).unwrap();
        folder
    }

    pub fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }
}

/// ONNX Runtime's library: the one that the environment names, or that of the wheel in the checkout's .venv. None, and the test is
/// skipped, only where somebody said so: a test that skips itself silently is one that nobody runs.
pub fn library() -> Option<String> {
    if std::env::var_os("CONCORD_WITHOUT_ORT").is_some() {
        return None;
    }
    let found = std::env::var("ORT_DYLIB_PATH").ok().or_else(in_venv);
    assert!(found.is_some(), "no ONNX Runtime: make .venv (uvx nox -s build), set ORT_DYLIB_PATH, or set CONCORD_WITHOUT_ORT to skip this");
    found
}

fn in_venv() -> Option<String> {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv");
    let versions = std::fs::read_dir(venv.join("lib")).into_iter().flatten().flatten().map(|entry| entry.path());
    let folders = versions.chain([venv.join("Lib")]).map(|folder| folder.join("site-packages/onnxruntime/capi"));
    let files = folders.filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten().map(|entry| entry.path());
    let is_it = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with("libonnxruntime.") || name == "onnxruntime.dll"
    };
    files.filter(is_it).max().map(|path| path.display().to_string())
}
