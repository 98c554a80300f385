//! Ages and age groups.

use super::{Manifest, Row};

/// Age from which a person counts as an adult.
pub const ADULT_AGE: f32 = 18.0;

/// The note with an age group (`1-5`, first and last year), for datasets that give no ages.
pub const AGE_GROUP: &str = "age_group";

/// The minimum and maximum age of a patient, from the age or the age group.
pub fn age_range(age: Option<f32>, group: Option<&str>) -> Option<(f32, f32)> {
    let grouped = || {
        let (first, last) = group?.split_once('-')?;
        // A child of five years has not turned six.
        let turned = last.trim().parse::<f32>().ok()? + 1.0;
        Some((first.trim().parse().ok()?, turned.next_down()))
    };
    age.map(|age| (age, age)).or_else(grouped)
}

impl Manifest {
    /// True if a film's patient is younger than [`ADULT_AGE`], by the age or else by the note [`AGE_GROUP`].
    /// `None` if both are unknown.
    pub fn is_child(&self, row: &Row) -> Option<bool> {
        let group = self.note(AGE_GROUP).map(|note| row.notes[note].as_str());
        let (least, most) = age_range(row.age, group)?;
        (most < ADULT_AGE || least >= ADULT_AGE).then_some(most < ADULT_AGE)
    }
}
