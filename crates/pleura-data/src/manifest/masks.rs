//! Masks that are drawn in several files, such as one a lung.

use std::path::{Path, PathBuf};

use pleura_film::{DecodeOptions, Error, Film};

/// Stands between the files of a mask.
const BETWEEN: &str = "|";

/// Does the same to the path of each file of a mask.
pub(crate) fn each<E>(mask: &Path, path: impl Fn(&Path) -> Result<PathBuf, E>) -> Result<PathBuf, E> {
    match mask.to_str() {
        Some(text) if text.contains(BETWEEN) => {
            let files = text.split(BETWEEN).map(|file| path(Path::new(file.trim())));
            Ok(together(&files.collect::<Result<Vec<_>, E>>()?))
        }
        _ => path(mask),
    }
}

/// The mask that some files make together.
pub(crate) fn together(files: &[PathBuf]) -> PathBuf {
    let files: Vec<&std::ffi::OsStr> = files.iter().map(|file| file.as_os_str()).collect();
    files.join(std::ffi::OsStr::new(BETWEEN)).into()
}

/// Opens a mask, or, of several files with `|` between their paths, what is white in any of them.
///
/// # Errors
/// A file that cannot be read, and files of different sizes.
pub fn open_mask(mask: &Path) -> Result<Film, Error> {
    let files: Vec<&Path> = match mask.to_str() {
        Some(text) if !mask.exists() => text.split(BETWEEN).map(|file| Path::new(file.trim())).collect(),
        _ => vec![mask],
    };
    let mut united: Option<Film> = None;
    for file in files {
        let film = pleura_film::open(file, &DecodeOptions::default())?;
        united = Some(match united {
            None => film,
            Some(whole) => brightest(whole, &film)?,
        });
    }
    united.map_or_else(|| pleura_film::open(mask, &DecodeOptions::default()), Ok)
}

fn brightest(mut whole: Film, part: &Film) -> Result<Film, Error> {
    if (part.width, part.height) != (whole.width, whole.height) {
        return Err(Error::Shape {
            what: "a mask's second file, which must have the size of the first",
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
}
