//! A Concord model as its file describes it: preprocess spec, class names, task.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::onnx::Description;
use crate::spec::{self, Spec};

/// The metadata key of the number of this set of keys.
pub const FORMAT: &str = "concord.format";
/// The metadata key of the class names.
pub const LABELS: &str = "concord.labels";
/// The metadata key of the task.
pub const TASK: &str = "concord.task";

/// A model file and what it says of itself.
#[derive(Debug, Clone)]
pub struct Model {
    /// The file.
    pub path: PathBuf,
    /// What its protobuf holds.
    pub description: Description,
    /// How images are prepared, or none for a model that Concord did not make.
    pub spec: Option<Spec>,
    /// Class names in order.
    pub classes: Option<Vec<String>>,
}

impl Model {
    /// Reads the description of a file.
    pub fn open(path: &Path) -> Result<Self> {
        let description = Description::read(path)?;
        let place = path.display().to_string();
        let text = |key: &str| description.metadata.get(key);
        if let Some(format) = text(FORMAT).filter(|format| *format != "1") {
            let next = "export the model again with the Concord of this checkout";
            return Err(Error::data(format!("format {format}, this version reads 1"), format!("{place}: {FORMAT}"), next));
        }
        let spec = text(spec::KEY).map(|text| Spec::from_json(text, &place)).transpose()?;
        let classes = text(LABELS).map(|text| labels(text, &place)).transpose()?;
        if let Some(task) = text(TASK).filter(|task| *task != "classify") {
            let next = "use a newer infer-rs, or a model that classifies";
            return Err(Error::data(format!("task '{task}' is not supported, only 'classify'"), place, next));
        }
        Ok(Self { path: path.to_owned(), description, spec, classes })
    }

    /// The preprocess spec, or the error that says what the file lacks.
    pub fn need_spec(&self) -> Result<&Spec> {
        self.spec.as_ref().ok_or_else(|| {
            let what = format!("the model does not say how to prepare images: it has no metadata '{}'", spec::KEY);
            Error::data(what, self.path.display(), "export it with Concord, or give a ready tensor (.npy) to `serve`")
        })
    }

    /// A class's name.
    pub fn label(&self, class: usize) -> Option<&str> {
        self.classes.as_ref()?.get(class).map(String::as_str)
    }
}

fn labels(text: &str, place: &str) -> Result<Vec<String>> {
    serde_json::from_str(text)
        .map_err(|fault| Error::data(format!("not a JSON list of names: {fault}"), format!("{place}: {LABELS}"), "export the model again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_a_list_of_names() {
        assert_eq!(labels(r#"["RED ADMIRAL", "Ω"]"#, "m").unwrap(), ["RED ADMIRAL", "Ω"]);
        assert!(labels(r#"{"a": 1}"#, "m").unwrap_err().to_string().contains(LABELS));
    }
}
