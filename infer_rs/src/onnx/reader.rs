//! Protobuf's wire format, read as a stream (source: Protocol Buffers documentation, "Encoding").

use std::io::{self, BufReader, Read, Seek};

const LONGEST_TEXT: u64 = 64 << 20;

/// What a field holds.
pub enum Value {
    /// A number.
    Number(u64),
    /// So many bytes, which follow.
    Bytes(u64),
}

/// A file of messages in messages.
pub struct Reader<R> {
    from: BufReader<R>,
    at: u64,
    length: u64,
}

type Visit<'v, R> = dyn FnMut(&mut Reader<R>, u64, Value) -> io::Result<()> + 'v;

impl<R: Read + Seek> Reader<R> {
    /// From the beginning of a file of this length.
    pub fn new(from: R, length: u64) -> Self {
        Self { from: BufReader::new(from), at: 0, length }
    }

    /// Calls `visit` for every field of a message of `size` bytes; it has to read or skip the bytes of a `Value::Bytes`.
    pub fn message(&mut self, size: u64, visit: &mut Visit<R>) -> io::Result<()> {
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

    /// A string.
    pub fn text(&mut self, size: u64) -> io::Result<String> {
        if size > LONGEST_TEXT {
            return Err(io::Error::other(format!("a text of {size} bytes")));
        }
        self.advance(size)?;
        let mut bytes = vec![0; size as usize];
        self.from.read_exact(&mut bytes)?;
        String::from_utf8(bytes).map_err(|_| io::Error::other("a text is not UTF-8"))
    }

    /// `StringStringEntryProto`: key and value.
    pub fn pair(&mut self, size: u64) -> io::Result<(String, String)> {
        let mut pair = (String::new(), String::new());
        self.message(size, &mut |reader, field, value| match (field, value) {
            (1, Value::Bytes(size)) => reader.text(size).map(|text| pair.0 = text),
            (2, Value::Bytes(size)) => reader.text(size).map(|text| pair.1 = text),
            (_, Value::Bytes(size)) => reader.skip(size),
            (_, Value::Number(_)) => Ok(()),
        })?;
        Ok(pair)
    }

    /// `OperatorSetIdProto`: domain and version.
    pub fn opset(&mut self, size: u64) -> io::Result<(String, u64)> {
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

    /// The name of a `ValueInfoProto`.
    pub fn value_name(&mut self, size: u64) -> io::Result<String> {
        let mut name = String::new();
        self.message(size, &mut |reader, field, value| match (field, value) {
            (1, Value::Bytes(size)) => reader.text(size).map(|text| name = text),
            (_, Value::Bytes(size)) => reader.skip(size),
            (_, Value::Number(_)) => Ok(()),
        })?;
        Ok(name)
    }

    /// Goes on behind bytes that nobody needs.
    pub fn skip(&mut self, size: u64) -> io::Result<()> {
        self.advance(size)?;
        // Unlike seek, this keeps the buffer when the target lies within it.
        self.from.seek_relative(size as i64)
    }

    fn advance(&mut self, size: u64) -> io::Result<()> {
        self.at += size;
        if self.at > self.length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}
