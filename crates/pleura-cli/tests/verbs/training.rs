//! Two sets of phantoms, a recipe of two stages, and the run that nothing interrupted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::Value;

use crate::scene::{Said, Scene};

/// Folder of the run that was trained in one go. A report has its run's folder in its title, so all runs are
/// called the same.
pub(crate) const WHOLE: &str = "whole/tiny";

/// The stages of the recipe.
pub(crate) const STAGES: [&str; 2] = ["intermediate", "target"];

const RECIPE: &str = r#"
seed = 11
architecture = "small"
preparation = { size = 64 }
evaluation = { bootstrap = 500 }

[[stage]]
name = "intermediate"
kind = "independent"
manifest = "intermediate/manifest.csv"
epochs = 2
batch = 4
learning_rate = 0.02
augmentation = { rotate_degrees = 10.0, translate_pixels = 8.0, flip = 0.5 }
checkpoint_every = 4

[[stage]]
name = "target"
kind = "exclusive"
manifest = "target/manifest.csv"
keep = { map = { normal = "No Finding", pneumonia = "Pneumonia" } }
epochs = 3
batch = 4
optimiser = { kind = "adamw" }
learning_rate = { all = 1e-3, head = 1e-2 }
freeze = [{ groups = "all-but-head", until_epoch = 1 }]
checkpoint_every = 2
"#;

/// A folder with everything that the recipe needs, and the finished run [`WHOLE`].
pub(crate) struct Training {
    scene: Scene,
}

impl Training {
    /// The one that other tests hold now, or a new one. It goes when the last test lets go of it.
    pub(crate) fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Training>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(training) = shared.upgrade() {
            return training;
        }
        let training = Arc::new(Self::new());
        *shared = Arc::downgrade(&training);
        training
    }

    fn new() -> Self {
        let scene = Scene::new();
        for (stage, seed) in [("intermediate", "1"), ("target", "2")] {
            let done = |said: Said| assert_eq!(said.code, 0, "{}", said.err);
            done(scene.run(&[
                "data", "phantoms", "--set", stage, "--films", "32", "--size", "64", "--seed", seed, "--out",
                stage,
            ]));
            let manifest = format!("{stage}/manifest.csv");
            done(scene.run(&["data", "split", &manifest, "--seed", seed]));
        }
        scene.write("recipe.toml", RECIPE);
        let training = Self { scene };
        let said = training.train(WHOLE, &[]);
        assert_eq!(said.code, 0, "{}", said.err);
        training
    }

    pub(crate) fn scene(&self) -> &Scene {
        &self.scene
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.scene.path(name)
    }

    /// Trains into a folder.
    pub(crate) fn train(&self, out: &str, options: &[&str]) -> Said {
        self.scene.run(&line(out, options))
    }

    /// A copy of the finished run, to be changed.
    pub(crate) fn copy(&self, out: &str) -> PathBuf {
        for (name, bytes) in files(&self.path(WHOLE)) {
            self.scene.bytes(&format!("{out}/{name}"), &bytes);
        }
        self.path(out)
    }

    /// Writes the recipe with a few words changed, and returns its name.
    pub(crate) fn changed(&self, name: &str, changes: &[(&str, &str)]) -> String {
        let text = changes.iter().fold(RECIPE.to_owned(), |text, (from, to)| {
            assert_eq!(text.matches(from).count(), 1, "{from}");
            text.replace(from, to)
        });
        let name = format!("{name}.toml");
        self.scene.write(&name, &text);
        name
    }
}

/// The command that trains into a folder.
pub(crate) fn line<'a>(out: &'a str, options: &[&'a str]) -> Vec<&'a str> {
    [&["train", "recipe.toml", "--out", out], options].concat()
}

/// Every file below a folder, by its name there.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in std::fs::read_dir(inner).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                files.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    files
}

/// Every file of a run, less the report's account of looks at the test films, to which other tests add
/// meanwhile.
pub(crate) fn untouched(run: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = files(run);
    if let Some(page) = files.get_mut("report.html") {
        *page = without_looks(std::str::from_utf8(page).unwrap()).into_bytes();
    }
    files
}

/// What two runs of one recipe have in common: every file, less the times in it.
pub(crate) fn results(run: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut results = files(run);
    for (name, bytes) in &mut results {
        let text = || std::str::from_utf8(bytes).unwrap();
        let timeless = match name.rsplit('/').next().unwrap() {
            "timing.jsonl" => text().lines().map(untimed).collect::<Vec<_>>().join("\n"),
            // Times have more digits or fewer, and this file remembers how many bytes they took.
            "stage.json" => {
                let mut record: Value = serde_json::from_str(text()).unwrap();
                assert!(record["lengths"]["timing"].take().is_u64());
                record.to_string()
            }
            // What it says above all sections and in the last one is when, where and how the run was started,
            // and how long it took.
            "report.html" => {
                let (_, page) = text().split_once("</header>").unwrap();
                let (page, _) = page.split_once("<section id=\"reproducibility\"").unwrap();
                without_looks(page)
            }
            "provenance.json" => String::new(),
            // Each event holds a time in eight bytes: how many there are is known all the same.
            events if events.contains("tfevents") => bytes.len().to_string(),
            _ => continue,
        };
        *bytes = timeless.into_bytes();
    }
    results
}

/// A report's page without what it says of looks at the test films: other tests train on the same films
/// meanwhile.
pub(crate) fn without_looks(page: &str) -> String {
    let (before, rest) = page.split_once("<section id=\"evidence\"").unwrap();
    let (_, after) = rest.split_once("</section>").unwrap();
    let mut page = format!("{before}{after}");
    while let Some(at) = page.find("<li>The test films were used") {
        let end = at + page[at..].find("</li>").unwrap() + "</li>".len();
        page.replace_range(at..end, "");
    }
    page
}

/// A line of timings without how long things took.
fn untimed(line: &str) -> String {
    let mut line: Value = serde_json::from_str(line).unwrap();
    for key in [
        "seconds",
        "waited",
        "validation_seconds",
        "films_per_second",
        "waiting",
    ] {
        line.as_object_mut().unwrap().remove(key);
    }
    line.to_string()
}

/// Fails where two runs differ in more than times.
pub(crate) fn assert_same_results(found: &Path, expected: &Path, what: &str) {
    let (found, expected) = (results(found), results(expected));
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(&expected), "{what}");
    for (name, bytes) in &found {
        assert!(*bytes == expected[name], "{what}: {name} differs");
    }
}
