//! Boxes around burned-in text, drawn by hand.

use std::collections::BTreeMap;
use std::path::Path;

use pleura_core::table::TableText;

use super::text::{Bounds, Kind, Object, Text};
use crate::Error;

/// Columns of the table. Coordinates are of the film file; `right` and `bottom` are one past the last pixel.
/// A film without text has one row of kind `none` with empty coordinates.
pub const COLUMNS: [&str; 6] = ["film", "kind", "left", "top", "right", "bottom"];

/// Boxes by file name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Boxes(BTreeMap<String, Vec<(Kind, Bounds)>>);

impl Boxes {
    /// Reads a table.
    ///
    /// # Errors
    /// [`Error::Boxes`] names the row and the expected value.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let wrong = |row: usize, problem: String| Error::Boxes {
            path: path.display().to_string(),
            row,
            problem,
        };
        let whole = |error: csv::Error| wrong(0, error.to_string());
        let table = TableText::read(path).map_err(|error| wrong(0, error.to_string()))?;
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(table.separator)
            .from_reader(table.text.as_bytes());
        if reader.headers().map_err(whole)? != COLUMNS.as_slice() {
            return Err(wrong(1, format!("expected the columns {}", COLUMNS.join(","))));
        }
        let mut boxes = Self::default();
        for (row, record) in (2..).zip(reader.records()) {
            let record = record.map_err(|error| wrong(row, error.to_string()))?;
            let film = boxes.0.entry(record[0].to_owned()).or_default();
            let kind = match &record[1] {
                "none" => continue,
                "words" => Kind::Words,
                "letter" => Kind::Letter,
                "arrow" => Kind::Arrow,
                other => {
                    return Err(wrong(
                        row,
                        format!("kind {other:?}, expected words, letter, arrow or none"),
                    ));
                }
            };
            let number = |column: usize| {
                let found = &record[column];
                let problem = || {
                    wrong(
                        row,
                        format!("{} {found:?}, expected a number of pixels", COLUMNS[column]),
                    )
                };
                found.parse::<usize>().map_err(|_| problem())
            };
            let [left, top, right, bottom] = [number(2)?, number(3)?, number(4)?, number(5)?];
            if right <= left || bottom <= top {
                return Err(wrong(
                    row,
                    "the box is empty: right and bottom are one past the last pixel".to_owned(),
                ));
            }
            let bounds = Bounds {
                left,
                top,
                width: right - left,
                height: bottom - top,
            };
            film.push((kind, bounds));
        }
        Ok(boxes)
    }

    /// Number of films in the table.
    pub fn films(&self) -> usize {
        self.0.len()
    }

    /// Text of a film by file name, clipped to the film; `None` if the table does not have the film.
    pub fn text(&self, file: &str, width: usize, height: usize) -> Option<Text> {
        let boxes = self.0.get(file)?;
        let objects = boxes.iter().filter_map(|(kind, bounds)| {
            let (right, bottom) = (
                (bounds.left + bounds.width).min(width),
                (bounds.top + bounds.height).min(height),
            );
            let places: Vec<usize> = (bounds.top..bottom)
                .flat_map(|row| (bounds.left..right).map(move |column| row * width + column))
                .collect();
            Some(Object {
                kind: *kind,
                bounds: Bounds::of(&places, width)?,
                score: 1.0,
                figures: 1,
                places,
            })
        });
        Some(Text {
            width,
            height,
            objects: objects.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Boxes, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let read = Boxes::read(file.path());
        read.map_err(|error| error.to_string().replace(&*file.path().to_string_lossy(), "FILE"))
    }

    #[test]
    fn tables_of_spreadsheets_are_read() {
        let commas = "film,kind,left,top,right,bottom\na.png,letter,2,3,6,9\n";
        let semicolons = format!("\u{feff}{}", commas.replace(',', ";").replace('\n', "\r\n"));
        assert_eq!(read(&semicolons), read(commas));
    }

    #[test]
    fn boxes_and_their_absence_are_read() {
        let boxes = read(
            "film,kind,left,top,right,bottom\na.png,letter,2,3,6,9\na.png,words,8,0,90,4\nb.png,none,,,,\n",
        )
        .unwrap();
        let text = boxes.text("a.png", 20, 10).unwrap();
        assert_eq!(
            text.objects.iter().map(|o| o.places.len()).collect::<Vec<_>>(),
            [24, 48]
        );
        assert_eq!(
            (
                boxes.text("b.png", 20, 10).unwrap().is_empty(),
                boxes.text("c.png", 20, 10)
            ),
            (true, None)
        );
        let wrong = |row: &str| read(&format!("film,kind,left,top,right,bottom\n{row}\n")).unwrap_err();
        assert_eq!(
            wrong("a,word,1,1,2,2"),
            "FILE, row 2: kind \"word\", expected words, letter, arrow or none"
        );
        assert_eq!(
            wrong("a,words,x,1,2,2"),
            "FILE, row 2: left \"x\", expected a number of pixels"
        );
        assert!(wrong("a,words,3,1,2,2").contains("the box is empty"));
        assert_eq!(
            read("film\na\n").unwrap_err(),
            "FILE, row 1: expected the columns film,kind,left,top,right,bottom"
        );
    }
}
