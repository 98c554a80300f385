//! A sheet of several panels.

use super::canvas::{GROUND, INK, Picture};
use super::layout::Panel;
use super::text::{TextSize, wrapped};

/// The layout of a sheet.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    /// Panels per row.
    pub columns: usize,
    /// Pixels between and around panels.
    pub gap: usize,
    /// The title above the panels; may be empty.
    pub title: String,
}

impl Default for Sheet {
    fn default() -> Self {
        Self {
            columns: 3,
            gap: 12,
            title: String::new(),
        }
    }
}

impl Sheet {
    /// Draws panels row by row. The films of a row are aligned; a column is as wide as its widest panel.
    pub fn draw(&self, panels: &[Panel]) -> Picture {
        let columns = self.columns.clamp(1, panels.len().max(1));
        let mut widths = vec![0; columns];
        let rows = panels.len().div_ceil(columns);
        let (mut tops, mut heights) = (vec![0; rows], vec![0; rows]);
        for (index, panel) in panels.iter().enumerate() {
            tops[index / columns] = panel.film_top.max(tops[index / columns]);
        }
        for (index, panel) in panels.iter().enumerate() {
            let (row, column) = (index / columns, index % columns);
            widths[column] = panel.picture.width.max(widths[column]);
            heights[row] = (tops[row] - panel.film_top + panel.picture.height).max(heights[row]);
        }
        let width = widths.iter().sum::<usize>() + (columns + 1) * self.gap;
        let title = wrapped(&self.title, width.saturating_sub(2 * self.gap), TextSize::Large);
        let head = if title.is_empty() {
            0
        } else {
            title.len() * TextSize::Large.line() + self.gap
        };
        let height = head + heights.iter().sum::<usize>() + (heights.len() + 1) * self.gap;
        let mut sheet = Picture::new(width.max(1), height.max(1), GROUND);
        for (index, line) in title.iter().enumerate() {
            let top = self.gap + index * TextSize::Large.line();
            sheet.text(self.gap, top, line, TextSize::Large, INK);
        }
        let mut top = head + self.gap;
        for ((row, row_height), film_top) in panels.chunks(columns).zip(heights).zip(tops) {
            let mut left = self.gap;
            for (panel, column_width) in row.iter().zip(&widths) {
                sheet.paste(&panel.picture, left, top + film_top - panel.film_top);
                left += column_width + self.gap;
            }
            top += row_height + self.gap;
        }
        sheet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_picture_has_its_place() {
        let pictures: Vec<Panel> = (1..=5_u8)
            .map(|index| Picture::new(10 * usize::from(index), 20, [50 * index; 3]).into())
            .collect();
        let sheet = Sheet {
            columns: 2,
            gap: 4,
            title: "five".to_string(),
        }
        .draw(&pictures);
        // Columns are 50 (1, 3, 5) and 40 (2, 4) wide.
        assert_eq!(sheet.width, 50 + 40 + 3 * 4);
        for (index, picture) in pictures.iter().enumerate() {
            let colour = [50 * (index as u8 + 1); 3];
            let count = sheet.rgb.chunks_exact(3).filter(|pixel| *pixel == colour).count();
            assert!(count >= picture.picture.width * picture.picture.height, "{index}");
        }
    }

    #[test]
    fn a_sheet_of_nothing_is_still_a_picture() {
        assert!(Sheet::default().draw(&[]).to_png().is_ok());
    }

    #[test]
    fn films_of_a_row_stand_at_one_height() {
        let panel = |film_top: usize, colour: u8| {
            let mut picture = Picture::new(10, film_top + 20, [1; 3]);
            picture.fill(0, film_top, 10, 20, [colour; 3]);
            Panel { picture, film_top }
        };
        let sheet = Sheet::default().draw(&[panel(5, 100), panel(30, 200)]);
        let first = |colour: u8| {
            (0..sheet.height).find(|&y| (0..sheet.width).any(|x| sheet.pixel(x, y) == Some([colour; 3])))
        };
        assert_eq!(first(100), first(200));
        assert_eq!(first(100), Some(12 + 30));
    }
}
