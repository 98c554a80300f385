//! The films of a folder, and their matching to the rows of a list.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use pleura_core::table::TableText;
use pleura_film::Format;
use walkdir::WalkDir;

use crate::Error;

/// Every file with a film's extension, recursively, sorted. Hidden files and folders are skipped.
pub(super) fn find(folders: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let mut films = files(folders)?;
    films.retain(|path| stem(&name(path)).len() < name(path).len());
    Ok(films)
}

/// Every file, recursively, sorted. Hidden files and folders and broken links are skipped.
pub(super) fn files(folders: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    Ok(walk(folders)?.0)
}

/// Names of broken links, recursively, as in a partly fetched archive. Films on a list are counted as missing
/// anyway; other broken links are counted by this.
pub(super) fn broken_links(folders: &[PathBuf]) -> Result<Vec<String>, Error> {
    Ok(walk(folders)?.1.iter().map(|link| name(link)).collect())
}

/// The remark on broken links.
pub(super) const BROKEN: &str = "link to a file that is not here, passed over";

/// Files and broken links, each sorted.
fn walk(folders: &[PathBuf]) -> Result<(Vec<PathBuf>, Vec<PathBuf>), Error> {
    let (mut films, mut broken) = (Vec::new(), Vec::new());
    for folder in folders {
        let visible = |entry: &walkdir::DirEntry| {
            entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.')
        };
        for entry in WalkDir::new(folder)
            .follow_links(true)
            .sort_by_file_name()
            .into_iter()
            .filter_entry(visible)
        {
            match entry {
                Ok(entry) if entry.file_type().is_file() => films.push(entry.into_path()),
                Ok(_) => {}
                Err(error) => {
                    let path = error.path().unwrap_or(folder).to_path_buf();
                    if is_broken_link(&path, &error) {
                        if !name(&path).starts_with('.') {
                            broken.push(path);
                        }
                        continue;
                    }
                    let reason = error
                        .into_io_error()
                        .unwrap_or_else(|| std::io::Error::other("the folders form a circle"));
                    return Err(Error::io("list", &path)(reason));
                }
            }
        }
    }
    for paths in [&mut films, &mut broken] {
        paths.sort();
        paths.dedup();
    }
    Ok((films, broken))
}

fn is_broken_link(path: &Path, error: &walkdir::Error) -> bool {
    let missing = error
        .io_error()
        .is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound);
    missing && path.is_symlink()
}

/// A file's name.
pub(crate) fn name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// A film's name without its extension. Only film extensions are removed: names contain dots
/// (`1-s2.0-S168-main.pdf-001`), and old lists omit the extension.
pub(crate) fn stem(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, extension)) if Format::is_extension(extension) && !stem.is_empty() => stem,
        _ => name,
    }
}

/// True for the name of a CSV file, compressed or not.
pub(super) fn is_table(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let mut parts = name.rsplit('.');
    match parts.next() {
        Some("csv") => true,
        Some("gz") => parts.next() == Some("csv"),
        _ => false,
    }
}

/// The text of a list, in any encoding that [`TableText`] reads.
pub(super) fn list(path: &Path) -> Result<String, Error> {
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    let table = TableText::of(bytes).map_err(|problem| Error::table(path, problem))?;
    Ok(table.text)
}

/// Films found for a list of names.
pub(super) struct Matched {
    /// One a listed name, in order.
    pub(super) files: Vec<Option<PathBuf>>,
    /// Films that are not listed, sorted.
    pub(super) unlisted: Vec<PathBuf>,
}

/// Finds each listed film, first by its full name, then by its stem. So `a.jpg` stands for `a.png` unless
/// `a.jpg` is listed itself. A name that is listed again gets the same film.
pub(super) fn match_names(listed: &[&str], films: &[PathBuf]) -> Matched {
    let mut by_name: HashMap<String, usize> = HashMap::new();
    let mut by_stem: HashMap<String, Vec<usize>> = HashMap::new();
    for (number, film) in films.iter().enumerate() {
        let name = name(film);
        by_stem.entry(stem(&name).to_string()).or_default().push(number);
        by_name.entry(name).or_insert(number);
    }
    let mut claimed = vec![false; films.len()];
    let mut files: Vec<Option<PathBuf>> = vec![None; listed.len()];
    let mut claim = |row: usize, film: usize, claimed: &mut Vec<bool>| {
        if !claimed[film] {
            claimed[film] = true;
            files[row] = Some(films[film].clone());
        }
    };
    let mut rest = Vec::new();
    let mut first: HashMap<&str, usize> = HashMap::new();
    let again: Vec<usize> = listed
        .iter()
        .enumerate()
        .map(|(row, &name)| *first.entry(name).or_insert(row))
        .collect();
    for (row, &name) in listed.iter().enumerate().filter(|&(row, _)| again[row] == row) {
        match by_name.get(name) {
            Some(&film) => claim(row, film, &mut claimed),
            None => rest.push(row),
        }
    }
    for row in rest {
        let candidates = by_stem.get(stem(listed[row])).map_or(&[][..], Vec::as_slice);
        if let Some(&film) = candidates.iter().find(|&&film| !claimed[film]) {
            claim(row, film, &mut claimed);
        }
    }
    // A name without an extension is that of a film whose full name is listed too.
    let unfound: Vec<usize> = (0..listed.len())
        .filter(|&row| again[row] == row && files[row].is_none() && stem(listed[row]) == listed[row])
        .collect();
    for row in unfound {
        if let Some([film]) = by_stem.get(listed[row]).map(Vec::as_slice) {
            files[row] = Some(films[*film].clone());
        }
    }
    for (row, &first) in again.iter().enumerate() {
        if row != first {
            let file = files[first].clone();
            files[row] = file;
        }
    }
    let unlisted = films
        .iter()
        .zip(&claimed)
        .filter(|&(_, &claimed)| !claimed)
        .map(|(film, _)| film.clone())
        .collect();
    Matched { files, unlisted }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_extensions_of_films_come_off() {
        assert_eq!(stem("00000001_000.png"), "00000001_000");
        assert_eq!(stem("1-s2.0-main.pdf-001"), "1-s2.0-main.pdf-001");
        assert_eq!(stem("a.b.JPG"), "a.b");
        assert_eq!(stem("scan.TIFF"), "scan");
        assert_eq!(stem("a.csv"), "a.csv");
        assert_eq!(stem(".png"), ".png");
    }

    #[test]
    fn a_stem_matches_only_what_no_other_row_names() {
        let films = ["x/a.jpg", "x/b.jpg", "x/b.png", "x/c.d.jpeg", "x/z.png"]
            .map(PathBuf::from)
            .to_vec();
        let matched = match_names(
            &["a.png", "b.png", "b.jpg", "c.d", "missing.png", "a.png", "b", "a"],
            &films,
        );
        let names: Vec<_> = matched
            .files
            .iter()
            .map(|file| file.as_deref().map(name))
            .collect();
        let expected = [
            Some("a.jpg"),
            Some("b.png"),
            Some("b.jpg"),
            Some("c.d.jpeg"),
            None,
            Some("a.jpg"),
            // Two films have the stem `b`, and both are listed.
            None,
            Some("a.jpg"),
        ];
        assert_eq!(names, expected.map(|name| name.map(String::from)));
        assert_eq!(matched.unlisted, [PathBuf::from("x/z.png")]);
    }
}
