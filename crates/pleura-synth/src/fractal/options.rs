//! Options of fractals, and their manifest.

use pleura_core::sha256;
use serde::{Deserialize, Serialize};

use pleura_manifest::{Manifest, Row, Split};

/// Options of fractals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FractalOptions {
    /// Number of classes, each an iterated function system.
    pub classes: usize,
    /// Training instances of each class.
    pub instances: usize,
    /// Validation instances of each class.
    #[serde(default = "default_held_out")]
    pub held_out: usize,
    /// Minimum share of the square that a class's points fill.
    #[serde(default = "default_filling_rate")]
    pub filling_rate: f64,
    /// Maximum relative change of an instance's coefficient: 0.2 is up to a fifth.
    #[serde(default = "default_variation")]
    pub variation: f64,
    /// Rendering of points.
    #[serde(default)]
    pub rendering: Rendering,
    /// Seed, 0 to 2⁶³ − 1.
    #[serde(default)]
    pub seed: u64,
}

fn default_held_out() -> usize {
    10
}

fn default_filling_rate() -> f64 {
    0.2
}

fn default_variation() -> f64 {
    0.2
}

/// Rendering of points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rendering {
    /// A random pattern of 3 × 3 pixels a point, the paper's better rendering.
    #[default]
    Patch,
    /// One pixel a point.
    Point,
    /// Brightness by the fourth root of the number of points on a pixel: smooth greys like in a film.
    Density,
}

/// Maximum number of images; more rows are a typing error.
const MOST: usize = 2_000_000;

impl FractalOptions {
    /// Default fractals with the given numbers of classes and instances.
    pub fn new(classes: usize, instances: usize) -> Self {
        Self {
            classes,
            instances,
            held_out: default_held_out(),
            filling_rate: default_filling_rate(),
            variation: default_variation(),
            rendering: Rendering::default(),
            seed: 0,
        }
    }

    /// The first invalid option: its name, and a message with the expected values.
    pub fn fault(&self) -> Option<(&'static str, String)> {
        let whole = |key, value: usize, least: usize, most: usize| {
            (!(least..=most).contains(&value))
                .then(|| (key, format!("found {value}, expected {least} to {most}")))
        };
        // 100,000 points on 512² pixels fill 0.32 of them if uniformly distributed. Systems that fill 0.3 are
        // hard to find.
        let (rate, variation) = (self.filling_rate, self.variation);
        whole("classes", self.classes, 2, 10_000)
            .or_else(|| whole("instances", self.instances, 1, MOST))
            .or_else(|| whole("held_out", self.held_out, 1, MOST))
            .or_else(|| {
                let wanted = self
                    .classes
                    .saturating_mul(self.instances.saturating_add(self.held_out));
                let problem = format!("{wanted} pictures with those held out, expected at most {MOST}");
                (wanted > MOST).then_some(("instances", problem))
            })
            .or_else(|| {
                let problem = format!("found {rate}, expected above 0 and at most 0.3");
                (!(rate > 0.0 && rate <= 0.3)).then_some(("filling_rate", problem))
            })
            .or_else(|| {
                let problem = format!("found {variation}, expected 0 or more and below 1");
                (!(0.0..1.0).contains(&variation)).then_some(("variation", problem))
            })
            .or_else(|| {
                let problem = format!("found {}, expected at most {}", self.seed, i64::MAX);
                (self.seed > i64::MAX as u64).then_some(("seed", problem))
            })
    }

    /// Names of the classes, in order.
    pub fn names(&self) -> Vec<String> {
        (0..self.classes).map(|class| self.name(class)).collect()
    }

    fn name(&self, class: usize) -> String {
        let digits = self.classes.to_string().len();
        format!("fractal-{:0digits$}", class + 1)
    }

    /// The images of a class are consecutive rows, first the held-out ones. So their numbers do not change
    /// with more instances.
    pub fn manifest(&self) -> Manifest {
        let mut manifest = Manifest::new("", Vec::new());
        let look = self.look();
        manifest.rows = (0..self.pictures())
            .map(|row| {
                let (class, instance) = self.place(row);
                let film = self.film(row);
                Row {
                    sha256: sha256::hex(format!("{look} {class} {instance}")),
                    dataset: "fractals".to_owned(),
                    patient: film.clone(),
                    split: Some(self.split(row)),
                    film,
                    ..Row::default()
                }
            })
            .collect();
        manifest
    }

    /// Digest of the images, independent of their size.
    pub fn digest(&self) -> String {
        let Self {
            classes,
            instances,
            held_out,
            ..
        } = self;
        let all = format!("{} {classes} {instances} {held_out}", self.look());
        sha256::hex(all)
    }

    /// A line of text with everything that the images depend on. Its version changes whenever an image could
    /// change.
    fn look(&self) -> String {
        let Self {
            filling_rate,
            variation,
            rendering,
            seed,
            ..
        } = self;
        format!("pleura fractals 1 {filling_rate} {variation} {rendering:?} {seed}")
    }

    /// Number of images.
    pub fn pictures(&self) -> usize {
        self.classes * (self.instances + self.held_out)
    }

    /// The class of a row.
    pub fn class(&self, row: usize) -> usize {
        self.place(row).0
    }

    /// Class and instance of a row.
    pub(super) fn place(&self, row: usize) -> (usize, usize) {
        let each = self.instances + self.held_out;
        (row / each, row % each)
    }

    pub(super) fn film(&self, row: usize) -> String {
        let (class, instance) = self.place(row);
        let digits = (self.instances + self.held_out).to_string().len();
        format!("{}-{:0digits$}", self.name(class), instance + 1)
    }

    pub(super) fn split(&self, row: usize) -> Split {
        if self.place(row).1 < self.held_out {
            Split::Validation
        } else {
            Split::Train
        }
    }
}
