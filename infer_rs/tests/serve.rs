//! `infer-rs serve` from outside: one conversation with every verb, good and bad.

#![allow(clippy::unwrap_used, clippy::panic, clippy::missing_panics_doc, reason = "a test fails by panicking")]

mod common;

use std::io::Write as _;
use std::process::{Command, Stdio};

use common::{Folder, image, library, text};
use serde_json::{Value, json};

/// Sends requests to `serve` and returns the replies; the process must end well.
fn serve(library: Option<&str>, requests: &[(&str, Value)]) -> Vec<Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_infer-rs"));
    command.arg("serve").env_remove("ORT_DYLIB_PATH").stdin(Stdio::piped()).stdout(Stdio::piped());
    if let Some(library) = library {
        command.args(["--ort-lib", library]);
    }
    let mut child = command.spawn().unwrap();
    let mut lines = String::new();
    for (number, (verb, arguments)) in requests.iter().enumerate() {
        lines.push_str(&format!("{}\n", json!({"seq": number + 1, "verb": verb, "args": arguments})));
    }
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "the end of stdin is a good end");
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn serve_without_a_library_answers_with_an_environment_error() {
    let replies = serve(None, &[("hello", json!({"protocol": 3})), ("quit", json!({}))]);
    assert_eq!(replies[0]["error"]["kind"], "environment");
    assert_eq!(replies[1], json!({"seq": 2, "ok": true, "result": {}}));
}

fn time_of(id: &str, scenario: &str, tensor: Option<&str>, images: Option<&str>, split: bool) -> Value {
    json!({"id": id, "scenario": scenario, "images": images.map(|image| vec![image]), "tensor": tensor, "batch": 1, "warmup": 1,
        "samples": 3, "max_ns": null, "split": split})
}

