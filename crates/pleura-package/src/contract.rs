//! The films that a package answers: allowed file attributes, and maximum distance from the training films.

use pleura_film::{BodyPart, Source};
use pleura_manifest::ADULT_AGE;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::training::Training;

/// The films that a package answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// Body part.
    pub part: Part,
    /// Projection.
    pub projection: Projection,
    /// Minimum age in years, if younger patients were left out of training.
    pub least_age: Option<f32>,
    /// Reason for the minimum age.
    pub least_age_because: String,
    /// Maximum difference between the colour channels of a pixel, 0 to 1.
    pub most_colour: f32,
    /// Minimum length of a film's short side, in pixels.
    pub shortest_side: usize,
    /// Minimum share of validation films that pass all limits together.
    pub keep: f64,
    /// Maximum distances from the training films.
    pub limits: Vec<Limit>,
}

/// A body part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The chest.
    Chest,
}

/// A projection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Projection {
    /// Posteroanterior or anteroposterior (PA or AP).
    Frontal,
}

/// Maximum value of a measure for films that are answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// The measure, one of [`MEASURES`](crate::MEASURES).
    pub measure: String,
    /// Description of the measure.
    pub says: String,
    /// The maximum value.
    pub most: f64,
    /// Share of the validation films at or below it.
    pub quantile: f64,
    /// Number of validation films.
    pub films: usize,
}

/// Consequence of a flag for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The film is unlike the training films: no answer.
    Abstain,
    /// The file attributes exclude the film: no answer.
    Refuse,
}

/// A reason against an answer for a film.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Flag {
    /// The check: `modality`, `frames`, `part`, `projection`, `age`, `colour`, `size`, `polarity`,
    /// or a measure.
    pub check: String,
    /// The consequence.
    pub verdict: Verdict,
    /// The value found and the value expected.
    pub says: String,
    /// The value, if it is a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// The limit of that number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
}

impl Flag {
    /// A flag without numbers.
    pub fn new(check: &str, verdict: Verdict, says: String) -> Self {
        Self {
            check: check.to_owned(),
            verdict,
            says,
            value: None,
            limit: None,
        }
    }

    pub(crate) fn with(self, value: f64, limit: f64) -> Self {
        Self {
            value: Some(value),
            limit: Some(limit),
            ..self
        }
    }
}

/// Maximum channel difference of a radiograph that was saved in colour (see [`Source::colourfulness`]).
pub const RADIOGRAPH_IN_COLOUR: f32 = 0.1;

impl Contract {
    /// The contract that follows from training: frontal chest films, of adults if children were left out, in
    /// grey, and not smaller than half the network's input. `least_age` overrides the minimum age.
    pub fn of(
        training: &Training,
        input: usize,
        least_age: Option<f32>,
        keep: f64,
        limits: Vec<Limit>,
    ) -> Self {
        let people = training.population("train");
        let (least_age, least_age_because) = match (least_age, people) {
            (Some(age), _) => (Some(age), "set by the maker of the package".to_owned()),
            (None, Some(people)) if people.ages_known == 0 => (
                None,
                "no age is known for the training films, so they may include children".to_owned(),
            ),
            (None, Some(people)) if people.children == 0 => (
                Some(ADULT_AGE),
                format!(
                    "none of the {} training films with a known age is of a child",
                    people.ages_known
                ),
            ),
            (None, Some(people)) => (
                None,
                format!(
                    "{} of {} training films with a known age are of patients under 18",
                    people.children, people.ages_known
                ),
            ),
            (None, None) => (None, "the patients of the training films are unknown".to_owned()),
        };
        Self {
            part: Part::Chest,
            projection: Projection::Frontal,
            least_age,
            least_age_because,
            most_colour: RADIOGRAPH_IN_COLOUR,
            shortest_side: (input / 2).max(1),
            keep,
            limits,
        }
    }

    /// Checks a film's file attributes against the contract. Also returns the checks that were not possible
    /// because the file lacks an attribute.
    pub fn of_source(&self, source: &Source) -> (Vec<Flag>, Vec<&'static str>) {
        let (mut flags, mut silent) = (Vec::new(), Vec::new());
        let tags = source.dicom.as_ref();
        match tags.map(|tags| (tags.part(), tags.body_part.as_deref().unwrap_or_default())) {
            Some((BodyPart::Other, part)) => flags.push(Flag::new(
                "part",
                Verdict::Refuse,
                format!("the file gives the body part {part:?}; expected the chest"),
            )),
            Some((BodyPart::Chest, _)) => {}
            Some((BodyPart::Unstated, _)) | None => silent.push("body part"),
        }
        match tags.map(|tags| projection(tags.view.as_deref(), &tags.patient_orientation)) {
            Some(View::Other(why)) => flags.push(Flag::new(
                "projection",
                Verdict::Refuse,
                format!("{why}; expected a frontal film (PA or AP)"),
            )),
            Some(View::Frontal) => {}
            Some(View::Unstated) | None => silent.push("projection"),
        }
        if let Some(least) = self.least_age {
            match tags.and_then(|tags| tags.age_years) {
                Some(age) if age < least => flags.push(
                    Flag::new(
                        "age",
                        Verdict::Refuse,
                        format!(
                            "the patient is {} years old; the model is for {least} years and over: {}",
                            (f64::from(age) * 10.0).round() / 10.0,
                            self.least_age_because
                        ),
                    )
                    .with(f64::from(age), f64::from(least)),
                ),
                Some(_) => {}
                None => silent.push("age"),
            }
        }
        let colour = source.colourfulness();
        if colour > self.most_colour {
            flags.push(
                Flag::new(
                    "colour",
                    Verdict::Refuse,
                    format!(
                        "the picture is in colour: channels differ by up to {:.0} %, those of a radiograph by at most {:.0} %",
                        100.0 * colour,
                        100.0 * self.most_colour
                    ),
                )
                .with(f64::from(colour), f64::from(self.most_colour)),
            );
        }
        let side = source.width.min(source.height);
        if side < self.shortest_side {
            flags.push(
                Flag::new(
                    "size",
                    Verdict::Refuse,
                    format!(
                        "{}×{} pixels: its short side has fewer than {}",
                        source.width, source.height, self.shortest_side
                    ),
                )
                .with(side as f64, self.shortest_side as f64),
            );
        }
        (flags, silent)
    }
}

