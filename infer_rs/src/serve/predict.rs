//! `predict`: answers as named arrays.

use std::path::Path;

use super::models::{Entry, Models};
use super::{infos, top1};
use crate::error::{Error, Result};
use crate::npy::{self, Array};
use crate::protocol::{PredictArgs, Predicted};
use crate::runtime::session;

/// Images as one tensor: N x channels x height x width.
pub struct Tensor {
    /// Sizes.
    pub shape: [usize; 4],
    /// Elements.
    pub values: Vec<f32>,
}

impl Tensor {
    /// Elements of one image.
    pub fn image_size(&self) -> usize {
        self.shape[1..].iter().product()
    }

    /// Reads an .npy file. A data error when it holds no batch of images.
    pub fn read(path: &str) -> Result<Self> {
        let array = npy::read_floats(Path::new(path))?;
        match array.shape.as_slice().try_into() {
            Ok(shape) if !array.values.is_empty() => Ok(Self { shape, values: array.values }),
            _ => Err(Error::data(format!("expected an array of N x 3 x H x W, got {:?}", array.shape), path, "give a batch of images")),
        }
    }

    /// Prepares image files. Where a forward follows, a model that takes another size is refused before any image is decoded.
    fn prepare(entry: &Entry, images: &[String], batch: usize, forward: bool) -> Result<Self> {
        if images.is_empty() {
            return Err(Error::usage("no images", "request.predict.images", "give at least one"));
        }
        let preprocess = entry.preprocess()?;
        if let Some((width, height)) = preprocess.input_size().filter(|_| forward) {
            entry.runner.check(images.len(), batch, &[3, height, width])?;
        }
        let (shape, values) = preprocess.images(images)?;
        Ok(Self { shape, values })
    }

    fn as_array(&self) -> Array {
        Array::floats(self.shape.to_vec(), &self.values)
    }
}

/// Answers `predict`.
pub fn predict(models: &mut Models, asked: &PredictArgs) -> Result<Predicted> {
    let entry = models.get(&asked.id)?;
    if let Some(name) = asked.outputs.iter().enumerate().find_map(|(at, name)| asked.outputs[..at].contains(name).then_some(name)) {
        return Err(Error::usage(format!("'{name}' is asked for twice"), "request.predict.outputs", "name each value once"));
    }
    if asked.batch == 0 {
        return Err(Error::usage("a batch of 0 images", "request.predict.batch", "ask for 1 or more"));
    }
    let names: Vec<String> = match asked.outputs.as_slice() {
        [] => entry.runner.outputs.iter().map(|output| output.name.clone()).collect(),
        names => names.to_vec(),
    };
    // The input's name asks for the preprocessed tensor itself; no forward is needed for it.
    let (inputs, values): (Vec<String>, Vec<String>) =
        names.into_iter().partition(|name| entry.runner.inputs.iter().any(|input| input.name == *name));
    let tensor = match (&asked.images, &asked.tensor) {
        (Some(images), None) => Tensor::prepare(entry, images, asked.batch, !values.is_empty())?,
        (None, Some(path)) => Tensor::read(path)?,
        _ => return Err(Error::usage("exactly one of images and tensor is needed", "request.predict", "give one of the two")),
    };
    let mut sums = Vec::new();
    let mut arrays = if values.is_empty() { Vec::new() } else { forward(entry, asked.batch, &tensor, &values, &mut sums)? };
    arrays.extend(inputs.into_iter().map(|name| (name, tensor.as_array())));
    npy::write_npz(Path::new(&asked.out), &arrays)?;
    let top1 = arrays.iter().find(|(name, _)| name == session::LOGITS).and_then(|(_, logits)| top1_of(logits));
    Ok(Predicted { arrays: infos(&arrays), top1, crc32: sums })
}

