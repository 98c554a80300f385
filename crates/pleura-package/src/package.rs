//! A package as a whole: what it is made of, how it is written, and how it is read without trust.

mod read;

use std::collections::BTreeMap;
use std::path::Path;

use pleura_core::fs::write_atomic;
use pleura_core::sha256;
use pleura_eval::calibration::Outcome;
use pleura_eval::{Calibration, Evaluation, Kind};
use pleura_film::Preparation;
use pleura_nn::weights::Normalisation;
use pleura_nn::{Architecture, Cpu, Network, Weights};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::card::Card;
use crate::codes::{self, Code};
use crate::golden::{Golden, GoldenCheck};
use crate::key::{PrivateKey, PublicKey, Signature};
use crate::private::Private;
use crate::{Contract, Error, Gate, Reference, Training, archive};

/// Version of the schema of a package's documents.
pub const SCHEMA: u32 = 1;
/// What the first entry calls itself.
pub const FORMAT: &str = "pleura-package";
/// Name and version of this program.
pub const SOFTWARE: &str = concat!("pleura ", env!("CARGO_PKG_VERSION"));

/// Names of the entries, in the order in which they are written; golden films stand before `golden.safetensors`.
pub(crate) mod entry {
    pub(crate) const INDEX: &str = "package.json";
    pub(crate) const MODEL: &str = "model.json";
    pub(crate) const CONTRACT: &str = "contract.json";
    pub(crate) const CALIBRATION: &str = "calibration.json";
    pub(crate) const TRAINING: &str = "training.json";
    pub(crate) const METRICS: &str = "metrics.json";
    pub(crate) const AUDIT: &str = "audit.json";
    pub(crate) const CARD: &str = "card.json";
    pub(crate) const GOLDEN: &str = "golden.json";
    pub(crate) const ANSWERS: &str = "golden.safetensors";
    pub(crate) const REFERENCE: &str = "reference.safetensors";
    pub(crate) const WEIGHTS: &str = "weights.safetensors";
    pub(crate) const SIGNATURE: &str = "signature.json";
}

/// What a package is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Parts {
    /// The network.
    pub weights: Weights,
    /// What it is and what it answers.
    pub model: Model,
    /// Which films it answers for.
    pub contract: Contract,
    /// What films are held against.
    pub reference: Reference,
    /// Temperatures and thresholds, where they were fitted.
    pub calibration: Option<Calibration>,
    /// Where it comes from.
    pub training: Training,
    /// What it got.
    pub metrics: Metrics,
    /// What `pleura audit` found, where it was asked.
    pub audit: Option<Value>,
    /// The answers of the model card.
    pub card: Card,
    /// Golden films.
    pub golden: Golden,
}

/// What a model is and what it answers: `model.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// The network's plan.
    pub architecture: Architecture,
    /// Digest of the weights.
    pub digest: String,
    /// Exclusive classes or independent findings.
    pub kind: Kind,
    /// The outputs, in order.
    pub findings: Vec<Finding>,
    /// How a film becomes the network's input.
    pub preparation: Preparation,
    /// What grey levels become before the first convolution.
    pub normalisation: Normalisation,
}

/// One output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Its name.
    pub name: String,
    /// Its codes in SNOMED CT and RadLex; empty where none was found that surely fits.
    pub codes: Vec<Code>,
}

/// What a model got: `metrics.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// On the test split, with the probabilities as the network gives them.
    pub test: Option<Evaluation>,
    /// On the same films with the package's temperatures and thresholds, as it answers.
    pub as_packaged: Option<Evaluation>,
    /// Evaluations that were recorded (`pleura evaluate --record`), by name: what films, and what it got.
    pub recorded: BTreeMap<String, Recorded>,
}

/// An evaluation that was recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// What limits it.
    pub notes: Vec<String>,
    /// What the model got.
    pub evaluation: Evaluation,
}

/// One entry as the index lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: usize,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

/// The first entry: what the others are. Its own SHA-256 is the package's digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Index {
    pub(crate) format: String,
    pub(crate) schema: u32,
    pub(crate) software: String,
    pub(crate) notice: String,
    pub(crate) entries: Vec<Entry>,
}

