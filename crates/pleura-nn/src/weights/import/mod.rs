//! Imports the weights of other programs: torch's `.pth` in both formats, and plain safetensors.
//!
//! No code in a file is ever run. A restricted pickle reader knows tensors, dictionaries and plain values,
//! and refuses everything else by name. Memory stays within a small multiple of the file's size, whatever the
//! file contains.

mod names;
mod numbers;
mod pickle;
mod rebuild;
mod tensors;
mod torch;

use std::collections::BTreeMap;

use pleura_core::content::{self, Content};
use pleura_core::sha256;
use safetensors::{SafeTensorError, SafeTensors};

use super::{Array, Normalisation, Weights, few, file::KEY};
use crate::{
    architecture::{Architecture, NAMES},
    error::Error,
};
use names::Layout;
use numbers::Element;

/// The findings of `CheXNet`'s outputs, in order (Rajpurkar et al., arXiv 1711.05225).
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

/// The format of a file of tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// `torch.save` since 1.6: a ZIP archive of a pickle and raw storages.
    TorchZip,
    /// `torch.save` before 1.6: five pickles in a row, then raw storages.
    TorchLegacy,
    /// safetensors with or without our header.
    SafeTensors,
}

/// The named tensors of a file, converted to float32.
#[derive(Clone, Debug)]
pub struct StateDict {
    /// The format of the file.
    pub container: Container,
    /// Floating-point tensors under the file's own names.
    pub tensors: BTreeMap<String, Array>,
    /// Names of everything else: counters, an epoch, an optimiser's state.
    pub skipped: Vec<String>,
}

/// A head that is recognised in a file; it decides the meaning of the outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownHead {
    /// The 1000 exclusive classes of `ImageNet`.
    ImageNet,
    /// [`CHEXNET_FINDINGS`], independent of each other.
    CheXNet,
}

/// Imported weights, and the changes that were necessary.
#[derive(Clone, Debug)]
pub struct Imported {
    /// In our format, checked.
    pub weights: Weights,
    /// The format of the file.
    pub container: Container,
    /// Prefix of all names, such as `module.densenet121.`.
    pub prefix: String,
    /// Tensors whose names had an older form (`norm.1`, `classifier.0`).
    pub renamed: usize,
    /// Names of skipped entries: counters, an optimiser's state.
    pub skipped: Vec<String>,
    /// The recognised head, if no findings were given.
    pub head: Option<KnownHead>,
}

/// Facts about a file that it does not contain.
#[derive(Clone, Debug)]
pub struct Options {
    /// The findings of the outputs; required unless the head is recognised.
    pub findings: Option<Vec<String>>,
    /// The normalisation in training. Default: `ImageNet`'s, as for torchvision and `CheXNet`.
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

/// Converts a file of another program to weights of `architecture`. `name` is the file name, for messages and
/// provenance.
///
/// # Errors
/// [`Error::Format`] and [`Error::Pickle`] for unreadable or forbidden content; [`Error::Head`] if the
/// outputs have no names; [`Error::Weights`] if the tensors do not fit the architecture.
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
            problem: "already a weight file of pleura; use it without importing".to_owned(),
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
    let outputs = outputs(&tensors, name)?;
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
                    "{name} has {outputs} outputs and does not say what they are. Say all that it lacks at once, the findings in their order: \
                     --findings A,B,… --kind exclusive|independent --size PIXELS --fit stretch|pad|crop"
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

/// The number of outputs of a network with three input channels and a head.
fn outputs(tensors: &BTreeMap<String, Array>, name: &str) -> Result<usize, Error> {
    let shape = |tensor: &str| tensors.get(tensor).map(|array| array.shape.as_slice());
    if let Some([_, 1, ..]) = shape("features.conv0.weight") {
        return Err(Error::Format {
            name: name.to_owned(),
            problem:
                "features.conv0.weight takes one channel, as torchxrayvision's, which is not supported; \
                import a network of three channels"
                    .to_owned(),
        });
    }
    let no_head = |found: &str| Error::Head {
        problem: format!(
            "{name} has no head that is one linear layer: {found}; add an `nn.Linear` called classifier, with one \
             row for each finding, and save it again"
        ),
    };
    match shape("classifier.weight") {
        Some(&[outputs, _]) if outputs > 0 => Ok(outputs),
        Some(shape) => Err(no_head(&format!("classifier.weight has shape {shape:?}"))),
        None => {
            let beside: Vec<&str> = tensors
                .keys()
                .map(String::as_str)
                .filter(|tensor| !tensor.starts_with("features."))
                .collect();
            let found = if beside.is_empty() {
                "all its tensors are features".to_owned()
            } else {
                format!("beside features it has {}", few(&beside))
            };
            Err(no_head(&found))
        }
    }
}

/// Reads the tensors of a file of any network. The format is detected from the content.
///
/// # Errors
/// [`Error::Format`] for damage and unknown formats; [`Error::Pickle`] for forbidden requests of a pickle.
pub fn read_bytes(bytes: &[u8], name: &str) -> Result<StateDict, Error> {
    match bytes {
        [b'P', b'K', 3, 4, ..] => torch::read_zip(bytes, name),
        // Before torch's older format: the length of a header may begin with the byte of a pickle.
        _ if bytes.get(8) == Some(&b'{') => read_safetensors(bytes, name),
        [0x80, ..] => torch::read_legacy(bytes, name),
        _ => Err(Error::Format {
            name: name.to_owned(),
            problem: foreign(bytes),
        }),
    }
}

/// What a file is that holds no tensors of torch, and what to do.
fn foreign(bytes: &[u8]) -> String {
    const READ: &str = "neither a .pth of torch nor a safetensors file";
    if bytes.get(257..262) == Some(b"ustar") {
        return "a tar archive, the form torch wrote before version 0.1.10; load and save it again with torch"
            .to_owned();
    }
    match content::describe(bytes) {
        Some(Content {
            what,
            advice: Some(advice),
        }) => format!("{what}, {READ}; {advice}"),
        Some(Content { what, advice: None }) => format!(
            "{what}, {READ}; save the network's state_dict with torch.save or safetensors, and import that"
        ),
        None => READ.to_owned(),
    }
}

fn read_safetensors(bytes: &[u8], name: &str) -> Result<StateDict, Error> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| {
        let remedy = match error {
            SafeTensorError::InvalidHeaderLength | SafeTensorError::MetadataIncompleteBuffer => {
                "; the file is cut off or damaged, download or copy it again"
            }
            _ => "",
        };
        Error::Format {
            name: name.to_owned(),
            problem: format!("safetensors: {error}{remedy}"),
        }
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

/// Adds to the message which known architecture the tensors fit, if there is one.
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
