//! What PNG's tRNS says, as Pillow keeps it: of the kind of the header before it, which a second header may have replaced.

use super::Decoded;
use super::png_pixels::Kind;

/// What the last tRNS said.
#[derive(Default, PartialEq, Eq)]
pub enum Transparent {
    /// There was none.
    #[default]
    Nothing,
    /// An alpha for each index.
    Alphas,
    /// One grey, or one index.
    One,
    /// Red, green, blue; `bytes`: none of them is above 255.
    #[allow(missing_docs, reason = "said above")]
    Colour { bytes: bool },
}

impl Transparent {
    /// From the chunk's body, under a header of this kind; none where such pixels have no tRNS.
    pub fn new(kind: Option<Kind>, body: &[u8]) -> Decoded<Option<Self>> {
        let (least, said) = match kind {
            Some(Kind::Grey(_) | Kind::Grey16) => (2, Self::One),
            Some(Kind::Rgb(_)) => (6, Self::Colour { bytes: body.iter().take(6).step_by(2).all(|high| *high == 0) }),
            Some(Kind::Index(_)) if one_zero_among_255s(body) => (0, Self::One),
            Some(Kind::Index(_)) => (0, Self::Alphas),
            _ => return Ok(None),
        };
        if body.len() < least { Err("broken PNG: chunk tRNS is cut short".into()) } else { Ok(Some(said)) }
    }

    /// A colour: of an earlier header, where pixels are greys or indices. Where they are greys Pillow refuses the file.
    pub fn is_colour(&self) -> bool {
        matches!(self, Self::Colour { .. })
    }

    /// Whether Pillow then needs a palette for indices.
    pub fn needs_palette(&self) -> bool {
        *self == Self::One || self.is_colour()
    }

    /// A colour that Pillow cannot put into a palette, for it is none.
    pub fn is_no_colour(&self) -> bool {
        *self == Self::Colour { bytes: false }
    }
}

/// Pillow's `_simple_palette`, which an empty match of a final line feed passes, too.
fn one_zero_among_255s(body: &[u8]) -> bool {
    let body = body.strip_suffix(b"\n").unwrap_or(body);
    body.iter().all(|alpha| matches!(alpha, 0 | 255)) && body.iter().map(|alpha| usize::from(*alpha == 0)).sum::<usize>() == 1
}