impl Model {
    /// What weights and the words of their header say.
    pub fn of(weights: &Weights, digest: String, kind: Kind, preparation: Preparation) -> Self {
        Self {
            architecture: weights.architecture.clone(),
            digest,
            kind,
            findings: weights
                .findings
                .iter()
                .map(|name| Finding {
                    name: name.clone(),
                    codes: codes::of(name),
                })
                .collect(),
            preparation,
            normalisation: weights.normalisation,
        }
    }

    /// Names of the outputs.
    pub fn names(&self) -> Vec<String> {
        self.findings.iter().map(|finding| finding.name.clone()).collect()
    }
}

impl Parts {
    /// Writes the package, whole or not at all, and returns its digest. Equal parts and key make equal bytes.
    ///
    /// # Errors
    /// [`Error::Private`] where a document would hold what should not leave; parts that do not fit each other; [`Error::File`].
    pub fn write(&self, path: &Path, key: Option<&PrivateKey>, private: &Private) -> Result<String, Error> {
        let (bytes, digest) = self.to_bytes(key, private)?;
        write_atomic(path, &bytes)?;
        Ok(digest)
    }

    /// The bytes of a package, and its digest.
    ///
    /// # Errors
    /// As [`Parts::write`].
    pub fn to_bytes(&self, key: Option<&PrivateKey>, private: &Private) -> Result<(Vec<u8>, String), Error> {
        let mut entries = self.entries(private)?;
        let index = Index {
            format: FORMAT.to_owned(),
            schema: SCHEMA,
            software: SOFTWARE.to_owned(),
            notice: crate::NOTICE.to_owned(),
            entries: entries
                .iter()
                .map(|(name, bytes)| Entry {
                    name: name.clone(),
                    bytes: bytes.len(),
                    sha256: sha256::hex(bytes),
                })
                .collect(),
        };
        let index = document(entry::INDEX, &index)?;
        let digest = sha256::hex(&index);
        if let Some(key) = key {
            let signature = document(entry::SIGNATURE, &key.sign(entry::INDEX, &index))?;
            entries.push((entry::SIGNATURE.to_owned(), signature));
        }
        entries.insert(0, (entry::INDEX.to_owned(), index));
        let bytes = archive::write(&entries)?;
        // What cannot be read back is not written.
        Package::from_bytes(&bytes, "the package to be written")?;
        Ok((bytes, digest))
    }

    /// Findings whose probabilities are as the network gives them: all without a calibration, and with one those whose temperature was not
    /// fitted.
    pub fn not_calibrated(&self) -> Vec<&str> {
        let temperatures = self.calibration.as_ref().map(|one| &one.temperatures);
        let fitted = |place: usize| {
            let one = temperatures.and_then(|all| all.get(place).or(all.first()));
            one.is_some_and(|one| one.outcome == Outcome::Fitted)
        };
        let findings = self.model.findings.iter().enumerate();
        findings
            .filter(|(place, _)| !fitted(*place))
            .map(|(_, finding)| finding.name.as_str())
            .collect()
    }

