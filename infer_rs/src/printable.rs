//! Texts of files for a terminal, escaped as contract/errors.py:printable does.

/// Ranges that Python calls not printable, but for what no version of Unicode assigns: controls, formats, separators, private use.
///
/// tests/infer_rs/test_printable.py holds them against Python's unicodedata.
const OBEYED: [(u32, u32); 28] = [
    (0x0000, 0x001f),
    (0x007f, 0x00a0),
    (0x00ad, 0x00ad),
    (0x0600, 0x0605),
    (0x061c, 0x061c),
    (0x06dd, 0x06dd),
    (0x070f, 0x070f),
    (0x0890, 0x0891),
    (0x08e2, 0x08e2),
    (0x1680, 0x1680),
    (0x180e, 0x180e),
    (0x2000, 0x200f),
    (0x2028, 0x202f),
    (0x205f, 0x2064),
    (0x2066, 0x206f),
    (0x3000, 0x3000),
    (0xe000, 0xf8ff),
    (0xfeff, 0xfeff),
    (0xfff9, 0xfffb),
    (0x110bd, 0x110bd),
    (0x110cd, 0x110cd),
    (0x13430, 0x1343f),
    (0x1bca0, 0x1bca3),
    (0x1d173, 0x1d17a),
    (0xe0001, 0xe0001),
    (0xe0020, 0xe007f),
    (0xf0000, 0xffffd),
    (0x10_0000, 0x10_fffd),
];

/// The text with escapes, written as Python writes them, for whatever a terminal would obey or not show.
pub fn printable(text: &str) -> String {
    text.chars().map(|sign| if obeyed(sign) { escaped(sign) } else { sign.to_string() }).collect()
}

fn obeyed(sign: char) -> bool {
    let code = u32::from(sign);
    OBEYED.iter().any(|&(first, last)| (first..=last).contains(&code))
}

fn escaped(sign: char) -> String {
    match (sign, u32::from(sign)) {
        ('\t' | '\n' | '\r', _) => sign.escape_default().to_string(),
        (_, code @ ..=0xff) => format!("\\x{code:02x}"),
        (_, code @ ..=0xffff) => format!("\\u{code:04x}"),
        (_, code) => format!("\\U{code:08x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped_as_in_python() {
        let said = printable("é\\Ω ok\t\n\r\u{1b}\u{ad}\u{61c}\u{180e}\u{2028}\u{202e}\u{e0001}");
        assert_eq!(said, r"é\Ω ok\t\n\r\x1b\xad\u061c\u180e\u2028\u202e\U000e0001");
    }
}
