//! `predict` and `stages`: answers as named arrays.

use std::path::Path;

use super::models::{Entry, Models};
use super::{infos, top1};
use crate::error::{Error, Result};
use crate::npy::{self, Array};
use crate::protocol::{PredictArgs, Predicted, Staged, StagesArgs};
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

    /// Reads an .npy file.
    pub fn read(path: &str) -> Result<Self> {
        let array = npy::read_floats(Path::new(path))?;
        let shape = array.shape.as_slice().try_into().map_err(|_| {
            Error::usage(format!("expected an array of N x 3 x H x W, got {:?}", array.shape), path, "give a batch of images")
        })?;
        Ok(Self { shape, values: array.values })
    }

    /// Prepares image files; all must come out in one size.
    pub fn prepare(entry: &Entry, images: &[String]) -> Result<Self> {
        let preprocess = entry.preprocess()?;
        let mut tensor = Self { shape: [images.len(), 3, 0, 0], values: Vec::new() };
        for (number, image) in images.iter().enumerate() {
            let (width, height, values) = preprocess.image(Path::new(image))?;
            if number == 0 {
                tensor.shape = [images.len(), 3, height, width];
                tensor.values.reserve(images.len() * values.len());
            } else if tensor.shape[2..] != [height, width] {
                let what = format!("becomes {width} x {height} pixels, and the images before it {} x {}", tensor.shape[3], tensor.shape[2]);
                return Err(Error::usage(what, image, "give images of one size, or a model whose preprocessing crops"));
            }
            tensor.values.extend(values);
        }
        Ok(tensor)
    }

    fn as_array(&self) -> Array {
        Array::floats(self.shape.to_vec(), &self.values)
    }
}

/// Answers `predict`.
pub fn predict(models: &mut Models, asked: &PredictArgs) -> Result<Predicted> {
    let entry = models.get(&asked.id)?;
    let tensor = match (&asked.images, &asked.tensor) {
        (Some(images), None) => Tensor::prepare(entry, images)?,
        (None, Some(path)) => Tensor::read(path)?,
        _ => return Err(Error::usage("exactly one of images and tensor is needed", "request.predict", "give one of the two")),
    };
    let names: Vec<String> = match asked.outputs.as_slice() {
        [] => entry.runner.outputs.iter().map(|output| output.name.clone()).collect(),
        names => names.to_vec(),
    };
    // The input's name asks for the preprocessed tensor itself; no forward is needed for it.
    let (inputs, values): (Vec<String>, Vec<String>) =
        names.into_iter().partition(|name| entry.runner.inputs.iter().any(|input| input.name == *name));
    let mut sums = Vec::new();
    let mut arrays = if values.is_empty() { Vec::new() } else { forward(entry, asked.batch, &tensor, &values, &mut sums)? };
    arrays.extend(inputs.into_iter().map(|name| (name, tensor.as_array())));
    npy::write_npz(Path::new(&asked.out), &arrays)?;
    let top1 = arrays.iter().find(|(name, _)| name == "logits").map(|(_, logits)| top1_of(logits));
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
            join(joined, part);
        }
    }
    Ok(names.iter().cloned().zip(arrays.into_iter().flatten()).collect())
}

/// Answers `stages`.
pub fn stages(models: &mut Models, asked: &StagesArgs) -> Result<Staged> {
    let entry = models.get(&asked.id)?;
    let stages = entry.preprocess()?.stages(Path::new(&asked.image))?;
    let (width, height) = (stages.crop.width, stages.crop.height);
    entry.runner.check(1, 1, &[3, height, width])?;
    let output = first_output(entry)?;
    let outputs = entry.runner.run(&stages.normalise, [1, 3, height, width])?;
    let logits = session::floats(&outputs, &output)?.to_vec();
    let pixels = |image: crate::image::Rgb| Array::bytes(vec![image.height, image.width, 3], image.data);
    let arrays = [
        ("decode", pixels(stages.decode)),
        ("resize", pixels(stages.resize)),
        ("crop", pixels(stages.crop)),
        ("normalise", Array::floats(vec![3, height, width], &stages.normalise)),
        ("logits", Array::floats(vec![logits.len()], &logits)),
    ];
    let arrays: Vec<(String, Array)> = arrays.into_iter().map(|(name, array)| (name.to_owned(), array)).collect();
    npy::write_npz(Path::new(&asked.out), &arrays)?;
    drop(outputs);
    let top1 = top1(&logits);
    Ok(Staged { arrays: infos(&arrays), top1, label: entry.model.label(top1).map(str::to_owned) })
}

/// The name of the output that is taken for the logits.
pub fn first_output(entry: &Entry) -> Result<String> {
    let output = entry.runner.outputs.first();
    Ok(output.ok_or_else(|| Error::data("the model has no output", entry.model.path.display(), "export it again"))?.name.clone())
}

/// Answers of several forwards, along the first axis.
fn join(joined: &mut Option<Array>, part: Array) {
    match joined {
        None => *joined = Some(part),
        Some(joined) => {
            joined.bytes.extend(&part.bytes);
            if let (Some(size), Some(more)) = (joined.shape.first_mut(), part.shape.first()) {
                *size += more;
            }
        }
    }
}

fn top1_of(logits: &Array) -> Vec<usize> {
    let classes: usize = logits.shape.iter().skip(1).product();
    let values: Vec<f32> = logits.bytes.chunks_exact(4).map(|part| f32::from_le_bytes([part[0], part[1], part[2], part[3]])).collect();
    values.chunks(classes.max(1)).map(top1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_joined_along_the_first_axis() {
        let mut joined = None;
        join(&mut joined, Array::floats(vec![2, 2], &[1.0, 2.0, 4.0, 3.0]));
        join(&mut joined, Array::floats(vec![1, 2], &[5.0, 6.0]));
        let joined = joined.unwrap();
        assert_eq!(joined.shape, [3, 2]);
        assert_eq!(top1_of(&joined), [1, 0, 1]);
    }
}
