//! Weights that others made: torch's `.pth` in both its forms, and plain safetensors.
//!
//! Nothing in a file is ever run. A pickle is interpreted by a reader that knows tensors, dictionaries and plain values, and refuses the
//! rest by name; memory stays within a small multiple of the file's size whatever the file says.

mod names;
mod numbers;
mod pickle;
mod rebuild;
mod tensors;
mod torch;

use std::collections::BTreeMap;

use pleura_core::sha256;
use safetensors::SafeTensors;

use super::{Array, Normalisation, Weights, few, file::KEY};
use crate::{
    architecture::{Architecture, NAMES},
    error::Error,
};
use names::Layout;
use numbers::Element;

/// The findings of `CheXNet`'s outputs, in their order (Rajpurkar et al., arXiv 1711.05225).
pub const CHEXNET_FINDINGS: [&str; 14] = [
    "Atelectasis",
    "Cardiomegaly",
    "Effusion",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pneumonia",
    "Pneumothorax",
    "Consolidation",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Pleural_Thickening",
    "Hernia",
];

const IMAGENET_CLASSES: usize = 1000;

/// What a file of tensors is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// `torch.save` since 1.6: a ZIP archive of a pickle and raw storages.
    TorchZip,
    /// `torch.save` before: five pickles in a row, then raw storages.
    TorchLegacy,
    /// safetensors with or without our header.
    SafeTensors,
}

/// Named tensors as they stand in a file, in float32 whatever they were there.
#[derive(Clone, Debug)]
pub struct StateDict {
    /// The form of the file.
    pub container: Container,
    /// Floating-point tensors under the file's own names.
    pub tensors: BTreeMap<String, Array>,
    /// Names of what is not a floating-point tensor: counters, an epoch, an optimiser's state.
    pub skipped: Vec<String>,
}

/// Whose head a file holds, where that shows; it decides what the outputs mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownHead {
    /// The 1000 exclusive classes of `ImageNet`.
    ImageNet,
    /// [`CHEXNET_FINDINGS`], independent of each other.
    CheXNet,
}

/// Imported weights and what had to be done to them.
#[derive(Clone, Debug)]
pub struct Imported {
    /// In our form and checked.
    pub weights: Weights,
    /// The form of the file.
    pub container: Container,
    /// What stood before every name, as `module.densenet121.`.
    pub prefix: String,
    /// Tensors whose names had an older form (`norm.1`, `classifier.0`).
    pub renamed: usize,
    /// Names of what was left behind: counters, an optimiser's state.
    pub skipped: Vec<String>,
    /// Whose head it is, where no findings were given.
    pub head: Option<KnownHead>,
}

/// What the user knows about a file and it does not say itself.
#[derive(Clone, Debug)]
pub struct Options {
    /// What the outputs stand for; needed unless the head is a known one.
    pub findings: Option<Vec<String>>,
    /// What the network was trained to see. `ImageNet`'s unless told otherwise, as torchvision's and `CheXNet`'s.
    pub normalisation: Normalisation,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            findings: None,
            normalisation: Normalisation::IMAGENET,
        }
    }
}

