//! `stages`: every stage of one image, or those after an array that somebody else made.

use std::path::Path;

use super::models::Models;
use super::{infos, top1};
use crate::error::{Error, Result};
use crate::image::{self, Rgb};
use crate::npy::{self, Array};
use crate::preprocess::Preprocess;
use crate::protocol::{Stage, StageStart, Staged, StagesArgs};
use crate::runtime::session;

/// Answers `stages`.
pub fn stages(models: &mut Models, asked: &StagesArgs) -> Result<Staged> {
    let entry = models.get(&asked.id)?;
    let preprocess = entry.preprocess()?;
    if let Some((width, height)) = preprocess.input_size() {
        entry.runner.check(1, 1, &[3, height, width])?;
    }
    let mut way = Way { preprocess: &preprocess, arrays: Vec::new() };
    let (tensor, orientation) = way.go(asked)?;
    let Tensor { width, height, values } = tensor;
    entry.runner.check(1, 1, &[3, height, width])?;
    let output = entry.runner.logits_name()?;
    let outputs = entry.runner.run(&values, [1, 3, height, width])?;
    let logits = session::floats(&outputs, &output)?.to_vec();
    drop(outputs);
    let mut arrays = way.arrays;
    arrays.push(("logits".to_owned(), Array::floats(vec![logits.len()], &logits)));
    npy::write_npz(Path::new(&asked.out), &arrays)?;
    let top1 = top1(&logits);
    Ok(Staged { arrays: infos(&arrays), top1, label: entry.model.label(top1).map(str::to_owned), orientation })
}

/// One image, 3 x height x width.
struct Tensor {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

/// What an image is on its way: pixels, and a tensor at the end.
enum Value {
    Pixels(Rgb),
    Tensor(Tensor),
}

/// The way of an image, with what every stage made of it; nothing is fused here.
struct Way<'a> {
    preprocess: &'a Preprocess,
    arrays: Vec<(String, Array)>,
}

impl Way<'_> {
    /// All stages from the first one asked for; also the EXIF orientation that the file states.
    fn go(&mut self, asked: &StagesArgs) -> Result<(Tensor, Option<u8>)> {
        let path = Path::new(&asked.image);
        let (first, mut value, stated, place) = match &asked.start {
            None => {
                let (image, stated) = image::decode_file_and_orientation(path)?;
                (Stage::Decode, Value::Pixels(image), stated, path)
            }
            Some(start) => {
                // Only turning needs more of the image than the array that was given for it.
                let turns = start.stage == Stage::Decode && self.preprocess.orients();
                let stated = if turns { image::decode_file_and_orientation(path)?.1 } else { None };
                (start.stage, self.given(start)?, stated, Path::new(&start.array))
            }
        };
        for stage in [Stage::Decode, Stage::Orient, Stage::Resize, Stage::Crop, Stage::Normalise] {
            if stage > first {
                value = self.step(stage, value, stated, place)?;
            }
            if stage >= first {
                self.keep(stage, &value);
            }
        }
        match value {
            Value::Tensor(tensor) => Ok((tensor, stated.filter(|_| asked.start.is_none()))),
            Value::Pixels(_) => Err(Error::internal("the last stage made no tensor", "stages")),
        }
    }

    fn step(&self, stage: Stage, value: Value, stated: Option<u8>, place: &Path) -> Result<Value> {
        let Value::Pixels(image) = value else { return Ok(value) };
        Ok(match stage {
            Stage::Orient => Value::Pixels(image::turned(image, stated.filter(|_| self.preprocess.orients()))),
            Stage::Resize => Value::Pixels(self.preprocess.resize(&image, place)?),
            Stage::Crop => Value::Pixels(self.preprocess.crop(&image)),
            Stage::Normalise => {
                let mut values = vec![0.0; image.data.len()];
                self.preprocess.normalise(&image, &mut values);
                Value::Tensor(Tensor { width: image.width, height: image.height, values })
            }
            Stage::Decode => Value::Pixels(image),
        })
    }

    fn keep(&mut self, stage: Stage, value: &Value) {
        let array = match value {
            Value::Pixels(image) => Array::bytes(vec![image.height, image.width, 3], image.data.clone()),
            Value::Tensor(tensor) => Array::floats(vec![3, tensor.height, tensor.width], &tensor.values),
        };
        self.arrays.push((name(stage).to_owned(), array));
    }

    /// The array of a stage, from its file: a data error names it where it is not what that stage makes.
    fn given(&self, start: &StageStart) -> Result<Value> {
        let path = Path::new(&start.array);
        let bad = |what: String| {
            let next = "write the array of that stage with numpy.save: uint8 H x W x 3, for normalise float32 3 x H x W";
            Error::data(what, path.display(), next)
        };
        let wrong = |wanted: &str, shape: &[usize]| bad(format!("{} takes {wanted}, got {shape:?}", name(start.stage)));
        let value = if start.stage == Stage::Normalise {
            let read = npy::read_floats(path)?;
            match read.shape[..] {
                [3, height, width] if height * width > 0 => Value::Tensor(Tensor { width, height, values: read.values }),
                _ => return Err(wrong("float32 3 x H x W", &read.shape)),
            }
        } else {
            let read = npy::read_bytes(path)?;
            match read.shape[..] {
                [height, width, 3] if height * width > 0 => Value::Pixels(Rgb { width, height, data: read.values }),
                _ => return Err(wrong("uint8 H x W x 3", &read.shape)),
            }
        };
        let size = match &value {
            Value::Pixels(image) => (image.width, image.height),
            Value::Tensor(tensor) => (tensor.width, tensor.height),
        };
        match self.preprocess.input_size().filter(|wanted| start.stage >= Stage::Crop && *wanted != size) {
            Some((width, height)) => {
                Err(bad(format!("{} makes {width} x {height} pixels, got {} x {}", name(start.stage), size.0, size.1)))
            }
            None => Ok(value),
        }
    }
}

fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::Decode => "decode",
        Stage::Orient => "orient",
        Stage::Resize => "resize",
        Stage::Crop => "crop",
        Stage::Normalise => "normalise",
    }
}
