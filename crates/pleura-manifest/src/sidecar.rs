//! The JSON beside a manifest: where its films come from, what was left out and why, how it was split.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pleura_core::fs::write_atomic;
use serde::{Deserialize, Serialize};

use crate::{DuplicateRecord, Error, Exclusion, Manifest, Remark};

/// What a manifest's sidecar says. It holds no time and no name of a machine's user, so that the same films give the same file.
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
    /// The datasets, in the order they were read.
    pub sources: Vec<SourceRecord>,
    /// What was left out after the datasets had been put together.
    pub steps: Vec<Exclusion>,
    /// What was noticed about all films together.
    pub remarks: Vec<Remark>,
    /// The class map, where one was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<String>,
    /// Tables of amendments that were applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amendments: Vec<FileRecord>,
    /// Films in each dataset that have each finding.
    pub positives: BTreeMap<String, BTreeMap<String, usize>>,
    /// How the films were split, once they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<SplitRecord>,
    /// How the films were dealt to folds, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folds: Option<FoldsRecord>,
    /// Films that are one radiograph, once somebody has looked.
    #[serde(rename = "leaks", default, skip_serializing_if = "Option::is_none")]
    pub duplicates: Option<DuplicateRecord>,
    /// The manifest that this one was [made of](crate::write_derived) by changing nothing but splits; relative to this one's folder where it lies
    /// below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_from: Option<PathBuf>,
}

/// One dataset as it went in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRecord {
    /// What the manifest calls it.
    pub dataset: String,
    /// The adapter that read it.
    pub kind: String,
    /// Its name in the literature.
    pub title: String,
    /// Where it lay.
    pub path: PathBuf,
    /// The terms its publishers set.
    pub licence: String,
    /// How to cite it.
    pub citation: String,
    /// Where it is published.
    pub url: String,
    /// Public sets that share films with it.
    pub overlaps: Vec<String>,
    /// The label files that were read.
    pub files: Vec<FileRecord>,
    /// Films listed (or, without a list, found).
    pub listed: usize,
    /// Films that were not listed and that an amendment brought in.
    #[serde(default)]
    pub brought_in: usize,
    /// What was left out, in order; `listed + brought_in` less all of it is `kept`.
    pub steps: Vec<Exclusion>,
    /// What was noticed.
    pub remarks: Vec<Remark>,
    /// Films that went into the manifest.
    pub kept: usize,
    /// Where the dataset is itself a manifest with a sidecar: the datasets that went into that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub made_of: Vec<SourceRecord>,
}

/// A file and its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Where it lay.
    pub path: PathBuf,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

/// How a manifest was split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SplitRecord {
    /// `patient` or `official`.
    pub by: String,
    /// The seed.
    pub seed: u64,
    /// Parts asked for: training, validation, test.
    pub fractions: [f64; 3],
    /// Test films of each class, where a balanced test was asked for.
    pub balanced_test: Option<usize>,
    /// Films in each split.
    pub films: BTreeMap<String, usize>,
    /// Patients in each split.
    pub patients: BTreeMap<String, usize>,
    /// Digest of the test split's rows, to be compared at every look.
    pub test_digest: String,
    /// [`Manifest::films_digest`] of the test split: the films themselves, by which [looks](crate::looks) know it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_films: Option<String>,
}

/// How a manifest was dealt to the folds of a cross-validation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoldsRecord {
    /// How many folds.
    pub count: usize,
    /// The seed.
    pub seed: u64,
    /// Films in each fold, from the first.
    pub films: Vec<usize>,
    /// Patients in each fold.
    pub patients: Vec<usize>,
    /// Films in no fold: a test split that was kept out.
    pub outside: usize,
    /// [`Manifest::films_digest`] of each fold.
    pub digests: Vec<String>,
}

impl Sidecar {
    /// Pairs of files, by digest, that somebody found to be one radiograph.
    pub fn duplicate_files(&self) -> Vec<[String; 2]> {
        let pairs = self.duplicates.iter().flat_map(|record| &record.pairs);
        pairs.map(|pair| pair.files.clone()).collect()
    }

    /// Where the sidecar of a manifest lies: the same name with the extension `.json`.
    pub fn path(manifest: &Path) -> PathBuf {
        manifest.with_extension("json")
    }

    /// The sidecar of a manifest; `None` where it has none.
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

    /// Writes the sidecar of a manifest, whole or not at all.
    pub fn write(&self, manifest: &Path) -> Result<(), Error> {
        let path = Self::path(manifest);
        let text = serde_json::to_string_pretty(self).map_err(|source| Error::Json {
            path: path.clone(),
            source,
        })?;
        Ok(write_atomic(&path, format!("{text}\n").as_bytes())?)
    }

    /// A sidecar for a manifest that was made by other means than building it from datasets.
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

    /// Brings digest and counts up to date with the manifest. One that is split or dealt anew is no copy of another any more.
    pub(crate) fn describe(&mut self, manifest: &Manifest) {
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
            sha256: crate::image_file::sha256(&bytes),
        })
    }
}
