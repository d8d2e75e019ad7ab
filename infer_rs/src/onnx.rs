//! Reads what an ONNX file says of itself, straight from the protobuf and without ONNX Runtime.
//!
//! Field numbers are those of onnx.proto3. Weights are skipped, not read: a description of 600 MB costs a few kilobytes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use crate::error::{Error, Result};

const LONGEST_TEXT: u64 = 64 << 20;

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
}

impl Description {
    /// Reads a file. A data error says what is wrong with it.
    pub fn read(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|fault| Error::reading(path, &fault))?;
        let length = file.metadata().map_err(|fault| Error::reading(path, &fault))?.len();
        Self::parse(file, length)
            .map_err(|fault| Error::data(format!("not an ONNX file: {fault}"), path.display(), "export it again, or copy it again"))
    }

    fn parse<R: Read + Seek>(from: R, length: u64) -> io::Result<Self> {
        let mut found = Self::default();
        let mut reader = Reader { from: BufReader::new(from), at: 0, length };
        reader.message(length, &mut |reader, field, value| match (field, value) {
            (1, Value::Number(number)) => {
                found.ir_version = number;
                Ok(())
            }
            (2, Value::Bytes(size)) => reader.text(size).map(|text| found.producer.0 = text),
            (3, Value::Bytes(size)) => reader.text(size).map(|text| found.producer.1 = text),
            (7, Value::Bytes(size)) => found.graph(reader, size),
            (8, Value::Bytes(size)) => reader.opset(size).map(|opset| found.opsets.push(opset)),
            (14, Value::Bytes(size)) => reader.pair(size).map(|(key, text)| {
                found.metadata.insert(key, text);
            }),
            (_, Value::Bytes(size)) => reader.skip(size),
            (_, Value::Number(_)) => Ok(()),
        })?;
        if found.ir_version == 0 || found.outputs.is_empty() {
            return Err(io::Error::other("it names no format version or no output"));
        }
        Ok(found)
    }

    fn graph<R: Read + Seek>(&mut self, reader: &mut Reader<R>, size: u64) -> io::Result<()> {
        reader.message(size, &mut |reader, field, value| match (field, value) {
            (1, Value::Bytes(size)) => self.node(reader, size),
            (11, Value::Bytes(size)) => reader.value_name(size).map(|name| self.inputs.push(name)),
            (12, Value::Bytes(size)) => reader.value_name(size).map(|name| self.outputs.push(name)),
            (_, Value::Bytes(size)) => reader.skip(size),
            (_, Value::Number(_)) => Ok(()),
        })
    }

    fn node<R: Read + Seek>(&mut self, reader: &mut Reader<R>, size: u64) -> io::Result<()> {
        reader.message(size, &mut |reader, field, value| match (field, value) {
            (2, Value::Bytes(size)) => reader.text(size).map(|name| self.values.push(name)),
            (4, Value::Bytes(size)) => reader.text(size).map(|name| *self.operators.entry(name).or_default() += 1),
            (_, Value::Bytes(size)) => reader.skip(size),
            (_, Value::Number(_)) => Ok(()),
        })
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

fn delimited(field: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![field << 3 | 2];
    let mut length = content.len();
    while length >= 0x80 {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend(content);
    bytes
}

enum Value {
    Number(u64),
    Bytes(u64),
}

struct Reader<R> {
    from: BufReader<R>,
    at: u64,
    length: u64,
}

type Visit<'v, R> = dyn FnMut(&mut Reader<R>, u64, Value) -> io::Result<()> + 'v;

impl<R: Read + Seek> Reader<R> {
    /// Calls `visit` for every field of a message of `size` bytes; it has to read or skip the bytes of a `Value::Bytes`.
    fn message(&mut self, size: u64, visit: &mut Visit<R>) -> io::Result<()> {
        let end = self.at + size;
        while self.at < end {
            let key = self.varint()?;
            match key & 7 {
                0 => {
                    let number = self.varint()?;
                    visit(self, key >> 3, Value::Number(number))?;
                }
                1 => self.skip(8)?,
                2 => {
                    let size = self.varint()?;
                    if size > end.saturating_sub(self.at) {
                        return Err(io::Error::other("a field is longer than what holds it (cut short?)"));
                    }
                    visit(self, key >> 3, Value::Bytes(size))?;
                }
                5 => self.skip(4)?,
                kind => return Err(io::Error::other(format!("unknown wire type {kind}"))),
            }
        }
        if self.at == end { Ok(()) } else { Err(io::Error::other("a field runs over its message's end")) }
    }

    fn varint(&mut self) -> io::Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let mut byte = [0];
            self.advance(1)?;
            self.from.read_exact(&mut byte)?;
            number |= u64::from(byte[0] & 0x7f) << shift;
            if byte[0] < 0x80 {
                return Ok(number);
            }
        }
        Err(io::Error::other("a number has too many bytes"))
    }

    fn text(&mut self, size: u64) -> io::Result<String> {
        if size > LONGEST_TEXT {
            return Err(io::Error::other(format!("a text of {size} bytes")));
        }
        self.advance(size)?;
        let mut bytes = vec![0; size as usize];
        self.from.read_exact(&mut bytes)?;
        String::from_utf8(bytes).map_err(|_| io::Error::other("a text is not UTF-8"))
    }

    fn pair(&mut self, size: u64) -> io::Result<(String, String)> {
        let mut pair = (String::new(), String::new());
        self.message(size, &mut |reader, field, value| match (field, value) {
            (1, Value::Bytes(size)) => reader.text(size).map(|text| pair.0 = text),
            (2, Value::Bytes(size)) => reader.text(size).map(|text| pair.1 = text),
            (_, Value::Bytes(size)) => reader.skip(size),
            (_, Value::Number(_)) => Ok(()),
        })?;
        Ok(pair)
    }

    fn opset(&mut self, size: u64) -> io::Result<(String, u64)> {
        let mut opset = (String::new(), 0);
        self.message(size, &mut |reader, field, value| match (field, value) {
            (1, Value::Bytes(size)) => reader.text(size).map(|text| opset.0 = text),
            (2, Value::Number(number)) => {
                opset.1 = number;
                Ok(())
            }
            (_, Value::Bytes(size)) => reader.skip(size),
            (_, Value::Number(_)) => Ok(()),
        })?;
        Ok(opset)
    }

    fn value_name(&mut self, size: u64) -> io::Result<String> {
        let mut name = String::new();
        self.message(size, &mut |reader, field, value| match (field, value) {
            (1, Value::Bytes(size)) => reader.text(size).map(|text| name = text),
            (_, Value::Bytes(size)) => reader.skip(size),
            (_, Value::Number(_)) => Ok(()),
        })?;
        Ok(name)
    }

    fn skip(&mut self, size: u64) -> io::Result<()> {
        self.advance(size)?;
        // Unlike seek, this keeps the buffer when the target lies within it.
        self.from.seek_relative(size as i64)
    }

    fn advance(&mut self, size: u64) -> io::Result<()> {
        self.at += size;
        if self.at > self.length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// Format version 10; a graph with one Relu from x to y and a weight; opset 20; one metadata entry.
    fn model() -> Vec<u8> {
        let node = [delimited(1, b"x"), delimited(2, b"y"), delimited(4, b"Relu")].concat();
        let weight = delimited(5, &delimited(9, &[0; 300]));
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
    fn every_cut_and_every_other_file_is_an_error_and_not_a_panic() {
        let bytes = model();
        let graph_end = bytes.len() - 4 - 2 - 28;
        assert!((0..graph_end).all(|length| parse(&bytes[..length]).is_err()));
        assert!(parse(b"\x89PNG\r\n\x1a\n and more").is_err());
        assert!(parse(b"<html>").is_err());
        assert!(parse(&[0xff; 64]).is_err());
    }
}
