//! Attributes of films by name: for balancing, and for leaving one value out.

use super::{Manifest, Row};
use crate::Error;

/// The attributes of every manifest. `note:` columns are attributes too, by their names without the prefix.
pub const ATTRIBUTES: [&str; 4] = ["source", "view", "sex", "age"];

impl Manifest {
    /// Returns the value of an attribute for a row; empty: unknown.
    ///
    /// `source` is the dataset. `view` is the first word of the projection in upper case: `AP Supine` is
    /// `AP`. `age` is one of four groups.
    ///
    /// # Errors
    /// An unknown name; the message lists the manifest's attributes.
    pub fn attribute(&self, name: &str) -> Result<impl Fn(&Row) -> String + use<>, Error> {
        let note = self.note(name);
        if !ATTRIBUTES.contains(&name) && note.is_none() {
            return Err(Error::Attribute {
                name: name.to_owned(),
                known: ATTRIBUTES
                    .iter()
                    .map(ToString::to_string)
                    .chain(self.notes.clone())
                    .collect(),
            });
        }
        let name = name.to_owned();
        Ok(move |row: &Row| match name.as_str() {
            "source" => row.dataset.clone(),
            "view" => {
                let word = row.view.split([' ', '_', '-']).next().unwrap_or_default();
                word.to_ascii_uppercase()
            }
            "sex" => row
                .sex
                .map(|sex| format!("{sex:?}").to_lowercase())
                .unwrap_or_default(),
            "age" => row.age.map(age_group).unwrap_or_default().to_owned(),
            _ => note
                .and_then(|note| row.notes.get(note))
                .cloned()
                .unwrap_or_default(),
        })
    }
}

fn age_group(age: f32) -> &'static str {
    match age {
        age if age < 18.0 => "under 18",
        age if age < 40.0 => "18 to 39",
        age if age < 60.0 => "40 to 59",
        _ => "60 and over",
    }
}
