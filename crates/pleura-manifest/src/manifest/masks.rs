//! Masks of several parts: files, such as one a lung, and boxes.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use pleura_film::{DecodeOptions, Error, Film};

/// Separator of the parts of a mask.
const BETWEEN: &str = "|";

/// Prefix of a box.
const BOX: &str = "box:";

/// Valid sides of a box's frame, in pixels.
const FRAMES: std::ops::RangeInclusive<usize> = 1..=8192;

/// A box as part of a mask: `box:X,Y,WIDTH,HEIGHT/COLUMNSxROWS`, in pixels of a film of the given columns and
/// rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Region {
    /// Left column, upper row, width, height.
    sides: [f64; 4],
    /// Columns and rows of the film that the box was drawn on. The mask's film may have another size.
    frame: [usize; 2],
}

impl Region {
    /// The format, for error messages.
    pub(super) const FORM: &str = "a box is written box:X,Y,WIDTH,HEIGHT/COLUMNSxROWS, with some of it on the film, such as box:225,547,87,79/1024x1024";

    /// A box; `None` if no part of it is within the frame.
    pub fn new(sides: [f64; 4], frame: [usize; 2]) -> Option<Self> {
        let region = Self { sides, frame };
        let possible =
            sides.iter().all(|side| side.is_finite()) && frame.iter().all(|side| FRAMES.contains(side));
        let inside = |[least, most]: [usize; 2]| least < most;
        (possible && sides[2] > 0.0 && sides[3] > 0.0 && region.touched().into_iter().all(inside))
            .then_some(region)
    }

    /// Columns and rows that it touches, as half-open ranges.
    fn touched(&self) -> [[usize; 2]; 2] {
        [0, 1].map(|axis| {
            let (from, length) = (self.sides[axis], self.sides[axis + 2]);
            let most = self.frame[axis] as f64;
            [
                from.floor().clamp(0.0, most) as usize,
                (from + length).ceil().clamp(0.0, most) as usize,
            ]
        })
    }

    /// An image of the frame's size, white inside the box.
    fn draw(&self) -> Result<Film, Error> {
        let ([width, height], [columns, rows]) = (self.frame, self.touched());
        let mut grey = vec![0.0; width * height];
        for row in grey.chunks_exact_mut(width).take(rows[1]).skip(rows[0]) {
            row[columns[0]..columns[1]].fill(1.0);
        }
        Film::from_grey(width, height, grey)
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ([x, y, width, height], [columns, rows]) = (self.sides, self.frame);
        write!(f, "{BOX}{x},{y},{width},{height}/{columns}x{rows}")
    }
}

impl FromStr for Region {
    /// The message is `Region::FORM`.
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (sides, frame) = text
            .strip_prefix(BOX)
            .and_then(|rest| rest.split_once('/'))
            .ok_or(())?;
        let sides: Result<Vec<f64>, ()> = sides
            .split(',')
            .map(|side| side.trim().parse().map_err(drop))
            .collect();
        let sides: [f64; 4] = sides?.try_into().map_err(drop)?;
        let (columns, rows) = frame.split_once('x').ok_or(())?;
        let side = |text: &str| text.trim().parse().map_err(drop);
        Self::new(sides, [side(columns)?, side(rows)?]).ok_or(())
    }
}

/// Applies a function to the path of each file of a mask.
pub fn each<E>(mask: &Path, path: impl Fn(&Path) -> Result<PathBuf, E>) -> Result<PathBuf, E> {
    match mask.to_str() {
        Some(text) if text.contains(BETWEEN) || text.starts_with(BOX) => {
            let parts = text.split(BETWEEN).map(|part| match part.trim() {
                part if part.starts_with(BOX) => Ok(PathBuf::from(part)),
                file => path(Path::new(file)),
            });
            Ok(together(&parts.collect::<Result<Vec<_>, E>>()?))
        }
        _ => path(mask),
    }
}

