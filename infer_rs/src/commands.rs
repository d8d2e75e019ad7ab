//! The commands besides `serve`.

use std::cmp::Ordering;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;

use crate::error::{Error, Result, guarded};
use crate::model::Model;
use crate::npy::{self, Array};
use crate::onnx::Description;
use crate::preprocess::Preprocess;
use crate::printable::printable;
use crate::runtime::{Library, Options, Provider, Runner, Source, session};
use crate::table::{self, Likely};
use crate::{files, image};

/// What `predict` was asked.
#[derive(Debug)]
pub struct Predict {
    /// Image files.
    pub images: Vec<PathBuf>,
    /// One JSON document instead of a table.
    pub json: bool,
    /// Classes per image.
    pub top: usize,
    /// Threads of the session.
    pub threads: Option<usize>,
}

/// Prints what a file says of itself. As JSON, what `python -m infer_py info --json` says, too, has the same name there.
pub fn info(path: &Path, as_json: bool, mut out: impl Write) -> Result<ExitCode> {
    let model = Model::open(path)?;
    let about = &model.description;
    if as_json {
        let named = |names: &[String]| names.iter().map(|name| json!({"name": name})).collect::<Vec<_>>();
        let opset = |(domain, version): &(String, u64)| (if domain.is_empty() { "ai.onnx" } else { domain }.to_owned(), json!(version));
        let told = json!({
            "model": path.to_string_lossy(),
            "sha256": files::sha256(path)?,
            "bytes": files::length(path)?,
            "producer": producer(about),
            "ir_version": about.ir_version,
            "opset": about.opsets.iter().map(opset).collect::<serde_json::Map<_, _>>(),
            "inputs": named(&about.inputs),
            "outputs": named(&about.outputs),
            "nodes": about.operators,
            "labels": model.classes,
            "metadata": about.metadata,
        });
        print(&mut out, &format!("{told:#}\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut lines = vec![
        ("file", path.display().to_string()),
        ("sha256", files::sha256(path)?),
        ("format", format!("IR version {}, {}", about.ir_version, opsets(&about.opsets))),
        ("producer", producer(about)),
        ("inputs", about.inputs.join(", ")),
        ("outputs", about.outputs.join(", ")),
        ("nodes", format!("{}: {}", about.operators.values().sum::<usize>(), counts(&about.operators))),
    ];
    if let Some(classes) = &model.classes {
        lines.push(("classes", format!("{}: {}", classes.len(), classes.join(", "))));
    }
    lines.extend(about.metadata.iter().filter(|(key, _)| *key != crate::model::LABELS).map(|(key, text)| (key.as_str(), text.clone())));
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let line = |(name, value): &(&str, String)| format!("{:width$}  {}\n", printable(name), printable(value));
    print(&mut out, &lines.iter().map(line).collect::<String>())?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the likeliest classes of each image, as infer_py does. One bad image does not cost the answers for the others.
pub fn predict(path: &Path, asked: &Predict, source: &Source, mut out: impl Write) -> Result<ExitCode> {
    let model = Model::open(path)?;
    let preprocess = Preprocess::new(model.need_spec()?);
    Library::open(source)?;
    let mut runner = Runner::load(path, Provider::Cpu, &Options::with_threads(asked.threads))?;
    let output = runner.logits_name()?;
    if let Some((width, height)) = preprocess.input_size() {
        // Before any image is decoded and blown up to a size that the model does not take.
        runner.check(1, 1, &[3, height, width])?;
    }
    let mut answers = Vec::new();
    let mut refused = Vec::new();
    for (done, image) in asked.images.iter().enumerate() {
        tell(done, asked.images.len());
        let logits = preprocess.image(image).and_then(|(width, height, tensor)| {
            runner.check(1, 1, &[3, height, width])?;
            let logits = session::floats(&runner.run(&tensor, [1, 3, height, width])?, &output)?.to_vec();
            if !logits.iter().all(|logit| logit.is_finite()) {
                return Err(Error::data("the model answers NaN or infinity", path.display(), "check the model: was its training finite?"));
            }
            Ok(logits)
        });
        match logits {
            Ok(logits) => answers.push((image.as_path(), likeliest(&logits, asked.top))),
            Err(error) => refused.push((image.as_path(), error)),
        }
    }
    tell(asked.images.len(), asked.images.len());
    print(&mut out, &if asked.json { table::as_json(&model, &answers, &refused) } else { table::as_text(&model, &answers) })?;
    Ok(ExitCode::from(refused.iter().map(|(_, error)| complain(error)).max().unwrap_or(0)))
}

/// Writes the tensor of images.
pub fn preprocess(images: &[PathBuf], model: &Path, out: &Path) -> Result<ExitCode> {
    let model = Model::open(model)?;
    let preprocess = Preprocess::new(model.need_spec()?);
    let (shape, values) = preprocess.images(images)?;
    npy::write_npy(out, &Array::floats(shape.to_vec(), &values))?;
    Ok(ExitCode::SUCCESS)
}

/// Prints size and sha256 of each image's pixels, stored as they are, and its EXIF orientation, or why it is refused; of the images that
/// `names` lists, when "-" stands for them.
pub fn decode(images: &[PathBuf], names: impl BufRead, mut out: impl Write) -> Result<ExitCode> {
    let failed = |fault| Error::environment(fault, "stdin", "check where the names come from");
    let paths: Box<dyn Iterator<Item = Result<PathBuf>>> = match images {
        [one] if one.as_os_str() == "-" => Box::new(names.lines().map(|line| line.map(PathBuf::from).map_err(failed))),
        images => Box::new(images.iter().cloned().map(Ok)),
    };
    let mut worst = 0;
    for path in paths {
        let path = path?;
        // A bug that one image brings out costs the answer for that one.
        let line = match guarded(|| image::decode_file_and_orientation(&path)) {
            Ok((image, orientation)) => {
                let (path, sum) = (path.to_string_lossy(), files::sha256_of(&image.data));
                json!({"path": path, "width": image.width, "height": image.height, "sha256": sum, "orientation": orientation})
            }
            Err(error) => {
                worst = worst.max(error.exit_code());
                json!({"path": path.to_string_lossy(), "error": error.what, "kind": error.kind})
            }
        };
        if !print(&mut out, &format!("{line}\n"))? {
            break;
        }
    }
    Ok(ExitCode::from(worst))
}

/// The largest logits with their softmax, the first of equals first.
fn likeliest(logits: &[f32], count: usize) -> Vec<Likely> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let share = |logit: f32| (f64::from(logit) - f64::from(largest)).exp();
    let sum: f64 = logits.iter().map(|logit| share(*logit)).sum();
    let mut order: Vec<usize> = (0..logits.len()).collect();
    // -0.0 and 0.0 are equals; no NaN comes here.
    order.sort_by(|one, other| logits[*other].partial_cmp(&logits[*one]).unwrap_or(Ordering::Equal));
    let likely = |class: usize| Likely { class, probability: share(logits[class]) / sum };
    order.into_iter().take(count).map(likely).collect()
}

fn producer(about: &Description) -> String {
    format!("{} {}", about.producer.0, about.producer.1).trim().to_owned()
}

fn opsets(opsets: &[(String, u64)]) -> String {
    let text = |(domain, version): &(String, u64)| match domain.as_str() {
        "" => format!("opset {version}"),
        domain => format!("{domain} {version}"),
    };
    opsets.iter().map(text).collect::<Vec<_>>().join(", ")
}

fn counts(operators: &std::collections::BTreeMap<String, usize>) -> String {
    operators.iter().map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
}

/// Says on a terminal how far many images are; when all are done, the line is wiped.
fn tell(done: usize, of: usize) {
    let mut terminal = io::stderr();
    if of > 1 && terminal.is_terminal() {
        let text = if done < of { format!("\r{done} of {of} images") } else { "\r\x1b[K".to_owned() };
        // Nobody needs it.
        let _ = terminal.write_all(text.as_bytes());
    }
}

/// Says an error on stderr, and returns its exit code.
pub fn complain(error: &Error) -> u8 {
    // Names of files and texts in them are shown, too, and a terminal would obey some.
    let lines: Vec<String> = error.to_string().lines().map(printable).collect();
    // Nobody is left to be told when this fails.
    let _ = writeln!(io::stderr(), "error: {}", lines.join("\n"));
    error.exit_code()
}

/// Writes to stdout; false when somebody closed it (`| head`), which is no error, and changes no exit code either.
pub(crate) fn print(out: &mut impl Write, text: &str) -> Result<bool> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(fault) if fault.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(fault) => Err(Error::environment(fault, "stdout", "check where the output goes")),
        Ok(()) => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_come_first_and_of_equals_the_first() {
        let found = likeliest(&[0.0, 2.0, 2.0, -1.0], 3);
        assert_eq!(found.iter().map(|one| one.class).collect::<Vec<_>>(), [1, 2, 0]);
        let sum: f64 = likeliest(&[0.0, 2.0, 2.0, -1.0], 9).iter().map(|one| one.probability).sum();
        assert!((sum - 1.0).abs() < 1e-12);
        assert_eq!(likeliest(&[-0.0, 0.0], 2).iter().map(|one| one.class).collect::<Vec<_>>(), [0, 1], "equals, as in infer_py");
    }
}
