//! What must not leave with a package: names of films and patients, and where things lie.

use std::collections::HashSet;

use pleura_data::Manifest;

use crate::Error;

/// Words of a run that no document of a package may hold.
#[derive(Clone, Debug, Default)]
pub struct Private {
    names: HashSet<String>,
    paths: Vec<String>,
}

/// Stands where a name was.
const COVER: &str = "[…]";

/// Shorter names are words that mean other things too.
const SHORTEST: usize = 6;

impl Private {
    /// Adds the names of a manifest's films and patients, and its folder.
    pub fn add(&mut self, manifest: &Manifest) {
        for row in &manifest.rows {
            let file = row
                .path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned());
            let own = [
                row.film.clone(),
                row.patient.clone(),
                row.study.clone(),
                row.sha256.clone(),
            ];
            let names = own.into_iter().chain(file);
            self.names.extend(names.filter(|name| name.len() >= SHORTEST));
        }
        self.add_path(&manifest.folder);
    }

    /// Adds a folder.
    pub fn add_path(&mut self, path: &std::path::Path) {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let text = absolute.to_string_lossy().into_owned();
        if text.len() >= SHORTEST {
            self.paths.push(text);
        }
    }

    /// Puts `[…]` in the place of each of them in a document's texts.
    pub fn cover(&self, value: &mut serde_json::Value) {
        use serde_json::Value;
        match value {
            Value::String(text) => {
                for path in self
                    .paths
                    .iter()
                    .filter(|path| text.contains(path.as_str()))
                    .cloned()
                    .collect::<Vec<_>>()
                {
                    *text = text.replace(&path, COVER);
                }
                let found: Vec<String> = self.found(text).map(str::to_owned).collect();
                for name in found {
                    *text = text.replace(&name, COVER);
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.cover(value)),
            Value::Object(fields) => fields.values_mut().for_each(|value| self.cover(value)),
            _ => {}
        }
    }

    /// Names in a text. A name may hold any character but quotes, so words are cut at quotes, and at blanks and commas too.
    fn found<'a>(&'a self, text: &'a str) -> impl Iterator<Item = &'a str> {
        let strings = text.split('"');
        let words = text.split(|c: char| c.is_whitespace() || "\",;:()[]{}".contains(c));
        strings.chain(words).filter(|word| self.names.contains(*word))
    }

    /// Fails where a document holds any of them.
    pub(crate) fn check(&self, entry: &str, text: &str) -> Result<(), Error> {
        let found = |what, found: &str| Error::Private {
            entry: entry.to_owned(),
            what,
            found: found.to_owned(),
        };
        if let Some(path) = self.paths.iter().find(|path| text.contains(path.as_str())) {
            return Err(found("a path", path));
        }
        match self.found(text).next() {
            Some(name) => Err(found("the name of a film or a patient", name)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use pleura_data::Row;

    use super::*;

    #[test]
    fn names_and_paths_are_found_and_words_are_not() {
        let mut manifest = Manifest::new("/home/somebody/study", vec!["a".into()]);
        manifest.rows.push(Row {
            film: "cohen-12 b".into(),
            path: "films/IMG-0042.dcm".into(),
            patient: "patient-0042".into(),
            study: "17".into(),
            ..Row::default()
        });
        let mut private = Private::default();
        private.add(&manifest);
        let fails = |text: &str| private.check("audit.json", text).is_err();
        assert!(fails(r#"{"film":"cohen-12 b"}"#));
        assert!(fails(r#"{"says":"films of patient-0042, and others"}"#));
        assert!(fails(r#"{"says":"see IMG-0042.dcm"}"#));
        assert!(fails(r#"{"manifest":"/home/somebody/study/three.csv"}"#));
        let mut audit = serde_json::json!({"checks": [{"says": "films of patient-0042, and others"}]});
        private.cover(&mut audit);
        assert_eq!(audit["checks"][0]["says"], "films of […], and others");
        assert!(!fails(r#"{"says":"17 films of 12 patients"}"#));
    }
}
