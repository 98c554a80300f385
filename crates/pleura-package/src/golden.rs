//! Golden films: a few films inside a package, with the answers of the machine that made it. Opening a
//! package recomputes them, which verifies that this machine, this program and these bytes give the tested
//! answers.

use std::collections::BTreeMap;

use pleura_explain::{Composite, Start};
use pleura_film::grey_png_16;
use pleura_film::{DecodeOptions, Preparation};
use pleura_nn::backend::{Backend, Real as _};
use pleura_nn::{Cpu, Network};
use pleura_synth::phantom::{self, FilmSpec, PhantomOptions, PhantomSet, Planned, Subject};
use serde::{Deserialize, Serialize};

use crate::tensors::{self, Tensor};
use crate::{Error, package};

/// Minimum short side of a phantom used as a golden film.
const SIDE: usize = 256;
/// Tolerance of logits on another instruction set, as a share of the greatest logit.
pub const LOGITS: f64 = 1e-4;
/// Tolerance of a heatmap's mean difference on another instruction set, as a share of its mean magnitude.
/// Rounding at a kink of the network may move single pixels further.
pub const HEATMAPS: f64 = 1e-3;

/// A package's golden films.
#[derive(Clone, Debug, PartialEq)]
pub struct Golden {
    /// Their description.
    pub about: About,
    /// Their pictures (PNG, grey, 16 bit), in the order of [`About::films`].
    pub pictures: Vec<Vec<u8>>,
    /// Logits `[films, findings]`.
    pub logits: Vec<f32>,
    /// Heatmaps `[films, size, size]`.
    pub heatmaps: Vec<f32>,
}

/// Description of the golden films and their answers: `golden.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// Name and version of the program that computed the answers.
    pub software: String,
    /// Instruction set of that machine: with the same instruction set and program, answers must be bit-equal.
    pub path: String,
    /// Otherwise, tolerance of logits as a share of the greatest.
    pub logits_within: f64,
    /// Otherwise, tolerance of a heatmap's mean difference as a share of its mean magnitude.
    pub heatmaps_within: f64,
    /// LRP composite of the heatmaps.
    pub composite: String,
    /// The films.
    pub films: Vec<GoldenFilm>,
}

/// A golden film.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenFilm {
    /// Entry of its picture.
    pub picture: String,
    /// Origin: a phantom, or a film of the package's author.
    pub origin: Origin,
    /// The finding of the heatmap: the network's answer.
    pub finding: String,
}

/// Origin of a golden film.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Origin {
    /// A phantom, with its parameters.
    Phantom(Box<FilmSpec>),
    /// A film chosen by the package's author.
    Named,
}

/// Result of checking the golden films on this machine.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GoldenCheck {
    /// Number of films.
    pub films: usize,
    /// True if answers had to be bit-equal (and were).
    pub to_the_bit: bool,
    /// Greatest difference of a logit, as a share of the greatest logit.
    pub logits: f64,
    /// Greatest mean difference of a heatmap, as a share of its mean magnitude.
    pub heatmaps: f64,
}

/// A film that is to become golden.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// PNG, grey, 16 bit.
    pub picture: Vec<u8>,
    /// Origin.
    pub origin: Origin,
}

impl Candidate {
    /// Phantoms of the target set from a seed: normal, pneumonia, COVID-19 in turn.
    ///
    /// # Errors
    /// [`Error::Data`] if too few can be drawn.
    pub fn phantoms(count: usize, seed: u64) -> Result<Vec<Self>, Error> {
        let options = PhantomOptions {
            set: PhantomSet::Target,
            films: count,
            seed,
            films_per_patient: 1.0,
            ..PhantomOptions::default()
        };
        let drawn =
            phantom::plan(&options)?
                .into_iter()
                .filter_map(|Planned { subject, .. }| match subject {
                    Subject::Film(spec) => Some(spec),
                    Subject::Picture(_) => None,
                });
        drawn
            .map(|spec| {
                let grey = phantom::render(&spec, SIDE).grey;
                Ok(Self {
                    picture: picture(SIDE, SIDE, &grey)?,
                    origin: Origin::Phantom(Box::new(spec)),
                })
            })
            .collect()
    }

    /// A film of the author: only its grey levels are kept. A DICOM film with declared burned-in annotations
    /// is refused.
    ///
    /// # Errors
    /// [`Error::Film`], [`Error::Setting`].
    pub fn named(path: &std::path::Path) -> Result<Self, Error> {
        let film = pleura_film::open(path, &DecodeOptions::default())?;
        let burned = film
            .source
            .dicom
            .as_ref()
            .and_then(|tags| tags.burned_in_annotation);
        if burned == Some(true) {
            return Err(Error::Setting {
                name: path.display().to_string(),
                found: "a film with burned-in annotation (0028,0301), which may name a patient".to_owned(),
                expected: "a film without, because golden films are part of the package".to_owned(),
            });
        }
        Ok(Self {
            picture: picture(film.width, film.height, &film.grey)?,
            origin: Origin::Named,
        })
    }
}

