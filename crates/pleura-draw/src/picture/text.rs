//! Text on a picture.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

use super::canvas::{Picture, Rgb};

/// The size of letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextSize {
    /// 16 pixels, for marks and notes.
    Small,
    /// 20 pixels, bold, for names.
    Medium,
    /// 24 pixels, bold, for titles.
    Large,
}

impl TextSize {
    const fn style(self) -> (FontWeight, RasterHeight) {
        match self {
            Self::Small => (FontWeight::Regular, RasterHeight::Size16),
            Self::Medium => (FontWeight::Bold, RasterHeight::Size20),
            Self::Large => (FontWeight::Bold, RasterHeight::Size24),
        }
    }

    /// Pixels from one line to the next.
    pub const fn line(self) -> usize {
        self.style().1.val() + 4
    }

    fn advance(self) -> usize {
        let (weight, height) = self.style();
        get_raster_width(weight, height)
    }
}

/// The width of a text in pixels.
pub fn text_width(text: &str, size: TextSize) -> usize {
    text.chars().count() * size.advance()
}

impl Picture {
    /// Draws one line of text with its upper left corner at `left`, `top`, clipped to the picture.
    pub fn text(&mut self, left: usize, top: usize, text: &str, size: TextSize, colour: [u8; 3]) {
        for (index, letter) in text.chars().enumerate() {
            self.letter(left + index * size.advance(), top, letter, size, colour);
        }
    }

    fn letter(&mut self, left: usize, top: usize, letter: char, size: TextSize, colour: Rgb) {
        let (weight, height) = size.style();
        let raster = get_raster(plain(letter), weight, height).or_else(|| get_raster('?', weight, height));
        let Some(raster) = raster else { return };
        for (y, row) in raster.rows().enumerate() {
            for (x, &cover) in row.iter().enumerate() {
                if cover > 0 {
                    self.blend(left + x, top + y, colour, f32::from(cover) / 255.0);
                }
            }
        }
    }
}

/// Replaces typographic characters that the font lacks.
fn plain(letter: char) -> char {
    match letter {
        '\u{2212}' | '\u{2010}'..='\u{2015}' => '-',
        '\u{2018}' | '\u{2019}' => '\'',
        '\u{201c}' | '\u{201d}' => '"',
        '\u{2026}' => '.',
        '\u{a0}' | '\u{202f}' | '\u{2009}' => ' ',
        other => other,
    }
}

/// Breaks a text into lines no wider than `width` pixels, between words if possible.
pub(super) fn wrapped(text: &str, width: usize, size: TextSize) -> Vec<String> {
    let most = (width / size.advance()).max(1);
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let letters: Vec<char> = word.chars().collect();
        for (index, part) in letters.chunks(most).enumerate() {
            let part: String = part.iter().collect();
            match lines.last_mut() {
                Some(line) if index == 0 && line.chars().count() + 1 + part.chars().count() <= most => {
                    line.push(' ');
                    line.push_str(&part);
                }
                _ => lines.push(part),
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_within_their_width() {
        let text = "relevance for COVID-19 with an unbelievablylongandunbrokenword in it";
        for width in [10, 80, 200, 1000] {
            for line in wrapped(text, width, TextSize::Small) {
                assert!(text_width(&line, TextSize::Small) <= width.max(8), "{line}");
            }
        }
        let joined = wrapped(text, 200, TextSize::Small).concat().replace(' ', "");
        assert_eq!(joined, text.replace(' ', ""));
    }

    #[test]
    fn every_letter_leaves_ink_even_one_the_font_lacks() {
        for letter in ['A', 'é', '−', '漢'] {
            let mut picture = Picture::new(20, 20, [0; 3]);
            picture.text(0, 0, &letter.to_string(), TextSize::Small, [255; 3]);
            assert!(picture.rgb.iter().any(|&value| value > 100), "{letter}");
        }
    }
}