/// The first invalid box of a mask.
pub(super) fn wrong_box(mask: &str) -> Option<&str> {
    let mut boxes = mask
        .split(BETWEEN)
        .map(str::trim)
        .filter(|part| part.starts_with(BOX));
    boxes.find(|part| part.parse::<Region>().is_err())
}

/// Joins the parts of a mask.
pub fn together(parts: &[PathBuf]) -> PathBuf {
    let parts: Vec<&std::ffi::OsStr> = parts.iter().map(|part| part.as_os_str()).collect();
    parts.join(std::ffi::OsStr::new(BETWEEN)).into()
}

/// Opens a mask. Pixels that are white in any part are 1, all others 0. Parts are separated by `|`. A part is
/// an image file or a box `box:X,Y,WIDTH,HEIGHT/COLUMNSxROWS`, in pixels of a film of the given columns and
/// rows. All pixels that a box touches are inside. A pixel of an image is white if it is brighter than half
/// of the image's maximum.
///
/// # Errors
/// An unreadable file, an image that is not a mask, an invalid box, and parts of different sizes.
pub fn open_mask(mask: &Path) -> Result<Film, Error> {
    let parts: Vec<&Path> = match mask.to_str() {
        Some(text) if !mask.exists() => text.split(BETWEEN).map(|part| Path::new(part.trim())).collect(),
        _ => vec![mask],
    };
    let mut united: Option<Film> = None;
    for part in parts {
        let film = match part.to_str().filter(|text| text.starts_with(BOX)) {
            Some(text) => text
                .parse::<Region>()
                .map_err(|()| Error::Unsupported {
                    name: mask.display().to_string(),
                    what: format!("{text:?} as a part of a mask"),
                    advice: Region::FORM,
                })?
                .draw()?,
            None => binary(pleura_film::open(part, &DecodeOptions::default())?, part)?,
        };
        united = Some(match united {
            None => film,
            Some(whole) => brightest(whole, &film)?,
        });
    }
    united.map_or_else(|| pleura_film::open(mask, &DecodeOptions::default()), Ok)
}

/// White where a part is brighter than half of its maximum, so that masks of 0 and 1 equal masks of 0 and
/// 255. A dark image with many levels is refused: it is the JPEG noise of an empty mask.
fn binary(mut part: Film, mask: &Path) -> Result<Film, Error> {
    let most = part.grey.iter().copied().fold(0.0, f32::max);
    if most <= 0.5 && part.grey.iter().any(|&level| level > 0.0 && level < most) {
        return Err(Error::Unsupported {
            name: mask.display().to_string(),
            what: format!(
                "a mask of many levels whose brightest is {:.1} % of white",
                100.0 * most
            ),
            advice: "a mask is white inside and black outside",
        });
    }
    for level in &mut part.grey {
        *level = f32::from(u8::from(most > 0.0 && *level > most / 2.0));
    }
    Ok(part)
}

