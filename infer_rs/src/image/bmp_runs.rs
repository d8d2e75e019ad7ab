//! BMP's run lengths as Pillow's BmpRleDecoder unpacks them, byte by byte of one long row.

use super::Decoded;

/// Unpacks what lies in `file` from `start` on to `width * height` indices.
pub fn unpack(file: &[u8], start: usize, width: usize, height: usize, nibbles: bool) -> Decoded<Vec<u8>> {
    let size = width * height;
    let mut input = Input { file, at: start };
    let mut indices: Vec<u8> = Vec::new();
    let mut x = 0;
    while indices.len() < size {
        let [Some(count), Some(value)] = [input.byte(), input.byte()] else { break };
        match (count, value) {
            (0, 0) => {
                indices.resize(indices.len().next_multiple_of(width), 0);
                x = 0;
            }
            (0, 1) => break,
            (0, 2) => {
                let [Some(right), Some(up)] = [input.byte(), input.byte()] else { break };
                let skipped = usize::from(right) + usize::from(up) * width;
                indices.resize(size.min(indices.len() + skipped), 0);
                x = indices.len() % width;
            }
            (0, count) => {
                let wanted = usize::from(count).min(size - indices.len());
                let bytes = if nibbles { wanted.div_ceil(2) } else { wanted };
                let taken = input.take_up_to(bytes);
                if nibbles {
                    let halves = taken.iter().flat_map(|pair| [pair >> 4, pair & 15]);
                    indices.extend(halves.take(wanted));
                } else {
                    indices.extend(taken);
                }
                if taken.len() < bytes || indices.len() == size {
                    break;
                }
                x += usize::from(count);
                // Aligned within the file, wherever the pixels begin.
                input.at += input.at & 1;
            }
            (count, value) => {
                // A run ends with its row at the latest.
                let count = usize::from(count).min(width.saturating_sub(x));
                let pair = if nibbles { [value >> 4, value & 15] } else { [value; 2] };
                indices.extend(pair.iter().cycle().take(count));
                x += count;
            }
        }
    }
    if indices.len() < size { Err("truncated BMP: the runs end before the last row".into()) } else { Ok(indices) }
}

struct Input<'a> {
    file: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    fn byte(&mut self) -> Option<u8> {
        self.take_up_to(1).first().copied()
    }

    fn take_up_to(&mut self, count: usize) -> &'a [u8] {
        let start = self.at.min(self.file.len());
        let end = (start + count).min(self.file.len());
        self.at = self.at.max(end);
        &self.file[start..end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_literals_jumps_and_ends_are_unpacked() {
        let cases: [(&[u8], bool, &[u8]); 6] = [
            (&[3, 7, 1, 8, 0, 0, 4, 9], false, &[7, 7, 7, 8, 9, 9, 9, 9]),
            (&[0, 3, 1, 2, 3, 0, 1, 4, 0, 0, 4, 5], false, &[1, 2, 3, 4, 5, 5, 5, 5]),
            (&[0, 3, 0x12, 0x30, 1, 0x40, 0, 0, 4, 0x50], true, &[1, 2, 3, 4, 5, 0, 5, 0]),
            (&[1, 9, 0, 2, 1, 1, 2, 8], false, &[9, 0, 0, 0, 0, 0, 8, 8]),
            (&[2, 6, 0, 0, 4, 7], false, &[6, 6, 0, 0, 7, 7, 7, 7]),
            (&[9, 5, 0, 0, 9, 6], false, &[5, 5, 5, 5, 6, 6, 6, 6]),
        ];
        for (packed, nibbles, indices) in cases {
            assert_eq!(unpack(packed, 0, 4, 2, nibbles).unwrap(), indices, "{packed:?}");
        }
        // A row that is full stays full until it is ended.
        assert!(unpack(&[4, 0x12, 4, 0x34], 0, 4, 2, true).is_err());
    }

    #[test]
    fn no_cut_is_a_panic() {
        let packed = [3, 7, 0, 2, 1, 0, 0, 3, 1, 2, 3, 0, 0, 0];
        for length in 0..packed.len() {
            for start in [0, 1, 100] {
                assert!(unpack(&packed[..length], start, 4, 4, length % 2 == 0).is_err());
            }
        }
    }
}
