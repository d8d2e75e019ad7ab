//! One buffer for all answers, and forwards into it by the bare call.

use std::time::Instant;

use ort::value::{Tensor, TensorRef};

use super::{Runner, ways};
use crate::error::{Error, Kind, Result};
use crate::ffi::bare::{Bare, Names};
use crate::serve::timing::nanoseconds;

/// What a bare call needs besides its input.
#[derive(Debug)]
pub struct Buffer {
    names: Names,
    answer: Tensor<f32>,
}

impl Buffer {
    /// A buffer for answers to this many images. A usage error for a model that does not say how large they are.
    pub fn new(runner: &Runner, output: &str, batch: usize) -> Result<Self> {
        let failed = |what: &str| Error::usage(what.to_owned(), output, "take a model whose logits have a fixed size");
        let (Some(input), Some(logits)) = (runner.inputs.first(), runner.outputs.iter().find(|each| each.name == output)) else {
            return Err(failed("the model has no such output, or no input"));
        };
        let size = |(axis, size): (usize, &Option<u64>)| size.map(|size| size as i64).or((axis == 0).then_some(batch as i64));
        let shape: Option<Vec<i64>> = logits.shape.iter().enumerate().map(size).collect();
        let shape = shape.ok_or_else(|| failed("the size of this output is not fixed"))?;
        let names = Names::new(&input.name, output).ok_or_else(|| failed("a name of an input or output has a zero byte"))?;
        let answer = ways::unanswered(&shape).map_err(|fault| Error::internal(fault.message(), output))?;
        Ok(Self { names, answer })
    }

    /// One forward by the C function `Run` alone: its nanoseconds, and the logits.
    pub fn forward(&mut self, runner: &mut Runner, batch: &[f32], shape: [usize; 4]) -> Result<(u64, &[f32])> {
        // What an earlier forward said would look like an answer.
        self.answer.extract_tensor_mut().1.fill(f32::NAN);
        let ns = self.timed(runner, batch, shape).map_err(|fault| {
            Error::onnxruntime(Kind::Data, &fault, "the bare call", "try the same input in Python: python -m infer_py predict")
        })?;
        Ok((ns, self.answer.extract_tensor().1))
    }

    fn timed(&mut self, runner: &mut Runner, batch: &[f32], shape: [usize; 4]) -> ort::Result<u64> {
        let input = TensorRef::from_array_view((shape, batch))?.into_dyn();
        let mut bare = Bare::new(&mut runner.session, &self.names, &input, &mut self.answer);
        let start = Instant::now();
        bare.run()?;
        Ok(nanoseconds(start))
    }
}
