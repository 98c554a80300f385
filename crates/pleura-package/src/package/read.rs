//! Reads a package: archive, digests, signature, documents and their consistency.

use std::collections::BTreeMap;
use std::path::Path;

use pleura_core::sha256;
use pleura_eval::Calibration;
use pleura_film::Preparation;
use pleura_nn::Weights;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{FORMAT, Index, Metrics, Model, Package, Parts, SCHEMA, entry, signer};
use crate::card::Card;
use crate::golden::{About, Golden};
use crate::key::Signature;
use crate::plain::{is_plain, not_plain};
use crate::{Contract, Error, MEASURES, Reference, Training, archive};

/// Maximum document size in bytes: a run's metrics with all curves have a few hundred thousand.
const MOST_DOCUMENT: usize = 64 << 20;
/// Maximum number of golden films.
const MOST_GOLDEN: usize = 100;

impl Package {
    /// Reads a package. Nothing is trusted: sizes are limited, every byte must match the index, and documents
    /// must be consistent.
    ///
    /// # Errors
    /// [`Error::Archive`] and [`Error::Entry`] name changed or missing parts, [`Error::Document`] an
    /// inconsistency, [`Error::Signature`] an invalid signature.
    pub fn read(path: &Path) -> Result<Self, Error> {
        use std::io::Read as _;
        let file = std::fs::File::open(path).map_err(Error::io(path, "read the package"))?;
        let mut bytes = Vec::new();
        file.take(archive::MOST_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(Error::io(path, "read the package"))?;
        Self::from_bytes(&bytes, &path.display().to_string())
    }

    /// Reads a package from bytes; `name` is for messages.
    ///
    /// # Errors
    /// As [`Package::read`].
    pub fn from_bytes(bytes: &[u8], name: &str) -> Result<Self, Error> {
        let files = Files::open(bytes, name)?;
        let index = files.take(entry::INDEX)?;
        let listed: Index = files.parse(entry::INDEX, index)?;
        if listed.format != FORMAT || listed.schema != SCHEMA {
            return Err(Error::Archive {
                file: name.to_owned(),
                problem: format!(
                    "{:?} of schema {}, written by {}; this program reads {FORMAT:?} of schema {SCHEMA}",
                    listed.format, listed.schema, listed.software
                ),
            });
        }
        files.check_digests(&listed)?;
        let signer = match files.find(entry::SIGNATURE) {
            Some(bytes) => {
                let signature: Signature = files.parse(entry::SIGNATURE, bytes)?;
                let by = signer(&signature, index).map_err(|problem| Error::Signature {
                    file: name.to_owned(),
                    problem: format!("its signature {problem}: the package was changed after it was signed"),
                })?;
                Some(by)
            }
            None => None,
        };
        Ok(Self {
            parts: files.parts()?,
            digest: sha256::hex(index),
            signer,
            entries: listed.entries,
            name: name.to_owned(),
        })
    }
}

/// Entries by name.
struct Files<'a> {
    name: &'a str,
    order: Vec<String>,
    bytes: BTreeMap<String, &'a [u8]>,
}

impl<'a> Files<'a> {
    fn open(bytes: &'a [u8], name: &'a str) -> Result<Self, Error> {
        let places = archive::read(bytes, name)?;
        Ok(Self {
            name,
            order: places.iter().map(|(entry, _)| entry.clone()).collect(),
            bytes: places
                .into_iter()
                .map(|(entry, place)| (entry, &bytes[place]))
                .collect(),
        })
    }

