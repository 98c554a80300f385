//! Outlines of masks.

use super::canvas::{Picture, check_shape};
use super::contour::{ClosedLine, contours};
use super::stroke::Pen;
use crate::error::Error;

/// A mask whose border is drawn over a film.
#[derive(Debug, Clone)]
pub struct Outline<'a> {
    /// Columns of the mask. It covers the whole film, at any resolution.
    pub width: usize,
    /// Rows of the mask.
    pub height: usize,
    /// `[height, width]`, true inside.
    pub mask: &'a [bool],
    /// The line's colour.
    pub colour: [u8; 3],
    /// The name in the legend.
    pub label: String,
}

impl Outline<'_> {
    /// A yellow that stands out from both red and blue.
    pub const YELLOW: [u8; 3] = [250, 214, 60];
    /// A green that stands out from both red and blue.
    pub const GREEN: [u8; 3] = [92, 214, 142];
    /// White.
    pub const WHITE: [u8; 3] = [244, 244, 244];

    /// Draws the border over the part of a picture that shows the film.
    ///
    /// # Errors
    /// [`Error::Shape`] if the mask is not `width × height`.
    pub fn draw(
        &self,
        picture: &mut Picture,
        left: usize,
        top: usize,
        width: usize,
        height: usize,
    ) -> Result<(), Error> {
        let scale = [
            width as f64 / self.width.max(1) as f64,
            height as f64 / self.height.max(1) as f64,
        ];
        let place = |&[x, y]: &[f64; 2]| [left as f64 + x * scale[0], top as f64 + y * scale[1]];
        let lines: Vec<ClosedLine> = self
            .lines()?
            .iter()
            .map(|line| line.iter().map(place).collect())
            .collect();
        let pen = Pen {
            width: 1.8,
            colour: self.colour,
            dash: None,
        };
        picture.lines(&lines, pen);
        Ok(())
    }

    /// Returns the border as closed lines, in pixels of the mask. At the film's edge, lines run along the
    /// edge.
    ///
    /// # Errors
    /// [`Error::Shape`] if the mask is not `width × height`.
    pub fn lines(&self) -> Result<Vec<ClosedLine>, Error> {
        check_shape("a mask", self.width, self.height, self.mask.len())?;
        let inside: Vec<f32> = self
            .mask
            .iter()
            .map(|&inside| f32::from(u8::from(inside)))
            .collect();
        Ok(contours(&inside, self.width, self.height, 0.5))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_follows_the_border_and_leaves_the_rest() {
        let mask: Vec<bool> = (0..16)
            .map(|at| (1..3).contains(&(at % 4)) && (1..3).contains(&(at / 4)))
            .collect();
        let outline = Outline {
            width: 4,
            height: 4,
            mask: &mask,
            colour: [255, 0, 0],
            label: "lesion".to_string(),
        };
        let mut picture = Picture::new(44, 44, [50; 3]);
        outline.draw(&mut picture, 2, 2, 40, 40).unwrap();
        let red = |x, y| picture.pixel(x, y).is_some_and(|[red, ..]| red > 200);
        // The square reaches from 12 to 32, and the line lies on its border.
        assert!(red(11, 20) && red(12, 20) && red(31, 20) && red(20, 12) && red(20, 31));
        assert!(!red(9, 20) && !red(22, 22) && !red(34, 20));
    }

    #[test]
    fn a_mask_of_the_wrong_size_is_refused() {
        let outline = Outline {
            width: 4,
            height: 4,
            mask: &[true],
            colour: [0; 3],
            label: String::new(),
        };
        assert!(outline.draw(&mut Picture::new(4, 4, [0; 3]), 0, 0, 4, 4).is_err());
    }
}
