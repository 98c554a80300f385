//! Weights in a safetensors file, in our own form and in torchvision's.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    fs,
    io::Write as _,
    path::Path,
};

use safetensors::{Dtype, SafeTensors, View, serialize};
use serde::{Deserialize, Serialize};

use super::{Array, Normalisation, Weights};
use crate::{architecture::Architecture, error::Error};

/// The one key of the safetensors metadata that is ours. One, because their order is not kept and equal weights make equal files.
const KEY: &str = "pleura";
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    version: u32,
    architecture: Architecture,
    findings: Vec<String>,
    normalisation: Normalisation,
    metadata: BTreeMap<String, String>,
    /// Of the tensors: [`Weights::digest`].
    digest: String,
}

impl Weights {
    /// Reads a file that [`Weights::write`] made.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Format`] for anything but such a file or for damage (the digest is checked), and what
    /// [`Weights::check`] finds.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = fs::read(path).map_err(Error::file(path, "read"))?;
        Self::from_bytes(&bytes, &path.display().to_string())
    }

    /// The same from bytes; `name` is for messages.
    ///
    /// # Errors
    /// As [`Weights::read`].
    pub fn from_bytes(bytes: &[u8], name: &str) -> Result<Self, Error> {
        let refuse = |problem: String| Error::Format {
            name: name.to_owned(),
            problem,
        };
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| {
            refuse(format!(
                "not a safetensors file ({error}); `pleura import` reads .pth and .pth.tar files"
            ))
        })?;
        let json = header
            .metadata()
            .as_ref()
            .and_then(|metadata| metadata.get(KEY))
            .ok_or_else(|| {
                refuse(
                    "a safetensors file without pleura's header; turn it into one with `pleura import`"
                        .to_owned(),
                )
            })?;
        // The version is looked at first: a later one may have other fields, and should be named rather than called malformed.
        let version = serde_json::from_str::<serde_json::Value>(json)
            .ok()
            .and_then(|value| value.get("version")?.as_u64())
            .ok_or_else(|| refuse("pleura's header has no version".to_owned()))?;
        if version != u64::from(VERSION) {
            return Err(refuse(format!(
                "written as version {version}, this program reads version {VERSION}"
            )));
        }
        let header: Header =
            serde_json::from_str(json).map_err(|error| refuse(format!("pleura's header: {error}")))?;
        let file =
            SafeTensors::deserialize(bytes).map_err(|error| refuse(format!("safetensors: {error}")))?;
        let mut tensors = BTreeMap::new();
        for (name, view) in file.iter() {
            if view.dtype() != Dtype::F32 {
                return Err(refuse(format!("{name} holds {}, expected F32", view.dtype())));
            }
            let data = view
                .data()
                .as_chunks::<4>()
                .0
                .iter()
                .map(|bytes| f32::from_le_bytes(*bytes))
                .collect();
            tensors.insert(
                name.to_owned(),
                Array {
                    shape: view.shape().to_vec(),
                    data,
                },
            );
        }
        let weights = Self {
            architecture: header.architecture,
            findings: header.findings,
            normalisation: header.normalisation,
            metadata: header.metadata,
            tensors,
        };
        weights.check()?;
        let digest = weights.digest();
        if digest != header.digest {
            return Err(refuse(format!(
                "the tensors have digest {digest}, the header says {}: the file is damaged or was edited",
                header.digest
            )));
        }
        Ok(weights)
    }

    /// Writes a safetensors file with a JSON header; equal weights make equal bytes.
    ///
    /// The file appears under its name when it is whole, and not before.
    ///
    /// # Errors
    /// [`Error::File`], or what [`Weights::check`] finds: what could not be read back is not written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        write_atomically(path, &self.to_bytes()?)
    }

    /// The bytes of such a file.
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
        let json = serde_json::to_string(&header).map_err(|error| self.unwritable(&error))?;
        let views = self
            .tensors
            .iter()
            .map(|(name, array)| (name, Stored::Numbers(array)));
        serialize(views, Some(HashMap::from([(KEY.to_owned(), json)])))
            .map_err(|error| self.unwritable(&error))
    }

    /// Writes a plain safetensors file that torchvision's `load_state_dict(…, strict=True)` takes.
    ///
    /// It has `num_batches_tracked` for every norm, as zero, and none of our header. Findings and normalisation are not in it.
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
        // transformers and others look for this mark of the framework.
        let mark = HashMap::from([("format".to_owned(), "pt".to_owned())]);
        let bytes = serialize(views, Some(mark)).map_err(|error| self.unwritable(&error))?;
        write_atomically(path, &bytes)
    }

    fn unwritable(&self, problem: &dyn std::fmt::Display) -> Error {
        Error::Weights {
            architecture: self.architecture.name().to_owned(),
            problem: problem.to_string(),
        }
    }
}

/// A tensor as safetensors wants to see it.
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

/// Writes all bytes to a temporary file beside `path`, to the disk, and only then gives it its name.
///
/// # Errors
/// [`Error::File`]; what was at `path` before is then still there.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".writing-").suffix(".tmp");
    // A temporary file is private by default; this one becomes an ordinary file, so the umask decides.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).map_err(Error::file(path, "write"))?;
    file.write_all(bytes).map_err(Error::file(path, "write"))?;
    file.as_file().sync_all().map_err(Error::file(path, "write"))?;
    file.persist(path)
        .map_err(|failed| Error::file(path, "write")(failed.error))?;
    Ok(())
}