/// Turns a file of another program into weights of `architecture`; `name` is the file's, for messages and provenance.
///
/// # Errors
/// [`Error::Format`] and [`Error::Pickle`] for what cannot or must not be read, [`Error::Head`] where the outputs have no names,
/// [`Error::Weights`] where the tensors are not this architecture's.
pub fn import(
    bytes: &[u8],
    name: &str,
    architecture: &Architecture,
    options: &Options,
) -> Result<Imported, Error> {
    let header = SafeTensors::read_metadata(bytes).ok();
    let ours = header.and_then(|(_, header)| header.metadata().clone());
    if ours.is_some_and(|header| header.contains_key(KEY)) {
        return Err(Error::Format {
            name: name.to_owned(),
            problem: "a weight file of pleura already, which says what it needs; use it as it is".to_owned(),
        });
    }
    let StateDict {
        container,
        tensors,
        skipped,
    } = read_bytes(bytes, name)?;
    let Layout {
        tensors,
        prefix,
        renamed,
        chexnet,
    } = names::to_torchvision(tensors, name)?;
    let outputs = tensors.get("classifier.bias").map_or(0, |bias| bias.data.len());
    let (findings, head) = match &options.findings {
        Some(findings) if findings.len() == outputs => (findings.clone(), None),
        Some(findings) => {
            return Err(Error::Head {
                problem: format!(
                    "{name} has {outputs} outputs, {} findings were given",
                    findings.len()
                ),
            });
        }
        None if chexnet && outputs == CHEXNET_FINDINGS.len() => (
            CHEXNET_FINDINGS.map(str::to_owned).to_vec(),
            Some(KnownHead::CheXNet),
        ),
        None if outputs == IMAGENET_CLASSES => (
            (0..outputs).map(|class| format!("ImageNet {class}")).collect(),
            Some(KnownHead::ImageNet),
        ),
        None => {
            return Err(Error::Head {
                problem: format!(
                    "{name} has {outputs} outputs and does not say what they are; name them in their order (--findings A,B,…)"
                ),
            });
        }
    };
    let weights = Weights {
        architecture: architecture.clone(),
        findings,
        normalisation: options.normalisation,
        metadata: BTreeMap::from([
            ("imported_from".to_owned(), base_name(name).to_owned()),
            ("imported_sha256".to_owned(), sha256::hex(bytes)),
        ]),
        tensors,
    };
    weights.check().map_err(|error| with_hint(error, &weights))?;
    Ok(Imported {
        weights,
        container,
        prefix,
        renamed,
        skipped,
        head,
    })
}

/// Reads the tensors of a file whatever network they belong to; the format is told by its content.
///
/// # Errors
/// [`Error::Format`] for damage and for formats that are not read, [`Error::Pickle`] for what a pickle must not ask for.
pub fn read_bytes(bytes: &[u8], name: &str) -> Result<StateDict, Error> {
    let refuse = |problem: &str| {
        Err(Error::Format {
            name: name.to_owned(),
            problem: problem.to_owned(),
        })
    };
    match bytes {
        [b'P', b'K', 3, 4, ..] => torch::read_zip(bytes, name),
        // Before torch's older form: the length of the header, which comes first, may well begin with the byte of a pickle.
        _ if bytes.get(8) == Some(&b'{') => read_safetensors(bytes, name),
        [0x80, ..] => torch::read_legacy(bytes, name),
        _ if bytes.get(257..262) == Some(b"ustar") => refuse(
            "a tar archive, the form torch wrote before version 0.1.10; load and save it again with torch",
        ),
        [0x1f, 0x8b, ..] => refuse("compressed by gzip; decompress it first"),
        [0x89, b'H', b'D', b'F', ..] => {
            refuse("an HDF5 file, as Keras writes; only torch's files and safetensors are read")
        }
        _ => refuse("neither a .pth of torch nor a safetensors file"),
    }
}

fn read_safetensors(bytes: &[u8], name: &str) -> Result<StateDict, Error> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| Error::Format {
        name: name.to_owned(),
        problem: format!("safetensors: {error}"),
    })?;
    let mut state = StateDict {
        container: Container::SafeTensors,
        tensors: BTreeMap::new(),
        skipped: Vec::new(),
    };
    for (tensor, view) in file.iter() {
        match Element::of_safetensors(view.dtype()) {
            Some(element) => {
                let data = element.read(view.data());
                state.tensors.insert(
                    tensor.to_owned(),
                    Array {
                        shape: view.shape().to_vec(),
                        data,
                    },
                );
            }
            None => state.skipped.push(tensor.to_owned()),
        }
    }
    state.skipped.sort();
    Ok(state)
}

/// If the tensors are those of another architecture that we know, the message says which.
fn with_hint(error: Error, weights: &Weights) -> Error {
    let Error::Weights {
        architecture,
        problem,
    } = error
    else {
        return error;
    };
    let fits = |name: &&&str| {
        **name != architecture
            && Architecture::by_name(name).is_ok_and(|other| {
                let specs = other.parameters(weights.findings.len());
                specs.len() == weights.tensors.len()
                    && specs.iter().all(|spec| {
                        weights
                            .tensors
                            .get(&spec.name)
                            .is_some_and(|array| array.shape == spec.shape)
                    })
            })
    };
    let problem = match NAMES.iter().find(fits) {
        Some(other) => format!("{problem}; these are the tensors of {other}"),
        None => problem,
    };
    Error::Weights {
        architecture,
        problem,
    }
}

fn base_name(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}
