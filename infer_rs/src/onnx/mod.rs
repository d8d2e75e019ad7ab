//! Reads what an ONNX file says of itself, straight from the protobuf and without ONNX Runtime.
//!
//! Field numbers are those of onnx.proto3. Weights are skipped, not read: a description of 600 MB costs a few kilobytes.

mod reader;

use std::collections::BTreeMap;
use std::io::{self, Read, Seek};
use std::path::Path;

use crate::error::{Error, Result};
use crate::files;
use reader::{Reader, Value};

/// Subgraphs in subgraphs; a file that nests deeper is not a model.
const DEEPEST: usize = 32;
/// `TensorProto.DataLocation` of weights in other files.
const EXTERNAL: u64 = 1;

/// What is in the file besides weights.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Description {
    /// Version of the file format.
    pub ir_version: u64,
    /// What wrote the file, and its version.
    pub producer: (String, String),
    /// Operator sets: domain (empty for ONNX's own) and version.
    pub opsets: Vec<(String, u64)>,
    /// Free-form metadata.
    pub metadata: BTreeMap<String, String>,
    /// Number of nodes by operator.
    pub operators: BTreeMap<String, usize>,
    /// Names of all values that nodes of the graph write.
    pub values: Vec<String>,
    /// Names of the graph's inputs.
    pub inputs: Vec<String>,
    /// Names of the graph's outputs.
    pub outputs: Vec<String>,
    /// A tensor that is kept in another file.
    external: Option<String>,
}

impl Description {
    /// Reads a file. A data error says what is wrong with it.
    pub fn read(path: &Path) -> Result<Self> {
        let file = files::open(path)?;
        let length = file.metadata().map_err(|fault| Error::reading(path, &fault))?.len();
        let found = Self::parse(file, length)
            .map_err(|fault| Error::data(format!("not an ONNX file: {fault}"), path.display(), "export it again, or copy it again"))?;
        // Weights in other files would be neither hashed nor shipped, and their paths may lead anywhere.
        if let Some(name) = &found.external {
            let next = "save it as one file: onnx.save(onnx.load(MODEL), ONE_FILE), below 2 GiB";
            return Err(Error::data(format!("keeps weights in other files ('{name}'), which Concord refuses"), path.display(), next));
        }
        Ok(found)
    }

    fn parse<R: Read + Seek>(from: R, length: u64) -> io::Result<Self> {
        let mut found = Self::default();
        let mut reader = Reader::new(from, length);
        reader.message(length, &mut |reader, field, value| match (field, value) {
            (1, Value::Number(number)) => {
                found.ir_version = number;
                Ok(())
            }
            (2, Value::Bytes(size)) => reader.text(size).map(|text| found.producer.0 = text),
            (3, Value::Bytes(size)) => reader.text(size).map(|text| found.producer.1 = text),
            (7, Value::Bytes(size)) => found.graph(reader, size, 0),
            (8, Value::Bytes(size)) => reader.opset(size).map(|opset| found.opsets.push(opset)),
            (14, Value::Bytes(size)) => reader.pair(size).and_then(|(key, text)| match found.metadata.insert(key.clone(), text) {
                // Parsers disagree about which of the two counts.
                Some(_) => Err(io::Error::other(format!("metadata key '{key}' twice"))),
                None => Ok(()),
            }),
            (25, Value::Bytes(size)) => found.function(reader, size),
            (_, Value::Bytes(size)) => reader.skip(size),
            (_, Value::Number(_)) => Ok(()),
        })?;
        if found.ir_version == 0 || found.outputs.is_empty() {
            return Err(io::Error::other("it names no format version or no output"));
        }
        Ok(found)
    }

    /// The main graph has depth 0; of those inside nodes nothing counts but where their tensors are.
    fn graph<R: Read + Seek>(&mut self, reader: &mut Reader<R>, size: u64, depth: usize) -> io::Result<()> {
        if depth > DEEPEST {
            return Err(io::Error::other(format!("subgraphs nest deeper than {DEEPEST}")));
        }
        reader.message(size, &mut |reader, field, value| match (field, value) {
            (1, Value::Bytes(size)) => self.node(reader, size, depth),
            (5, Value::Bytes(size)) => self.tensor(reader, size),
            (11, Value::Bytes(size)) if depth == 0 => reader.value_name(size).map(|name| self.inputs.push(name)),
            (12, Value::Bytes(size)) if depth == 0 => reader.value_name(size).map(|name| self.outputs.push(name)),
            (15, Value::Bytes(size)) => self.sparse(reader, size),
            (_, Value::Bytes(size)) => reader.skip(size),
            (_, Value::Number(_)) => Ok(()),
        })
    }

