//! NumPy's .npy (format 1.0) and .npz (an uncompressed zip of them), little-endian and in C order.

use std::io::{self, Write};
use std::path::Path;

use crate::error::{Error, Result};
use crate::files;

const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";

/// An array on its way into a file: NumPy's dtype, shape, and little-endian bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// NumPy's name for the element type, such as `float32`.
    pub dtype: &'static str,
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// The elements.
    pub bytes: Vec<u8>,
}

/// An array that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Read<T> {
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// The elements.
    pub values: Vec<T>,
}

impl Array {
    /// A float32 array.
    pub fn floats(shape: Vec<usize>, values: &[f32]) -> Self {
        // Chunks of a size that the compiler knows become one copy.
        let mut bytes = vec![0; values.len() * 4];
        for (place, value) in bytes.chunks_exact_mut(4).zip(values) {
            place.copy_from_slice(&value.to_le_bytes());
        }
        Self { dtype: "float32", shape, bytes }
    }

    /// An array of bytes.
    pub fn bytes(shape: Vec<usize>, bytes: Vec<u8>) -> Self {
        Self { dtype: "uint8", shape, bytes }
    }

    fn header(&self) -> Vec<u8> {
        let descr = match self.dtype {
            "float64" => "<f8",
            "int64" => "<i8",
            "int32" => "<i4",
            "uint8" => "|u1",
            "int8" => "|i1",
            "bool" => "|b1",
            _ => "<f4",
        };
        let mut shape = self.shape.iter().map(|size| format!("{size}, ")).collect::<String>();
        // NumPy writes (3,) and (2, 3): a comma at the end only in a tuple of one.
        shape.truncate(shape.len().saturating_sub(if self.shape.len() == 1 { 1 } else { 2 }));
        let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}");
        let padding = 64 - (MAGIC.len() + 2 + text.len() + 1) % 64;
        text.push_str(&" ".repeat(padding % 64));
        text.push('\n');
        let mut header = MAGIC.to_vec();
        header.extend((text.len() as u16).to_le_bytes());
        header.extend(text.as_bytes());
        header
    }
}

/// Writes one array.
pub fn write_npy(path: &Path, array: &Array) -> Result<()> {
    files::write_atomically(path, |file| {
        file.write_all(&array.header())?;
        file.write_all(&array.bytes)
    })
}

/// Writes named arrays for who waits for them.
pub fn write_npz(path: &Path, arrays: &[(String, Array)]) -> Result<()> {
    files::hand_over(path, |file| zip(file, arrays))
}

/// Reads a float32 array. Raises a data error for any other element type, order or length.
pub fn read_floats(path: &Path) -> Result<Read<f32>> {
    let bytes = files::read(path)?;
    let (shape, data) = parse(&bytes, "<f4", 4).map_err(|what| unreadable(what, path, "float32"))?;
    let values = data.chunks_exact(4).map(|part| f32::from_le_bytes([part[0], part[1], part[2], part[3]])).collect();
    Ok(Read { shape, values })
}

/// Reads an array of bytes. Raises a data error for any other element type, order or length.
pub fn read_bytes(path: &Path) -> Result<Read<u8>> {
    let bytes = files::read(path)?;
    let (shape, data) = parse(&bytes, "|u1", 1).map_err(|what| unreadable(what, path, "uint8"))?;
    Ok(Read { shape, values: data.to_vec() })
}

fn unreadable(what: String, path: &Path, dtype: &str) -> Error {
    Error::data(what, path.display(), format!("write it with numpy.save, {dtype}, C order"))
}

/// Shape and data of an array whose elements are of this type and so many bytes long.
fn parse<'a>(bytes: &'a [u8], descr: &str, size: usize) -> std::result::Result<(Vec<usize>, &'a [u8]), String> {
    let short = || "cut short".to_owned();
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or("not an .npy file")?;
    // Format 2.0 only widens the length of the header.
    let (length, start) = match rest.first() {
        Some(1) => (usize::from(u16::from_le_bytes(fixed(rest, 2).ok_or_else(short)?)), 4),
        Some(2 | 3) => (u32::from_le_bytes(fixed(rest, 2).ok_or_else(short)?) as usize, 6),
        _ => return Err("unknown .npy format number".into()),
    };
    let header = rest.get(start..start + length).ok_or_else(short)?;
    let header: String = String::from_utf8_lossy(header).chars().filter(|character| !character.is_whitespace()).collect();
    for part in [format!("'descr':'{descr}'"), "'fortran_order':False".to_owned()] {
        if !header.contains(&part) {
            return Err(format!("expected {part}, got {header}"));
        }
    }
    let shape = header.split_once("'shape':(").and_then(|(_, tail)| tail.split_once(')')).ok_or("no shape")?.0;
    let shape = shape.split(',').filter(|size| !size.is_empty()).map(str::parse).collect::<std::result::Result<Vec<usize>, _>>();
    let shape = shape.map_err(|fault| format!("shape: {fault}"))?;
    let data = &rest[start + length..];
    let count = shape.iter().try_fold(size, |total, size| total.checked_mul(*size));
    if count != Some(data.len()) {
        return Err(format!("{} bytes of data do not fill the shape {shape:?}", data.len()));
    }
    Ok((shape, data))
}

