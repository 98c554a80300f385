//! The model that answered, as objects name it.

use pleura::Classifier;
use pleura_package::codes::{self, Code};

/// The identity of a model in objects.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelIdentity {
    /// A package or bare weights.
    pub kind: ModelKind,
    /// The package's name, or the network's architecture.
    pub name: String,
    /// The package's version; empty if it has none.
    pub version: String,
    /// SHA-256 of the package's index, or of the weights.
    pub digest: String,
    /// Fingerprint of the key that signed the package.
    pub signer: Option<String>,
    /// The findings with their public codes, in the order of the outputs.
    pub findings: Vec<(String, Vec<Code>)>,
    /// The package's limits of its out-of-distribution measures, by name.
    pub limits: Vec<(String, f64)>,
}

/// A package or bare weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelKind {
    /// A package, which checks films.
    Package,
    /// A weight file or a run, which answers every film.
    Weights,
}

impl ModelKind {
    /// `package` or `weights`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Package => "package",
            Self::Weights => "weights",
        }
    }
}

impl ModelIdentity {
    /// The identity of an open model.
    pub fn of(model: &Classifier) -> Self {
        match model.package() {
            Some(package) => {
                let card = &package.parts.card;
                let findings = package.parts.model.findings.iter();
                let limits = package.parts.contract.limits.iter();
                Self {
                    kind: ModelKind::Package,
                    name: card
                        .name
                        .clone()
                        .filter(|name| !name.trim().is_empty())
                        .unwrap_or_else(|| "unnamed package".to_owned()),
                    version: card.version.clone().unwrap_or_default(),
                    digest: package.digest.clone(),
                    signer: package.signer.map(|key| key.fingerprint()),
                    findings: findings
                        .map(|finding| (finding.name.clone(), finding.codes.clone()))
                        .collect(),
                    limits: limits.map(|limit| (limit.measure.clone(), limit.most)).collect(),
                }
            }
            None => Self {
                kind: ModelKind::Weights,
                name: model.weights().architecture.name().to_owned(),
                version: String::new(),
                digest: model.digest().to_owned(),
                signer: None,
                findings: model
                    .findings()
                    .iter()
                    .map(|name| (name.clone(), codes::of(name)))
                    .collect(),
                limits: Vec::new(),
            },
        }
    }

    /// The codes of a finding.
    pub(super) fn codes(&self, finding: &str) -> &[Code] {
        let mut findings = self.findings.iter();
        findings
            .find(|(name, _)| name == finding)
            .map_or(&[], |(_, codes)| codes)
    }

    /// The first 16 digits of the digest, with its kind.
    pub(super) fn short_digest(&self) -> String {
        format!("sha256:{}", self.digest.get(..16).unwrap_or(&self.digest))
    }
}
