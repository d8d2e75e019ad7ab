//! Pixels and floats against Pillow 13.0.0 and NumPy, to the last bit.

#![allow(clippy::unwrap_used, clippy::panic, clippy::missing_panics_doc, reason = "a test fails by panicking")]

mod common;

use common::{data, golden, sum};
use infer_rs::image::{Rgb, decode_file};
use infer_rs::preprocess::Preprocess;
use infer_rs::resize::{Window, resize};
use infer_rs::spec::{Interpolation, Spec};
use serde_json::Value;

/// `noise` of make_golden.py.
fn noise(width: usize, height: usize) -> Rgb {
    let mut state = 12_345_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    Rgb { width, height, data: (0..3 * width * height).map(|_| next()).collect() }
}

fn sizes(pair: &Value) -> (usize, usize) {
    (pair[0].as_u64().unwrap() as usize, pair[1].as_u64().unwrap() as usize)
}

#[test]
fn every_image_is_decoded_or_refused_as_by_pillow() {
    let cases = golden("images");
    let mut refused = 0;
    for case in &cases {
        let name = case["file"].as_str().unwrap();
        match decode_file(&data().join("images").join(name)) {
            Ok(image) => {
                assert_eq!((image.width as u64, image.height as u64), (case["width"].as_u64().unwrap(), case["height"].as_u64().unwrap()));
                assert_eq!(sum(&image.data), case["sha256"], "{name}");
            }
            Err(error) => {
                assert!(case["sha256"].is_null(), "{name}: {error}");
                assert!(error.place.ends_with(name) && error.exit_code() == 4);
                refused += 1;
            }
        }
    }
    assert!(refused > 5 && refused < cases.len() / 2, "{refused} of {}", cases.len());
}

#[test]
fn resizing_is_pillows() {
    for case in golden("resizes") {
        let ((width, height), (new_width, new_height)) = (sizes(&case["from"]), sizes(&case["to"]));
        let filter = if case["filter"] == "bicubic" { Interpolation::Bicubic } else { Interpolation::Bilinear };
        let whole = Window { x: 0, y: 0, width: new_width, height: new_height };
        let resized = resize(&noise(width, height), new_width, new_height, filter, whole);
        assert_eq!(sum(&resized.data), case["sha256"], "{case}");
    }
}

#[test]
fn floats_are_numpys() {
    for case in golden("floats") {
        let spec = format!(
            r#"{{"format":1,"colour":"RGB","orient":false,"resize":null,"interpolation":"bilinear","crop":null,"scale":{},"mean":{},"std":{},
            "layout":"NCHW"}}"#,
            case["scale"], case["mean"], case["std"]
        );
        let every_byte = Rgb { width: 256, height: 1, data: (0..=255).flat_map(|byte| [byte; 3]).collect() };
        let mut tensor = vec![0.0; 768];
        Preprocess::new(&Spec::from_json(&spec, "test").unwrap()).normalise(&every_byte, &mut tensor);
        let bytes: Vec<u8> = tensor.iter().flat_map(|value| value.to_le_bytes()).collect();
        assert_eq!(sum(&bytes), case["sha256"], "{case}");
    }
}
