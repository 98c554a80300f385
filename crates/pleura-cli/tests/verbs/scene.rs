//! A folder with films, a manifest and models, and the program run in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pleura_film::{Preparation, grey_png_8};
use pleura_manifest::{Label, Manifest, Row, Split};
use pleura_nn::weights::Normalisation;
use pleura_nn::{Architecture, Weights};
use serde_json::Value;
use tempfile::TempDir;

/// Side of the network's input: small, so that a test takes milliseconds.
pub(crate) const SIZE: usize = 64;

pub(crate) struct Scene {
    folder: TempDir,
}

/// What the program said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// Stdout as one JSON document.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.out, self.err))
    }

    /// Stdout as one JSON document a line.
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        self.out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the program in the folder; its path reads `DIR` in what it says.
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        self.hear(&mut self.command(arguments))
    }

    /// The program in the folder, not yet started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pleura"));
        command.args(arguments).current_dir(self.folder.path());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn hear(&self, command: &mut Command) -> Said {
        let Output {
            status,
            stdout,
            stderr,
        } = command.output().unwrap();
        let text = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap();
            text.replace(&*self.folder.path().to_string_lossy(), "DIR")
        };
        Said {
            code: status.code().unwrap(),
            out: text(stdout),
            err: text(stderr),
        }
    }

    /// Writes a text, and the folders to it.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        self.bytes(name, text.as_bytes())
    }

    /// Writes a file, and the folders to it.
    pub(crate) fn bytes(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Writes a film of 8-bit grey whose pixels follow from its number.
    pub(crate) fn film(&self, name: &str, number: usize) -> PathBuf {
        self.bytes(name, &grey_png_8(WIDTH, HEIGHT, &levels(number)).unwrap())
    }

    /// Writes a manifest of `films` films; film `i` belongs to patient `i / 2`, is positive for finding `i
    /// mod findings` alone, and is in the split that `split` says.
    pub(crate) fn manifest(
        &self,
        name: &str,
        findings: &[&str],
        films: usize,
        split: impl Fn(usize) -> Option<Split>,
    ) {
        let mut manifest = Manifest::new(self.folder.path(), words(findings));
        for number in 0..films {
            let film = format!("films/{number}.png");
            let bytes = std::fs::read(self.film(&film, number)).unwrap();
            manifest.rows.push(Row {
                film: film.clone(),
                path: film.into(),
                sha256: sha256(&bytes),
                dataset: "made up".to_owned(),
                patient: format!("patient {}", number / 2),
                split: split(number),
                labels: (0..findings.len())
                    .map(|finding| {
                        if finding == number % findings.len() {
                            Label::Positive
                        } else {
                            Label::Negative
                        }
                    })
                    .collect(),
                ..Row::default()
            });
        }
        manifest.write(&self.path(name)).unwrap();
    }

    /// Writes fresh weights that say what `kind` and `preparation` they are for, as training does.
    pub(crate) fn model(&self, name: &str, findings: &[&str], kind: &str) -> Weights {
        let mut weights = bare_weights(findings);
        let preparation = Preparation {
            size: SIZE,
            ..Preparation::default()
        };
        weights.metadata.insert("kind".to_owned(), kind.to_owned());
        weights.metadata.insert(
            "preparation".to_owned(),
            serde_json::to_string(&preparation).unwrap(),
        );
        write(&weights, &self.path(name));
        weights
    }

    /// Writes fresh weights that say nothing of the kind, as imported ones may.
    pub(crate) fn bare_model(&self, name: &str, findings: &[&str]) {
        write(&bare_weights(findings), &self.path(name));
    }
}

/// Sides of a film.
pub(crate) const WIDTH: usize = 90;
pub(crate) const HEIGHT: usize = 70;

/// Grey levels of the film of a number.
pub(crate) fn levels(number: usize) -> Vec<u8> {
    (0..WIDTH * HEIGHT)
        .map(|index| ((index % WIDTH) * (number + 2) + (index / WIDTH) * (7 * number + 3)) as u8)
        .collect()
}

pub(crate) fn write(weights: &Weights, path: &Path) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    weights.write(path).unwrap();
}

fn bare_weights(findings: &[&str]) -> Weights {
    Weights::initialise(
        &Architecture::by_name("small").unwrap(),
        &words(findings),
        Normalisation::NONE,
        5,
    )
}

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    use sha2::Digest as _;
    let mut text = String::new();
    for byte in sha2::Sha256::digest(bytes) {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}
