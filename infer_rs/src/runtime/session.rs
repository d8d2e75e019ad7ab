//! A model in ONNX Runtime: made with explicit options, fed with float32 images, answering with named arrays.

use std::collections::BTreeMap;
use std::path::Path;

use ort::ep::{self, cuda::ConvAlgorithmSearch};
use ort::session::builder::SessionBuilder;
use ort::session::{Session, SessionOutputs};
use ort::value::{DynValue, TensorElementType, TensorRef, ValueType};

use super::Options;
use crate::error::{Error, Kind, Result};
use crate::npy::Array;
use crate::protocol::{Setting, ValueInfo};
use crate::{files, onnx};

/// More images than this in one forward are a slip of the pen, and would end the runner for want of memory.
const LARGEST_BATCH: usize = 65_536;

/// The output that answers are taken from.
pub const LOGITS: &str = "logits";

/// What executes a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Provider {
    Cpu,
    Cuda,
}

/// A session that takes one batch of images.
#[derive(Debug)]
pub struct Runner {
    /// For the ways of calling it that only `overhead` compares.
    pub(super) session: Session,
    place: String,
    /// The graph's inputs.
    pub inputs: Vec<ValueInfo>,
    /// The graph's outputs, in order.
    pub outputs: Vec<ValueInfo>,
    /// All effective options.
    pub options: BTreeMap<String, Setting>,
}

impl Provider {
    /// By its short name.
    pub fn named(name: &str) -> Result<Self> {
        match name {
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda),
            _ => Err(Error::usage(format!("unknown provider '{name}'"), "ort-rust", "ask for cpu or cuda")),
        }
    }

    /// Its short name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        }
    }
}

impl Runner {
    /// A session from the model's file, as Python's `InferenceSession(path)` makes it.
    pub fn load(model: &Path, provider: Provider, options: &Options) -> Result<Self> {
        Self::new(model, build(Model::File(model), provider, options, None), provider)
    }

    /// A session that returns other values of the graph, too.
    pub fn with_outputs(model: &Path, provider: Provider, options: &Options, names: &[&str]) -> Result<Self> {
        let mut bytes = files::read(model)?;
        bytes.extend(onnx::outputs_fragment(names.iter().copied()));
        Self::new(model, build(Model::Bytes(&bytes), provider, options, None), provider)
    }

    /// A session that records the time of every node into a file beginning with `prefix`.
    pub fn profiling(model: &Path, provider: Provider, options: &Options, prefix: &Path) -> Result<Self> {
        Self::new(model, build(Model::File(model), provider, options, Some(prefix)), provider)
    }

    fn new(model: &Path, built: ort::Result<(Session, BTreeMap<String, Setting>)>, provider: Provider) -> Result<Self> {
        let place = model.display().to_string();
        let (session, options) = built.map_err(|fault| match provider {
            Provider::Cpu => Error::onnxruntime(Kind::Data, &fault, &place, "check the file: is it a whole ONNX model?"),
            // A model that is at fault fails on the CPU, too, and is named there.
            Provider::Cuda => {
                let next = "ask for provider cpu, or install a CUDA that this ONNX Runtime works with (and pass --preload)";
                Error::onnxruntime(Kind::Environment, &fault, format!("{place}: provider cuda"), next)
            }
        })?;
        let info = |outlets: &[ort::value::Outlet]| outlets.iter().map(|outlet| value_info(outlet.name(), outlet.dtype())).collect();
        Ok(Self { inputs: info(session.inputs()), outputs: info(session.outputs()), session, options, place })
    }

    /// The batch size that the graph is fixed to, or none when any will do.
    pub fn fixed_batch(&self) -> Option<usize> {
        self.inputs.first()?.shape.first().copied()?.map(|size| size as usize)
    }

    /// The name of the output that is taken for the logits: the one called so, or the first.
    pub fn logits_name(&self) -> Result<String> {
        let called_so = self.outputs.iter().find(|output| output.name == LOGITS);
        let output = called_so.or(self.outputs.first());
        Ok(output.ok_or_else(|| Error::data("the model has no output", &self.place, "export it again"))?.name.clone())
    }

