//! The model as an ONNX graph, with or without its heatmaps.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pleura_core::fs::write_atomic;
use pleura_explain::{Composite, Start};
use pleura_onnx::{Batch, Export, Heatmap, Probabilities, Question};

use super::test_data;
use crate::explain::Selection;
use crate::{Classifier, Error, Task};

/// What the graph holds.
#[derive(Clone, Debug)]
pub struct OnnxOptions {
    /// Films in one pass.
    pub batch: Batch,
    /// Heatmaps as a further output.
    pub heatmap: Option<HeatmapOptions>,
    /// Inputs and outputs to check a runtime with.
    pub test_data: Option<TestData>,
}

/// The heatmaps of a graph.
#[derive(Clone, Debug)]
pub struct HeatmapOptions {
    /// The rules.
    pub composite: Composite,
    /// The questions; the same for all films ([`Selection::fixed`]).
    pub questions: Selection,
}

/// Test data in the form that ONNX keeps it: `input_0.pb` and `output_0.pb` onwards.
#[derive(Clone, Debug)]
pub struct TestData {
    /// The folder.
    pub folder: PathBuf,
    /// The films; two films of noise if there are none.
    pub films: Vec<PathBuf>,
    /// True for answers in double precision.
    pub exact: bool,
}

/// A graph that was written.
#[derive(Clone, Debug)]
pub struct OnnxExport {
    /// The length of the file.
    pub bytes: usize,
    /// Films in one pass.
    pub batch: Batch,
    /// The questions of its heatmaps.
    pub questions: Vec<String>,
    /// The rules of its heatmaps.
    pub composite: Option<String>,
    /// The films of the test data.
    pub test_films: usize,
}

impl Classifier {
    /// Writes the network as an ONNX graph: one grey channel in 0 to 1 in, logits and probabilities out. The
    /// graph's probabilities are not calibrated.
    ///
    /// # Errors
    /// [`Error::Onnx`] if the graph cannot hold what is asked for; [`Error::TestFilms`]; errors of files.
    pub fn export_onnx(&self, out: &Path, options: &OnnxOptions) -> Result<OnnxExport, Error> {
        let heatmap = options.heatmap.as_ref();
        let composite = heatmap.map(|heatmap| &heatmap.composite);
        let starts = match heatmap {
            Some(heatmap) => heatmap.questions.fixed().ok_or(Error::QuestionOfFilm)?,
            None => &[],
        };
        let question = |start: &Start| {
            let words = start.words();
            let start = start.at_logits(self.findings())?;
            Ok(Question { words, start })
        };
        let questions: Vec<Question> = starts.iter().map(question).collect::<Result<_, Error>>()?;
        let rules = composite.map(|composite| composite.rules(&self.weights().architecture));
        let rules = rules.transpose()?;
        let graph = Export {
            size: self.preparation().size,
            batch: options.batch,
            probabilities: match self.task() {
                Task::Exclusive => Probabilities::Softmax,
                Task::Independent => Probabilities::Sigmoid,
            },
            heatmap: composite.zip(rules.as_ref()).map(|(composite, rules)| Heatmap {
                rules,
                composite: composite.name(),
                questions: &questions,
            }),
            metadata: BTreeMap::from([(
                "preparation".to_owned(),
                serde_json::to_string(self.preparation())?,
            )]),
        };
        let bytes = pleura_onnx::export(self.weights(), &graph).map_err(|source| Error::Onnx {
            path: self.path().to_owned(),
            source,
        })?;
        // Films are read before anything is written: a refusal leaves no file.
        let films = match &options.test_data {
            Some(data) => test_data::films(&data.films, self.preparation(), options.batch)?,
            None => Vec::new(),
        };
        write_atomic(out, &bytes)?;
        if let Some(data) = &options.test_data {
            test_data::write(self, data, &films, composite, starts)?;
        }
        Ok(OnnxExport {
            bytes: bytes.len(),
            batch: options.batch,
            questions: questions.into_iter().map(|question| question.words).collect(),
            composite: composite.map(|composite| composite.name().to_owned()),
            test_films: films.len(),
        })
    }
}