fn picture(width: usize, height: usize, grey: &[f32]) -> Result<Vec<u8>, Error> {
    let levels: Vec<u16> = grey
        .iter()
        .map(|value| (value.clamp(0.0, 1.0) * 65535.0).round() as u16)
        .collect();
    Ok(grey_png_16(width, height, &levels)?)
}

impl Golden {
    /// Computes the network's answers for these films.
    ///
    /// # Errors
    /// Errors of decoding, inference and explanation.
    pub fn make(
        network: &Network<Cpu>,
        preparation: &Preparation,
        candidates: Vec<Candidate>,
    ) -> Result<Self, Error> {
        let mut golden = Self {
            about: About {
                software: package::SOFTWARE.to_owned(),
                path: network.backend().path().name().to_owned(),
                logits_within: LOGITS,
                heatmaps_within: HEATMAPS,
                composite: pleura_explain::composite::NAMES[0].to_owned(),
                films: Vec::new(),
            },
            pictures: Vec::new(),
            logits: Vec::new(),
            heatmaps: Vec::new(),
        };
        for (number, Candidate { picture, origin }) in candidates.into_iter().enumerate() {
            let name = format!("golden/{}.png", number + 1);
            let grey = prepared(&picture, &name, preparation)?;
            let logits = network.infer(&grey, 1, preparation.size)?;
            let best = (0..logits.len()).fold(0, |best, finding| {
                if logits[finding] > logits[best] {
                    finding
                } else {
                    best
                }
            });
            let film = GoldenFilm {
                picture: name,
                origin,
                finding: network.findings()[best].clone(),
            };
            let heatmap = heatmap(
                network,
                &grey,
                preparation.size,
                &golden.about.composite,
                &film.finding,
            )?;
            golden.about.films.push(film);
            golden.pictures.push(picture);
            golden.logits.extend(logits);
            golden.heatmaps.extend(heatmap);
        }
        Ok(golden)
    }

    /// Recomputes every answer. `strictly`: bit-equal if program and instruction set are those of the maker;
    /// `file` is for messages.
    ///
    /// # Errors
    /// [`Error::Golden`] names the first film that differs, and the difference.
    pub fn check<B: Backend>(
        &self,
        network: &Network<B>,
        preparation: &Preparation,
        path: &str,
        file: &str,
    ) -> Result<GoldenCheck, Error> {
        let strictly = path == self.about.path && self.about.software == package::SOFTWARE;
        let mut check = GoldenCheck {
            films: self.about.films.len(),
            to_the_bit: strictly,
            logits: 0.0,
            heatmaps: 0.0,
        };
        let width = network.findings().len();
        let plane = preparation.size * preparation.size;
        for (number, film) in self.about.films.iter().enumerate() {
            let wrong = |problem: String| Error::Golden {
                file: file.to_owned(),
                film: film.picture.clone(),
                problem,
            };
            let grey = prepared(&self.pictures[number], &film.picture, preparation)?;
            let logits: Vec<f32> = network
                .infer(&grey, 1, preparation.size)?
                .iter()
                .map(|logit| logit.to_f64() as f32)
                .collect();
            let kept = &self.logits[number * width..(number + 1) * width];
            let greatest = kept
                .iter()
                .fold(1.0_f64, |most, logit| most.max(f64::from(logit.abs())));
            let apart = apart(kept, &logits) / greatest;
            if (strictly && *kept != logits[..]) || beyond(apart, self.about.logits_within) {
                return Err(wrong(format!(
                    "logits {logits:?} instead of {kept:?}, a difference of {apart:.1e} of the greatest"
                )));
            }
            let map = heatmap(
                network,
                &grey,
                preparation.size,
                &self.about.composite,
                &film.finding,
            )?;
            let kept = &self.heatmaps[number * plane..(number + 1) * plane];
            let size: f64 = kept.iter().map(|value| f64::from(value.abs())).sum();
            let differ: f64 = kept
                .iter()
                .zip(&map)
                .map(|(a, b)| (f64::from(*a) - f64::from(*b)).abs())
                .sum();
            let differ = if size > 0.0 { differ / size } else { differ };
            if (strictly && *kept != map[..]) || beyond(differ, self.about.heatmaps_within) {
                return Err(wrong(format!(
                    "its heatmap of {} differs by {differ:.1e} of its magnitude",
                    film.finding
                )));
            }
            check.logits = check.logits.max(apart);
            check.heatmaps = check.heatmaps.max(differ);
        }
        Ok(check)
    }