    /// Refuses, before anything runs, a batch or an image size that the graph does not take.
    pub fn check(&self, images: usize, batch: usize, image: &[usize]) -> Result<()> {
        let refuse = |what: String, next: &str| Err(Error::usage(what, &self.place, next));
        let [input] = self.inputs.as_slice() else {
            return refuse(format!("the model has {} inputs, one is expected", self.inputs.len()), "use an image model");
        };
        if input.dtype != "float32" || input.shape.len() != image.len() + 1 {
            let what = format!("input '{}' is {} with {} axes, float32 with 4 is expected", input.name, input.dtype, input.shape.len());
            return refuse(what, "use an image model with an input of N x 3 x H x W");
        }
        if images == 0 || !(1..=LARGEST_BATCH).contains(&batch) {
            let next = format!("give at least one image, and a batch from 1 to {LARGEST_BATCH}");
            return refuse(format!("{images} images in batches of {batch}"), &next);
        }
        if let Some(fixed) = self.fixed_batch().filter(|fixed| *fixed != batch || !images.is_multiple_of(*fixed)) {
            let last = if fixed == batch { images % fixed } else { batch };
            return refuse(
                format!("the model is fixed to batch {fixed}, and batch {last} was asked for"),
                "use a dynamic variant, or the model's own batch",
            );
        }
        let fits = input.shape[1..].iter().zip(image).all(|(fixed, size)| fixed.is_none_or(|fixed| fixed == *size as u64));
        if !fits {
            let what = format!("the model takes images of {}, and these are of {image:?}", shape_text(&input.shape[1..]));
            return refuse(what, "prepare the images for this model");
        }
        Ok(())
    }

    /// One forward, from host memory to host memory: ONNX Runtime allocates the outputs, as for Python's `session.run`.
    pub fn run(&mut self, tensor: &[f32], shape: [usize; 4]) -> Result<SessionOutputs<'_>> {
        let Self { session, place, .. } = self;
        forward(session, tensor, shape).map_err(|fault| {
            Error::onnxruntime(Kind::Data, &fault, place.as_str(), "try the same input in Python: python -m infer_py predict")
        })
    }

    /// Ends profiling and returns the file with the records.
    pub fn end_profiling(&mut self) -> Result<String> {
        self.session.end_profiling().map_err(|fault| Error::internal(fault.message(), &self.place))
    }
}

fn forward<'s>(session: &'s mut Session, tensor: &[f32], shape: [usize; 4]) -> ort::Result<SessionOutputs<'s>> {
    let shape = shape.map(|size| size as i64);
    session.run(ort::inputs![TensorRef::from_array_view((shape, tensor))?])
}

