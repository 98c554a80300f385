//! Checkpoints: the complete state of a stage between two steps, in one file.
//!
//! A safetensors file holds the parameters and running statistics (`value/NAME`) and the optimiser's state
//! (`first/NAME`, `second/NAME`). Its metadata hold a JSON object: position, sums, best epoch, lengths of
//! the logs, digests, and a CRC-32 over all tensors. No generator is saved: every random number is a
//! function of seed, epoch and film.

use std::{
    borrow::Cow,
    collections::HashMap,
    path::{Path, PathBuf},
};

use pleura_core::fs::write_atomic;
use pleura_nn::architecture::ParameterSpec;
use pleura_run::LogLengths;
use safetensors::{Dtype, SafeTensors, View, serialize};
use serde::{Deserialize, Serialize};

use crate::{bits, early_stopping::EarlyStopping, error::Error, loss::Value, optimiser::State};

const KEY: &str = "pleura-checkpoint";
const VERSION: u32 = 1;
/// Checkpoints that are kept: the newest, and one to fall back on.
const KEPT: usize = 2;

/// The position of a stage between two steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Position {
    /// The current epoch, from 0.
    pub(crate) epoch: usize,
    /// Batches of it that are done.
    pub(crate) batch: usize,
    /// Steps done in the stage.
    pub(crate) step: u64,
    /// Weighted loss of the current epoch.
    #[serde(with = "bits")]
    pub(crate) loss_sum: f64,
    #[serde(with = "bits")]
    pub(crate) loss_mass: f64,
    #[serde(rename = "watch")]
    pub(crate) early_stopping: EarlyStopping,
    /// Validated epochs, for the summary.
    pub(crate) curve: Vec<CurvePoint>,
}

impl Position {
    /// Adds a batch to the epoch's loss.
    pub(crate) fn add(&mut self, value: &Value) {
        self.loss_sum += value.sum;
        self.loss_mass += value.mass;
    }

    pub(crate) fn epoch_loss(&self) -> f64 {
        Value {
            sum: self.loss_sum,
            mass: self.loss_mass,
        }
        .mean()
    }
}

/// One validated epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct CurvePoint {
    pub(crate) epoch: usize,
    #[serde(with = "bits")]
    pub(crate) train_loss: f64,
    #[serde(with = "bits")]
    pub(crate) validation_loss: f64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    version: u32,
    /// Digest of the run's inputs.
    identity: String,
    stage: String,
    position: Position,
    lengths: LogLengths,
    /// Steps of each parameter, in the order of the parameters.
    steps: Vec<u64>,
    crc32: u32,
}

/// The contents of a checkpoint.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    pub(crate) position: Position,
    pub(crate) lengths: LogLengths,
    pub(crate) values: Vec<Vec<f32>>,
    pub(crate) states: Vec<State>,
}

/// The checkpoints of one stage.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    identity: String,
    stage: String,
}

impl Folder {
    pub(crate) fn new(path: PathBuf, identity: &str, stage: &str) -> Result<Self, Error> {
        std::fs::create_dir_all(&path).map_err(pleura_run::Error::file(&path, "create"))?;
        Ok(Self {
            path,
            identity: identity.to_owned(),
            stage: stage.to_owned(),
        })
    }

    /// Writes a checkpoint and removes old ones. The logs must be synced up to `lengths`.
    pub(crate) fn write(
        &self,
        position: &Position,
        lengths: LogLengths,
        specs: &[ParameterSpec],
        values: &[Vec<f32>],
        states: &[State],
    ) -> Result<(), Error> {
        let mut tensors: Vec<(String, &[f32])> = Vec::with_capacity(3 * specs.len());
        for ((spec, value), state) in specs.iter().zip(values).zip(states) {
            tensors.push((format!("value/{}", spec.name), value));
            for (kind, memory) in [("first", &state.first), ("second", &state.second)] {
                if !memory.is_empty() {
                    tensors.push((format!("{kind}/{}", spec.name), memory));
                }
            }
        }
        // safetensors orders tensors of one type by name.
        tensors.sort_by(|(a, _), (b, _)| a.cmp(b));
        let header = Header {
            version: VERSION,
            identity: self.identity.clone(),
            stage: self.stage.clone(),
            position: position.clone(),
            lengths,
            steps: states.iter().map(|state| state.steps).collect(),
            crc32: checksum(
                tensors
                    .iter()
                    .map(|(name, values)| (name.as_str(), Cow::Owned(to_bytes(values)))),
            ),
        };
        let path = self.path.join(format!("step-{:08}.safetensors", position.step));
        let broken = |problem: String| pleura_run::Error::Damaged {
            path: path.clone(),
            problem,
        };
        let json = serde_json::to_string(&header).map_err(|error| broken(error.to_string()))?;
        let views = tensors.into_iter().map(|(name, values)| {
            (
                name,
                Numbers {
                    shape: [values.len()],
                    values,
                },
            )
        });
        let bytes = serialize(views, Some(HashMap::from([(KEY.to_owned(), json)])))
            .map_err(|error| broken(error.to_string()))?;
        write_atomic(&path, &bytes)?;
        self.thin_out()
    }