    pub(crate) fn to_bytes(&self, findings: usize, size: usize) -> Result<Vec<u8>, String> {
        let films = self.about.films.len();
        let all: BTreeMap<String, Tensor> = BTreeMap::from([
            ("logits".to_owned(), (vec![films, findings], self.logits.clone())),
            (
                "heatmaps".to_owned(),
                (vec![films, size, size], self.heatmaps.clone()),
            ),
        ]);
        tensors::write(&all)
    }

    pub(crate) fn from_bytes(
        about: About,
        pictures: Vec<Vec<u8>>,
        bytes: &[u8],
        findings: usize,
        size: usize,
    ) -> Result<Self, String> {
        let mut all = tensors::read(bytes)?;
        let films = about.films.len();
        Ok(Self {
            logits: tensors::take(&mut all, "logits", &[films, findings])?,
            heatmaps: tensors::take(&mut all, "heatmaps", &[films, size, size])?,
            about,
            pictures,
        })
    }
}

/// Greatest difference; NaN if a value is NaN.
fn apart(kept: &[f32], found: &[f32]) -> f64 {
    let differences = kept
        .iter()
        .zip(found)
        .map(|(a, b)| (f64::from(*a) - f64::from(*b)).abs());
    differences.fold(
        0.0,
        |most, one| if most.is_nan() || one <= most { most } else { one },
    )
}

/// NaN exceeds every limit.
fn beyond(value: f64, most: f64) -> bool {
    value.is_nan() || value > most
}

fn prepared(picture: &[u8], name: &str, preparation: &Preparation) -> Result<Vec<f32>, Error> {
    let (_, prepared) = pleura_film::decode_prepared(picture, name, &DecodeOptions::default(), preparation)?;
    Ok(prepared.unit_grey())
}

fn heatmap<B: Backend>(
    network: &Network<B>,
    grey: &[f32],
    size: usize,
    composite: &str,
    finding: &str,
) -> Result<Vec<f32>, Error> {
    let composite = Composite::by_name(composite)?;
    let start = [Start::Logit(finding.to_owned())];
    let mut explained = pleura_explain::explain(network, grey, size, &composite, &start)?;
    Ok(explained.maps.swap_remove(0).heatmap)
}

#[cfg(test)]
mod tests {
    use pleura_nn::weights::Normalisation;
    use pleura_nn::{Architecture, Reference, Weights};

    use super::*;

    #[test]
    fn what_is_not_a_number_is_beyond_every_bound_wherever_it_stands() {
        let kept = [1.0, -2.0, 3.0];
        assert_eq!(apart(&kept, &[1.5, -2.0, 2.75]), 0.5);
        for place in 0..kept.len() {
            let mut found = kept;
            found[place] = f32::NAN;
            assert!(beyond(apart(&kept, &found), LOGITS), "{place}");
        }
    }

    #[test]
    fn another_way_of_computing_is_within_bounds_and_other_weights_are_not() {
        let findings = ["COVID-19", "pneumonia", "normal"].map(str::to_owned);
        let architecture = Architecture::by_name("small").unwrap();
        let weights = Weights::initialise(&architecture, &findings, Normalisation::IMAGENET, 3);
        let preparation = Preparation {
            size: 64,
            ..Preparation::default()
        };
        let network = Network::new(Cpu::new(), &weights).unwrap();
        let candidates = Candidate::phantoms(2, 7).unwrap();
        assert_eq!(candidates, Candidate::phantoms(2, 7).unwrap());
        let golden = Golden::make(&network, &preparation, candidates).unwrap();
        let path = network.backend().path().name();
        let check = golden.check(&network, &preparation, path, "p").unwrap();
        assert_eq!(
            (check.films, check.to_the_bit, check.logits, check.heatmaps),
            (2, true, 0.0, 0.0)
        );
        let exact = Network::new(Reference, &weights).unwrap();
        let check = golden.check(&exact, &preparation, "reference", "p").unwrap();
        assert!(!check.to_the_bit && check.heatmaps > 0.0, "{check:?}");
        let error = golden
            .check(&exact, &preparation, path, "p")
            .unwrap_err()
            .to_string();
        assert!(error.contains("golden/1.png"), "{error}");
        let others = Weights::initialise(&architecture, &findings, Normalisation::IMAGENET, 4);
        let others = Network::new(Cpu::new(), &others).unwrap();
        assert!(golden.check(&others, &preparation, "another", "p").is_err());
        let bytes = golden.to_bytes(3, 64).unwrap();
        let back = Golden::from_bytes(golden.about.clone(), golden.pictures.clone(), &bytes, 3, 64).unwrap();
        assert_eq!(back, golden);
    }
}