#[test]
fn serve_speaks_the_whole_protocol() {
    let (Some(library), folder) = (library(), Folder::new()) else { return };
    let values: Vec<f32> = (0..24).map(|value| value as f32).collect();
    let (tensor, out) = (folder.path("t.npy"), folder.path("o.npz"));
    infer_rs::npy::write_npy(tensor.as_ref(), &infer_rs::npy::Array::floats(vec![2, 3, 2, 2], &values)).unwrap();
    let load =
        |name: &str| json!({"model": folder.path(name), "provider": "cpu", "options": {"threads": 1, "arena": false, "dtype": "float32"}});
    let predict = |id: &str, batch: usize, outputs: Value| json!({"id": id, "images": null, "tensor": tensor, "batch": batch, "outputs": outputs, "out": out});
    let picture = image("420.jpg");
    let replies = serve(
        Some(&library),
        &[
            ("hello", json!({"protocol": 3})),
            ("load", load("dynamic.onnx")),
            ("load", load("static.onnx")),
            ("load", load("bare.onnx")),
            ("predict", predict("m1", 2, json!([]))),
            ("predict", predict("m1", 1, json!(["hidden", "logits"]))),
            ("predict", predict("m2", 2, json!([]))),
            ("predict", predict("m1", 2, json!(["nothing"]))),
            ("predict", predict("m3", 2, json!([]))),
            ("stages", json!({"id": "m2", "image": picture, "start": null, "out": folder.path("s.npz")})),
            ("time", time_of("m1", "latency", Some(&tensor), None, false)),
            ("time", time_of("m2", "e2e", None, Some(&picture), true)),
            ("time", time_of("m3", "load", None, None, false)),
            ("time", time_of("m3", "e2e", None, Some(&picture), false)),
            ("time", time_of("m1", "latency", None, None, false)),
            ("profile", json!({"id": "m1", "tensor": tensor, "batch": 2, "repeats": 2})),
            ("unload", json!({"id": "m1"})),
            ("unload", json!({"id": "m1"})),
            ("predict", predict("m2", 1, json!(["logits", "logits"]))),
            ("predict", predict("m2", 0, json!(["images"]))),
            ("predict", json!({"id": "m2", "images": [], "tensor": null, "batch": 1, "outputs": [], "out": out})),
            ("time", time_of("m2", "load", Some(&tensor), None, false)),
            ("time", time_of("m2", "latency", Some(&tensor), Some(&picture), false)),
            ("load", json!({"model": folder.path("dynamic.onnx"), "provider": "cpu", "options": {"channels_last": true}})),
            ("load", json!({"model": folder.path("dynamic.onnx"), "provider": "abacus", "options": {}})),
            ("load", load("three.onnx")),
            ("predict", json!({"id": "m4", "images": ["/no/such.jpg"], "tensor": null, "batch": 1, "outputs": [], "out": out})),
        ],
    );
    let result = |number: usize| &replies[number]["result"];
    let kind = |number: usize| replies[number]["error"]["kind"].as_str().unwrap_or("none");
    assert_eq!(result(0)["runtime"], "ort-rust");
    assert_eq!(result(0)["source"].as_str().unwrap().len(), 64);
    assert_eq!(result(1)["inputs"][0], json!({"name": "images", "shape": [null, 3, 2, 2], "dtype": "float32"}));
    let options = json!({"arena": false, "denormals": "kept", "inter_threads": 1, "memory_pattern": true, "optimization": "all",
        "output_allocation": "in each forward", "spinning": true, "stopwatch": "host to host, copies included", "threads": 1});
    assert_eq!(result(1)["options"], options, "asked or not; a key that the runtime lacks is left out");
    assert_eq!((&result(0)["process"]["denormals"], &result(0)["process"]["library_profile"]), (&json!("kept"), &json!("release")));
    assert_eq!((&result(1)["classes"][11], &result(3)["classes"]), (&json!("l"), &Value::Null));
    assert_eq!(result(4)["arrays"], json!({"logits": {"shape": [2, 12], "dtype": "float32"}}));
    assert_eq!(result(4)["top1"], json!([11, 11]));
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    assert_eq!(result(4)["crc32"], json!([crc32fast::hash(&bytes)]));
    assert_eq!(result(5)["arrays"]["hidden"]["shape"], json!([2, 3, 2, 2]));
    assert_eq!(result(5)["crc32"], json!([crc32fast::hash(&bytes[..48]), crc32fast::hash(&bytes[48..])]));
    assert_eq!((kind(6), kind(7)), ("usage", "usage"));
    let both = replies[6]["error"]["what"].as_str().unwrap();
    assert!(both.contains("batch 1") && both.contains("batch 2"), "{both}");
    assert_eq!(result(8)["top1"], json!([11, 11]), "a model that Concord did not make");
    assert_eq!(result(9)["arrays"]["normalise"]["shape"], json!([3, 2, 2]));
    assert_eq!(result(9)["label"].as_str().unwrap().len(), 1);
    assert_eq!(result(10)["samples"].as_array().unwrap().len(), 3);
    let turns = [0, 48, 0].map(|start| crc32fast::hash(&bytes[start..start + 48]));
    assert_eq!(result(10)["crc32"], json!(turns), "images in turn, from the first one");
    for stage in ["read", "decode", "resize", "normalise", "logits", "label"] {
        assert_eq!(result(11)["split"][stage].as_array().unwrap().len(), 3, "{stage}");
    }
    assert_eq!((&result(12)["crc32"], &result(12)["split"]), (&json!([0, 0, 0]), &Value::Null));
    assert_eq!((kind(13), kind(14)), ("data", "usage"));
    assert!(result(15)["operators"].as_array().unwrap().iter().any(|one| one["op"] == "Relu" && one["calls"] == 2), "{}", result(15));
    assert_eq!((kind(16), kind(17)), ("none", "usage"));
    assert!((18..25).all(|number| kind(number) == "usage"), "{:?}", &replies[18..25]);
    let refused = &replies[26]["error"];
    assert!(refused["what"].as_str().unwrap().contains("takes images of"), "before any image is looked at: {refused}");
}
