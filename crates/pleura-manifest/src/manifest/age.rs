//! Ages that are known, and ages of which a dataset says no more than a group.

use super::{Manifest, Row};

/// Years below which a person counts as a child here.
pub const ADULT_AGE: f32 = 18.0;

/// The note that holds the years among which a patient's age is, the first and the last (`1-5`), where a dataset says no more.
pub const AGE_GROUP: &str = "age_group";

/// The least and the most years of a patient whose age is known, or the group that it is in.
pub fn age_range(age: Option<f32>, group: Option<&str>) -> Option<(f32, f32)> {
    let grouped = || {
        let (first, last) = group?.split_once('-')?;
        // Somebody of five years has not turned six yet.
        let turned = last.trim().parse::<f32>().ok()? + 1.0;
        Some((first.trim().parse().ok()?, turned.next_down()))
    };
    age.map(|age| (age, age)).or_else(grouped)
}

impl Manifest {
    /// Whether a film's patient is under [`ADULT_AGE`] years, by the age or, where that is unknown, by the group that the note [`AGE_GROUP`] tells; `None`
    /// where neither says.
    pub fn is_child(&self, row: &Row) -> Option<bool> {
        let group = self.note(AGE_GROUP).map(|note| row.notes[note].as_str());
        let (least, most) = age_range(row.age, group)?;
        (most < ADULT_AGE || least >= ADULT_AGE).then_some(most < ADULT_AGE)
    }
}
