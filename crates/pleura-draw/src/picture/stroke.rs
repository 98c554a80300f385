//! Anti-aliased lines on a picture.

use super::canvas::{Picture, Rgb};

/// A pen.
#[derive(Clone, Copy)]
pub(super) struct Pen {
    pub(super) width: f64,
    pub(super) colour: Rgb,
    /// Lengths of dash and gap in pixels; `None` for a solid line.
    pub(super) dash: Option<[f64; 2]>,
}

/// The width of the dark seam beside a line, which separates it from film and colours.
const SEAM: f64 = 1.0;

impl Picture {
    /// Draws closed lines, in pixels of the picture.
    pub(super) fn lines(&mut self, lines: &[Vec<[f64; 2]>], pen: Pen) {
        let pieces: Vec<[[f64; 2]; 2]> = lines.iter().flat_map(|line| dashed(line, pen.dash)).collect();
        for (reach, colour, share) in [
            (pen.width / 2.0 + SEAM, [0; 3], 0.55),
            (pen.width / 2.0, pen.colour, 1.0),
        ] {
            let cover = self.cover(&pieces, reach);
            for (at, &cover) in cover.iter().enumerate().filter(|(_, cover)| **cover > 0.0) {
                self.blend(at % self.width, at / self.width, colour, share * cover);
            }
        }
    }

    /// The share of each pixel within `reach` of a segment.
    fn cover(&self, pieces: &[[[f64; 2]; 2]], reach: f64) -> Vec<f32> {
        let mut cover = vec![0.0_f32; self.width * self.height];
        for &[from, to] in pieces {
            let range = |axis: usize, side: usize| {
                let low = from[axis].min(to[axis]) - reach - 1.0;
                let high = from[axis].max(to[axis]) + reach + 1.0;
                (low.max(0.0) as usize)..(high.max(0.0).ceil() as usize).min(side)
            };
            for y in range(1, self.height) {
                for x in range(0, self.width) {
                    let distance = distance([x as f64 + 0.5, y as f64 + 0.5], from, to);
                    let here = (reach + 0.5 - distance).clamp(0.0, 1.0) as f32;
                    let cell = &mut cover[y * self.width + x];
                    *cell = cell.max(here);
                }
            }
        }
        cover
    }
}

/// The distance of a point from a line segment.
fn distance(point: [f64; 2], from: [f64; 2], to: [f64; 2]) -> f64 {
    let along = [to[0] - from[0], to[1] - from[1]];
    let length = along[0] * along[0] + along[1] * along[1];
    let share = if length > 0.0 {
        (((point[0] - from[0]) * along[0] + (point[1] - from[1]) * along[1]) / length).clamp(0.0, 1.0)
    } else {
        0.0
    };
    (point[0] - from[0] - share * along[0]).hypot(point[1] - from[1] - share * along[1])
}

/// The segments of a closed line, cut into dashes.
fn dashed(line: &[[f64; 2]], dash: Option<[f64; 2]>) -> Vec<[[f64; 2]; 2]> {
    let ends = line.iter().cycle().skip(1);
    let sides = line.iter().zip(ends).map(|(&from, &to)| [from, to]);
    let Some([on, off]) = dash.filter(|[on, off]| *on > 0.0 && *off > 0.0) else {
        return sides.collect();
    };
    let (mut pieces, mut at) = (Vec::new(), 0.0);
    for [from, to] in sides {
        let length = (to[0] - from[0]).hypot(to[1] - from[1]);
        let point = |place: f64| {
            let share = if length > 0.0 { place / length } else { 0.0 };
            [
                from[0] + share * (to[0] - from[0]),
                from[1] + share * (to[1] - from[1]),
            ]
        };
        let mut place = 0.0;
        while place < length {
            let phase = (at + place) % (on + off);
            let rest = if phase < on { on - phase } else { on + off - phase };
            // A step of zero length would never end.
            let end = (place + rest.max(1e-6)).min(length);
            if phase < on {
                pieces.push([point(place), point(end)]);
            }
            place = end;
        }
        at += length;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQUARE: [[f64; 2]; 4] = [[5.0, 5.0], [25.0, 5.0], [25.0, 25.0], [5.0, 25.0]];

    #[test]
    fn dashes_are_as_long_as_asked() {
        let length = |pieces: &[[[f64; 2]; 2]]| {
            pieces
                .iter()
                .map(|[a, b]| (b[0] - a[0]).hypot(b[1] - a[1]))
                .sum::<f64>()
        };
        assert!((length(&dashed(&SQUARE, None)) - 80.0).abs() < 1e-9);
        assert!((length(&dashed(&SQUARE, Some([3.0, 1.0]))) - 60.0).abs() < 1e-6);
    }

    #[test]
    fn a_line_lies_where_its_points_are_and_has_a_dark_seam() {
        let mut picture = Picture::new(30, 30, [200; 3]);
        let pen = Pen {
            width: 2.0,
            colour: [255, 0, 0],
            dash: None,
        };
        picture.lines(&[SQUARE.to_vec()], pen);
        assert_eq!(picture.pixel(15, 5), Some([255, 0, 0]));
        assert_eq!(picture.pixel(15, 15), Some([200; 3]));
        assert!(picture.pixel(15, 6).unwrap()[1] < 150);
        // Lines that leave the picture are cut.
        picture.lines(&[vec![[-50.0, -50.0], [90.0, -50.0], [15.0, 90.0]]], pen);
    }
}
