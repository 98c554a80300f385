//! The JSON beside a manifest: the datasets, the films left out with reasons, and the split.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pleura_core::fs::write_atomic;
use serde::{Deserialize, Serialize};

use crate::{DuplicateRecord, Error, Exclusion, Manifest, Remark};

/// The sidecar of a manifest. It holds no time and no user name, so that the same films give the same file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sidecar {
    /// Name and version of the software that built the manifest.
    pub software: String,
    /// [`Manifest::digest`] of the manifest it belongs to.
    pub manifest_digest: String,
    /// Films in the manifest.
    pub films: usize,
    /// Patients in the manifest.
    pub patients: usize,
    /// The datasets, in build order.
    pub sources: Vec<SourceRecord>,
    /// Films left out after all datasets were read.
    pub steps: Vec<Exclusion>,
    /// Remarks on all films together.
    pub remarks: Vec<Remark>,
    /// The class map, if one was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<String>,
    /// Tables of amendments that were applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amendments: Vec<FileRecord>,
    /// Number of films with each finding, by dataset.
    pub positives: BTreeMap<String, BTreeMap<String, usize>>,
    /// The split, if the manifest is split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<SplitRecord>,
    /// The folds, if the films are assigned to folds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folds: Option<FoldsRecord>,
    /// The duplicates, if they were searched for.
    #[serde(rename = "leaks", default, skip_serializing_if = "Option::is_none")]
    pub duplicates: Option<DuplicateRecord>,
    /// The manifest that this one was [made from](crate::write_derived) by changing only splits. The path is
    /// relative to this manifest's folder if it lies below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_from: Option<PathBuf>,
}

/// One dataset of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRecord {
    /// Its name in the manifest.
    pub dataset: String,
    /// The adapter that read it.
    pub kind: String,
    /// Its name in the literature.
    pub title: String,
    /// Its path at build time.
    pub path: PathBuf,
    /// The licence terms of its publishers.
    pub licence: String,
    /// How to cite it.
    pub citation: String,
    /// Where it is published.
    pub url: String,
    /// Public datasets that share films with it.
    pub overlaps: Vec<String>,
    /// The label files that were read.
    pub files: Vec<FileRecord>,
    /// Films listed (without a list: found).
    pub listed: usize,
    /// Films that were not listed but added by an amendment.
    #[serde(default)]
    pub brought_in: usize,
    /// Films left out, in order. `listed + brought_in` minus all of them is `kept`.
    pub steps: Vec<Exclusion>,
    /// Remarks on its films.
    pub remarks: Vec<Remark>,
    /// Films that went into the manifest.
    pub kept: usize,
    /// The datasets of this dataset, if it is itself a manifest with a sidecar.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub made_of: Vec<SourceRecord>,
}

/// A file and its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Its path.
    pub path: PathBuf,
    /// SHA-256 of its content.
    pub sha256: String,
}

/// The record of a split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SplitRecord {
    /// `patient` or `official`.
    pub by: String,
    /// The seed.
    pub seed: u64,
    /// Requested parts of training, validation, test.
    pub fractions: [f64; 3],
    /// Test films of each class, if a balanced test split was requested.
    pub balanced_test: Option<usize>,
    /// Films in each split.
    pub films: BTreeMap<String, usize>,
    /// Patients in each split.
    pub patients: BTreeMap<String, usize>,
    /// Digest of the test split's rows.
    pub test_digest: String,
    /// [`Manifest::films_digest`] of the test split. The [test access log](crate::access_log) identifies the
    /// split by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_films: Option<String>,
}

/// The record of a fold assignment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoldsRecord {
    /// Number of folds.
    pub count: usize,
    /// The seed.
    pub seed: u64,
    /// Films in each fold.
    pub films: Vec<usize>,
    /// Patients in each fold.
    pub patients: Vec<usize>,
    /// Films in no fold: a test split that was kept.
    pub outside: usize,
    /// [`Manifest::films_digest`] of each fold.
    pub digests: Vec<String>,
}

impl Sidecar {
    /// Pairs of duplicate files, by digest.
    pub fn duplicate_files(&self) -> Vec<[String; 2]> {
        let pairs = self.duplicates.iter().flat_map(|record| &record.pairs);
        pairs.map(|pair| pair.files.clone()).collect()
    }

    /// The path of a manifest's sidecar: the same name with the extension `.json`.
    pub fn path(manifest: &Path) -> PathBuf {
        manifest.with_extension("json")
    }

    /// Reads the sidecar of a manifest; `None` if there is none.
    pub fn read(manifest: &Path) -> Result<Option<Self>, Error> {
        let path = Self::path(manifest);
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|source| Error::Json { path, source }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read the sidecar", &path)(error)),
        }
    }

    /// Writes the sidecar of a manifest atomically.
    pub fn write(&self, manifest: &Path) -> Result<(), Error> {
        let path = Self::path(manifest);
        let text = serde_json::to_string_pretty(self).map_err(|source| Error::Json {
            path: path.clone(),
            source,
        })?;
        Ok(write_atomic(&path, format!("{text}\n").as_bytes())?)
    }

    /// A sidecar for a manifest that was not built from datasets.
    pub fn bare(manifest: &Manifest) -> Self {
        let mut sidecar = Self {
            software: concat!("pleura ", env!("CARGO_PKG_VERSION")).to_string(),
            manifest_digest: String::new(),
            films: 0,
            patients: 0,
            sources: Vec::new(),
            steps: Vec::new(),
            remarks: Vec::new(),
            classes: None,
            amendments: Vec::new(),
            positives: BTreeMap::new(),
            split: None,
            folds: None,
            duplicates: None,
            made_from: None,
        };
        sidecar.describe(manifest);
        sidecar
    }

    /// Updates digest and counts to the manifest, and clears `made_from`: a manifest with other splits is not
    /// derived.
    pub fn describe(&mut self, manifest: &Manifest) {
        self.made_from = None;
        self.manifest_digest = manifest.digest();
        self.films = manifest.rows.len();
        self.patients = manifest.patients();
        self.positives.clear();
        for row in &manifest.rows {
            let findings = self.positives.entry(row.dataset.clone()).or_default();
            for (finding, label) in manifest.findings.iter().zip(&row.labels) {
                if *label == crate::Label::Positive {
                    *findings.entry(finding.clone()).or_default() += 1;
                }
            }
        }
    }
}

impl FileRecord {
    /// Digests a file.
    pub fn of(path: &Path) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
        Ok(Self {
            path: path.to_path_buf(),
            sha256: pleura_core::sha256::hex(&bytes),
        })
    }
}
