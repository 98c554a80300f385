//! Private data that must not leave in a package: names of films and patients, and paths.

use std::collections::{BTreeSet, HashMap};

use pleura_manifest::Manifest;
use serde_json::Value;

use crate::Error;

/// Names and paths of a run that no document may hold.
#[derive(Clone, Debug, Default)]
pub struct Private {
    /// Names by their first word.
    names: HashMap<String, BTreeSet<String>>,
    paths: Vec<String>,
}

/// Replacement of a name.
const COVER: &str = "[…]";

/// Shorter names are ordinary words too often.
const SHORTEST: usize = 6;

/// Placeholders of manifests for a missing name.
const NOBODY: [&str; 9] = [
    "unknown",
    "not known",
    "not available",
    "missing",
    "undefined",
    "anonymous",
    "anonymised",
    "anonymized",
    "patient",
];

/// Strips characters other than letters and digits from both ends.
fn bare(text: &str) -> &str {
    text.trim_matches(|c: char| !c.is_alphanumeric())
}

/// Words of a text and their positions. Full stops, dashes and underscores inside a word belong to it.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut next = 0;
    let pieces = text.split_inclusive(|c: char| !(c.is_alphanumeric() || ".-_".contains(c)));
    pieces.filter_map(move |piece| {
        let at = next + (piece.len() - piece.trim_start_matches(|c: char| !c.is_alphanumeric()).len());
        next += piece.len();
        let word = bare(piece);
        (!word.is_empty()).then_some((at, word))
    })
}

/// True if a text begins with a name that ends there.
fn begins(text: &str, name: &str) -> bool {
    text.strip_prefix(name)
        .is_some_and(|behind| !behind.starts_with(char::is_alphanumeric))
}

impl Private {
    /// Adds the names of a manifest's films and patients, and its folder.
    pub fn add(&mut self, manifest: &Manifest) {
        for row in &manifest.rows {
            for name in [&row.film, &row.patient, &row.study, &row.sha256] {
                self.add_name(name);
            }
            if let Some(file) = row.path.file_name() {
                self.add_name(&file.to_string_lossy());
            }
        }
        self.add_path(&manifest.folder);
    }

    fn add_name(&mut self, name: &str) {
        let name = bare(name);
        if name.len() < SHORTEST || NOBODY.contains(&name.to_lowercase().as_str()) {
            return;
        }
        if let Some((_, first)) = words(name).next() {
            let names = self.names.entry(first.to_owned()).or_default();
            names.insert(name.to_owned());
        }
    }

    /// Adds a folder.
    pub fn add_path(&mut self, path: &std::path::Path) {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let text = absolute.to_string_lossy().into_owned();
        if text.len() >= SHORTEST {
            self.paths.push(text);
        }
    }

    /// Replaces each of them by `[…]` in a document's texts.
    pub fn cover(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                for path in &self.paths {
                    *text = text.replace(path, COVER);
                }
                let mut found: Vec<String> = self.found(text).map(str::to_owned).collect();
                // A name may begin with another name.
                found.sort_by_key(|name| std::cmp::Reverse(name.len()));
                for name in found {
                    *text = text.replace(&name, COVER);
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.cover(value)),
            Value::Object(fields) => fields.values_mut().for_each(|value| self.cover(value)),
            _ => {}
        }
    }

    /// Names in a text: one word or several, anywhere.
    fn found<'a>(&'a self, text: &'a str) -> impl Iterator<Item = &'a str> {
        words(text).filter_map(move |(at, word)| {
            let names = self.names.get(word)?.iter().map(String::as_str);
            names
                .filter(|name| begins(&text[at..], name))
                .max_by_key(|name| name.len())
        })
    }

    /// The first of them in a text, and its kind.
    fn first<'a>(&'a self, text: &'a str) -> Option<(&'static str, &'a str)> {
        let path = self.paths.iter().find(|path| text.contains(path.as_str()));
        path.map(|path| ("a path", path.as_str())).or_else(|| {
            let name = self.found(text).next()?;
            Some(("the name of a film or a patient", name))
        })
    }

    /// The first of them in all texts of a document, field names included.
    fn first_of<'a>(&'a self, value: &'a Value) -> Option<(&'static str, &'a str)> {
        match value {
            Value::String(text) => self.first(text),
            Value::Array(values) => values.iter().find_map(|value| self.first_of(value)),
            Value::Object(fields) => fields
                .iter()
                .find_map(|(name, value)| self.first(name).or_else(|| self.first_of(value))),
            _ => None,
        }
    }

    /// Fails if a document holds any of them.
    pub(crate) fn check(&self, entry: &str, text: &str) -> Result<(), Error> {
        let value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
        match self.first_of(&value) {
            Some((what, found)) => Err(Error::Private {
                entry: entry.to_owned(),
                what,
                found: found.to_owned(),
            }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use pleura_manifest::Row;
    use serde_json::json;

    use super::*;

    fn private() -> Private {
        let mut manifest = Manifest::new("/home/somebody/study", vec!["a".into()]);
        manifest.rows.push(Row {
            film: "cohen-12 b".into(),
            path: "films/IMG-0042.dcm".into(),
            patient: "patient-0042".into(),
            study: "17".into(),
            ..Row::default()
        });
        manifest.rows.push(Row {
            film: "cohen-12 b/2".into(),
            path: "films/MÜLLER_HANS_1950.dcm".into(),
            patient: "unknown".into(),
            ..Row::default()
        });
        let mut private = Private::default();
        private.add(&manifest);
        private
    }

    #[test]
    fn names_and_paths_are_found_and_words_are_not() {
        let private = private();
        let fails = |text: &str| {
            private
                .check("audit.json", &json!({ "says": text }).to_string())
                .is_err()
        };
        for name in [
            "cohen-12 b",
            "film cohen-12 b: cannot be read",
            "films of patient-0042, and others",
            "see IMG-0042.dcm",
            "see IMG-0042.dcm.",
            "films/IMG-0042.dcm",
            "/x/IMG-0042.dcm: cannot be read",
            "C:\\films\\IMG-0042.dcm",
            "cohen-12 b/2 (\"films/MÜLLER_HANS_1950.dcm\")",
            "/home/somebody/study/three.csv",
        ] {
            assert!(fails(name), "{name}");
        }
        for other in [
            "17 films of 12 patients",
            "unknown",
            "cohen-12 by others",
            "IMG-00421.dcm",
        ] {
            assert!(!fails(other), "{other}");
        }
        assert!(
            private
                .check("training.json", r#"{"views":{"unknown":3}}"#)
                .is_ok()
        );
        assert!(private.check("training.json", r#"{"patient-0042":3}"#).is_err());
    }

    #[test]
    fn names_and_paths_are_covered() {
        let private = private();
        for (text, covered) in [
            ("films of patient-0042, and others", "films of […], and others"),
            ("cohen-12 b: films/IMG-0042.dcm.", "[…]: films/[…]."),
            (
                "cohen-12 b, cohen-12 b/2: /home/somebody/study/films/MÜLLER_HANS_1950.dcm",
                "[…], […]: […]/films/[…]",
            ),
        ] {
            let mut audit = json!({"checks": [{ "says": text }]});
            private.cover(&mut audit);
            assert_eq!(audit["checks"][0]["says"], covered);
            assert!(private.check("audit.json", &audit.to_string()).is_ok());
        }
    }
}
