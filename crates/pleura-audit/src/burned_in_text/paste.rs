//! Cuts pieces from one film and pastes them onto another.

use pleura_film::Film;

use super::text::Text;

/// Rectangles cut from a film, with their relative places.
#[derive(Clone, Debug, PartialEq)]
pub struct TextPieces {
    /// Sides of the donor film.
    film: [usize; 2],
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq)]
struct Piece {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
    grey: Vec<f32>,
}

impl TextPieces {
    /// Cuts the box of every object from a film of the text's size.
    pub fn cut(film: &Film, text: &Text) -> Self {
        let pieces = text.objects.iter().map(|object| {
            let bounds = object.bounds;
            let rows = bounds.top..bounds.top + bounds.height;
            let row = |row: usize| &film.grey[row * film.width + bounds.left..][..bounds.width];
            Piece {
                left: bounds.left,
                top: bounds.top,
                width: bounds.width,
                height: bounds.height,
                grey: rows.flat_map(row).copied().collect(),
            }
        });
        Self {
            film: [film.width, film.height],
            pieces: pieces.collect(),
        }
    }

    /// True if there are no pieces.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Pastes the pieces at their relative places, each scaled with the film (bilinear).
    pub fn paste(&self, film: &mut Film) {
        let scale = [
            film.width as f64 / self.film[0] as f64,
            film.height as f64 / self.film[1] as f64,
        ];
        for piece in &self.pieces {
            let range = |from: usize, length: usize, scale: f64, end: usize| {
                let first = (from as f64 * scale).round() as usize;
                let last = ((from + length) as f64 * scale).round() as usize;
                first.min(end)..last.min(end)
            };
            for row in range(piece.top, piece.height, scale[1], film.height) {
                for column in range(piece.left, piece.width, scale[0], film.width) {
                    let x = (column as f64 + 0.5) / scale[0] - piece.left as f64 - 0.5;
                    let y = (row as f64 + 0.5) / scale[1] - piece.top as f64 - 0.5;
                    film.grey[row * film.width + column] = piece.at(x, y);
                }
            }
        }
    }
}

impl Piece {
    /// The grey level at a place in pixel centres.
    fn at(&self, x: f64, y: f64) -> f32 {
        let (x, y) = (
            x.clamp(0.0, (self.width - 1) as f64),
            y.clamp(0.0, (self.height - 1) as f64),
        );
        let (left, top) = (x as usize, y as usize);
        let (right, bottom) = ((left + 1).min(self.width - 1), (top + 1).min(self.height - 1));
        let (across, down) = ((x - left as f64) as f32, (y - top as f64) as f32);
        let line = |row: usize| {
            let (first, second) = (
                self.grey[row * self.width + left],
                self.grey[row * self.width + right],
            );
            first + across * (second - first)
        };
        line(top) + down * (line(bottom) - line(top))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_lands_where_it_lay_and_nowhere_else() {
        let mut grey = vec![0.2; 40 * 20];
        let mut mask = vec![false; 40 * 20];
        for place in [5 * 40 + 10, 5 * 40 + 11, 6 * 40 + 10, 6 * 40 + 11] {
            (grey[place], mask[place]) = (0.9, true);
        }
        let film = Film::from_grey(40, 20, grey.clone()).unwrap();
        let pieces = TextPieces::cut(&film, &Text::of_mask(&mask, 40, 20, 40, 20));
        let mut same = Film::from_grey(40, 20, vec![0.2; 800]).unwrap();
        pieces.paste(&mut same);
        assert_eq!(same.grey, grey);
        let mut large = Film::from_grey(80, 60, vec![0.2; 4800]).unwrap();
        pieces.paste(&mut large);
        let bright: Vec<usize> = (0..4800).filter(|&place| large.grey[place] > 0.5).collect();
        assert_eq!(bright.len(), 2 * 2 * 2 * 3);
        assert_eq!((bright[0] % 80, bright[0] / 80), (20, 15));
    }
}