fn brightest(mut whole: Film, part: &Film) -> Result<Film, Error> {
    if (part.width, part.height) != (whole.width, whole.height) {
        return Err(Error::Shape {
            what: "a mask's second part, which must have the size of the first",
            found: part.grey.len(),
            width: whole.width,
            height: whole.height,
            expected: whole.grey.len(),
        });
    }
    for (level, other) in whole.grey.iter_mut().zip(&part.grey) {
        *level = level.max(*other);
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(mask: &str) -> String {
        let located = each(Path::new(mask), |file| Ok::<_, ()>(Path::new("/m").join(file)));
        located.unwrap().to_string_lossy().into_owned()
    }

    #[test]
    fn each_file_of_a_mask_has_its_own_place() {
        assert_eq!(of("a.png"), "/m/a.png");
        assert_eq!(of("l/a.png|r/a.png"), "/m/l/a.png|/m/r/a.png");
        assert_eq!(of("/x/l.png | r.png"), "/x/l.png|/m/r.png");
        let boxed = "box:1,2,3.5,4/9x9";
        assert_eq!(of(boxed), boxed);
        assert_eq!(of(&format!("l.png | {boxed}")), format!("/m/l.png|{boxed}"));
    }

    #[test]
    fn a_mask_in_two_files_is_white_where_one_of_them_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, width: u32, white: [u32; 2]| {
            let path = folder.path().join(name);
            let level = |x, y| image::Luma([255 * u8::from([x, y] == white)]);
            image::GrayImage::from_fn(width, 2, level).save(&path).unwrap();
            path
        };
        let (left, right) = (file("l.png", 3, [0, 0]), file("r.png", 3, [2, 1]));
        let mask = open_mask(&together(&[left.clone(), right])).unwrap();
        assert_eq!(mask.grey, [1.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(open_mask(&left).unwrap().grey, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        let wide = file("w.png", 4, [0, 0]);
        let message = open_mask(&together(&[left, wide])).unwrap_err().to_string();
        assert!(message.contains("must have the size of the first"), "{message}");
    }

    #[test]
    fn ones_are_white_and_noise_is_no_mask() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.png");
        let open = |levels: [u8; 4]| {
            image::GrayImage::from_raw(4, 1, levels.to_vec())
                .unwrap()
                .save(&path)
                .unwrap();
            open_mask(&path).map(|film| film.grey)
        };
        assert_eq!(open([0, 1, 1, 0]).unwrap(), [0.0, 1.0, 1.0, 0.0]);
        assert_eq!(open([0, 100, 200, 255]).unwrap(), [0.0, 0.0, 1.0, 1.0]);
        assert_eq!(open([0; 4]).unwrap(), [0.0; 4]);
        let message = open([0, 1, 3, 2]).unwrap_err().to_string();
        assert!(message.contains("white inside and black outside"), "{message}");
    }

    #[test]
    fn a_box_is_white_where_it_touches_a_pixel() {
        let rows = |mask: &str| {
            let film = open_mask(Path::new(mask)).unwrap();
            let row = |row: &[f32]| {
                row.iter()
                    .map(|&level| if level > 0.5 { '#' } else { '.' })
                    .collect()
            };
            film.grey
                .chunks_exact(film.width)
                .map(row)
                .collect::<Vec<String>>()
        };
        assert_eq!(rows("box:1,0,2,1/4x2"), [".##.", "...."]);
        assert_eq!(rows("box:0.9,0.5,0.2,9/4x2"), ["##..", "##.."]);
        assert_eq!(rows("box:-3,1,3.5,1/4x2"), ["....", "#..."]);
        assert_eq!(rows("box:0,0,1,1/4x2|box:3,1,1,1/4x2"), ["#...", "...#"]);
        let message = open_mask(Path::new("box:0,0,1,1/4x2|box:0,0,1,1/5x2"))
            .unwrap_err()
            .to_string();
        assert!(message.contains("must have the size of the first"), "{message}");
    }

    #[test]
    fn a_box_that_is_none_is_refused() {
        for wrong in [
            "box:",
            "box:1,2,3/4x4",
            "box:1,2,3,4,5/9x9",
            "box:a,2,3,4/9x9",
            "box:1,2,3,4/9",
            "box:1,2,3,4/0x9",
            "box:1,2,3,4/9x99999",
            "box:1,2,0,4/9x9",
            "box:9,2,3,4/9x9",
            "box:-4,2,3,4/9x9",
            "box:NaN,2,3,4/9x9",
            "box:1,2,inf,4/9x9",
            "box:1,2,3,4/éx9",
        ] {
            assert_eq!(wrong_box(&format!("a.png|{wrong}")), Some(wrong));
            let message = open_mask(Path::new(wrong)).unwrap_err().to_string();
            assert!(
                message.contains("box:X,Y,WIDTH,HEIGHT/COLUMNSxROWS"),
                "{wrong}: {message}"
            );
        }
        let right = "box:225.08,547,87,79.5/1024x1024";
        assert_eq!(wrong_box(right), None);
        assert_eq!(right.parse::<Region>().unwrap().to_string(), right);
    }
}
