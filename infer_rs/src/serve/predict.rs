//! `predict`: answers as named arrays.

use std::path::Path;

use super::models::{Entry, Models};
use super::{infos, top1};
use crate::error::{Error, Result};
use crate::npy::{self, Array};
use crate::protocol::{PredictArgs, Predicted};
use crate::runtime::{Runner, session};

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
    let mut answers = Answers::new(&values, &inputs);
    match (&asked.images, &asked.tensor) {
        (Some(images), None) => from_images(entry, images, asked.batch, &mut answers)?,
        (None, Some(path)) => from_tensor(entry, &Tensor::read(path)?, asked.batch, &mut answers)?,
        _ => return Err(Error::usage("exactly one of images and tensor is needed", "request.predict", "give one of the two")),
    }
    let Answers { arrays, sums, .. } = answers;
    let arrays: Vec<(String, Array)> =
        values.into_iter().chain(inputs).zip(arrays).filter_map(|(name, array)| Some((name, array?))).collect();
    npy::write_npz(Path::new(&asked.out), &arrays)?;
    let top1 = arrays.iter().find(|(name, _)| name == session::LOGITS).and_then(|(_, logits)| top1_of(logits));
    Ok(Predicted { arrays: infos(&arrays), top1, crc32: sums })
}

/// What was answered so far: an array for each value and then for each input, and one checksum of the first output per forward.
struct Answers<'n> {
    values: &'n [String],
    inputs: &'n [String],
    arrays: Vec<Option<Array>>,
    sums: Vec<u32>,
}

impl<'n> Answers<'n> {
    fn new(values: &'n [String], inputs: &'n [String]) -> Self {
        Self { values, inputs, arrays: vec![None; values.len() + inputs.len()], sums: Vec::new() }
    }

    /// One batch through the model.
    fn add_forward(&mut self, runner: &mut Runner, batch: &[f32], shape: [usize; 4]) -> Result<()> {
        let outputs = runner.run(batch, shape)?;
        for (name, joined) in self.values.iter().zip(&mut self.arrays) {
            let value = outputs.get(name).ok_or_else(|| Error::internal("ONNX Runtime did not return it", name))?;
            let part = session::array(name, value)?;
            if *name == self.values[0] {
                self.sums.push(crc32fast::hash(&part.bytes));
            }
            join(name, joined, part)?;
        }
        Ok(())
    }

    /// The tensor itself.
    fn add_tensor(&mut self, values: &[f32], shape: [usize; 4]) -> Result<()> {
        for (name, joined) in self.inputs.iter().zip(&mut self.arrays[self.values.len()..]) {
            join(name, joined, Array::floats(shape.to_vec(), values))?;
        }
        Ok(())
    }
}

/// Prepares image files when their turn comes, a batch at a time, so that memory stays small. Where a forward follows, a model that takes
/// another size is refused before any image is decoded.
fn from_images(entry: &mut Entry, images: &[String], batch: usize, answers: &mut Answers) -> Result<()> {
    if images.is_empty() {
        return Err(Error::usage("no images", "request.predict.images", "give at least one"));
    }
    let preprocess = entry.preprocess()?;
    if let Some((width, height)) = preprocess.input_size().filter(|_| !answers.values.is_empty()) {
        entry.runner.check(images.len(), batch, &[3, height, width])?;
    }
    let mut runner = if answers.values.is_empty() { None } else { Some(entry.runner_for(answers.values)?) };
    for group in images.chunks(batch) {
        let (shape, values) = preprocess.images(group)?;
        if let Some(runner) = &mut runner {
            runner.check(images.len(), batch, &shape[1..])?;
            answers.add_forward(runner, &values, shape)?;
        }
        answers.add_tensor(&values, shape)?;
    }
    Ok(())
}

/// Runs the batches of a tensor that is ready.
fn from_tensor(entry: &mut Entry, tensor: &Tensor, batch: usize, answers: &mut Answers) -> Result<()> {
    answers.add_tensor(&tensor.values, tensor.shape)?;
    if answers.values.is_empty() {
        return Ok(());
    }
    let runner = entry.runner_for(answers.values)?;
    runner.check(tensor.shape[0], batch, &tensor.shape[1..])?;
    for values in tensor.values.chunks(batch * tensor.image_size()) {
        let mut shape = tensor.shape;
        shape[0] = values.len() / tensor.image_size();
        answers.add_forward(runner, values, shape)?;
    }
    Ok(())
}

/// Answers of several forwards, along the first axis.
fn join(name: &str, joined: &mut Option<Array>, part: Array) -> Result<()> {
    let Some(whole) = joined else {
        *joined = Some(part);
        return Ok(());
    };
    if part.shape.is_empty() || whole.shape.get(1..) != part.shape.get(1..) {
        let what = format!("value '{name}' cannot be joined over batches: {:?} and {:?}", whole.shape, part.shape);
        return Err(Error::usage(what, "request.predict", "ask for one batch only, or use a spec that crops to one size"));
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
