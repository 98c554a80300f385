//! Outlines of masks.

use super::canvas::{Picture, check_shape};
use crate::Error;

/// A mask whose border is drawn over a film.
#[derive(Debug, Clone)]
pub struct Outline<'a> {
    /// Columns of the mask; its size need not be the film's, it covers the whole film.
    pub width: usize,
    /// Rows of the mask.
    pub height: usize,
    /// `[height, width]`, true inside.
    pub mask: &'a [bool],
    /// The line's colour.
    pub colour: [u8; 3],
    /// What is outlined, for the legend.
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
    /// [`Error::Shape`] where the mask does not have its size.
    pub fn draw(
        &self,
        picture: &mut Picture,
        left: usize,
        top: usize,
        width: usize,
        height: usize,
    ) -> Result<(), Error> {
        check_shape("a mask", self.width, self.height, self.mask.len())?;
        let inside = |x: isize, y: isize| {
            // A mask that reaches the film's border is closed there.
            if x < 0 || y < 0 || x >= width as isize || y >= height as isize {
                return false;
            }
            let column = (2 * x as usize + 1) * self.width / (2 * width);
            let row = (2 * y as usize + 1) * self.height / (2 * height);
            self.mask[row * self.width + column]
        };
        // How far a pixel inside is from the outside: the line is two pixels wide, and a dark thread on its
        // inner side parts it from bright bone.
        let near_outside = |x: isize, y: isize, reach: isize| {
            (-reach..=reach).any(|dy| {
                (-reach..=reach).any(|dx| dx * dx + dy * dy <= reach * reach && !inside(x + dx, y + dy))
            })
        };
        for y in 0..height as isize {
            for x in 0..width as isize {
                if !inside(x, y) || !near_outside(x, y, 3) {
                    continue;
                }
                let (at_x, at_y) = (left + x as usize, top + y as usize);
                if near_outside(x, y, 2) {
                    picture.blend(at_x, at_y, self.colour, 0.95);
                } else {
                    picture.blend(at_x, at_y, [0; 3], 0.45);
                }
            }
        }
        Ok(())
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
        // The square reaches from 12 to 32.
        assert!(red(12, 20) && red(13, 20) && red(31, 20) && red(20, 12) && red(20, 31));
        assert!(!red(11, 20) && !red(22, 22) && !red(32, 20));
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
