//! Weights in a safetensors file, in our format and in torchvision's.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    fs,
    path::Path,
};

use pleura_core::fs::write_atomic;
use safetensors::{Dtype, View, serialize};
use serde::{Deserialize, Serialize};

use super::{Array, Normalisation, Weights, read};
use crate::{architecture::Architecture, error::Error};

/// Our only key of the safetensors metadata. One key, because their order is not kept and equal weights must
/// make equal files.
pub(crate) const KEY: &str = "pleura";
pub(crate) const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub(super) version: u32,
    pub(super) architecture: Architecture,
    pub(super) findings: Vec<String>,
    pub(super) normalisation: Normalisation,
    pub(super) metadata: BTreeMap<String, String>,
    /// [`Weights::digest`] of the tensors.
    pub(super) digest: String,
}

impl Weights {
    /// Reads a file that [`Weights::write`] wrote.
    ///
    /// # Errors
    /// [`Error::File`]; [`Error::Format`] for any other file and for damaged tensors (their digest is
    /// checked); those of [`Weights::check`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        Ok(Self::read_digested(path)?.0)
    }

    /// [`Weights::read`] together with [`Weights::digest`], which reading computes anyway.
    ///
    /// # Errors
    /// As [`Weights::read`].
    pub fn read_digested(path: &Path) -> Result<(Self, String), Error> {
        let file = fs::File::open(path).map_err(Error::file(path, "read"))?;
        let length = file.metadata().map_err(Error::file(path, "read"))?.len();
        read::weights(file, length, &path.display().to_string(), |error| {
            Error::file(path, "read")(error)
        })
    }

    /// [`Weights::read_digested`] from bytes; `name` is for messages.
    ///
    /// # Errors
    /// As [`Weights::read`].
    pub fn from_bytes(bytes: &[u8], name: &str) -> Result<Self, Error> {
        let (weights, _) = read::weights(bytes, bytes.len() as u64, name, |error| {
            Error::file(Path::new(name), "read")(error)
        })?;
        Ok(weights)
    }

    /// Writes a safetensors file with a JSON header. Equal weights make equal bytes.
    ///
    /// The file appears under its name only when it is complete.
    ///
    /// # Errors
    /// [`Error::File`]; those of [`Weights::check`], since a file that cannot be read back is not written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        Ok(write_atomic(path, &self.to_bytes()?)?)
    }

    /// The bytes of a file of [`Weights::write`].
    ///
    /// # Errors
    /// As [`Weights::write`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        self.check()?;
        let header = Header {
            version: VERSION,
            architecture: self.architecture.clone(),
            findings: self.findings.clone(),
            normalisation: self.normalisation,
            metadata: self.metadata.clone(),
            digest: self.digest(),
        };
        bytes_of(&header, &self.tensors).map_err(|problem| self.unwritable(&problem))
    }

    /// Writes a plain safetensors file for torchvision's `load_state_dict(…, strict=True)`.
    ///
    /// It has `num_batches_tracked` of every norm, as zero, and not our header: no findings and no
    /// normalisation.
    ///
    /// # Errors
    /// As [`Weights::write`].
    pub fn write_torch(&self, path: &Path) -> Result<(), Error> {
        self.check()?;
        let counters = self
            .tensors
            .keys()
            .filter_map(|name| name.strip_suffix("running_mean"));
        let mut views: BTreeMap<String, Stored<'_>> = counters
            .map(|prefix| (format!("{prefix}num_batches_tracked"), Stored::Counter))
            .collect();
        views.extend(
            self.tensors
                .iter()
                .map(|(name, array)| (name.clone(), Stored::Numbers(array))),
        );
        // transformers and others require this mark of the framework.
        let mark = HashMap::from([("format".to_owned(), "pt".to_owned())]);
        let bytes = serialize(views, Some(mark)).map_err(|error| self.unwritable(&error))?;
        Ok(write_atomic(path, &bytes)?)
    }

    fn unwritable(&self, problem: &dyn std::fmt::Display) -> Error {
        Error::Weights {
            architecture: self.architecture.name().to_owned(),
            problem: problem.to_string(),
        }
    }
}

/// The bytes of a safetensors file with a JSON header of ours.
pub(crate) fn bytes_of(
    header: &impl Serialize,
    tensors: &BTreeMap<String, Array>,
) -> Result<Vec<u8>, String> {
    let json = serde_json::to_string(header).map_err(|error| error.to_string())?;
    let views = tensors.iter().map(|(name, array)| (name, Stored::Numbers(array)));
    serialize(views, Some(HashMap::from([(KEY.to_owned(), json)]))).map_err(|error| error.to_string())
}

/// A tensor in the form that safetensors needs.
enum Stored<'a> {
    Numbers(&'a Array),
    /// `num_batches_tracked`: a 64-bit zero without dimensions.
    Counter,
}

impl View for Stored<'_> {
    fn dtype(&self) -> Dtype {
        match self {
            Self::Numbers(_) => Dtype::F32,
            Self::Counter => Dtype::I64,
        }
    }

    fn shape(&self) -> &[usize] {
        match self {
            Self::Numbers(array) => &array.shape,
            Self::Counter => &[],
        }
    }

    fn data(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Numbers(array) => array.data.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::Counter => Cow::Borrowed(&[0; 8]),
        }
    }

    fn data_len(&self) -> usize {
        match self {
            Self::Numbers(array) => 4 * array.data.len(),
            Self::Counter => 8,
        }
    }
}
