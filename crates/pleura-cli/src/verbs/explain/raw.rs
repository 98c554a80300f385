//! Relevance channel by channel, in a file of the user's choice.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use pleura_core::fs::write_atomic;
use pleura_explain::{Explanation, Map, Method, npy};

use super::Job;

#[derive(Clone, Copy)]
pub(super) enum RawFormat {
    Npy,
    Safetensors,
}

impl RawFormat {
    pub(super) fn of(path: &Path) -> Result<Self> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("npy") => Ok(Self::Npy),
            Some("safetensors") => Ok(Self::Safetensors),
            _ => bail!(
                "--raw {}: the name must end in .npy or .safetensors",
                path.display()
            ),
        }
    }
}

/// # Errors
/// Where a method has no values for each channel.
pub(super) fn check(methods: &[Method]) -> Result<()> {
    if let Some(method) = methods.iter().find(|method| !method.has_channels()) {
        bail!(
            "--raw: {} finds no values for each channel of the input; leave it out, or take the sums over channels that are saved beside every \
             picture",
            method.name()
        );
    }
    Ok(())
}

impl Job<'_> {
    pub(super) fn raw(&self, explanations: &[Explanation], stem: &str) -> Result<Option<PathBuf>> {
        let (Some(path), Some(format)) = (&self.args.raw, self.raw) else {
            return Ok(None);
        };
        let path = if self.several {
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            path.with_file_name(format!("{stem}.{name}"))
        } else {
            path.clone()
        };
        let size = self.model.preparation().size;
        let maps = || self.maps(explanations);
        let shape = [maps().count(), 3, size, size];
        let values: Vec<f32> = maps()
            .flat_map(|(_, map)| map.raw.iter().flatten().copied())
            .collect();
        let bytes = match format {
            RawFormat::Npy => npy::bytes(&shape, &values),
            RawFormat::Safetensors => {
                let question = |(method, map): (&Method, &Map)| {
                    if self.methods.len() > 1 {
                        format!("{}: {}", method.name(), map.start.words())
                    } else {
                        map.start.words()
                    }
                };
                let questions: Vec<String> = maps().map(question).collect();
                pleura_explain::raw_safetensors(&shape, &values, &questions, &self.names())?
            }
        };
        write_atomic(&path, &bytes)?;
        Ok(Some(path))
    }
}