    /// The newest undamaged checkpoint, and the problems of newer ones.
    pub(crate) fn newest(&self, specs: &[ParameterSpec]) -> Result<(Option<Checkpoint>, Vec<String>), Error> {
        crate::log::sweep(&self.path)?;
        let mut problems = Vec::new();
        for path in self.files()?.into_iter().rev() {
            match self.read(&path, specs) {
                Ok(checkpoint) => return Ok((Some(checkpoint), problems)),
                Err(problem) => problems.push(format!("{}: passed over: {problem}", path.display())),
            }
        }
        Ok((None, problems))
    }

    /// Removes all checkpoints: the stage is done.
    pub(crate) fn clear(&self) -> Result<(), Error> {
        for path in self.files()? {
            std::fs::remove_file(&path).map_err(pleura_run::Error::file(&path, "remove"))?;
        }
        Ok(())
    }

    fn thin_out(&self) -> Result<(), Error> {
        let files = self.files()?;
        for path in files.iter().rev().skip(KEPT) {
            std::fs::remove_file(path).map_err(pleura_run::Error::file(path, "remove"))?;
        }
        Ok(())
    }

    /// Checkpoints in the order of their steps.
    fn files(&self) -> Result<Vec<PathBuf>, Error> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.path).map_err(pleura_run::Error::file(&self.path, "read"))? {
            let name = entry
                .map_err(pleura_run::Error::file(&self.path, "read"))?
                .file_name();
            let name = name.to_string_lossy();
            let step = name
                .strip_prefix("step-")
                .and_then(|rest| rest.strip_suffix(".safetensors"));
            if let Some(step) = step.and_then(|step| step.parse::<u64>().ok()) {
                files.push((step, self.path.join(&*name)));
            }
        }
        files.sort();
        Ok(files.into_iter().map(|(_, path)| path).collect())
    }

    fn read(&self, path: &Path, specs: &[ParameterSpec]) -> Result<Checkpoint, String> {
        let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
        let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|error| error.to_string())?;
        let json = metadata
            .metadata()
            .as_ref()
            .and_then(|metadata| metadata.get(KEY))
            .ok_or("it has no header")?;
        let header: Header = serde_json::from_str(json).map_err(|error| error.to_string())?;
        if header.version != VERSION || header.identity != self.identity || header.stage != self.stage {
            return Err("it belongs to another run, stage or version".to_owned());
        }
        if header.steps.len() != specs.len() {
            return Err(format!(
                "it has {} parameters, expected {}",
                header.steps.len(),
                specs.len()
            ));
        }
        let file = SafeTensors::deserialize(&bytes).map_err(|error| error.to_string())?;
        let mut tensors = file.tensors();
        tensors.sort_by(|(a, _), (b, _)| a.cmp(b));
        let found = checksum(
            tensors
                .iter()
                .map(|(name, view)| (name.as_str(), Cow::Borrowed(view.data()))),
        );
        if found != header.crc32 {
            return Err(format!("checksum {found:08x}, expected {:08x}", header.crc32));
        }
        let tensors: HashMap<String, &[u8]> = tensors
            .into_iter()
            .map(|(name, view)| (name, view.data()))
            .collect();
        let take = |kind: &str, spec: &ParameterSpec, needed: bool| {
            let name = format!("{kind}/{}", spec.name);
            match tensors.get(&name).map(|bytes| from_bytes(bytes)) {
                Some(numbers) if numbers.len() == spec.elements() => Ok(numbers),
                None if !needed => Ok(Vec::new()),
                found => Err(format!(
                    "{name} has {} numbers",
                    found.map_or(0, |numbers| numbers.len())
                )),
            }
        };
        let mut values = Vec::with_capacity(specs.len());
        let mut states = Vec::with_capacity(specs.len());
        for (spec, &steps) in specs.iter().zip(&header.steps) {
            values.push(take("value", spec, true)?);
            states.push(State {
                steps,
                first: take("first", spec, false)?,
                second: take("second", spec, false)?,
            });
        }
        Ok(Checkpoint {
            position: header.position,
            lengths: header.lengths,
            values,
            states,
        })
    }
}

