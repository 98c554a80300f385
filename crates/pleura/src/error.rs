//! Everything that can go wrong in this crate.

use std::path::PathBuf;

use pleura_film::Preparation;

use crate::Task;

/// Names the file, what was found and what was expected.
///
/// Messages name no option of the command line: the program adds the option that helps.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The weight file cannot be read.
    #[error("cannot read the model")]
    Weights(#[source] pleura_nn::Error),
    /// The engine refuses the weights.
    #[error("{path}: cannot set up the network")]
    Network {
        /// The model.
        path: PathBuf,
        /// The engine's message.
        source: pleura_nn::Error,
    },
    /// The input size is too small for the architecture.
    #[error(
        "{path}: {architecture} needs films of at least {smallest}×{smallest} pixels, and the size is {size}"
    )]
    InputTooSmall {
        /// The model.
        path: PathBuf,
        /// Name of its architecture.
        architecture: String,
        /// The smallest side that it takes, in pixels.
        smallest: usize,
        /// The side that was set.
        size: usize,
    },
    /// Options were set for a package, which contains its own settings.
    #[error("{path}: a package contains its stage, preparation, task and calibration; they cannot be set")]
    PackageSettings {
        /// The package.
        path: PathBuf,
    },
    /// A signature was demanded of something that is not a package.
    #[error("{path}: is not a package, so it has no signature")]
    NotAPackage {
        /// The model.
        path: PathBuf,
    },
    /// A stage was named for a file.
    #[error("{path}: the stage {stage:?} chooses within a run's folder, and this is not a folder")]
    StageOfFile {
        /// The file.
        path: PathBuf,
        /// The stage.
        stage: String,
    },
    /// The folder is not a run.
    #[error(
        "{path}: a folder without recipe.toml is not a run; give a run's folder or a weight file (.safetensors)"
    )]
    NotARun {
        /// The folder.
        path: PathBuf,
    },
    /// The recipe of the run cannot be read.
    #[error("cannot read the run's recipe")]
    Recipe(#[source] pleura_run::Error),
    /// The run has no stage of this name.
    #[error("{path}: the run has no stage {stage:?}; its stages are {stages}")]
    UnknownStage {
        /// The run's folder.
        path: PathBuf,
        /// The stage that was named.
        stage: String,
        /// All stages of the run.
        stages: String,
    },
    /// The stage has not been trained far enough to have weights.
    #[error("{path}: stage {stage:?} has no best weights yet; the stages of the run are {stages}")]
    NoWeights {
        /// The run's folder.
        path: PathBuf,
        /// The stage.
        stage: String,
        /// All stages of the run.
        stages: String,
    },
    /// The weight file does not contain the task.
    #[error("{path}: the weights do not say whether their findings exclude each other")]
    TaskUnknown {
        /// The weight file.
        path: PathBuf,
    },
    /// The weight file contains neither the task nor the preparation.
    #[error(
        "{path}: the weights do not say whether their findings exclude each other, nor how films were prepared for them"
    )]
    FactsUnknown {
        /// The weight file.
        path: PathBuf,
    },
    /// The weight file contains a task that this program does not know.
    #[error("{path}: the weights say kind {found:?}, expected \"exclusive\" or \"independent\"")]
    TaskInvalid {
        /// The weight file.
        path: PathBuf,
        /// The word found.
        found: String,
    },
    /// The task that was set is not the one that the weights were trained for.
    #[error("{path}: the task {} contradicts the weights, which were trained as {}", .set.name(), .stored.name())]
    TaskContradicts {
        /// The weight file.
        path: PathBuf,
        /// The task that was set.
        set: Task,
        /// The task in the weight file.
        stored: Task,
    },
    /// The weight file does not contain the preparation of films.
    #[error("{path}: the weights do not say how films were prepared for them")]
    PreparationUnknown {
        /// The weight file.
        path: PathBuf,
    },
    /// The preparation in the weight file cannot be parsed.
    #[error("{path}: the weights' preparation {stored} cannot be read")]
    PreparationInvalid {
        /// The weight file.
        path: PathBuf,
        /// The text found.
        stored: String,
        /// The parser's message.
        source: serde_json::Error,
    },
    /// The size or fit that was set is not the one that the weights were trained with.
    #[error("{path}: the size and fit that were set contradict the weights, which were trained on {}", json(.stored))]
    PreparationContradicts {
        /// The weight file.
        path: PathBuf,
        /// The preparation in the weight file.
        stored: Preparation,
    },
    /// The calibration was fitted for other weights.
    #[error(
        "{calibration}: was fitted for the weights {}…, and {model} has {}…; fit it again with `pleura calibrate`",
        crate::digest::short(.fitted_for), crate::digest::short(.digest)
    )]
    ForeignCalibration {
        /// The calibration file.
        calibration: PathBuf,
        /// Digest of the weights that it was fitted for.
        fitted_for: String,
        /// The model.
        model: PathBuf,
        /// Digest of the model's weights.
        digest: String,
    },
    /// The calibration is for other findings or another task.
    #[error("{path}")]
    CalibrationShape {
        /// The calibration file.
        path: PathBuf,
        /// What does not fit.
        source: pleura_eval::Error,
    },
    /// The calibration cannot be read.
    #[error(transparent)]
    Calibration(pleura_eval::Error),
    /// A request cannot be carried out as it stands.
    #[error("{problem}")]
    Request {
        /// What was found, what was expected, and what to do.
        problem: String,
        /// The option of the request that helps.
        option: Option<&'static str>,
        /// True if `problem` begins with the option's value, which is at fault.
        value: bool,
    },
    /// An access to test films cannot be recorded, so it does not happen.
    #[error(
        "an access to test films must be recorded; make the manifest's folder writable, or copy the manifest to one that is"
    )]
    TestAccess(#[source] pleura_manifest::Error),
    /// Answers cannot be evaluated.
    #[error(transparent)]
    Evaluation(#[from] pleura_eval::Error),
    /// Films cannot be loaded.
    #[error(transparent)]
    Data(#[from] pleura_data::Error),
    /// A run, or the labels of its stage, cannot be used.
    #[error(transparent)]
    Training(#[from] pleura_train::Error),
    /// The package cannot be used.
    #[error(transparent)]
    Package(#[from] pleura_package::Error),
    /// The film cannot be decoded.
    #[error(transparent)]
    Film(#[from] pleura_film::Error),
    /// The network could not run.
    #[error("cannot answer")]
    Inference(#[source] pleura_nn::Error),
    /// The network returned fewer rows than it was given films.
    #[error("the network gave no answer")]
    NoAnswer,
    /// The stage was trained on fractals, so it has no table of films.
    #[error("{path}: stage {stage:?} was trained on fractals, not on films")]
    FractalStage {
        /// The run's folder.
        path: PathBuf,
        /// The stage.
        stage: String,
    },
    /// The manifest that a stage was trained on cannot be read.
    #[error("the table that stage {stage:?} was trained on")]
    TrainingManifest {
        /// The stage.
        stage: String,
        /// Why it cannot be read.
        source: pleura_manifest::Error,
    },
    /// A manifest or a mask cannot be read.
    #[error(transparent)]
    Manifest(#[from] pleura_manifest::Error),
    /// The model has no finding of this name.
    #[error("the model has no finding {name:?}; it has {}", .findings.join(", "))]
    UnknownFinding {
        /// The name that was given.
        name: String,
        /// The model's findings.
        findings: Vec<String>,
    },
    /// A threshold was set for a model of exclusive classes.
    #[error("a threshold is for independent findings, and this model's exclude each other")]
    ThresholdOfClasses,
    /// A threshold is not a probability.
    #[error("a threshold of {probability}: expected a probability between 0 and 1")]
    ThresholdValue {
        /// The threshold.
        probability: f64,
    },
    /// A finding was compared with the next, and there is no other.
    #[error("the model has one finding only, {finding}: there is no next one")]
    OneFinding {
        /// The finding.
        finding: String,
    },
    /// A finding was compared with itself.
    #[error(
        "the finding and its contrast are both {finding:?}: their difference is zero; choose two findings"
    )]
    EqualFindings {
        /// The finding.
        finding: String,
    },
    /// The only finding that is asked about is the one it is compared with.
    #[error("the finding is the one that it is compared with")]
    SelfContrast,
    /// The questions are about labelled findings, and the film has none of the model's.
    #[error("its row labels none of the model's findings ({}) as present", .findings.join(", "))]
    NoLabelledFinding {
        /// The model's findings.
        findings: Vec<String>,
    },
    /// A film has no question.
    #[error("{film}: cannot be asked")]
    Question {
        /// The film.
        film: PathBuf,
        /// Why not.
        source: Box<Error>,
    },
    /// A film cannot be explained.
    #[error("{film}: cannot explain")]
    Explanation {
        /// The film.
        film: String,
        /// Why not.
        source: pleura_explain::Error,
    },
    /// A film's heatmaps cannot be scored.
    #[error("{film}: cannot measure its heatmaps")]
    Scores {
        /// The film.
        film: PathBuf,
        /// Why not.
        source: pleura_explain::Error,
    },
    /// A method or setting of an explanation is invalid.
    #[error(transparent)]
    Explain(#[from] pleura_explain::Error),
    /// A picture or page cannot be made.
    #[error(transparent)]
    Draw(#[from] pleura_draw::Error),
    /// Masks were given for several films.
    #[error(
        "masks were given for {films} films: a mask belongs to one film; explain them one by one, or name the masks in a \
         manifest's columns (lung_mask, lesion_mask, text_mask)"
    )]
    MasksOfFilms {
        /// The number of films.
        films: usize,
    },
    /// A film's mask cannot be read.
    #[error("{film}: cannot use its mask of the {place}")]
    Mask {
        /// The film's name.
        film: String,
        /// The part that the mask marks.
        place: &'static str,
        /// Why not.
        source: Box<Error>,
    },
    /// A mask has other proportions than its film.
    #[error(
        "{mask}: the mask is {} x {} pixels, the film {film} is {} x {}: a mask covers the whole film, so their \
         proportions must agree", .mask_size[0], .mask_size[1], .film_size[0], .film_size[1]
    )]
    MaskShape {
        /// The mask's file.
        mask: PathBuf,
        /// Its columns and rows.
        mask_size: [usize; 2],
        /// The film's file.
        film: PathBuf,
        /// Its columns and rows.
        film_size: [usize; 2],
    },
    /// The manifest's split has no film of this name.
    #[error(
        "{manifest}: no film of its split {split:?} is called {film:?}; the names stand in its column \"film\""
    )]
    FilmNotInSplit {
        /// The manifest.
        manifest: PathBuf,
        /// The split, or `all`.
        split: &'static str,
        /// The name that was given.
        film: PathBuf,
    },
    /// The manifest's split has no film.
    #[error("{manifest}: none of its {films} films is in the split {split:?}")]
    EmptySplit {
        /// The manifest.
        manifest: PathBuf,
        /// Its films.
        films: usize,
        /// The split, or `all`.
        split: &'static str,
    },
    /// The name of a raw file has an unknown ending.
    #[error("{path}: the name must end in .npy or .safetensors")]
    RawName {
        /// The file.
        path: PathBuf,
    },
    /// A method has no value for each channel.
    #[error(
        "{method} finds no values for each channel of the input; take the sums over channels that are saved beside every \
         picture"
    )]
    RawMethod {
        /// The method.
        method: String,
    },
    /// A weight file cannot be read, imported or written.
    #[error(transparent)]
    Engine(pleura_nn::Error),
    /// The file to be imported cannot be read.
    #[error("{path}: cannot read")]
    Import {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The input size for imported weights is too small.
    #[error("the size is {size}: {architecture} needs films of at least {smallest}×{smallest} pixels")]
    ImportTooSmall {
        /// Name of the architecture.
        architecture: String,
        /// The smallest side that it takes, in pixels.
        smallest: usize,
        /// The side that was set.
        size: usize,
    },
    /// The output is the file that is read.
    #[error("{path}: is the file that is read; choose another name")]
    OutputIsInput {
        /// The file.
        path: PathBuf,
    },
    /// The model cannot be written as an ONNX graph.
    #[error("{path}: cannot be written as a graph")]
    Onnx {
        /// The model.
        path: PathBuf,
        /// Why not.
        source: pleura_onnx::Error,
    },
    /// The questions of a graph's heatmaps depend on the film.
    #[error("the questions of a graph are the same for all films; name the findings")]
    QuestionOfFilm,
    /// The test data have another number of films than the graph takes.
    #[error("the graph takes {batch} films at once, and the test data have {films}")]
    TestFilms {
        /// Films in one pass.
        batch: usize,
        /// Films of the test data.
        films: usize,
    },
    /// A file cannot be written.
    #[error(transparent)]
    File(#[from] pleura_core::FileError),
    /// A file of the report cannot be written.
    #[error(transparent)]
    Report(#[from] pleura_report::Error),
    /// A document cannot be written as JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// The messages of an error and its causes, from the outside in. A cause that an earlier message contains is
/// left out.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> Vec<String> {
    let mut messages: Vec<String> = Vec::new();
    for cause in std::iter::successors(Some(error), |error| error.source()) {
        let message = cause.to_string();
        if !messages.iter().any(|earlier| earlier.contains(&message)) {
            messages.push(message);
        }
    }
    messages
}

fn json(preparation: &Preparation) -> String {
    serde_json::to_string(preparation).unwrap_or_else(|error| error.to_string())
}

impl Error {
    /// A [`Error::Request`] without an option.
    pub(crate) fn request(problem: impl Into<String>) -> Self {
        Self::Request {
            problem: problem.into(),
            option: None,
            value: false,
        }
    }

    /// A [`Error::Request`] about the value of an option, with which `problem` begins.
    pub(crate) fn value(option: &'static str, problem: impl Into<String>) -> Self {
        Self::Request {
            problem: problem.into(),
            option: Some(option),
            value: true,
        }
    }

    /// A [`Error::Request`] that an option would solve.
    pub(crate) fn missing(option: &'static str, problem: impl Into<String>) -> Self {
        Self::Request {
            problem: problem.into(),
            option: Some(option),
            value: false,
        }
    }
}