#[derive(Clone, Copy)]
enum Model<'a> {
    File(&'a Path),
    Bytes(&'a [u8]),
}

/// A session, and its effective options.
fn build(model: Model, provider: Provider, options: &Options, profile: Option<&Path>) -> ort::Result<(Session, BTreeMap<String, Setting>)> {
    let mut builder = builder(provider, options, profile)?;
    let in_force = options.in_force(&builder, provider)?;
    let session = match model {
        Model::File(path) => builder.commit_from_file(path),
        Model::Bytes(bytes) => builder.commit_from_memory(bytes),
    };
    Ok((session?, in_force))
}

fn builder(provider: Provider, options: &Options, profile: Option<&Path>) -> ort::Result<SessionBuilder> {
    let spinning = if options.spinning { "1" } else { "0" };
    let mut builder = Session::builder()?
        .with_optimization_level(options.optimization.into())?
        .with_intra_threads(options.threads)?
        .with_inter_threads(options.inter_threads)?
        .with_parallel_execution(false)?
        .with_memory_pattern(options.memory_pattern)?
        .with_config_entry("session.intra_op.allow_spinning", spinning)?
        .with_config_entry("session.inter_op.allow_spinning", spinning)?
        .with_config_entry("session.set_denormal_as_zero", "0")?;
    // `ep::CPU` turns the arena off unless told otherwise. Left alone, the session has the arena, like Python's; so it is registered
    // only to take the arena away.
    if !options.arena {
        builder = builder.with_execution_providers([ep::CPU::default().with_arena_allocator(false).build().error_on_failure()])?;
    }
    if provider == Provider::Cuda {
        // Asked equals got: neither a missing library nor a node that CUDA lacks may fall back to the CPU.
        // The search is ONNX Runtime's own default, named.
        let cuda = ep::CUDA::default().with_tf32(false).with_conv_algorithm_search(ConvAlgorithmSearch::Exhaustive);
        builder = builder
            .with_execution_providers([cuda.build().error_on_failure()])?
            .with_config_entry("session.disable_cpu_ep_fallback", "1")?;
    }
    if let Some(prefix) = profile {
        builder = builder.with_profiling(prefix)?;
    }
    Ok(builder)
}

/// The float32 elements of an output.
pub fn floats<'v>(outputs: &'v SessionOutputs, name: &str) -> Result<&'v [f32]> {
    let value = outputs.get(name).ok_or_else(|| Error::internal("an output that was asked for is missing", name))?;
    let (_, values) = value
        .try_extract_tensor::<f32>()
        .map_err(|_| Error::data("the output is not float32", name, "export the model with float32 outputs"))?;
    Ok(values)
}

/// An output as an array for a file.
pub fn array(name: &str, value: &DynValue) -> Result<Array> {
    let unsupported = || Error::unsupported("values of this type cannot be written", name, "ask for a tensor of numbers");
    let ValueType::Tensor { ty, shape, .. } = value.dtype() else { return Err(unsupported()) };
    let shape = shape.iter().map(|size| *size as usize).collect();
    macro_rules! bytes {
        ($kind:ty) => {
            value.try_extract_tensor::<$kind>().map(|(_, values)| values.iter().flat_map(|value| value.to_le_bytes()).collect())
        };
    }
    let (dtype, bytes) = match ty {
        TensorElementType::Float32 => ("float32", bytes!(f32)),
        TensorElementType::Float64 => ("float64", bytes!(f64)),
        TensorElementType::Int64 => ("int64", bytes!(i64)),
        TensorElementType::Int32 => ("int32", bytes!(i32)),
        TensorElementType::Uint8 => ("uint8", bytes!(u8)),
        TensorElementType::Int8 => ("int8", bytes!(i8)),
        TensorElementType::Bool => {
            ("bool", value.try_extract_tensor::<bool>().map(|(_, values)| values.iter().map(|value| u8::from(*value)).collect()))
        }
        _ => return Err(unsupported()),
    };
    let bytes: Vec<u8> = bytes.map_err(|fault| Error::internal(fault.message(), name))?;
    Ok(Array { dtype, shape, bytes })
}

fn value_info(name: &str, kind: &ValueType) -> ValueInfo {
    let shape = kind.tensor_shape().map_or(&[][..], |shape| shape);
    let dtype = match kind.tensor_type() {
        Some(TensorElementType::Float32) => "float32".to_owned(),
        Some(TensorElementType::Float64) => "float64".to_owned(),
        Some(TensorElementType::Bool) => "bool".to_owned(),
        Some(other) => format!("{other:?}").to_lowercase(),
        None => "not a tensor".to_owned(),
    };
    // -1 is ONNX Runtime's mark of a dynamic dimension.
    ValueInfo { name: name.to_owned(), shape: shape.iter().map(|size| u64::try_from(*size).ok()).collect(), dtype }
}

fn shape_text(shape: &[Option<u64>]) -> String {
    let sizes: Vec<String> = shape.iter().map(|size| size.map_or("any".to_owned(), |size| size.to_string())).collect();
    format!("[{}]", sizes.join(", "))
}
