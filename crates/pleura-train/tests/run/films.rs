//! A folder with films, manifests and a recipe of two stages, small enough to be trained in a second.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use image::GrayImage;
use pleura_core::sha256;
use pleura_manifest::{Label, Manifest, Row, Split};
use pleura_train::{Error, Event, Observer, Options, Recipe, RunSummary, run};
use tempfile::TempDir;

pub(crate) const RECIPE: &str = r#"
seed = 11
preparation = { size = 32 }
evaluation = { bootstrap = 100 }

[architecture]
name = "tiny"
stem = { channels = 6, convolution = { kernel = 5, stride = 2, padding = 2 }, pool = { kernel = 3, stride = 2, padding = 1 } }
growth = 4
bottleneck = 2
blocks = [2, 2]

[[stage]]
name = "findings"
kind = "independent"
manifest = "findings.csv"
epochs = 2
batch = 5
learning_rate = 0.05
positive_weights = "balanced"
augmentation = { rotate_degrees = 10.0, translate_pixels = 8.0, flip = 0.5 }
checkpoint_every = 2

[[stage]]
name = "target"
kind = "exclusive"
manifest = "target.csv"
findings = ["round", "normal", "fresh"]
keep = { map = { round = "Round", normal = "No Finding" } }
columns = { fresh = ["striped"] }
epochs = 3
batch = 4
learning_rate = { all = 1e-3, head = 1e-2 }
optimiser = { kind = "adamw" }
schedule = { kind = "cosine", warm_up = { epochs = 1.0 } }
freeze = [{ groups = "all-but-head", until_epoch = 1 }]
class_weights = "balanced"
gradient_clip = 1.0
monitor = "macro_auc"
checkpoint_every = 1
"#;

/// Replaces the second stage's freezing in [`Place::head_only`].
pub(crate) const HEAD_ONLY: &str = r#"freeze = [{ groups = "all-but-head" }]
norm = "running""#;

/// A folder with everything that [`RECIPE`] needs.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_films(folder.path());
        std::fs::write(folder.path().join("recipe.toml"), RECIPE).unwrap();
        Self { folder }
    }

    /// The same, but in the second stage nothing moves but the head.
    pub(crate) fn head_only() -> Self {
        let place = Self::new();
        let frozen = "freeze = [{ groups = \"all-but-head\", until_epoch = 1 }]";
        assert!(RECIPE.contains(frozen));
        let recipe = RECIPE.replace(frozen, HEAD_ONLY);
        std::fs::write(place.path("recipe.toml"), recipe).unwrap();
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn recipe(&self) -> Recipe {
        Recipe::read(&self.path("recipe.toml")).unwrap()
    }

    pub(crate) fn run(&self, out: &str, observer: &mut dyn Observer) -> Result<RunSummary, Error> {
        run(
            &self.recipe(),
            &self.path(out),
            &Options::default().with_resume(true),
            observer,
        )
    }
}

/// A source stage of fractals in front of the two stages of [`RECIPE`].
pub(crate) const SOURCE: &str = r#"[[stage]]
name = "fractals"
kind = "exclusive"
epochs = 2
batch = 6
learning_rate = 0.02
augmentation = { rotate_degrees = 10.0 }
checkpoint_every = 2

[stage.fractals]
classes = 3
instances = 5
held_out = 2
seed = 4

"#;

/// Writes the films' table with masks in these columns of each, in levels of 0 and 1.
pub(crate) fn masked(place: &Place, masks: &str, columns: std::ops::Range<u32>, table: &str) {
    let mut manifest = Manifest::read(&place.path("target.csv")).unwrap();
    for row in &mut manifest.rows {
        let name = format!("{masks}-{}", row.path.display());
        GrayImage::from_fn(40, 40, |x, y| {
            image::Luma([u8::from(columns.contains(&x) && (8..34).contains(&y))])
        })
        .save(place.path(&name))
        .unwrap();
        row.masks.lung = Some(name.into());
    }
    manifest.write(&place.path(table)).unwrap();
}

/// The files that are equal for two runs of a recipe: all but times, locks and events.
pub(crate) fn results(out: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![out.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(out).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name != "timing.jsonl" && name != "lock" && !name.contains("tfevents") {
                files.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    // Lengths of timings and events stand in it, and those differ in their digits.
    for (name, bytes) in &mut files {
        if name.ends_with("stage.json") {
            let mut record: serde_json::Value = serde_json::from_slice(bytes).unwrap();
            record["lengths"]["timing"].take();
            *bytes = serde_json::to_vec(&record).unwrap();
        }
    }
    files
}

pub(crate) fn assert_equal_results(found: &Path, expected: &BTreeMap<String, Vec<u8>>, what: &str) {
    let found = results(found);
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(expected), "{what}");
    for (name, bytes) in &found {
        assert!(*bytes == expected[name], "{what}: {name} differs");
    }
}

/// Counts events, and does something at one of them.
pub(crate) struct At<F: FnMut() -> ControlFlow<()> + Send> {
    pub(crate) seen: usize,
    number: usize,
    then: F,
}

impl<F: FnMut() -> ControlFlow<()> + Send> At<F> {
    pub(crate) fn new(at: usize, then: F) -> Self {
        Self {
            seen: 0,
            number: at,
            then,
        }
    }
}

impl<F: FnMut() -> ControlFlow<()> + Send> Observer for At<F> {
    fn notice(&mut self, _: &Event<'_>) -> ControlFlow<()> {
        self.seen += 1;
        if self.seen == self.number {
            (self.then)()
        } else {
            ControlFlow::Continue(())
        }
    }
}

/// 24 films of three kinds (plain, a disc, stripes), 14 to train on, 5 to validate, 5 to test.
fn write_films(folder: &Path) {
    let columns = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut findings = Manifest::new(folder, columns(&["No Finding", "Round", "Striped"]));
    let mut target = Manifest::new(folder, columns(&["normal", "round", "striped"]));
    for index in 0..24_u32 {
        let kind = index % 3;
        let path = folder.join(format!("film{index}.png"));
        GrayImage::from_fn(40, 40, |x, y| image::Luma([level(index, kind, x, y)]))
            .save(&path)
            .unwrap();
        let label = |wanted: u32| {
            if kind == wanted {
                Label::Positive
            } else {
                Label::Negative
            }
        };
        let row = |labels: Vec<Label>| Row {
            film: format!("film{index}"),
            path: format!("film{index}.png").into(),
            sha256: sha256::hex(std::fs::read(&path).unwrap()),
            dataset: "made up".to_owned(),
            patient: format!("patient{}", index / 2),
            split: Some(match index {
                0..14 => Split::Train,
                14..19 => Split::Validation,
                _ => Split::Test,
            }),
            labels,
            ..Row::default()
        };
        let unknown = if index % 7 == 3 { Label::Unknown } else { label(2) };
        findings.rows.push(row(vec![label(0), label(1), unknown]));
        target.rows.push(row(vec![label(0), label(1), label(2)]));
    }
    findings.write(&folder.join("findings.csv")).unwrap();
    target.write(&folder.join("target.csv")).unwrap();
}

fn level(film: u32, kind: u32, x: u32, y: u32) -> u8 {
    let noise = (x * 7 + y * 13 + film * 29) * (x + 3 * y + film) % 40;
    let centre = 16 + film % 7;
    let shape = match kind {
        1 if x.abs_diff(centre).pow(2) + y.abs_diff(20).pow(2) < 80 => 150,
        2 if (x + film) % 8 < 4 => 110,
        _ => 30,
    };
    (shape + noise) as u8
}
