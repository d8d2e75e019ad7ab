//! Ways of calling one session, timed in blocks of calls, each answer checked: what a way adds is the difference to the bare call.

use std::path::Path;
use std::time::Instant;

use ort::session::{OutputSelector, RunOptions};
use ort::value::{Tensor, TensorRef};
use serde::Serialize;

use super::session::floats;
use super::{Options, Provider, Runner};
use crate::error::{Error, Kind, Result};
use crate::ffi::bare::{Bare, Names};
use crate::serve::timing::{nanoseconds, one_forward};

/// A way of calling a session, or the stopwatch alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// The C function `Run`: input and output are made beforehand.
    Bare,
    /// The same, and ONNX Runtime allocates the output.
    BareAllocating,
    /// `ort` with input and output made beforehand.
    Preallocated,
    /// The runner's forward: the input is wrapped, ONNX Runtime allocates the output, and it is released.
    Run,
    /// What `time` makes a sample of: the sum of the readings.
    Timed,
    /// The stopwatch around nothing: the sum of the readings.
    Empty,
    /// The stopwatch around nothing: what it takes.
    Stopwatch,
}

impl Way {
    /// All of them.
    pub const ALL: [Self; 7] = [Self::Bare, Self::BareAllocating, Self::Preallocated, Self::Run, Self::Timed, Self::Empty, Self::Stopwatch];
}

/// A session, and one input for all calls.
#[derive(Debug)]
pub struct Ways {
    runner: Runner,
    place: String,
    output: String,
    names: Names,
    tensor: Vec<f32>,
    shape: [usize; 4],
    answer: Vec<f32>,
    answer_shape: Vec<i64>,
}

impl Ways {
    /// Loads a model whose image size is fixed, and asks it once.
    pub fn load(model: &Path, options: &Options) -> Result<Self> {
        let mut runner = Runner::load(model, Provider::Cpu, options)?;
        let place = model.display().to_string();
        let shape = shape(&runner, &place)?;
        runner.check(shape[0], shape[0], &shape[1..])?;
        let output = runner.logits_name()?;
        let names = Names::new(&runner.inputs[0].name, &output)
            .ok_or_else(|| Error::data("a name of an input or output has a zero byte", &place, "export the model again"))?;
        // Both signs: the answer of a Relu is neither its input nor all zeros.
        let tensor: Vec<f32> = (0..shape.iter().product()).map(|at: usize| (at % 7) as f32 - 3.0).collect();
        let outputs = runner.run(&tensor, shape)?;
        let answer = floats(&outputs, &output)?.to_vec();
        let answer_shape = outputs[output.as_str()].dtype().tensor_shape().map_or_else(Vec::new, |shape| shape.to_vec());
        drop(outputs);
        Ok(Self { runner, place, output, names, tensor, shape, answer, answer_shape })
    }

    /// The nanoseconds of so many calls. A way whose answer is another one is an internal error.
    pub fn block(&mut self, way: Way, calls: usize) -> Result<u64> {
        match way {
            Way::Bare => self.bare::<false>(calls),
            Way::BareAllocating => self.bare::<true>(calls),
            Way::Preallocated => self.preallocated(calls),
            Way::Run => self.run(calls),
            Way::Timed => self.timed(calls),
            Way::Empty => Ok(stopwatch(calls).0),
            Way::Stopwatch => Ok(stopwatch(calls).1),
        }
    }

    fn bare<const ALLOCATING: bool>(&mut self, calls: usize) -> Result<u64> {
        let Self { runner, place, names, tensor, shape, answer_shape, .. } = self;
        let mut measured = || -> ort::Result<(u64, Vec<f32>)> {
            let input = TensorRef::from_array_view((*shape, &**tensor))?.into_dyn();
            let mut output = unanswered(answer_shape)?;
            let mut bare = Bare::new(&mut runner.session, names, &input, &mut output);
            let start = Instant::now();
            for _ in 0..calls {
                if ALLOCATING { bare.run_allocating()? } else { bare.run()? }
            }
            let ns = nanoseconds(start);
            // Whichever call was timed, this output is read.
            bare.run()?;
            Ok((ns, output.extract_tensor().1.to_vec()))
        };
        let (ns, answer) = measured().map_err(|fault| failed(&fault, place))?;
        self.check(&answer)?;
        Ok(ns)
    }

