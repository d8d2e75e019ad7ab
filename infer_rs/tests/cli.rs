//! The program from outside: output, exit codes, error texts.

#![allow(clippy::unwrap_used, clippy::panic, clippy::missing_panics_doc, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::process::{Command, Stdio};

use common::{Folder, METADATA, data, image, infer_rs, library, model, text};
use serde_json::{Value, json};

#[test]
fn usage_errors_are_2_and_help_is_0() {
    for arguments in [
        &["fly"][..],
        &[],
        &["predict"],
        &["predict", "m.onnx"],
        &["--threads", "0", "info", "m"],
        &["--threads", "1025", "info", "m"],
        &["info", "m", "--nope"],
    ] {
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
fn info_as_json_has_the_same() {
    let folder = Folder::new();
    let output = infer_rs(&["info", &folder.path("dynamic.onnx"), "--json"]);
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["opset"], serde_json::json!({"ai.onnx": 17}));
    assert_eq!(told["nodes"], serde_json::json!({"Flatten": 1, "Relu": 1}));
    assert_eq!(told["inputs"][0]["name"], "images");
    assert_eq!(told["outputs"][0]["name"], "logits");
    assert_eq!(told["labels"].as_array().unwrap().len(), 12);
    assert_eq!(told["bytes"], fs::metadata(folder.path("dynamic.onnx")).unwrap().len());
    assert_eq!(told["metadata"]["concord.task"], "classify");
    assert!(text(&infer_rs(&["info", &folder.path("dynamic.onnx")]).stdout).contains(told["sha256"].as_str().unwrap()));
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
fn decode_answers_names_from_stdin_one_at_a_time() {
    use std::io::{BufRead as _, BufReader, Write as _};

    let mut child =
        Command::new(env!("CARGO_BIN_EXE_infer-rs")).args(["decode", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut names, mut lines) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()).lines());
    for (name, width, kind) in
        [("few.gif", json!(61), Value::Null), ("cut.bmp", Value::Null, json!("data")), ("lossy.webp", json!(61), Value::Null)]
    {
        writeln!(names, "{}", image(name)).unwrap();
        // The answer comes although stdin stays open.
        let said: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!((&said["width"], &said["kind"]), (&width, &kind), "{said}");
    }
    drop(names);
    assert!(lines.next().is_none());
    assert_eq!(child.wait().unwrap().code(), Some(4));
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
fn a_closed_pipe_makes_no_refusal_good() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut child = Command::new(env!("CARGO_BIN_EXE_infer-rs")).args(["decode", &image("cut.png")]).stdout(writer).spawn().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(4));
}

#[test]
fn the_exit_code_is_the_worst_and_not_the_last() {
    let output = infer_rs(&["decode", &image("cut.png"), &image("420.jpg"), &data().display().to_string(), &image("420.jpg")]);
    let shown = text(&output.stdout);
    assert_eq!((output.status.code(), shown.lines().count()), (Some(4), 4));
    assert!(shown.lines().nth(2).unwrap().contains("not a file"), "a folder is no image: {shown}");
}

#[test]
fn no_text_from_a_file_or_a_path_drives_the_terminal() {
    let folder = Folder::new();
    fs::write(folder.path("escape.onnx"), model(None, &[("k\u{1b}[2J", "v\u{1b}[2J")])).unwrap();
    let shown = infer_rs(&["info", &folder.path("escape.onnx")]);
    let refused = infer_rs(&["info", &folder.path("\u{1b}[2J.onnx")]);
    assert_eq!((shown.status.code(), refused.status.code()), (Some(0), Some(4)));
    for output in [shown.stdout, refused.stderr] {
        assert!(text(&output).contains("\\x1b[2J") && !output.contains(&0x1b), "{}", text(&output));
    }
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

/// The roots of negative pixels are no numbers.
fn square_roots() -> Vec<u8> {
    let mut bytes = model(None, &METADATA);
    let at = bytes.windows(4).position(|part| part == b"Relu").unwrap();
    bytes[at..at + 4].copy_from_slice(b"Sqrt");
    bytes
}

#[test]
fn answers_that_are_no_numbers_are_refused() {
    let (Some(library), folder) = (library(), Folder::new()) else { return };
    fs::write(folder.path("nan.onnx"), square_roots()).unwrap();
    let output = infer_rs(&["--ort-lib", &library, "predict", &folder.path("nan.onnx"), &image("420.jpg")]);
    assert_eq!(output.status.code(), Some(4), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("the model answers NaN or infinity"));
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
