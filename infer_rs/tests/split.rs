//! `infer-rs split` answers as `serve` does, and says in what it differs.

#![allow(clippy::unwrap_used, clippy::panic, clippy::missing_panics_doc, reason = "a test fails by panicking")]

mod common;

use std::io::Write as _;
use std::process::{Command, Stdio};

use common::{Folder, library, text};
use serde_json::{Value, json};

/// The replies of one program to a `load`, a `predict` and a `time` of the same three images.
fn converse(library: &str, program: &[&str], folder: &Folder, batch: usize) -> Vec<Value> {
    let values: Vec<f32> = (0..36_u8).map(|value| f32::from(value) - 17.5).collect();
    let (tensor, out) = (folder.path("t.npy"), folder.path("o.npz"));
    infer_rs::npy::write_npy(tensor.as_ref(), &infer_rs::npy::Array::floats(vec![3, 3, 2, 2], &values)).unwrap();
    let requests = [
        ("load", json!({"model": folder.path("dynamic.onnx"), "provider": "cpu", "options": {"threads": 1}})),
        ("predict", json!({"id": "m1", "images": null, "tensor": tensor, "batch": batch, "outputs": [], "out": out})),
        (
            "time",
            json!({"id": "m1", "scenario": "latency", "images": null, "tensor": tensor, "batch": batch, "warmup": 2, "samples": 6,
                "max_ns": null, "split": false}),
        ),
    ];
    let mut command = Command::new(env!("CARGO_BIN_EXE_infer-rs"));
    command.args(["--ort-lib", library]).args(program).env_remove("ORT_DYLIB_PATH").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let line = |(number, (verb, args)): (usize, &(&str, Value))| format!("{}\n", json!({"seq": number + 1, "verb": verb, "args": args}));
    let lines: String = requests.iter().enumerate().map(line).collect();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_bare_call_gives_the_answers_of_run() {
    let (Some(library), folder) = (library(), Folder::new()) else { return };
    for batch in [1, 3] {
        let (served, bare) = (converse(&library, &["serve"], &folder, batch), converse(&library, &["split", "--bare"], &folder, batch));
        assert_eq!(served[1]["result"]["crc32"], bare[1]["result"]["crc32"]);
        let timed = bare[2]["result"]["crc32"].as_array().unwrap();
        assert_eq!(served[2]["result"]["crc32"].as_array().unwrap(), timed);
        // The images come in turn, and each answer is that of its own image.
        let verified = bare[1]["result"]["crc32"].as_array().unwrap();
        assert!(timed.iter().enumerate().all(|(number, sum)| *sum == verified[number % verified.len()]), "{timed:?} {verified:?}");
        assert!(bare[2]["result"]["samples"].as_array().unwrap().iter().all(|ns| ns.as_u64().unwrap() > 0));
    }
}

#[test]
fn only_the_place_of_the_answer_differs_in_what_is_said() {
    let (Some(library), folder) = (library(), Folder::new()) else { return };
    let options = |program: &[&str]| converse(&library, program, &folder, 1)[0]["result"]["options"].clone();
    let (served, same, mut bare) = (options(&["serve"]), options(&["split"]), options(&["split", "--bare", "--aligned"]));
    assert_eq!(served, same);
    assert_eq!(bare["output_allocation"].take(), "before the forward");
    bare["output_allocation"] = served["output_allocation"].clone();
    assert_eq!(served, bare);
}

#[test]
fn images_that_cannot_be_aligned_are_refused() {
    let (Some(library), folder) = (library(), Folder::new()) else { return };
    let replies = converse(&library, &["split", "--aligned"], &folder, 1);
    assert_eq!(replies[2]["error"]["kind"], "usage");
    assert!(replies[2]["error"]["what"].as_str().unwrap().contains("images of 48 bytes"), "{}", replies[2]);
    assert_eq!(replies[1]["ok"], true, "only what is timed is aligned");
}
