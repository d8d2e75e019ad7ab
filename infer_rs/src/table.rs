//! Answers as text and as JSON, in the form of infer_py/table.py.

use std::path::Path;

use serde_json::{Value, json};

use crate::error::Error;
use crate::model::Model;
use crate::printable::printable;

const WIDEST: usize = 60;

/// One class of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Likely {
    /// Its index.
    pub class: usize,
    /// Its softmax.
    pub probability: f64,
}

/// Images with their likeliest classes.
pub type Answers<'a> = [(&'a Path, Vec<Likely>)];

/// An aligned table, one line per class of an image.
pub fn as_text(model: &Model, answers: &Answers) -> String {
    let mut rows = vec![["image", "top", "class", "probability"].map(str::to_owned)];
    for (image, classes) in answers {
        for (place, one) in classes.iter().enumerate() {
            let image = if place == 0 { image.display().to_string() } else { String::new() };
            let name = model.label(one.class).map_or_else(|| format!("class {}", one.class), str::to_owned);
            rows.push([printable(&image), (place + 1).to_string(), printable(&cut(name)), format!("{:.4}", one.probability)]);
        }
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2), width(3)];
    let line = |row: &[String; 4]| {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

/// One document; probabilities with all their digits.
pub fn as_json(model: &Model, answers: &Answers, refused: &[(&Path, Error)]) -> String {
    let class = |one: &Likely| json!({"class": model.label(one.class), "index": one.class, "probability": one.probability});
    let answer = |(image, classes): &(&Path, Vec<Likely>)| json!({"image": image.to_string_lossy(), "top": classes.iter().map(class).collect::<Vec<Value>>()});
    let mut images: Vec<Value> = answers.iter().map(answer).collect();
    images.extend(refused.iter().map(|(image, error)| json!({"image": image.to_string_lossy(), "error": error.to_string()})));
    format!("{:#}\n", json!({"model": model.path.to_string_lossy(), "images": images}))
}

/// A class's name, cut to `WIDEST` signs.
fn cut(name: String) -> String {
    if name.chars().count() <= WIDEST { name } else { name.chars().take(WIDEST - 1).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::Description;

    fn model() -> Model {
        let classes = Some(vec!["RED ADMIRAL".into(), "a\u{1b}[2Jb".into()]);
        Model { path: "m.onnx".into(), description: Description::default(), spec: None, classes }
    }

    fn likely() -> Vec<Likely> {
        vec![Likely { class: 1, probability: 0.75 }, Likely { class: 0, probability: 0.25 }]
    }

    #[test]
    fn the_table_is_aligned_and_obeys_no_class_name() {
        let text = as_text(&model(), &[(Path::new("b.jpg"), likely())]);
        let expected = "image  top  class        probability\nb.jpg  1    a\\x1b[2Jb    0.7500\n       2    RED ADMIRAL  0.2500\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn json_is_one_document_with_answers_and_refusals() {
        let refused = [(Path::new("c.gif"), Error::data("no", "c.gif", "yes"))];
        let document: Value = serde_json::from_str(&as_json(&model(), &[(Path::new("b.jpg"), likely())], &refused)).unwrap();
        assert_eq!(document["images"][0]["top"][1], json!({"class": "RED ADMIRAL", "index": 0, "probability": 0.25}));
        assert_eq!(document["images"][1]["error"], "c.gif: no\n  next: yes");
    }
}