enum View {
    Frontal,
    Other(String),
    Unstated,
}

/// Projection from view position (0018,5101) and patient orientation (0020,0020).
fn projection(view: Option<&str>, orientation: &[String]) -> View {
    let view = view.map(str::trim).filter(|view| !view.is_empty());
    if let Some(view) = view {
        let upper = view.to_ascii_uppercase();
        // As for datasets: a stated view other than PA or AP is not frontal. Oblique, lordotic and other
        // special views begin like frontal ones (ANTEROLATERAL, AP OBLIQUE, APICAL).
        let frontal = ["PA", "AP", "POSTERO", "ANTERO", "FRONTAL"];
        let other = ["LAT", "OBL", "LORD", "APIC", "AXIAL", "DECUB"];
        if !frontal.iter().any(|word| upper.starts_with(word))
            || other.iter().any(|word| upper.contains(word))
        {
            return View::Other(format!("the file gives the view {view:?}"));
        }
    }
    // Rows of a frontal film point to the patient's left or right, those of a lateral film to the front or
    // back.
    match orientation.first().and_then(|rows| rows.trim().chars().next()) {
        Some(way @ ('A' | 'P')) => View::Other(format!(
            "in the file, rows point to the patient's {} ({way}), as on a lateral film",
            if way == 'A' { "front" } else { "back" }
        )),
        _ if view.is_some() => View::Frontal,
        _ => View::Unstated,
    }
}

#[cfg(test)]
mod tests {
    use pleura_film::{Colour, DicomTags, Format, Step};

    use super::*;

    fn contract() -> Contract {
        Contract {
            part: Part::Chest,
            projection: Projection::Frontal,
            least_age: Some(18.0),
            least_age_because: "why".to_owned(),
            most_colour: 0.1,
            shortest_side: 112,
            keep: 0.95,
            limits: Vec::new(),
        }
    }

    fn source(change: impl FnOnce(&mut DicomTags)) -> Source {
        let mut tags = DicomTags::default();
        change(&mut tags);
        Source {
            contrast: pleura_film::Contrast::default(),
            format: Format::Dicom,
            width: 500,
            height: 400,
            bit_depth: 12,
            colour: Colour::Grey,
            steps: Vec::new(),
            dicom: Some(tags),
        }
    }

    fn checks(source: &Source) -> Vec<String> {
        let (flags, _) = contract().of_source(source);
        assert!(flags.iter().all(|flag| flag.verdict == Verdict::Refuse));
        flags.into_iter().map(|flag| flag.check).collect()
    }

    #[test]
    fn what_the_file_says_is_held_against_the_contract() {
        assert!(checks(&source(|_| {})).is_empty());
        assert_eq!(
            checks(&source(|tags| tags.body_part = Some("HIP".into()))),
            ["part"]
        );
        for view in [
            "LL",
            "LATERAL",
            "RAO",
            "Axial",
            "ANTEROLATERAL",
            "Postero-lateral",
            "PA/LATERAL",
            "AP OBLIQUE",
            "APICAL LORDOTIC",
            "AP AXIAL",
            "AP DECUBITUS",
        ] {
            assert_eq!(
                checks(&source(|tags| tags.view = Some(view.into()))),
                ["projection"],
                "{view}"
            );
        }
        for view in [
            "PA",
            "AP",
            "AP Supine",
            "Postero-anterior",
            "ANTEROPOSTERIOR",
            "Frontal",
            "ap erect",
        ] {
            assert!(
                checks(&source(|tags| tags.view = Some(view.into()))).is_empty(),
                "{view}"
            );
        }
        let lateral = source(|tags| tags.patient_orientation = vec!["A".into(), "F".into()]);
        assert_eq!(checks(&lateral), ["projection"]);
        let stated = |orientation: [&str; 2]| {
            source(|tags| {
                tags.view = Some("PA".into());
                tags.patient_orientation = orientation.map(str::to_owned).to_vec();
            })
        };
        assert_eq!(checks(&stated(["P", "F"])), ["projection"]);
        assert!(checks(&stated(["L", "F"])).is_empty());
        assert_eq!(checks(&source(|tags| tags.age_years = Some(9.0))), ["age"]);
        assert!(checks(&source(|tags| tags.age_years = Some(18.0))).is_empty());
    }

    #[test]
    fn colour_and_size_are_asked_of_every_file_and_silence_is_told() {
        let mut photograph = source(|_| {});
        photograph.dicom = None;
        photograph.height = 32;
        photograph.steps.push(Step::Luma {
            max_channel_difference: 0.6,
        });
        assert_eq!(checks(&photograph), ["colour", "size"]);
        let (_, silent) = contract().of_source(&photograph);
        assert_eq!(silent, ["body part", "projection", "age"]);
    }
}
