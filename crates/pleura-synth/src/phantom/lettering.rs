//! Text on films: lead markers in the beam, and text burned in afterwards.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

/// A line of text. All measures are shares of the film's side.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) text: String,
    /// Left end of the baseline box's top edge.
    pub(crate) left: f32,
    pub(crate) top: f32,
    /// Height of a line.
    pub(crate) height: f32,
    /// Rotation about the centre, radians.
    pub(crate) turn: f32,
}

const RASTER: RasterHeight = RasterHeight::Size32;
const WEIGHT: FontWeight = FontWeight::Bold;

/// Width of a line as a share of the film's side.
pub(crate) fn width(text: &str, height: f32) -> f32 {
    text.chars().count() as f32 * height * get_raster_width(WEIGHT, RASTER) as f32 / RASTER.val() as f32
}

impl Line {
    /// Ink coverage 0..1 of each pixel, `[size, size]`; zero outside glyphs. Characters missing in the font
    /// leave a gap.
    pub(crate) fn ink(&self, size: usize) -> Vec<f32> {
        let glyphs: Vec<_> = self
            .text
            .chars()
            .map(|letter| get_raster(letter, WEIGHT, RASTER))
            .collect();
        let advance = get_raster_width(WEIGHT, RASTER);
        let (columns, rows) = (glyphs.len() * advance, RASTER.val());
        let texel = |x: i32, y: i32| {
            if x < 0 || y < 0 || x as usize >= columns || y as usize >= rows {
                return 0.0;
            }
            let (x, y) = (x as usize, y as usize);
            glyphs[x / advance]
                .and_then(|glyph| glyph.pixel(x % advance, y))
                .map_or(0.0, f32::from)
                / 255.0
        };
        let mut ink = vec![0.0; size * size];
        self.each(
            size,
            |index, x, y, reach| {
                // Average over the pixel's square in the glyph's raster.
                let steps = (3.0 * reach).ceil().clamp(4.0, 10.0) as i32;
                let mut sum = 0.0;
                for i in 0..steps {
                    for j in 0..steps {
                        let shift = |k: i32| reach * ((k as f32 + 0.5) / steps as f32 * 2.0 - 1.0);
                        let (u, v) = (x * rows as f32 + shift(i), y * rows as f32 + shift(j));
                        sum += texel(u.floor() as i32, v.floor() as i32);
                    }
                }
                ink[index] = sum / (steps * steps) as f32;
            },
            0.0,
        );
        ink
    }

    /// True for each pixel in the line's box, extended by `margin` line heights.
    pub(crate) fn plate(&self, size: usize, margin: f32) -> Vec<bool> {
        let mut inside = vec![false; size * size];
        let long = width(&self.text, 1.0);
        self.each(
            size,
            |index, x, y, _| {
                inside[index] =
                    (-margin..=long + margin).contains(&x) && (-margin..=1.0 + margin).contains(&y);
            },
            margin,
        );
        inside
    }

    /// Calls a function for pixels near the line, with their position in line heights and half a pixel's side
    /// in raster dots.
    fn each(&self, size: usize, mut visit: impl FnMut(usize, f32, f32, f32), margin: f32) {
        let side = size as f32;
        let long = width(&self.text, self.height);
        let centre = (self.left + long / 2.0, self.top + self.height / 2.0);
        let reach = (long / 2.0).hypot(self.height / 2.0) + (margin + 0.5) * self.height;
        let (sin, cos) = self.turn.sin_cos();
        let half_pixel = 0.5 * RASTER.val() as f32 / (self.height * side);
        let range = |middle: f32| {
            let low = ((middle - reach) * side).floor().clamp(0.0, side);
            let high = ((middle + reach) * side).ceil().clamp(0.0, side);
            low as usize..high as usize
        };
        for row in range(centre.1) {
            for column in range(centre.0) {
                let dx = (column as f32 + 0.5) / side - centre.0;
                let dy = (row as f32 + 0.5) / side - centre.1;
                let x = (cos * dx + sin * dy + long / 2.0) / self.height;
                let y = (cos * dy - sin * dx + self.height / 2.0) / self.height;
                visit(row * size + column, x, y, half_pixel);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line {
            text: text.to_string(),
            left: 0.2,
            top: 0.4,
            height: 0.1,
            turn: 0.0,
        }
    }

    #[test]
    fn ink_stays_in_the_line_and_letters_differ() {
        let size = 200;
        let ink = line("RX").ink(size);
        let box_right = 0.2 + width("RX", 0.1);
        for (index, &cover) in ink.iter().enumerate() {
            assert!((0.0..=1.0).contains(&cover));
            let (x, y) = ((index % size) as f32 / 200.0, (index / size) as f32 / 200.0);
            if cover > 0.0 {
                assert!(
                    (0.18..=box_right + 0.02).contains(&x) && (0.38..=0.52).contains(&y),
                    "{x} {y}"
                );
            }
        }
        assert_ne!(ink, line("LX").ink(size));
    }

    #[test]
    fn ink_covers_the_same_share_of_every_film() {
        let share = |size: usize| line("ICU").ink(size).iter().sum::<f32>() / (size * size) as f32;
        assert!(
            (share(100) / share(800) - 1.0).abs() < 0.03,
            "{} {}",
            share(100),
            share(800)
        );
    }

    #[test]
    fn a_turned_line_keeps_its_ink() {
        let ink = |turn: f32| {
            Line {
                height: 0.4,
                turn,
                ..line("L")
            }
            .ink(300)
            .iter()
            .sum::<f32>()
        };
        let (straight, turned) = (ink(0.0), ink(0.4));
        assert!((straight / turned - 1.0).abs() < 0.03, "{straight} {turned}");
    }
}