    fn entries(&self, private: &Private) -> Result<Vec<(String, Vec<u8>)>, Error> {
        let mut entries = vec![
            (entry::MODEL, document(entry::MODEL, &self.model)?),
            (entry::CONTRACT, document(entry::CONTRACT, &self.contract)?),
        ];
        if let Some(calibration) = &self.calibration {
            entries.push((entry::CALIBRATION, document(entry::CALIBRATION, calibration)?));
        }
        entries.push((entry::TRAINING, document(entry::TRAINING, &self.training)?));
        entries.push((entry::METRICS, document(entry::METRICS, &self.metrics)?));
        if let Some(audit) = &self.audit {
            entries.push((entry::AUDIT, document(entry::AUDIT, audit)?));
        }
        entries.push((entry::CARD, document(entry::CARD, &self.card)?));
        entries.push((entry::GOLDEN, document(entry::GOLDEN, &self.golden.about)?));
        for (name, bytes) in &entries {
            private.check(name, &String::from_utf8_lossy(bytes))?;
        }
        let mut entries: Vec<(String, Vec<u8>)> = entries
            .into_iter()
            .map(|(name, bytes)| (name.to_owned(), bytes))
            .collect();
        let golden = self.golden.about.films.iter().zip(&self.golden.pictures);
        entries.extend(golden.map(|(film, picture)| (film.picture.clone(), picture.clone())));
        let unwritable = |name: &'static str| {
            move |problem: String| Error::Document {
                file: "the package to be written".to_owned(),
                entry: name.to_owned(),
                problem,
            }
        };
        let golden = self
            .golden
            .to_bytes(self.model.findings.len(), self.model.preparation.size)
            .map_err(unwritable(entry::ANSWERS))?;
        entries.push((entry::ANSWERS.to_owned(), golden));
        let reference = self.reference.to_bytes().map_err(unwritable(entry::REFERENCE))?;
        entries.push((entry::REFERENCE.to_owned(), reference));
        entries.push((entry::WEIGHTS.to_owned(), self.weights.to_bytes()?));
        Ok(entries)
    }
}

/// A document's bytes.
fn document(name: &str, value: &impl Serialize) -> Result<Vec<u8>, Error> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| Error::Document {
        file: "the package to be written".to_owned(),
        entry: name.to_owned(),
        problem: error.to_string(),
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// A package that was read, every byte of it accounted for.
#[derive(Clone, Debug, PartialEq)]
pub struct Package {
    /// What it is made of.
    pub parts: Parts,
    /// SHA-256 of its index, which lists the digests of everything else: by it a package is known.
    pub digest: String,
    /// Who signed it, if anybody has.
    pub signer: Option<PublicKey>,
    /// Its entries, in order, the index and the signature left out.
    pub entries: Vec<Entry>,
    /// Its name in messages.
    name: String,
}

impl Package {
    /// The network on this machine's processor.
    ///
    /// # Errors
    /// What the engine refuses.
    pub fn network(&self) -> Result<Network<Cpu>, Error> {
        Ok(Network::new(Cpu::new(), &self.parts.weights)?)
    }

    /// Computes the golden films' answers anew.
    ///
    /// # Errors
    /// [`Error::Golden`] where this machine finds others.
    pub fn check_golden(&self, network: &Network<Cpu>) -> Result<GoldenCheck, Error> {
        let path = network.backend().path().name();
        self.parts
            .golden
            .check(network, &self.parts.model.preparation, path, &self.name)
    }

    /// Judges films.
    pub fn gate(&self) -> Gate<'_> {
        Gate::new(&self.parts.contract, &self.parts.reference)
    }

    /// Probabilities of one film's logits, calibrated where a temperature was fitted.
    pub fn probabilities(&self, logits: &[f64]) -> Vec<f64> {
        match &self.parts.calibration {
            Some(calibration) => calibration.probabilities(logits),
            None => self.parts.model.kind.probabilities(logits, logits.len()),
        }
    }

    /// Demands that one of these keys has signed it.
    ///
    /// # Errors
    /// [`Error::Signature`] says whose signature was found.
    pub fn trust(&self, keys: &[PublicKey]) -> Result<(), Error> {
        let wanted: Vec<String> = keys.iter().map(PublicKey::fingerprint).collect();
        let problem = match self.signer {
            Some(signer) if keys.contains(&signer) => return Ok(()),
            Some(signer) => format!(
                "is signed with the key {}, and {} is trusted: it comes from somebody else, or was signed with another key",
                signer.fingerprint(),
                wanted.join(", ")
            ),
            None => format!(
                "is not signed, and a signature with the key {} is demanded",
                wanted.join(", ")
            ),
        };
        Err(Error::Signature {
            file: self.name.clone(),
            problem,
        })
    }
}

/// A signature as its entry holds it, checked.
pub(crate) fn signer(signature: &Signature, index: &[u8]) -> Result<PublicKey, String> {
    if signature.signs != entry::INDEX {
        return Err(format!("signs {:?}, expected {}", signature.signs, entry::INDEX));
    }
    signature.check(index).map_err(str::to_owned)
}