    fn find(&self, entry: &str) -> Option<&'a [u8]> {
        self.bytes.get(entry).copied()
    }

    fn take(&self, entry: &str) -> Result<&'a [u8], Error> {
        self.find(entry).ok_or_else(|| Error::Archive {
            file: self.name.to_owned(),
            problem: format!("the entry {entry} is missing"),
        })
    }

    fn wrong(&self, entry: &str, problem: impl Into<String>) -> Error {
        Error::Document {
            file: self.name.to_owned(),
            entry: entry.to_owned(),
            problem: problem.into(),
        }
    }

    fn parse<T: DeserializeOwned>(&self, entry: &str, bytes: &[u8]) -> Result<T, Error> {
        if bytes.len() > MOST_DOCUMENT {
            return Err(self.wrong(
                entry,
                format!("{} bytes, expected at most {MOST_DOCUMENT}", bytes.len()),
            ));
        }
        let unreadable = |error: serde_json::Error| self.wrong(entry, error.to_string());
        let texts: Value = serde_json::from_slice(bytes).map_err(unreadable)?;
        if let Some(text) = not_plain(&texts) {
            return Err(self.wrong(
                entry,
                format!("control characters in {text:?}, expected none but line breaks and tabs"),
            ));
        }
        serde_json::from_slice(bytes).map_err(unreadable)
    }

    /// Also refuses line breaks, for texts shown within a line.
    fn one_line(&self, entry: &str, text: &str) -> Result<(), Error> {
        if is_plain(text, false) {
            return Ok(());
        }
        Err(self.wrong(entry, format!("control characters in {text:?}, expected none")))
    }

    fn document<T: DeserializeOwned>(&self, entry: &str) -> Result<T, Error> {
        self.parse(entry, self.take(entry)?)
    }

    /// Checks that the index lists every other entry, in order, with its length and digest.
    fn check_digests(&self, index: &Index) -> Result<(), Error> {
        let listed = index.entries.iter().map(|entry| entry.name.as_str());
        let mut expected: Vec<&str> = std::iter::once(entry::INDEX).chain(listed).collect();
        if self.order.last().is_some_and(|last| last == entry::SIGNATURE) {
            expected.push(entry::SIGNATURE);
        }
        for place in 0..expected.len().max(self.order.len()) {
            let (listed, found) = (expected.get(place), self.order.get(place));
            if listed.copied() != found.map(String::as_str) {
                return Err(Error::Archive {
                    file: self.name.to_owned(),
                    problem: format!(
                        "its index lists {} where {} is: the package was changed after it was made",
                        listed.map_or("nothing", |name| name),
                        found.map_or("nothing", |name| name.as_str())
                    ),
                });
            }
        }
        let known = [
            entry::MODEL,
            entry::CONTRACT,
            entry::CALIBRATION,
            entry::TRAINING,
            entry::METRICS,
            entry::AUDIT,
            entry::CARD,
            entry::GOLDEN,
            entry::ANSWERS,
            entry::REFERENCE,
            entry::WEIGHTS,
        ];
        for listed in &index.entries {
            if !known.contains(&listed.name.as_str()) && !listed.name.starts_with("golden/") {
                return Err(self.wrong(&listed.name, "a package of this schema has no such entry"));
            }
            let bytes = self.take(&listed.name)?;
            if bytes.len() != listed.bytes || sha256::hex(bytes) != listed.sha256 {
                return Err(Error::Entry {
                    file: self.name.to_owned(),
                    entry: listed.name.clone(),
                    problem: "does not have the SHA-256 of the index".to_owned(),
                });
            }
        }
        Ok(())
    }

    fn parts(&self) -> Result<Parts, Error> {
        let weights = Weights::from_bytes(
            self.take(entry::WEIGHTS)?,
            &format!("{}: {}", self.name, entry::WEIGHTS),
        )?;
        let model = self.model(&weights)?;
        let calibration = self
            .find(entry::CALIBRATION)
            .map(|bytes| self.parse::<Calibration>(entry::CALIBRATION, bytes))
            .transpose()?;
        if let Some(calibration) = &calibration {
            self.check_calibration(calibration, &model)?;
        }
        let size = model.preparation.size;
        let reference = Reference::from_bytes(
            self.take(entry::REFERENCE)?,
            weights.architecture.features(),
            size,
        )
        .map_err(|problem| self.wrong(entry::REFERENCE, problem))?;
        Ok(Parts {
            contract: self.contract()?,
            golden: self.golden(&model)?,
            training: self.document::<Training>(entry::TRAINING)?,
            metrics: self.document::<Metrics>(entry::METRICS)?,
            audit: self
                .find(entry::AUDIT)
                .map(|bytes| self.parse(entry::AUDIT, bytes))
                .transpose()?,
            card: self.card()?,
            weights,
            model,
            reference,
            calibration,
        })
    }

    fn model(&self, weights: &Weights) -> Result<Model, Error> {
        let model: Model = self.document(entry::MODEL)?;
        let same = model.architecture == weights.architecture
            && model.names() == weights.findings
            && model.normalisation == weights.normalisation
            && model.digest == weights.digest();
        if !same {
            return Err(self.wrong(
                entry::MODEL,
                "architecture, findings, normalisation or digest differ from the weights",
            ));
        }
        let stored = |key: &str| weights.metadata.get(key);
        let kind = stored("kind").is_none_or(|kind| *kind == model.kind.name());
        let preparation = stored("preparation").is_none_or(|preparation| {
            serde_json::from_str::<Preparation>(preparation).is_ok_and(|stored| stored == model.preparation)
        });
        if !kind || !preparation {
            return Err(self.wrong(
                entry::MODEL,
                "kind or preparation differ from the weights' training",
            ));
        }
        for name in &weights.findings {
            self.one_line(entry::MODEL, name)?;
        }
        let smallest = weights.architecture.smallest_input();
        if !(smallest..=8192).contains(&model.preparation.size) {
            return Err(self.wrong(
                entry::MODEL,
                format!(
                    "films of {} pixels a side, expected {smallest} to 8192",
                    model.preparation.size
                ),
            ));
        }
        Ok(model)
    }

    fn check_calibration(&self, calibration: &Calibration, model: &Model) -> Result<(), Error> {
        let wrong = |problem: String| self.wrong(entry::CALIBRATION, problem);
        if calibration.model != model.digest {
            return Err(wrong("it was fitted for other weights".to_owned()));
        }
        calibration
            .check_fits(model.kind, &model.names())
            .map_err(|error| wrong(error.to_string()))?;
        calibration.check().map_err(wrong)
    }

    fn card(&self) -> Result<Card, Error> {
        let card: Card = self.document(entry::CARD)?;
        for text in [&card.name, &card.version, &card.contact].into_iter().flatten() {
            self.one_line(entry::CARD, text)?;
        }
        Ok(card)
    }

    fn contract(&self) -> Result<Contract, Error> {
        let contract: Contract = self.document(entry::CONTRACT)?;
        self.one_line(entry::CONTRACT, &contract.least_age_because)?;
        let measures: Vec<&str> = contract
            .limits
            .iter()
            .map(|limit| limit.measure.as_str())
            .collect();
        let expected = MEASURES.map(|(name, _)| name);
        if measures != expected {
            return Err(self.wrong(
                entry::CONTRACT,
                format!("limits of {measures:?}, expected one of each of {expected:?}"),
            ));
        }
        let age = contract.least_age.unwrap_or(0.0);
        if !(0.0..=130.0).contains(&age) || !(0.0..=1.0).contains(&contract.most_colour) {
            return Err(self.wrong(entry::CONTRACT, "an invalid age or share"));
        }
        Ok(contract)
    }

    fn golden(&self, model: &Model) -> Result<Golden, Error> {
        let about: About = self.document(entry::GOLDEN)?;
        let wrong = |problem: String| self.wrong(entry::GOLDEN, problem);
        if about.films.is_empty() || about.films.len() > MOST_GOLDEN {
            return Err(wrong(format!(
                "{} golden films, expected 1 to {MOST_GOLDEN}",
                about.films.len()
            )));
        }
        // Wide tolerances would make the golden check meaningless.
        let lax = |within: f64, most: f64| !(0.0..=most).contains(&within);
        if lax(about.logits_within, crate::golden::LOGITS)
            || lax(about.heatmaps_within, crate::golden::HEATMAPS)
        {
            return Err(wrong(
                "the tolerances of its golden films exceed those of this program".to_owned(),
            ));
        }
        let stray = |name: &&String| {
            name.starts_with("golden/") && about.films.iter().all(|film| film.picture != **name)
        };
        if let Some(stray) = self.order.iter().find(stray) {
            return Err(self.wrong(stray, "it belongs to no golden film"));
        }
        let names = model.names();
        let pictures = about
            .films
            .iter()
            .enumerate()
            .map(|(number, film)| {
                if film.picture != format!("golden/{}.png", number + 1) || !names.contains(&film.finding) {
                    return Err(wrong(format!(
                        "{:?} of {:?} is not a golden film of this model",
                        film.picture, film.finding
                    )));
                }
                Ok(self.take(&film.picture)?.to_vec())
            })
            .collect::<Result<_, Error>>()?;
        Golden::from_bytes(
            about,
            pictures,
            self.take(entry::ANSWERS)?,
            names.len(),
            model.preparation.size,
        )
        .map_err(|problem| self.wrong(entry::ANSWERS, problem))
    }
}
