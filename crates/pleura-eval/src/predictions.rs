//! A model's answers with the true labels.

use std::collections::{BTreeMap, BTreeSet};

use pleura_core::Task;

use crate::Error;

/// Tolerance of the sum of exclusive probabilities (they may come from f32).
const SUM_TOLERANCE: f64 = 1e-3;

impl Truth {
    /// The kind of these labels.
    pub fn kind(&self) -> Task {
        match self {
            Self::Exclusive(_) => Task::Exclusive,
            Self::Independent(_) => Task::Independent,
        }
    }
}

/// True labels.
#[derive(Debug, Clone, PartialEq)]
pub enum Truth {
    /// `[films]`: index of the film's class among the findings; `None` if unknown.
    Exclusive(Vec<Option<usize>>),
    /// `[films, findings]`, row-major: present, absent, or unknown.
    Independent(Vec<Option<bool>>),
}

/// Films, their labels and a model's answers.
///
/// Build with [`Predictions::from_logits`], read with [`Predictions::read`], or fill by hand: every user runs
/// [`Predictions::check`] first.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    /// Names of the findings or classes, in the order of the model's outputs.
    pub findings: Vec<String>,
    /// `[films]`: unique identifiers.
    pub films: Vec<String>,
    /// `[films]`: patient, unique within its dataset; empty if unknown (the film then counts as a separate
    /// patient).
    pub patients: Vec<String>,
    /// `[films]`: the film's dataset; may be empty.
    pub datasets: Vec<String>,
    /// Labels.
    pub truth: Truth,
    /// `[films, findings]`, row-major: probabilities.
    pub scores: Vec<f64>,
    /// `[films, findings]`, row-major: raw outputs, if they were kept.
    pub logits: Option<Vec<f64>>,
}

/// The first fault of some predictions: place, value found, value expected.
pub(crate) struct Fault {
    pub(crate) row: usize,
    pub(crate) column: String,
    pub(crate) found: String,
    pub(crate) expected: String,
}

impl Predictions {
    /// Predictions from raw outputs `[films, findings]`: softmax or sigmoid as `truth` is exclusive or
    /// independent, computed in f64. Fails as [`Predictions::check`] does.
    pub fn from_logits(
        findings: Vec<String>,
        films: Vec<String>,
        patients: Vec<String>,
        datasets: Vec<String>,
        truth: Truth,
        logits: &[f32],
    ) -> Result<Self, Error> {
        let logits: Vec<f64> = logits.iter().map(|&logit| f64::from(logit)).collect();
        let scores = truth.kind().probabilities(&logits, findings.len());
        let made = Self {
            findings,
            films,
            patients,
            datasets,
            truth,
            scores,
            logits: Some(logits),
        };
        made.check()?;
        Ok(made)
    }

    /// The kind of these predictions.
    pub fn kind(&self) -> Task {
        self.truth.kind()
    }

    /// Number of films.
    pub fn len(&self) -> usize {
        self.films.len()
    }

    /// True if there are no films.
    pub fn is_empty(&self) -> bool {
        self.films.is_empty()
    }

    /// True label of `film` (row) for `finding` (index): one-vs-rest for exclusive classes. `None` if
    /// unknown.
    pub fn has(&self, film: usize, finding: usize) -> Option<bool> {
        match &self.truth {
            Truth::Exclusive(classes) => classes[film].map(|class| class == finding),
            Truth::Independent(present) => present[film * self.findings.len() + finding],
        }
    }

    /// Probability of `finding` (an index) on `film` (a row).
    pub fn score(&self, film: usize, finding: usize) -> f64 {
        self.scores[film * self.findings.len() + finding]
    }

    /// The most probable finding of `film` (row); the first of equals.
    pub fn answer(&self, film: usize) -> usize {
        (0..self.findings.len()).fold(0, |best, next| {
            if self.score(film, next) > self.score(film, best) {
                next
            } else {
                best
            }
        })
    }

