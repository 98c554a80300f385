//! The relevance of each channel, in one file.

use std::path::{Path, PathBuf};

use pleura_explain::{Explanation, Map, Method, npy};

use super::explainer::Explainer;
use super::write;
use crate::Error;

/// A file of relevance, `[questions, 3, size, size]`, method by method.
#[derive(Clone, Debug)]
pub struct RawFile {
    path: PathBuf,
    format: Format,
}

#[derive(Clone, Copy, Debug)]
enum Format {
    Npy,
    Safetensors,
}

impl RawFile {
    /// A file whose name ends in `.npy` or `.safetensors`, for these methods.
    ///
    /// # Errors
    /// [`Error::RawName`]; [`Error::RawMethod`] if a method has no value for each channel.
    pub fn new(path: &Path, methods: &[Method]) -> Result<Self, Error> {
        let format = match path.extension().and_then(|extension| extension.to_str()) {
            Some("npy") => Format::Npy,
            Some("safetensors") => Format::Safetensors,
            _ => {
                return Err(Error::RawName {
                    path: path.to_owned(),
                });
            }
        };
        if let Some(method) = methods.iter().find(|method| !method.has_channels()) {
            return Err(Error::RawMethod {
                method: method.name().to_owned(),
            });
        }
        Ok(Self {
            path: path.to_owned(),
            format,
        })
    }

    /// Writes the file; with a stem, under a name that begins with it.
    pub(super) fn write(
        &self,
        explainer: &Explainer<'_>,
        explanations: &[Explanation],
        stem: Option<&String>,
    ) -> Result<PathBuf, Error> {
        let path = match stem {
            Some(stem) => {
                let name = self.path.file_name();
                let name = name
                    .map(|name| name.to_string_lossy().into_owned())
                    .unwrap_or_default();
                self.path.with_file_name(format!("{stem}.{name}"))
            }
            None => self.path.clone(),
        };
        let size = explainer.model.preparation().size;
        let maps = || explainer.maps(explanations);
        let shape = [maps().count(), 3, size, size];
        let values: Vec<f32> = maps()
            .flat_map(|(_, map)| map.raw.iter().flatten().copied())
            .collect();
        let bytes = match self.format {
            Format::Npy => npy::bytes(&shape, &values),
            Format::Safetensors => {
                let question = |(method, map): (&Method, &Map)| {
                    if explainer.methods.len() > 1 {
                        format!("{}: {}", method.name(), map.start.words())
                    } else {
                        map.start.words()
                    }
                };
                let questions: Vec<String> = maps().map(question).collect();
                pleura_explain::raw_safetensors(&shape, &values, &questions, &explainer.method_names())?
            }
        };
        write(&path, &bytes)?;
        Ok(path)
    }
}