    fn preallocated(&mut self, calls: usize) -> Result<u64> {
        let Self { runner, place, output, tensor, shape, answer_shape, .. } = self;
        let mut measured = || -> ort::Result<(u64, Vec<f32>)> {
            let input = TensorRef::from_array_view((*shape, &**tensor))?;
            let ready = OutputSelector::no_default().with(&*output).preallocate(&*output, unanswered(answer_shape)?);
            let options = RunOptions::new()?.with_outputs(ready);
            let start = Instant::now();
            for _ in 0..calls {
                runner.session.run_with_options(ort::inputs![&*input], &options)?;
            }
            let ns = nanoseconds(start);
            let outputs = runner.session.run_with_options(ort::inputs![&*input], &options)?;
            Ok((ns, outputs[&**output].try_extract_tensor::<f32>()?.1.to_vec()))
        };
        let (ns, answer) = measured().map_err(|fault| failed(&fault, place))?;
        self.check(&answer)?;
        Ok(ns)
    }

    fn run(&mut self, calls: usize) -> Result<u64> {
        let start = Instant::now();
        for _ in 0..calls {
            self.runner.run(&self.tensor, self.shape)?;
        }
        let ns = nanoseconds(start);
        let answer = floats(&self.runner.run(&self.tensor, self.shape)?, &self.output)?.to_vec();
        self.check(&answer)?;
        Ok(ns)
    }

    fn timed(&mut self, calls: usize) -> Result<u64> {
        let mut sum = 0;
        let mut checks = Vec::with_capacity(calls);
        for _ in 0..calls {
            let (ns, check) = one_forward(&mut self.runner, &self.tensor, self.shape, &self.output)?;
            sum += ns;
            checks.push(check);
        }
        let right = crate::serve::crc32(&self.answer);
        if checks.iter().any(|check| *check != right) {
            return Err(Error::internal("a timed forward answers otherwise than the first one", &self.place));
        }
        Ok(sum)
    }

    fn check(&self, answer: &[f32]) -> Result<()> {
        if answer.iter().map(|value| value.to_bits()).eq(self.answer.iter().map(|value| value.to_bits())) {
            return Ok(());
        }
        Err(Error::internal("one way of calling the session answers otherwise than another", &self.place))
    }
}

/// An output that holds no answer yet.
pub(super) fn unanswered(shape: &[i64]) -> ort::Result<Tensor<f32>> {
    let count = shape.iter().map(|size| *size as usize).product();
    Tensor::from_array((shape.to_vec(), vec![f32::NAN; count]))
}

/// What stopwatches around nothing read in all, and what they take.
fn stopwatch(calls: usize) -> (u64, u64) {
    let start = Instant::now();
    let read = (0..calls).map(|_| nanoseconds(Instant::now())).sum();
    (read, nanoseconds(start))
}

/// The sizes of the input, where only the batch may be left open.
fn shape(runner: &Runner, place: &str) -> Result<[usize; 4]> {
    let open = |what: &str| Error::usage(what, place, "use a model with an input of N x C x H x W whose image size is fixed");
    let input = runner.inputs.first().ok_or_else(|| open("the model has no input"))?;
    let size = |(axis, size): (usize, &Option<u64>)| size.or((axis == 0).then_some(1)).map(|size| size as usize);
    let sizes: Option<Vec<usize>> = input.shape.iter().enumerate().map(size).collect();
    let sizes = sizes.ok_or_else(|| open("the size of the model's images is not fixed"))?;
    sizes.try_into().map_err(|_| open("the model's input has not four axes"))
}

fn failed(fault: &ort::Error, place: &str) -> Error {
    Error::onnxruntime(Kind::Data, fault, place, "try the same model in Python: python -m infer_py overhead")
}