    /// The films in `rows`, in that order.
    ///
    /// # Panics
    /// When a row is not below [`Predictions::len`].
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        fn pick<T: Clone>(values: &[T], rows: &[usize], width: usize) -> Vec<T> {
            rows.iter()
                .flat_map(|&row| values[row * width..(row + 1) * width].iter().cloned())
                .collect()
        }
        let width = self.findings.len();
        Self {
            findings: self.findings.clone(),
            films: pick(&self.films, rows, 1),
            patients: pick(&self.patients, rows, 1),
            datasets: pick(&self.datasets, rows, 1),
            truth: match &self.truth {
                Truth::Exclusive(classes) => Truth::Exclusive(pick(classes, rows, 1)),
                Truth::Independent(present) => Truth::Independent(pick(present, rows, width)),
            },
            scores: pick(&self.scores, rows, width),
            logits: self.logits.as_ref().map(|logits| pick(logits, rows, width)),
        }
    }

    /// Rows of the films with at least one known label.
    pub fn labelled(&self) -> Vec<usize> {
        (0..self.len())
            .filter(|&row| (0..self.findings.len()).any(|f| self.has(row, f).is_some()))
            .collect()
    }

    /// Checks lengths, names and ranges: finite logits, probabilities in [0, 1], exclusive ones with the
    /// sum 1 (to 0.001), classes that exist, no film twice. The error names the film and the column.
    pub fn check(&self) -> Result<(), Error> {
        self.check_shapes()?;
        match self.fault() {
            None => Ok(()),
            Some(Fault {
                row,
                column,
                found,
                expected,
            }) => Err(Error::Film {
                film: self.films[row].clone(),
                row,
                column,
                found,
                expected,
            }),
        }
    }

    pub(crate) fn check_shapes(&self) -> Result<(), Error> {
        let (films, findings) = (self.films.len(), self.findings.len());
        let names: BTreeSet<&String> = self.findings.iter().collect();
        let fewest = if self.kind() == Task::Exclusive { 2 } else { 1 };
        if findings < fewest || names.len() != findings || names.iter().any(|name| name.is_empty()) {
            let expected = "different, non-empty names, two or more if they exclude each other";
            return Err(Error::Findings {
                found: self.findings.clone(),
                expected,
            });
        }
        let (truth, per_film) = match &self.truth {
            Truth::Exclusive(classes) => (classes.len(), films),
            Truth::Independent(present) => (present.len(), films * findings),
        };
        let logits = self.logits.as_ref().map_or(films * findings, Vec::len);
        for (what, found, expected) in [
            ("patients", self.patients.len(), films),
            ("datasets", self.datasets.len(), films),
            ("truth", truth, per_film),
            ("scores", self.scores.len(), films * findings),
            ("logits", logits, films * findings),
        ] {
            if found != expected {
                return Err(Error::Shape {
                    what,
                    found,
                    expected,
                    films,
                    findings,
                });
            }
        }
        Ok(())
    }

    /// The first film that is not valid. Shapes must have been checked.
    pub(crate) fn fault(&self) -> Option<Fault> {
        let width = self.findings.len();
        let mut first_row = BTreeMap::new();
        for row in 0..self.len() {
            let fault = |column: String, found: String, expected: String| {
                Some(Fault {
                    row,
                    column,
                    found,
                    expected,
                })
            };
            let film = &self.films[row];
            if film.is_empty() {
                return fault("film".into(), "nothing".into(), "an identifier".into());
            }
            if let Some(earlier) = first_row.insert(film, row) {
                let expected = format!("each film once (it is also number {} of the films)", earlier + 1);
                return fault("film".into(), format!("`{film}` again"), expected);
            }
            if let Truth::Exclusive(classes) = &self.truth
                && let Some(class) = classes[row]
                && class >= width
            {
                return fault(
                    "truth".into(),
                    format!("class {class}"),
                    format!("a class below {width}"),
                );
            }
            let scores = &self.scores[row * width..(row + 1) * width];
            for (name, score) in self.findings.iter().zip(scores) {
                if !(0.0..=1.0).contains(score) {
                    let expected = "a probability in [0, 1]".into();
                    return fault(format!("probability:{name}"), format!("`{score}`"), expected);
                }
            }
            let sum: f64 = scores.iter().sum();
            if self.kind() == Task::Exclusive && (sum - 1.0).abs() > SUM_TOLERANCE {
                let expected = "probabilities of exclusive classes with the sum 1 (for independent findings, name \
                     the truth columns `truth:FINDING`)";
                return fault("probability:…".into(), format!("a sum of {sum}"), expected.into());
            }
            let logits = self
                .logits
                .as_deref()
                .map_or(&[][..], |all| &all[row * width..(row + 1) * width]);
            if let Some((name, logit)) = self
                .findings
                .iter()
                .zip(logits)
                .find(|(_, logit)| !logit.is_finite())
            {
                return fault(
                    format!("logit:{name}"),
                    format!("`{logit}`"),
                    "a finite number".into(),
                );
            }
        }
        None
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Three films of two patients and three classes, for tests of this crate.
    pub(crate) fn three_films() -> Predictions {
        let words = |list: [&str; 3]| list.map(str::to_owned).to_vec();
        Predictions::from_logits(
            words(["COVID-19", "pneumonia", "normal"]),
            words(["a", "b", "c"]),
            words(["p1", "p1", "p2"]),
            words(["cohen", "cohen", "nih"]),
            Truth::Exclusive(vec![Some(0), Some(1), None]),
            &[2.0, 0.0, -1.0, 0.5, 0.5, 0.0, -90.0, 0.0, 90.0],
        )
        .unwrap()
    }

    #[test]
    fn logits_become_probabilities() {
        let predictions = three_films();
        let sums: Vec<f64> = predictions.scores.chunks(3).map(|row| row.iter().sum()).collect();
        assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-15), "{sums:?}");
        assert!((predictions.score(0, 0) / predictions.score(0, 1) - 2.0_f64.exp()).abs() < 1e-12);
        assert_eq!(
            [0, 1, 2].map(|film| predictions.answer(film)),
            [0, 0, 2],
            "the first of equals wins"
        );
    }

    #[test]
    fn select_keeps_rows_together() {
        let predictions = three_films().select(&[2, 0]);
        assert_eq!(predictions.films, ["c", "a"]);
        assert_eq!(predictions.datasets, ["nih", "cohen"]);
        assert_eq!(predictions.has(1, 0), Some(true));
        assert_eq!(predictions.has(0, 0), None);
        assert_eq!(predictions.labelled(), [1]);
        assert_eq!(predictions.logits.as_ref().unwrap()[3], 2.0);
    }

    #[test]
    fn faults_name_film_and_column() {
        let message = |change: &dyn Fn(&mut Predictions)| {
            let mut predictions = three_films();
            change(&mut predictions);
            predictions.check().unwrap_err().to_string()
        };
        let sum = message(&|p| p.scores[3] = 0.9);
        assert!(
            sum.contains("film `b` (row 1)") && sum.contains("a sum of"),
            "{sum}"
        );
        let range = message(&|p| p.scores[8] = 1.5);
        assert!(
            range.contains("`probability:normal`") && range.contains("1.5"),
            "{range}"
        );
        let nan = message(&|p| p.logits.as_mut().unwrap()[0] = f64::NAN);
        assert!(
            nan.contains("film `a`") && nan.contains("`logit:COVID-19`"),
            "{nan}"
        );
        let twice = message(&|p| p.films[2] = "a".into());
        assert!(twice.contains("`a` again"), "{twice}");
        let shape = message(&|p| p.scores.truncate(8));
        assert!(shape.contains("`scores` has 8 entries, expected 9"), "{shape}");
        let class = message(&|p| p.truth = Truth::Exclusive(vec![Some(3), None, None]));
        assert!(class.contains("class 3"), "{class}");
    }
}
