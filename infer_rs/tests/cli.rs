//! The program from outside: output, exit codes, error texts.

#![allow(clippy::unwrap_used, clippy::panic, clippy::missing_panics_doc, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use common::{METADATA, data, infer_rs, library, model, text};
use serde_json::{Value, json};

fn image(name: &str) -> String {
    data().join("images").join(name).display().to_string()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::write(folder.path("dynamic.onnx"), model(None, &METADATA)).unwrap();
        fs::write(folder.path("static.onnx"), model(Some(1), &METADATA)).unwrap();
        fs::write(folder.path("bare.onnx"), model(None, &[])).unwrap();
        folder
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }
}

#[test]
fn usage_errors_are_2_and_help_is_0() {
    for arguments in [&["fly"][..], &[], &["predict"], &["predict", "m.onnx"], &["--threads", "0", "info", "m"], &["info", "m", "--nope"]] {
        assert_eq!(infer_rs(arguments).status.code(), Some(2), "{arguments:?}");
    }
    assert_eq!(infer_rs(&["--help"]).status.code(), Some(0));
    assert!(text(&infer_rs(&["--version"]).stdout).starts_with("infer-rs "));
}

#[test]
fn info_says_what_the_file_says() {
    let folder = Folder::new();
    let output = infer_rs(&["info", &folder.path("dynamic.onnx")]);
    let shown = text(&output.stdout);
    for part in ["opset 17", "by hand", "1 Flatten, 1 Relu", "images", "logits", "12: a, b, c", "concord.preprocess", "classify"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
}

#[test]
fn bad_models_are_4_and_say_what_where_and_the_next_step() {
    let folder = Folder::new();
    fs::write(folder.path("cut.onnx"), &model(None, &METADATA)[..60]).unwrap();
    fs::write(folder.path("text.onnx"), "hello").unwrap();
    let bad_spec = [("concord.preprocess", "{}")];
    fs::write(folder.path("spec.onnx"), model(None, &bad_spec)).unwrap();
    fs::write(folder.path("newer.onnx"), model(None, &[("concord.format", "2")])).unwrap();
    fs::write(folder.path("boxes.onnx"), model(None, &[("concord.task", "detect")])).unwrap();
    for name in ["cut.onnx", "text.onnx", "spec.onnx", "missing.onnx", "newer.onnx", "boxes.onnx"] {
        let output = infer_rs(&["info", &folder.path(name)]);
        let shown = text(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{shown}");
        assert!(shown.starts_with("error: ") && shown.contains(name) && shown.contains("\n  next: "), "{shown}");
        assert!(!shown.contains("panicked") && !shown.contains("backtrace"), "{shown}");
    }
}

#[test]
fn preprocess_writes_a_tensor_and_needs_no_onnx_runtime() {
    let folder = Folder::new();
    let (model, out) = (folder.path("dynamic.onnx"), folder.path("x.npy"));
    let output = infer_rs(&["preprocess", &image("420.jpg"), &image("c2d8.png"), "--model", &model, "--out", &out]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let tensor = infer_rs::npy::read_floats(out.as_ref()).unwrap();
    assert_eq!(tensor.shape, [2, 3, 2, 2]);
    assert!(tensor.values.iter().all(|value| (-1.0..=1.0).contains(value)));
}

#[test]
fn a_model_without_a_spec_says_what_is_missing() {
    let folder = Folder::new();
    let output = infer_rs(&["preprocess", &image("420.jpg"), "--model", &folder.path("bare.onnx"), "--out", &folder.path("x.npy")]);
    assert_eq!(output.status.code(), Some(4));
    assert!(text(&output.stderr).contains("concord.preprocess"));
}

#[test]
fn a_bad_image_is_named_and_nothing_is_written() {
    let folder = Folder::new();
    let out = folder.path("x.npy");
    let output = infer_rs(&["preprocess", &image("cut-in-data.jpg"), "--model", &folder.path("dynamic.onnx"), "--out", &out]);
    assert_eq!(output.status.code(), Some(4));
    assert!(text(&output.stderr).contains("cut-in-data.jpg: truncated JPEG"));
    assert!(!std::path::Path::new(&out).exists());
}

#[test]
fn a_folder_that_is_not_there_is_the_environments_fault() {
    let folder = Folder::new();
    let out = folder.path("no/such/x.npy");
    let output = infer_rs(&["preprocess", &image("420.jpg"), "--model", &folder.path("dynamic.onnx"), "--out", &out]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
}

#[test]
fn decode_prints_a_line_per_image() {
    let output = infer_rs(&["decode", &image("420.jpg"), &image("cut.png")]);
    let lines: Vec<Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), output.status.code()), (2, Some(4)));
    assert_eq!((&lines[0]["width"], &lines[0]["height"]), (&json!(61), &json!(43)));
    assert!(lines[1]["error"].as_str().unwrap().contains("PNG"));
}

#[test]
fn a_closed_pipe_is_quiet() {
    let images: Vec<String> = std::iter::repeat_n(image("420.jpg"), 2000).collect();
    let mut child = Command::new(env!("CARGO_BIN_EXE_infer-rs"))
        .arg("decode")
        .args(images)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
}

#[test]
fn without_a_library_prediction_is_3_and_names_the_option() {
    let folder = Folder::new();
    let model = folder.path("dynamic.onnx");
    for extra in [&[][..], &["--ort-lib", "/nowhere/libonnxruntime.so"], &["--ort-lib", &model]] {
        let output = infer_rs(&[&["predict", model.as_str(), &image("420.jpg")], extra].concat());
        assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains("next: "));
    }
}