    fn node<R: Read + Seek>(&mut self, reader: &mut Reader<R>, size: u64, depth: usize) -> io::Result<()> {
        reader.message(size, &mut |reader, field, value| match (field, value) {
            (2, Value::Bytes(size)) if depth == 0 => reader.text(size).map(|name| self.values.push(name)),
            (4, Value::Bytes(size)) if depth == 0 => reader.text(size).map(|name| *self.operators.entry(name).or_default() += 1),
            (5, Value::Bytes(size)) => self.attribute(reader, size, depth),
            (_, Value::Bytes(size)) => reader.skip(size),
            (_, Value::Number(_)) => Ok(()),
        })
    }

    fn attribute<R: Read + Seek>(&mut self, reader: &mut Reader<R>, size: u64, depth: usize) -> io::Result<()> {
        reader.message(size, &mut |reader, field, value| match (field, value) {
            (5 | 10, Value::Bytes(size)) => self.tensor(reader, size),
            (6 | 11, Value::Bytes(size)) => self.graph(reader, size, depth + 1),
            (22 | 23, Value::Bytes(size)) => self.sparse(reader, size),
            (_, Value::Bytes(size)) => reader.skip(size),
            (_, Value::Number(_)) => Ok(()),
        })
    }

    fn function<R: Read + Seek>(&mut self, reader: &mut Reader<R>, size: u64) -> io::Result<()> {
        reader.message(size, &mut |reader, field, value| match (field, value) {
            (7, Value::Bytes(size)) => self.node(reader, size, 1),
            (_, Value::Bytes(size)) => reader.skip(size),
            (_, Value::Number(_)) => Ok(()),
        })
    }

    fn sparse<R: Read + Seek>(&mut self, reader: &mut Reader<R>, size: u64) -> io::Result<()> {
        reader.message(size, &mut |reader, field, value| match (field, value) {
            (1 | 2, Value::Bytes(size)) => self.tensor(reader, size),
            (_, Value::Bytes(size)) => reader.skip(size),
            (_, Value::Number(_)) => Ok(()),
        })
    }

    fn tensor<R: Read + Seek>(&mut self, reader: &mut Reader<R>, size: u64) -> io::Result<()> {
        let (mut name, mut elsewhere) = (String::new(), false);
        reader.message(size, &mut |reader, field, value| match (field, value) {
            (8, Value::Bytes(size)) => reader.text(size).map(|text| name = text),
            (13, Value::Bytes(size)) => {
                elsewhere = true;
                reader.skip(size)
            }
            (14, Value::Number(EXTERNAL)) => {
                elsewhere = true;
                Ok(())
            }
            (_, Value::Bytes(size)) => reader.skip(size),
            (_, Value::Number(_)) => Ok(()),
        })?;
        if elsewhere {
            self.external.get_or_insert(name);
        }
        Ok(())
    }
}

/// A model fragment that, appended to a model's bytes, makes these values outputs of its graph.
///
/// ONNX Runtime returns nothing but graph outputs. Parsers merge a message that occurs twice, and append repeated fields (source:
/// Protocol Buffers documentation, "Last One Wins"), so the model itself needs no rewriting.
pub fn outputs_fragment<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let graph: Vec<u8> = names.into_iter().flat_map(|name| delimited(12, &delimited(1, name.as_bytes()))).collect();
    delimited(7, &graph)
}