fn fixed<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

/// A zip archive with stored members (source: PKWARE's APPNOTE, sections 4.3.7, 4.3.12 and 4.3.16).
fn zip(file: &mut dyn Write, arrays: &[(String, Array)]) -> io::Result<()> {
    let mut directory = Vec::new();
    let mut offset = 0_usize;
    for (name, array) in arrays {
        let (name, header) = (format!("{name}.npy"), array.header());
        let size = header.len() + array.bytes.len();
        let mut sum = crc32fast::Hasher::new();
        sum.update(&header);
        sum.update(&array.bytes);
        let mut fields = Vec::new();
        // Version, flags (names are UTF-8), method, time and date: 1980-01-01, so that equal arrays make equal files.
        fields.extend([20_u16, 0x800, 0, 0, 0x21].iter().flat_map(|field| field.to_le_bytes()));
        fields.extend(sum.finalize().to_le_bytes());
        fields.extend(within_4_gib(size)?.to_le_bytes());
        fields.extend(within_4_gib(size)?.to_le_bytes());
        fields.extend((name.len() as u16).to_le_bytes());
        fields.extend(0_u16.to_le_bytes());
        for part in [b"PK\x03\x04".as_slice(), &fields, name.as_bytes(), &header, &array.bytes] {
            file.write_all(part)?;
        }
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&fields);
        directory.extend([0; 10]);
        directory.extend(within_4_gib(offset)?.to_le_bytes());
        directory.extend(name.as_bytes());
        offset += 4 + fields.len() + name.len() + size;
    }
    file.write_all(&directory)?;
    file.write_all(b"PK\x05\x06\0\0\0\0")?;
    let count = (arrays.len() as u16).to_le_bytes();
    file.write_all(&[count, count].concat())?;
    file.write_all(&within_4_gib(directory.len())?.to_le_bytes())?;
    file.write_all(&within_4_gib(offset)?.to_le_bytes())?;
    file.write_all(&[0, 0])
}

fn within_4_gib(size: usize) -> io::Result<u32> {
    u32::try_from(size).map_err(|_| io::Error::other("arrays over 4 GiB in one .npz: ask for fewer images at a time"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_to_the_last_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        let values = [1.5, -0.0, f32::MIN_POSITIVE / 2.0, f32::NAN, f32::MAX, 0.1];
        write_npy(&path, &Array::floats(vec![2, 3], &values)).unwrap();
        let read = read_floats(&path).unwrap();
        assert_eq!(read.shape, [2, 3]);
        assert_eq!(read.values.map_bits(), values.to_vec().map_bits());
        assert!(read_bytes(&path).unwrap_err().what.contains("|u1"));
        write_npy(&path, &Array::bytes(vec![1, 3], vec![1, 2, 255])).unwrap();
        assert_eq!(read_bytes(&path).unwrap(), Read { shape: vec![1, 3], values: vec![1, 2, 255] });
    }

    trait Bits {
        fn map_bits(&self) -> Vec<u32>;
    }

    impl Bits for Vec<f32> {
        fn map_bits(&self) -> Vec<u32> {
            self.iter().map(|value| value.to_bits()).collect()
        }
    }

    #[test]
    fn the_header_is_padded_to_64_bytes_and_has_numpys_tuples() {
        for (shape, text) in [(vec![], "()"), (vec![3], "(3,)"), (vec![2, 3], "(2, 3)")] {
            let header = Array::floats(shape, &[]).header();
            assert_eq!(header.len() % 64, 0);
            assert!(String::from_utf8_lossy(&header).contains(&format!("'shape': {text}, }}")));
        }
    }

    #[test]
    fn other_arrays_are_refused_by_name() {
        let doubles = Array { dtype: "float64", shape: vec![1], bytes: vec![0; 8] };
        let file = [doubles.header(), doubles.bytes.clone()].concat();
        assert!(parse(&file, "<f4", 4).unwrap_err().contains("<f8"));
        assert_eq!(parse(b"PK", "<f4", 4).unwrap_err(), "not an .npy file");
        let mut short = [Array::floats(vec![2], &[]).header(), vec![0; 4]].concat();
        assert!(parse(&short, "<f4", 4).unwrap_err().contains("do not fill"));
        short.truncate(20);
        assert_eq!(parse(&short, "<f4", 4).unwrap_err(), "cut short");
    }
}
