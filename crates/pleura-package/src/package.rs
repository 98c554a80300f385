//! A package as a whole: its parts, writing, and reading without trust.

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
/// Format name in the first entry.
pub const FORMAT: &str = "pleura-package";
/// Name and version of this program.
pub const SOFTWARE: &str = concat!("pleura ", env!("CARGO_PKG_VERSION"));

/// Entry names, in writing order; golden films precede `golden.safetensors`.
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

/// Parts of a package.
#[derive(Clone, Debug, PartialEq)]
pub struct Parts {
    /// The network.
    pub weights: Weights,
    /// Architecture, outputs and preparation.
    pub model: Model,
    /// The films that it answers.
    pub contract: Contract,
    /// Statistics of the training films.
    pub reference: Reference,
    /// Temperatures and thresholds, if fitted.
    pub calibration: Option<Calibration>,
    /// Training data and method.
    pub training: Training,
    /// Results.
    pub metrics: Metrics,
    /// Results of `pleura audit`, if it was run.
    pub audit: Option<Value>,
    /// The model card.
    pub card: Card,
    /// Golden films.
    pub golden: Golden,
}

/// Architecture, outputs and preparation of a model: `model.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// The network's architecture.
    pub architecture: Architecture,
    /// Digest of the weights.
    pub digest: String,
    /// Exclusive classes or independent findings.
    pub kind: Kind,
    /// The outputs, in order.
    pub findings: Vec<Finding>,
    /// Preparation of films for the network.
    pub preparation: Preparation,
    /// Normalisation of grey levels before the first convolution.
    pub normalisation: Normalisation,
}

/// An output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Its name.
    pub name: String,
    /// Its codes in SNOMED CT and RadLex; empty without a verified code.
    pub codes: Vec<Code>,
}

/// Results of a model: `metrics.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// On the test split, with the network's own probabilities.
    pub test: Option<Evaluation>,
    /// On the same films with the package's temperatures and thresholds.
    pub as_packaged: Option<Evaluation>,
    /// Recorded evaluations (`pleura evaluate --record`), by name.
    pub recorded: BTreeMap<String, Recorded>,
}

/// A recorded evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// Its limits.
    pub notes: Vec<String>,
    /// The results.
    pub evaluation: Evaluation,
}

/// An entry of the index.
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

/// The first entry: the list of all others. Its SHA-256 is the package's digest.
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
    /// From weights and their header.
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
    /// Writes the package atomically and returns its digest. Equal parts and key give equal bytes.
    ///
    /// # Errors
    /// [`Error::Private`] if a document holds private data; inconsistent parts; [`Error::File`].
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
        // Read the package back before it is written.
        Package::from_bytes(&bytes, "the package to be written")?;
        Ok((bytes, digest))
    }

    /// Findings with uncalibrated probabilities: all without a calibration, otherwise those without a fitted
    /// temperature.
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

/// Bytes of a document.
fn document(name: &str, value: &impl Serialize) -> Result<Vec<u8>, Error> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| Error::Document {
        file: "the package to be written".to_owned(),
        entry: name.to_owned(),
        problem: error.to_string(),
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// A package that was read and fully verified.
#[derive(Clone, Debug, PartialEq)]
pub struct Package {
    /// Its parts.
    pub parts: Parts,
    /// SHA-256 of its index, which lists the digests of everything else: it identifies the package.
    pub digest: String,
    /// The signer's key, if signed.
    pub signer: Option<PublicKey>,
    /// Its entries in order, without index and signature.
    pub entries: Vec<Entry>,
    /// Name for messages.
    name: String,
}

impl Package {
    /// The network on this machine's processor.
    ///
    /// # Errors
    /// Errors of the engine.
    pub fn network(&self) -> Result<Network<Cpu>, Error> {
        Ok(Network::new(Cpu::new(), &self.parts.weights)?)
    }

    /// Recomputes the answers of the golden films.
    ///
    /// # Errors
    /// [`Error::Golden`] if this machine's answers differ.
    pub fn check_golden(&self, network: &Network<Cpu>) -> Result<GoldenCheck, Error> {
        let path = network.backend().path().name();
        self.parts
            .golden
            .check(network, &self.parts.model.preparation, path, &self.name)
    }

    /// The gate of this package.
    pub fn gate(&self) -> Gate<'_> {
        Gate::new(&self.parts.contract, &self.parts.reference)
    }

    /// Probabilities of a film's logits, calibrated where a temperature was fitted.
    pub fn probabilities(&self, logits: &[f64]) -> Vec<f64> {
        match &self.parts.calibration {
            Some(calibration) => calibration.probabilities(logits),
            None => self.parts.model.kind.probabilities(logits, logits.len()),
        }
    }

    /// Demands a signature by one of these keys.
    ///
    /// # Errors
    /// [`Error::Signature`] names the signer found.
    pub fn trust(&self, keys: &[PublicKey]) -> Result<(), Error> {
        let wanted: Vec<String> = keys.iter().map(PublicKey::fingerprint).collect();
        let problem = match self.signer {
            Some(signer) if keys.contains(&signer) => return Ok(()),
            Some(signer) => format!(
                "is signed with the key {}, but {} is trusted: it is from somebody else, or was signed with another key",
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

/// Checks a signature and returns its key.
pub(crate) fn signer(signature: &Signature, index: &[u8]) -> Result<PublicKey, String> {
    if signature.signs != entry::INDEX {
        return Err(format!("signs {:?}, expected {}", signature.signs, entry::INDEX));
    }
    signature.check(index).map_err(str::to_owned)
}