/// A field of bytes, as protobuf writes it.
pub fn delimited(field: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for mut number in [usize::from(field) << 3 | 2, content.len()] {
        while number >= 0x80 {
            bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
    }
    bytes.extend(content);
    bytes
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// Format version 10; a graph with one Relu from x to y and a weight; opset 20; one metadata entry.
    fn model() -> Vec<u8> {
        let node = [delimited(1, b"x"), delimited(2, b"y"), delimited(4, b"Relu")].concat();
        let weight = delimited(5, &[delimited(8, b"w"), delimited(9, &[0; 300]), vec![14 << 3, 0]].concat());
        let graph = [delimited(1, &node), weight, delimited(11, &delimited(1, b"x")), delimited(12, &delimited(1, b"y"))].concat();
        let entry = [delimited(1, b"concord.task"), delimited(2, b"classify")].concat();
        [vec![8, 10], delimited(2, b"pytorch"), delimited(7, &graph), delimited(8, &[16, 20]), delimited(14, &entry)].concat()
    }

    fn parse(bytes: &[u8]) -> io::Result<Description> {
        Description::parse(Cursor::new(bytes), bytes.len() as u64)
    }

    #[test]
    fn a_model_is_described() {
        let found = parse(&model()).unwrap();
        assert_eq!((found.ir_version, found.producer.0.as_str()), (10, "pytorch"));
        assert_eq!(found.opsets, [(String::new(), 20)]);
        assert_eq!(found.metadata["concord.task"], "classify");
        assert_eq!((found.operators["Relu"], found.values), (1, vec!["y".to_owned()]));
        assert_eq!((found.inputs, found.outputs), (vec!["x".to_owned()], vec!["y".to_owned()]));
    }

    #[test]
    fn a_fragment_adds_outputs() {
        let long = "n".repeat(200);
        let bytes = [model(), outputs_fragment(["val_1", long.as_str()])].concat();
        assert_eq!(parse(&bytes).unwrap().outputs, ["y", "val_1", long.as_str()]);
    }

    #[test]
    fn weights_in_other_files_are_found_wherever_they_hide() {
        let entry = [delimited(1, b"location"), delimited(2, b"../w")].concat();
        let tensors = [[delimited(8, b"far"), delimited(13, &entry)].concat(), [delimited(8, b"far"), vec![14 << 3, 1]].concat()];
        for tensor in &tensors {
            let node = |attribute: u8, content: &[u8]| delimited(1, &delimited(5, &delimited(attribute, content)));
            let sparse = delimited(1, tensor);
            let places = [
                delimited(5, tensor),
                delimited(15, &sparse),
                node(5, tensor),
                node(10, tensor),
                node(22, &sparse),
                node(6, &delimited(5, tensor)),
                node(11, &node(6, &node(5, tensor))),
            ];
            for graph in places {
                let found = parse(&[model(), delimited(7, &graph)].concat()).unwrap();
                assert_eq!(found.external.as_deref(), Some("far"));
                assert_eq!(found.operators.len(), 1, "only nodes of the main graph count");
            }
            let function = delimited(25, &delimited(7, &delimited(5, &delimited(5, tensor))));
            assert_eq!(parse(&[model(), function].concat()).unwrap().external.as_deref(), Some("far"));
        }
        assert_eq!(parse(&model()).unwrap().external, None);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.onnx");
        std::fs::write(&path, [model(), delimited(7, &delimited(5, &tensors[0]))].concat()).unwrap();
        let error = Description::read(&path).unwrap_err();
        assert!(error.what.contains("'far'") && error.exit_code() == 4, "{error}");
    }

    #[test]
    fn a_metadata_key_twice_and_endless_nesting_are_refused() {
        let again = [model(), delimited(14, &[delimited(1, b"concord.task"), delimited(2, b"classify")].concat())].concat();
        assert!(parse(&again).unwrap_err().to_string().contains("'concord.task' twice"));
        let deep = (0..40).fold(Vec::new(), |graph, _| delimited(1, &delimited(5, &delimited(6, &graph))));
        assert!(parse(&[model(), delimited(7, &deep)].concat()).unwrap_err().to_string().contains("deeper than 32"));
    }

    #[test]
    fn every_cut_and_every_other_file_is_an_error_and_not_a_panic() {
        let bytes = model();
        let graph_end = bytes.len() - 4 - 2 - 28;
        assert!((0..graph_end).all(|length| parse(&bytes[..length]).is_err()));
        assert!(parse(b"\x89PNG\r\n\x1a\n and more").is_err());
        assert!(parse(b"<html>").is_err());
        assert!(parse(&[0xff; 64]).is_err());
    }
}
