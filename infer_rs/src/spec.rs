//! The preprocess spec of a model (metadata key `concord.preprocess`): contract/preprocess.py says what each field means.

use serde::Deserialize;

use crate::error::{Error, Result};

/// The metadata key.
pub const KEY: &str = "concord.preprocess";

/// Larger sizes are no image model's.
const LARGEST: usize = 65_535;

/// How the pixels of an image file become the tensor of a model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "contract/preprocess.py describes every field")]
pub struct Spec {
    pub format: u32,
    pub colour: Colour,
    pub orient: bool,
    #[serde(deserialize_with = "present")]
    pub resize: Option<Resize>,
    pub interpolation: Interpolation,
    #[serde(deserialize_with = "present")]
    pub crop: Option<Crop>,
    pub scale: Scale,
    pub mean: [f64; 3],
    pub std: [f64; 3],
    pub layout: Layout,
}

/// Channel order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Colour {
    /// Red first.
    #[serde(rename = "RGB")]
    Rgb,
}

/// Order of the tensor's axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Layout {
    /// Image, channel, row, column.
    #[serde(rename = "NCHW")]
    Nchw,
}

/// To which size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
#[allow(missing_docs, reason = "sizes in pixels")]
pub enum Resize {
    /// The shorter side gets `size` pixels: torchvision's `Resize(int)`.
    Shorter { size: usize },
    /// Exactly this size.
    Exact { width: usize, height: usize },
}

/// What is cut out afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
#[allow(missing_docs, reason = "sizes in pixels")]
pub enum Crop {
    /// The centre; smaller images are padded with black.
    Center { width: usize, height: usize },
}

/// Pillow's filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Interpolation {
    Bilinear,
    Bicubic,
}

/// How a byte becomes a float: the two differ in the last bit of 126 of 256 values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Scale {
    /// torchvision's `ToTensor`.
    #[serde(rename = "x/255")]
    Divide,
    /// torchvision v2's `ToDtype(scale=True)`.
    #[serde(rename = "x*(1/255)")]
    Multiply,
}

fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(from: D) -> std::result::Result<Option<T>, D::Error> {
    Option::deserialize(from)
}

impl Spec {
    /// Reads the JSON text; `place` is the file it was found in.
    pub fn from_json(text: &str, place: &str) -> Result<Self> {
        let bad = |what: String, field: &str| {
            let place = if field == "." { format!("{place}: {KEY}") } else { format!("{place}: {KEY}.{field}") };
            Error::data(what, place, "export the model with the Concord of this checkout")
        };
        let mut json = serde_json::Deserializer::from_str(text);
        let spec: Self =
            serde_path_to_error::deserialize(&mut json).map_err(|fault| bad(fault.inner().to_string(), &fault.path().to_string()))?;
        json.end().map_err(|fault| bad(fault.to_string(), "."))?;
        if spec.format != 1 {
            return Err(bad(format!("format {}, this program reads 1", spec.format), "format"));
        }
        if spec.std.iter().any(|value| *value <= 0.0) {
            return Err(bad("must be positive".into(), "std"));
        }
        if spec.sizes().iter().any(|size| !(1..=LARGEST).contains(size)) {
            return Err(bad(format!("a size must be from 1 to {LARGEST} pixels"), "."));
        }
        Ok(spec)
    }

    /// Width and height of the tensor, where they do not depend on the image.
    pub fn input_size(&self) -> Option<(usize, usize)> {
        match (self.crop, self.resize) {
            (Some(Crop::Center { width, height }), _) | (None, Some(Resize::Exact { width, height })) => Some((width, height)),
            _ => None,
        }
    }

    fn sizes(&self) -> Vec<usize> {
        let mut sizes = match self.resize {
            Some(Resize::Shorter { size }) => vec![size],
            Some(Resize::Exact { width, height }) => vec![width, height],
            None => vec![],
        };
        if let Some(Crop::Center { width, height }) = self.crop {
            sizes.extend([width, height]);
        }
        sizes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"format":1,"colour":"RGB","orient":false,"resize":{"kind":"shorter","size":232},"interpolation":"bilinear",
        "crop":{"kind":"center","width":224,"height":224},"scale":"x/255","mean":[0.485,0.456,0.406],"std":[0.229,0.224,0.225],
        "layout":"NCHW"}"#;

    #[test]
    fn the_usual_spec_is_read() {
        let spec = Spec::from_json(TEXT, "m.onnx").unwrap();
        assert_eq!(spec.resize, Some(Resize::Shorter { size: 232 }));
        assert_eq!(spec.input_size(), Some((224, 224)));
        let bare = TEXT.replace(r#"{"kind":"shorter","size":232}"#, "null").replace("bilinear", "bicubic");
        assert_eq!(Spec::from_json(&bare, "m.onnx").unwrap().resize, None);
        assert!(Spec::from_json(&TEXT.replace(r#""orient":false"#, r#""orient":true"#), "m.onnx").unwrap().orient);
        let exact = TEXT.replace(r#""kind":"shorter","size":232"#, r#""kind":"exact","width":3,"height":4"#);
        assert_eq!(Spec::from_json(&exact, "m.onnx").unwrap().resize, Some(Resize::Exact { width: 3, height: 4 }));
    }

    #[test]
    fn anything_else_is_refused_and_named() {
        let cases = [
            (r#""format":1"#, r#""format":2"#, "format 2"),
            (r#""orient":false"#, r#""orient":0"#, "orient"),
            ("RGB", "BGR", "BGR"),
            ("NCHW", "NHWC", "NHWC"),
            ("bilinear", "lanczos", "lanczos"),
            ("x/255", "x/256", "x/256"),
            ("[0.229,0.224,0.225]", "[0.229,0.224,0]", "positive"),
            ("[0.229,0.224,0.225]", "[0.229,0.224]", "std"),
            ("\"size\":232", "\"size\":0", "from 1 to 65535"),
            ("\"size\":232", "\"size\":2,\"antialias\":true", "antialias"),
            ("\"shorter\"", "\"longer\"", "longer"),
            (r#""layout":"NCHW""#, r#""layout":"NCHW","more":1"#, "more"),
            (r#""orient":false,"#, "", "orient"),
            (r#""resize":{"kind":"shorter","size":232},"#, "", "resize"),
        ];
        for (old, new, word) in cases {
            assert!(TEXT.contains(old), "{old}");
            let error = Spec::from_json(&TEXT.replace(old, new), "m.onnx").unwrap_err();
            assert_eq!(error.exit_code(), 4);
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}