/// Runs the batches and joins their outputs; `sums` gets one checksum of the first output per forward.
fn forward(entry: &mut Entry, batch: usize, tensor: &Tensor, names: &[String], sums: &mut Vec<u32>) -> Result<Vec<(String, Array)>> {
    let runner = entry.runner_for(names)?;
    runner.check(tensor.shape[0], batch, &tensor.shape[1..])?;
    let mut arrays: Vec<Option<Array>> = vec![None; names.len()];
    for values in tensor.values.chunks(batch * tensor.image_size()) {
        let mut shape = tensor.shape;
        shape[0] = values.len() / tensor.image_size();
        let outputs = runner.run(values, shape)?;
        for (name, joined) in names.iter().zip(&mut arrays) {
            let value = outputs.get(name).ok_or_else(|| Error::internal("ONNX Runtime did not return it", name))?;
            let part = session::array(name, value)?;
            if *name == names[0] {
                sums.push(crc32fast::hash(&part.bytes));
            }
            join(name, joined, part)?;
        }
    }
    Ok(names.iter().cloned().zip(arrays.into_iter().flatten()).collect())
}

/// Answers of several forwards, along the first axis.
fn join(name: &str, joined: &mut Option<Array>, part: Array) -> Result<()> {
    let Some(whole) = joined else {
        *joined = Some(part);
        return Ok(());
    };
    if part.shape.is_empty() || whole.shape.get(1..) != part.shape.get(1..) {
        let what = format!("value '{name}' cannot be joined over batches: {:?} and {:?}", whole.shape, part.shape);
        return Err(Error::usage(what, "request.predict", "ask for one batch only"));
    }
    whole.bytes.extend(&part.bytes);
    whole.shape[0] += part.shape[0];
    Ok(())
}

/// Of each image, where the logits are float32 and one row an image.
fn top1_of(logits: &Array) -> Option<Vec<usize>> {
    let [_, classes] = logits.shape[..] else { return None };
    let values: Vec<f32> = logits.bytes.chunks_exact(4).map(|part| f32::from_le_bytes([part[0], part[1], part[2], part[3]])).collect();
    (logits.dtype == "float32").then(|| values.chunks(classes.max(1)).map(top1).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_joined_along_the_first_axis() {
        let mut joined = None;
        join("x", &mut joined, Array::floats(vec![2, 2], &[1.0, 2.0, 4.0, 3.0])).unwrap();
        join("x", &mut joined, Array::floats(vec![1, 2], &[5.0, 6.0])).unwrap();
        let joined = joined.unwrap();
        assert_eq!(joined.shape, [3, 2]);
        assert_eq!(top1_of(&joined).unwrap(), [1, 0, 1]);
    }

    #[test]
    fn what_is_no_row_an_image_is_neither_joined_nor_ranked() {
        for (first, second) in [(vec![], vec![]), (vec![1, 2], vec![1, 3]), (vec![2], vec![1, 2])] {
            let array = |shape: &[usize]| Array::floats(shape.to_vec(), &vec![0.0; shape.iter().product()]);
            let error = join("x", &mut Some(array(&first)), array(&second)).unwrap_err();
            assert!(error.what.contains("'x'") && error.exit_code() == 2, "{error}");
        }
        assert_eq!(top1_of(&Array::floats(vec![2], &[1.0, 2.0])), None);
        assert_eq!(top1_of(&Array::floats(vec![1, 2, 1], &[1.0, 2.0])), None);
        assert_eq!(top1_of(&Array { dtype: "float64", shape: vec![1, 2], bytes: vec![0; 16] }), None);
    }

    #[test]
    fn a_tensor_without_images_or_pixels_is_a_data_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.npy");
        for shape in [vec![0, 3, 2, 2], vec![2, 3, 0, 0], vec![4]] {
            npy::write_npy(&path, &Array::floats(shape.clone(), &vec![0.0; shape.iter().product()])).unwrap();
            assert_eq!(Tensor::read(path.to_str().unwrap()).err().unwrap().exit_code(), 4, "{shape:?}");
        }
    }
}
