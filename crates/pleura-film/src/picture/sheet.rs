//! Several pictures on one.

use super::canvas::{GROUND, INK, Picture};
use super::text::{TextSize, wrapped};

/// How pictures are laid out on a sheet.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    /// Pictures a row.
    pub columns: usize,
    /// Pixels between pictures and around them.
    pub gap: usize,
    /// A line above all; empty for none.
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
    /// Lays pictures out row by row; columns are as wide and rows as high as their largest picture.
    pub fn draw(&self, pictures: &[Picture]) -> Picture {
        let columns = self.columns.clamp(1, pictures.len().max(1));
        let mut widths = vec![0; columns];
        let mut heights = vec![0; pictures.len().div_ceil(columns)];
        for (index, picture) in pictures.iter().enumerate() {
            let (row, column) = (index / columns, index % columns);
            widths[column] = picture.width.max(widths[column]);
            heights[row] = picture.height.max(heights[row]);
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
        for (row, row_height) in pictures.chunks(columns).zip(heights) {
            let mut left = self.gap;
            for (picture, column_width) in row.iter().zip(&widths) {
                sheet.paste(picture, left, top);
                left += column_width + self.gap;
            }
            top += row_height + self.gap;
        }
        sheet
    }
}

/// Pictures side by side.
pub fn beside(pictures: &[Picture]) -> Picture {
    Sheet {
        columns: pictures.len().max(1),
        ..Sheet::default()
    }
    .draw(pictures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_picture_has_its_place() {
        let pictures: Vec<Picture> = (1..=5_u8)
            .map(|index| Picture::new(10 * usize::from(index), 20, [50 * index; 3]))
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
            assert!(count >= picture.width * picture.height, "{index}");
        }
    }

    #[test]
    fn a_sheet_of_nothing_is_still_a_picture() {
        assert!(Sheet::default().draw(&[]).to_png().is_ok());
    }
}