#[test]
fn predict_names_classes_and_goes_on_after_a_bad_image() {
    let (Some(library), folder) = (library(), Folder::new()) else { return };
    let model = folder.path("dynamic.onnx");
    let arguments = ["--ort-lib", &library, "predict", &model, &image("cut.png"), &image("420.jpg"), "--json", "--top", "2"];
    let output = infer_rs(&arguments);
    assert_eq!(output.status.code(), Some(4));
    assert!(text(&output.stderr).contains("cut.png"));
    let answer: Value = serde_json::from_str(&text(&output.stdout)).unwrap();
    assert_eq!(answer["images"][0]["top"].as_array().unwrap().len(), 2);
    assert!(answer["images"][1]["error"].as_str().unwrap().contains("cut.png"));
    let table = infer_rs(&["--ort-lib", &library, "predict", &model, &image("420.jpg")]);
    assert_eq!(table.status.code(), Some(0));
    assert!(text(&table.stdout).starts_with("image") && text(&table.stdout).lines().count() == 6);
}

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
    let replies = serve(None, &[("hello", json!({"protocol": 1})), ("quit", json!({}))]);
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
    let load = |name: &str| json!({"model": folder.path(name), "provider": "cpu", "options": {"threads": 1, "arena": false, "other": 1}});
    let predict = |id: &str, batch: usize, outputs: Value| json!({"id": id, "images": null, "tensor": tensor, "batch": batch, "outputs": outputs, "out": out});
    let picture = image("420.jpg");
    let replies = serve(
        Some(&library),
        &[
            ("hello", json!({"protocol": 1})),
            ("load", load("dynamic.onnx")),
            ("load", load("static.onnx")),
            ("load", load("bare.onnx")),
            ("predict", predict("m1", 2, json!([]))),
            ("predict", predict("m1", 1, json!(["hidden", "logits"]))),
            ("predict", predict("m2", 2, json!([]))),
            ("predict", predict("m1", 2, json!(["nothing"]))),
            ("predict", predict("m3", 2, json!([]))),
            ("stages", json!({"id": "m2", "image": picture, "out": folder.path("s.npz")})),
            ("time", time_of("m1", "latency", Some(&tensor), None, false)),
            ("time", time_of("m2", "e2e", None, Some(&picture), true)),
            ("time", time_of("m3", "load", None, None, false)),
            ("time", time_of("m3", "e2e", None, Some(&picture), false)),
            ("time", time_of("m1", "latency", None, None, false)),
            ("profile", json!({"id": "m1", "tensor": tensor, "batch": 2, "repeats": 2})),
            ("unload", json!({"id": "m1"})),
            ("unload", json!({"id": "m1"})),
        ],
    );
    let result = |number: usize| &replies[number]["result"];
    let kind = |number: usize| replies[number]["error"]["kind"].as_str().unwrap_or("none");
    assert_eq!(result(0)["runtime"], "ort-rust");
    assert_eq!(result(0)["source"].as_str().unwrap().len(), 64);
    assert_eq!(result(1)["inputs"][0], json!({"name": "images", "shape": [null, 3, 2, 2], "dtype": "float32"}));
    assert_eq!(result(1)["options"], json!({"arena": false, "threads": 1}), "a key that the runtime lacks is left out");
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
    assert_eq!(result(11)["split"]["decode"].as_array().unwrap().len(), 3);
    assert_eq!((&result(12)["crc32"], &result(12)["split"]), (&json!([0, 0, 0]), &Value::Null));
    assert_eq!((kind(13), kind(14)), ("data", "usage"));
    assert!(result(15)["operators"].as_array().unwrap().iter().any(|one| one["op"] == "Relu" && one["calls"] == 2), "{}", result(15));
    assert_eq!((kind(16), kind(17)), ("none", "usage"));
}
