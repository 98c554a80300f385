//! Leave-one-out by an attribute: each value in turn is tested by a model that was trained without its
//! films. With the source of the films, it estimates the result in another hospital.

use std::collections::BTreeSet;

use crate::split::groups;
use crate::split::stratify;
use crate::{Error, Manifest, Split};
use pleura_core::rng::{Scheme, stream};

/// The values of an attribute that are left out in turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaveOut {
    /// Name of the attribute ([`Manifest::attribute`]).
    pub attribute: String,
    /// The values, in order. Films of other values are always in training.
    pub values: Vec<String>,
}

impl LeaveOut {
    /// The values of an attribute to leave out: `wanted`, or all known ones.
    ///
    /// # Errors
    /// An unknown attribute, fewer than two values in the manifest, or a wanted value that no film has.
    pub fn new(manifest: &Manifest, attribute: &str, wanted: &[String]) -> Result<Self, Error> {
        let value = manifest.attribute(attribute)?;
        let found: BTreeSet<String> = manifest
            .rows
            .iter()
            .map(value)
            .filter(|value| !value.is_empty())
            .collect();
        let listed = || found.iter().cloned().collect::<Vec<_>>().join(", ");
        if found.len() < 2 {
            return Err(Error::Split(format!(
                "cannot leave out each {attribute} in turn: the manifest has {} ({})",
                if found.is_empty() { "none" } else { "only one" },
                listed()
            )));
        }
        if let Some(unknown) = wanted.iter().find(|value| !found.contains(*value)) {
            return Err(Error::Split(format!(
                "no film has the {attribute} {unknown:?}; the manifest has {}",
                listed()
            )));
        }
        Ok(Self {
            attribute: attribute.to_owned(),
            values: if wanted.is_empty() {
                found.into_iter().collect()
            } else {
                wanted.to_vec()
            },
        })
    }

    /// The manifest for the training without a value. Its films are the split `test`. Of the others, the part
    /// `validation` is `val`, chosen by patient and stratified; the rest is `train`. Films of a patient (or
    /// duplicates of a film) with the value that do not have it themselves are in no split.
    ///
    /// # Errors
    /// A validation part that is not above 0 and below 1.
    pub fn manifest(
        &self,
        manifest: &Manifest,
        left_out: &str,
        validation: f64,
        seed: u64,
        together: &[[String; 2]],
    ) -> Result<Manifest, Error> {
        if !(validation > 0.0 && validation < 1.0) {
            return Err(Error::Split(format!(
                "validation part {validation}: expected more than 0 (the epoch is chosen on it) and less than 1"
            )));
        }
        let value = manifest.attribute(&self.attribute)?;
        let tested: Vec<bool> = manifest.rows.iter().map(|row| value(row) == left_out).collect();
        let groups = groups::of(manifest, together);
        let open: Vec<usize> = (0..groups.len())
            .filter(|&group| !groups[group].rows.iter().any(|&row| tested[row]))
            .collect();
        let rng = stream(
            Scheme::Sha256,
            seed,
            &[b"validation without a value", left_out.as_bytes()],
        );
        let parts = stratify::parts(manifest, &groups, &open, &[1.0 - validation, validation], rng)?;
        let mut made = manifest.clone();
        for (row, &tested) in made.rows.iter_mut().zip(&tested) {
            row.split = tested.then_some(Split::Test);
        }
        for (&group, part) in open.iter().zip(parts) {
            for &row in &groups[group].rows {
                made.rows[row].split = Some([Split::Train, Split::Validation][part]);
            }
        }
        Ok(made)
    }

    /// Takes the films of a value out of their splits. Returns their number.
    ///
    /// # Errors
    /// An attribute that this manifest does not have.
    pub fn exclude(&self, manifest: &mut Manifest, left_out: &str) -> Result<usize, Error> {
        let value = manifest.attribute(&self.attribute)?;
        let mut count = 0;
        for row in manifest.rows.iter_mut().filter(|row| value(row) == left_out) {
            count += usize::from(row.split.take().is_some());
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Label, Row};

    /// Three sources of 20 patients with two films each; a patient of the first is in the second too.
    fn films() -> Manifest {
        let mut manifest = Manifest::new("", vec!["sick".into(), "well".into()]);
        for (source, name) in ["a", "b", "c"].into_iter().enumerate() {
            for film in 0..40 {
                let patient = if (source, film) == (1, 0) {
                    "a-0".to_owned()
                } else {
                    format!("{name}-{}", film / 2)
                };
                manifest.rows.push(Row {
                    film: format!("{name}{film}"),
                    sha256: format!("{name}{film:063}"),
                    dataset: name.to_owned(),
                    patient,
                    split: Some(Split::Train),
                    labels: [film % 4 < 2, film % 4 >= 2]
                        .map(|yes| if yes { Label::Positive } else { Label::Negative })
                        .to_vec(),
                    ..Row::default()
                });
            }
        }
        manifest
    }

    #[test]
    fn each_value_is_tested_without_its_films_or_patients_in_training() {
        let manifest = films();
        let leave_out = LeaveOut::new(&manifest, "source", &[]).unwrap();
        assert_eq!(leave_out.values, ["a", "b", "c"]);
        for value in &leave_out.values {
            let made = leave_out.manifest(&manifest, value, 0.2, 1, &[]).unwrap();
            let test = made.split(Split::Test);
            assert!(test.len() == 40 && test.iter().all(|&row| made.rows[row].dataset == *value));
            let patients: BTreeSet<&str> = test.iter().map(|&row| made.rows[row].patient.as_str()).collect();
            let (train, validation) = (made.split(Split::Train), made.split(Split::Validation));
            for &row in train.iter().chain(&validation) {
                assert!(
                    !patients.contains(made.rows[row].patient.as_str()),
                    "{}",
                    made.rows[row].film
                );
            }
            let share = validation.len() as f64 / (train.len() + validation.len()) as f64;
            assert!((share - 0.2).abs() < 0.06, "{share}");
        }
        // The film of source b whose patient is in source a, with the other film of its group.
        let without_a = leave_out.manifest(&manifest, "a", 0.2, 1, &[]).unwrap();
        assert_eq!(without_a.rows[40].split, None);
        assert!(leave_out.manifest(&manifest, "a", 1.0, 1, &[]).is_err());
    }

    #[test]
    fn other_manifests_lose_the_films_of_the_value() {
        let mut manifest = films();
        let leave_out = LeaveOut::new(&manifest, "source", &["c".into()]).unwrap();
        assert_eq!(leave_out.values, ["c"]);
        assert_eq!(leave_out.exclude(&mut manifest, "c").unwrap(), 40);
        assert!(
            manifest
                .rows
                .iter()
                .all(|row| row.split.is_none() == (row.dataset == "c"))
        );
    }

    #[test]
    fn what_cannot_be_left_out_is_named() {
        let manifest = films();
        let refuse = |attribute: &str, wanted: &[String]| {
            LeaveOut::new(&manifest, attribute, wanted)
                .unwrap_err()
                .to_string()
        };
        assert!(refuse("hospital", &[]).contains("source, view, sex, age"));
        assert!(refuse("view", &[]).contains("has none"));
        assert!(refuse("source", &["d".into()]).contains("\"d\"; the manifest has a, b, c"));
    }
}