/// CRC-32 over names and bytes, in the order given.
fn checksum<'a>(tensors: impl Iterator<Item = (&'a str, Cow<'a, [u8]>)>) -> u32 {
    let mut hash = crc32fast::Hasher::new();
    for (name, bytes) in tensors {
        hash.update(name.as_bytes());
        hash.update(&(bytes.len() as u64).to_le_bytes());
        hash.update(&bytes);
    }
    hash.finalize()
}

fn to_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn from_bytes(bytes: &[u8]) -> Vec<f32> {
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|&chunk| f32::from_le_bytes(chunk))
        .collect()
}

struct Numbers<'a> {
    values: &'a [f32],
    shape: [usize; 1],
}

impl View for Numbers<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned(to_bytes(self.values))
    }

    fn data_len(&self) -> usize {
        4 * self.values.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pleura_nn::architecture::Architecture;

    fn example(step: u64) -> (Position, Vec<ParameterSpec>, Vec<Vec<f32>>, Vec<State>) {
        let specs: Vec<ParameterSpec> = Architecture::by_name("small")
            .unwrap()
            .parameters(3)
            .split_off(60);
        let values: Vec<Vec<f32>> = specs
            .iter()
            .map(|spec| {
                (0..spec.elements())
                    .map(|i| (i as f32 + step as f32).sin())
                    .collect()
            })
            .collect();
        let states = values
            .iter()
            .enumerate()
            .map(|(index, value)| State {
                steps: step,
                first: if index % 2 == 0 { value.clone() } else { Vec::new() },
                second: Vec::new(),
            })
            .collect();
        let position = Position {
            epoch: 1,
            batch: 3,
            step,
            loss_sum: 0.1 + 0.2,
            ..Position::default()
        };
        (position, specs, values, states)
    }

    fn write(folder: &Folder, step: u64) {
        let (position, specs, values, states) = example(step);
        folder
            .write(
                &position,
                LogLengths {
                    log: step,
                    timing: 2,
                    events: 3,
                },
                &specs,
                &values,
                &states,
            )
            .unwrap();
    }

    #[test]
    fn every_bit_comes_back() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::new(temporary.path().join("checkpoints"), "identity", "target").unwrap();
        let (position, specs, values, states) = example(7);
        assert!(folder.newest(&specs).unwrap().0.is_none());
        write(&folder, 7);
        let read = folder.newest(&specs).unwrap().0.unwrap();
        assert_eq!(
            (read.position, read.values, read.states),
            (position, values, states)
        );
        assert_eq!(
            read.lengths,
            LogLengths {
                log: 7,
                timing: 2,
                events: 3
            }
        );
    }

    #[test]
    fn two_are_kept_and_a_damaged_one_is_passed_over() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::new(temporary.path().join("checkpoints"), "identity", "target").unwrap();
        for step in [5, 9, 100] {
            write(&folder, step);
        }
        let files = folder.files().unwrap();
        assert_eq!(files.len(), 2);
        let specs = example(0).1;
        let step = || {
            folder
                .newest(&specs)
                .map(|(found, problems)| (found.map(|c| c.position.step), problems.len()))
        };
        assert_eq!(step().unwrap(), (Some(100), 0));
        std::fs::write(temporary.path().join("checkpoints/.writing-abc.tmp"), b"half").unwrap();
        let mut bytes = std::fs::read(&files[1]).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(&files[1], &bytes).unwrap();
        assert_eq!(step().unwrap(), (Some(9), 1));
        assert!(!temporary.path().join("checkpoints/.writing-abc.tmp").exists());
        std::fs::write(&files[1], &bytes[..bytes.len() / 2]).unwrap();
        assert_eq!(step().unwrap(), (Some(9), 1));
        std::fs::write(&files[0], b"").unwrap();
        assert_eq!(step().unwrap(), (None, 2));
        folder.clear().unwrap();
        assert!(folder.files().unwrap().is_empty());
    }

    #[test]
    fn another_runs_checkpoint_is_no_checkpoint() {
        let temporary = tempfile::tempdir().unwrap();
        write(
            &Folder::new(temporary.path().join("checkpoints"), "identity", "target").unwrap(),
            7,
        );
        let other = Folder::new(temporary.path().join("checkpoints"), "another", "target").unwrap();
        let (found, problems) = other.newest(&example(0).1).unwrap();
        assert!(found.is_none() && problems.len() == 1);
    }
}
