//! The bare call answers as `ort` does, and `overhead` prints what it counted.

#![allow(clippy::unwrap_used, clippy::panic, clippy::missing_panics_doc, reason = "a test fails by panicking")]

mod common;

use common::{Folder, infer_rs, library, text};
use infer_rs::ffi::bare::{Bare, Names};
use infer_rs::runtime::{Library, Options, Source, Way, Ways};
use ort::session::Session;
use ort::value::{Tensor, TensorRef};
use serde_json::Value;

const WAYS: [&str; 7] = ["bare", "bare_allocating", "preallocated", "run", "timed", "empty", "stopwatch"];

fn open() -> Option<Source> {
    let source = Source { library: Some(library()?.into()), preload: vec![] };
    Library::open(&source).unwrap();
    Some(source)
}

#[test]
fn the_bare_call_answers_as_run_does() {
    let (Some(_), folder) = (open(), Folder::new()) else { return };
    let mut session = Session::builder().unwrap().commit_from_file(folder.path("dynamic.onnx")).unwrap();
    let values: Vec<f32> = (0..12_u8).map(|value| f32::from(value) - 5.5).collect();
    let input = TensorRef::from_array_view(([1_usize, 3, 2, 2], &*values)).unwrap().into_dyn();
    let mut output = Tensor::from_array(([1_usize, 12], vec![f32::NAN; 12])).unwrap();
    let names = Names::new("images", "logits").unwrap();
    Bare::new(&mut session, &names, &input, &mut output).run_allocating().unwrap();
    assert!(output.extract_tensor().1.iter().all(|value| value.is_nan()), "the answer went elsewhere");
    Bare::new(&mut session, &names, &input, &mut output).run().unwrap();
    let answer = output.extract_tensor().1.to_vec();
    assert_eq!(answer, values.iter().map(|value| value.max(0.0)).collect::<Vec<_>>());
    let outputs = session.run(ort::inputs![&*input]).unwrap();
    assert_eq!(outputs["logits"].try_extract_tensor::<f32>().unwrap().1, answer);
}

#[test]
fn a_bare_call_that_fails_says_why() {
    let (Some(_), folder) = (open(), Folder::new()) else { return };
    let mut session = Session::builder().unwrap().commit_from_file(folder.path("dynamic.onnx")).unwrap();
    let input = TensorRef::from_array_view(([1_usize, 3, 2, 2], &[0.0_f32; 12][..])).unwrap().into_dyn();
    let mut call = |output: &str, size: usize| {
        let mut place = Tensor::from_array(([1, size], vec![0.0; size])).unwrap();
        let names = Names::new("images", output).unwrap();
        let mut call = Bare::new(&mut session, &names, &input, &mut place);
        (call.run().map_err(|fault| fault.message().to_owned()), call.run_allocating().is_ok())
    };
    assert_eq!(call("logits", 12), (Ok(()), true));
    let (unknown, small) = (call("nothing", 12), call("logits", 5));
    assert!(unknown.0.unwrap_err().contains("nothing") && !unknown.1);
    assert!(!small.0.unwrap_err().is_empty() && small.1, "ONNX Runtime checks the size of a given output");
    assert!(Names::new("a\0b", "c").is_none());
}

#[test]
fn every_way_answers_alike_and_takes_time() {
    let (Some(_), folder) = (open(), Folder::new()) else { return };
    let mut ways = Ways::load(folder.path("static.onnx").as_ref(), &Options::with_threads(Some(1))).unwrap();
    for way in Way::ALL {
        assert!(ways.block(way, 3).unwrap() > 0, "{way:?}");
    }
}

#[test]
fn overhead_prints_a_table_or_json() {
    let (Some(library), folder) = (library(), Folder::new()) else { return };
    let model = folder.path("bare.onnx");
    let arguments = ["--ort-lib", &library, "--threads", "1", "overhead", &model, "--calls", "5", "--blocks", "3", "--seed", "9"];
    let shown = text(&infer_rs(&arguments).stdout);
    assert_eq!(shown.lines().count(), WAYS.len(), "{shown}");
    let output = infer_rs(&[&arguments[..], &["--json"]].concat());
    let counted: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&counted["calls"], &counted["threads"], &counted["seed"]), (&5.into(), &1.into(), &9.into()));
    assert_eq!(counted["receipt"]["runtime"], "ort-rust");
    assert_eq!(counted["ways"].as_object().unwrap().keys().collect::<Vec<_>>(), WAYS);
    for way in WAYS {
        let blocks = counted["ways"][way].as_array().unwrap();
        assert!(blocks.len() == 3 && blocks.iter().all(|ns| ns.as_u64().unwrap() > 0), "{way}: {blocks:?}");
    }
}

#[test]
fn what_cannot_be_timed_is_refused() {
    let (Some(library), folder) = (library(), Folder::new()) else { return };
    std::fs::write(folder.path("cut.onnx"), &common::model(None, &[])[..60]).unwrap();
    for name in ["cut.onnx", "missing.onnx"] {
        let output = infer_rs(&["--ort-lib", &library, "overhead", &folder.path(name)]);
        assert_eq!(output.status.code(), Some(4), "{}", text(&output.stderr));
    }
    assert_eq!(infer_rs(&["--ort-lib", &library, "overhead", "m.onnx", "--calls", "0"]).status.code(), Some(2));
}
