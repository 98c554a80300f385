//! The plan of a set: patients, classes, hospitals and text, each drawn from its own random stream.

use rand::seq::SliceRandom;
use serde::Serialize;

use super::exposure::HOSPITALS;
use super::film::{FilmSpec, View};
use super::finding::Finding;
use super::options::{PhantomOptions, PhantomSet};
use super::pretext;
use super::seed::{Stream, between, derive, pick, stream};
use crate::Error;
use pleura_manifest::{NO_FINDING, Sex};

/// One film of a set, before it is drawn.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Planned {
    /// The film's name, unique in the set and independent of its content.
    pub film: String,
    /// The patient's name; in [`PhantomSet::Source`] one an image.
    pub patient: String,
    /// The simulated hospital, or [`pretext::DATASET`].
    pub dataset: String,
    /// The labels that are positive, in the order of [`PhantomSet::labels`].
    pub labels: Vec<String>,
    /// The content.
    pub subject: Subject,
}

/// A film or an image.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Subject {
    /// A chest film.
    Film(FilmSpec),
    /// A non-medical image.
    Picture(pretext::PictureSpec),
}

/// Texts that can be burned in. The text of a class has the class's index in [`PhantomSet::labels`].
pub const WORDS: [&str; 16] = [
    "ERECT", "PORTABLE", "ICU", "SUPINE", "SITTING", "BEDSIDE", "STAT", "WARD 4", "ROOM 2", "RECHECK",
    "MOBILE", "POST OP", "INSP", "EXP", "TRIAGE", "CODE 7",
];

/// All films of the options.
///
/// # Errors
/// [`Error::Phantom`] if the options are invalid.
pub fn plan(options: &PhantomOptions) -> Result<Vec<Planned>, Error> {
    options.check()?;
    let patients = patients(options);
    // Numbers are assigned after the classes, so that a name is independent of the class.
    let mut numbers: Vec<usize> = (1..=patients.len()).collect();
    numbers.shuffle(&mut stream(options.seed, "patient numbers"));
    let mut films: Vec<Planned> = patients
        .iter()
        .zip(&numbers)
        .flat_map(|(patient, &number)| match options.set {
            PhantomSet::Source => vec![picture(options, patient, number)],
            PhantomSet::Intermediate | PhantomSet::Target => chests(options, patient, number),
        })
        .collect();
    films.sort_by(|a, b| a.film.cmp(&b.film));
    Ok(films)
}

/// A patient: number of films, and index of the first label.
struct Case {
    films: usize,
    class: usize,
}

/// Patients until there are enough films, each of the class that is furthest below its share.
fn patients(options: &PhantomOptions) -> Vec<Case> {
    let mut rng = stream(options.seed, "patients");
    let shares = options.shares();
    let mut dealt = vec![0.0_f32; shares.len()];
    let mut left = options.films;
    let most = 2.0 * options.films_per_patient - 1.0;
    let mut cases = Vec::new();
    while left > 0 {
        let films = match options.set {
            PhantomSet::Source => 1,
            // Uniform over 1..=most if that is an integer; otherwise the next larger number is rarer.
            _ => between(&mut rng, 1.0, most + 1.0) as usize,
        }
        .clamp(1, left);
        let synthetic_output = (options.films - left + films) as f32;
        let lag = |class: &usize| shares[*class] * synthetic_output - dealt[*class];
        let class = (0..shares.len())
            .filter(|&class| shares[class] > 0.0)
            .max_by(|a, b| lag(a).total_cmp(&lag(b)).then(b.cmp(a)))
            .unwrap_or(0);
        dealt[class] += films as f32;
        left -= films;
        cases.push(Case { films, class });
    }
    cases
}

fn picture(options: &PhantomOptions, case: &Case, number: usize) -> Planned {
    let name = format!("picture-{}-{number:06}", options.seed);
    Planned {
        film: name.clone(),
        dataset: pretext::DATASET.to_string(),
        labels: vec![pretext::CLASSES[case.class].to_string()],
        subject: Subject::Picture(pretext::PictureSpec {
            class: case.class,
            seed: derive(options.seed, &name),
            difficulty: options.difficulty,
        }),
        patient: name,
    }
}

fn chests(options: &PhantomOptions, case: &Case, number: usize) -> Vec<Planned> {
    // Sets and seeds have separate patients.
    let patient = format!("phantom-{}-{}-{number:05}", options.set.name(), options.seed);
    let labels = options.set.labels();
    let mut rng = stream(options.seed, &format!("{patient} person"));
    let sex = if between(&mut rng, 0.0, 1.0) < 0.5 {
        Sex::Female
    } else {
        Sex::Male
    };
    let age = between(&mut rng, 18.0, 91.0).floor();
    let own = between(&mut rng, 0.0, 1.0) < options.source_follows_class;
    let any = (between(&mut rng, 0.0, 1.0) * options.sources as f32) as usize % options.sources;
    let hospital = if own { case.class % options.sources } else { any };
    let style = &HOSPITALS[hospital];
    (1..=case.films)
        .map(|count| {
            let film = format!("{patient}-{count}");
            let mut rng = stream(options.seed, &format!("{film} film"));
            let rng = &mut rng;
            let findings = findings(options.set, case.class, rng);
            let view = match between(rng, 0.0, 1.0) / style.bedside {
                part if part < 0.4 => View::ApSupine,
                part if part < 1.0 => View::Ap,
                _ => View::Pa,
            };
            let word = word(options, case.class, labels.len(), rng);
            let coded = between(rng, 0.0, 1.0) < 0.4;
            let digits = between(rng, 1000.0, 10_000.0) as u32;
            Planned {
                dataset: style.name.to_string(),
                labels: positive(options.set, case.class, &findings),
                subject: Subject::Film(FilmSpec {
                    patient_seed: derive(options.seed, &patient),
                    film_seed: derive(options.seed, &film),
                    sex,
                    age,
                    view,
                    findings,
                    difficulty: options.difficulty,
                    hospital,
                    word,
                    code: coded.then(|| format!("{}-{digits}", style.code)),
                }),
                patient: patient.clone(),
                film,
            }
        })
        .collect()
}

/// The findings of a class. In the intermediate set, a third of the ill films have a second finding, some a
/// third.
fn findings(set: PhantomSet, class: usize, rng: &mut Stream) -> Vec<Finding> {
    if set == PhantomSet::Target {
        return match class {
            1 => vec![Finding::Pneumonia],
            2 => vec![Finding::Covid19],
            _ => Vec::new(),
        };
    }
    let Some(&leading) = Finding::NIH.get(class) else {
        return Vec::new();
    };
    let mut findings = vec![leading];
    for chance in [0.35, 0.3] {
        if between(rng, 0.0, 1.0) >= chance {
            break;
        }
        let compatible: Vec<Finding> = Finding::NIH
            .into_iter()
            .filter(|other| findings.iter().all(|&finding| finding.goes_with(*other)))
            .collect();
        findings.push(*pick(rng, &compatible));
    }
    findings.sort_unstable();
    findings
}

fn positive(set: PhantomSet, class: usize, findings: &[Finding]) -> Vec<String> {
    match set {
        PhantomSet::Intermediate if findings.is_empty() => vec![NO_FINDING.to_string()],
        PhantomSet::Intermediate => findings
            .iter()
            .map(|finding| finding.name().to_string())
            .collect(),
        PhantomSet::Source | PhantomSet::Target => vec![set.labels()[class].clone()],
    }
}

fn word(options: &PhantomOptions, class: usize, classes: usize, rng: &mut Stream) -> Option<String> {
    // Both numbers are always drawn, so that this option changes no other number of the film.
    let own = between(rng, 0.0, 1.0) < options.word_follows_class;
    let some = between(rng, 0.0, 1.0) < options.words;
    let any = *pick(rng, &WORDS[..classes.max(6)]);
    if own {
        let told = if options.words_deceive {
            (class + 1) % classes
        } else {
            class
        };
        Some(WORDS[told].to_string())
    } else {
        some.then(|| any.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    fn options(set: PhantomSet, films: usize) -> PhantomOptions {
        PhantomOptions {
            set,
            films,
            seed: 11,
            ..PhantomOptions::default()
        }
    }

    fn spec(planned: &Planned) -> &FilmSpec {
        match &planned.subject {
            Subject::Film(spec) => spec,
            Subject::Picture(_) => panic!("{} is a picture", planned.film),
        }
    }

    #[test]
    fn classes_are_balanced_and_names_are_unique() {
        for set in [PhantomSet::Source, PhantomSet::Target] {
            let films = plan(&options(set, 240)).unwrap();
            assert_eq!(films.len(), 240);
            let mut counts = BTreeMap::new();
            for film in &films {
                *counts.entry(film.labels[0].clone()).or_insert(0_usize) += 1;
            }
            let fair = 240 / set.labels().len();
            assert!(
                counts.values().all(|count| count.abs_diff(fair) <= 3),
                "{counts:?}"
            );
            assert_eq!(
                films.iter().map(|film| &film.film).collect::<BTreeSet<_>>().len(),
                240
            );
        }
    }

    #[test]
    fn the_mix_is_kept() {
        let mut options = options(PhantomSet::Target, 400);
        options.mix = BTreeMap::from([("normal".to_string(), 3.0), ("COVID-19".to_string(), 1.0)]);
        let films = plan(&options).unwrap();
        let normal = films.iter().filter(|film| film.labels == ["normal"]).count();
        assert!(normal.abs_diff(300) <= 3, "{normal}");
        assert!(films.iter().all(|film| film.labels != ["pneumonia"]));
    }

    #[test]
    fn patients_have_several_films_of_one_class_at_one_hospital() {
        let films = plan(&options(PhantomSet::Target, 300)).unwrap();
        let mut patients: BTreeMap<&str, Vec<&Planned>> = BTreeMap::new();
        for film in &films {
            patients.entry(&film.patient).or_default().push(film);
        }
        assert!((130..=170).contains(&patients.len()), "{}", patients.len());
        for films in patients.values() {
            assert!((1..=3).contains(&films.len()));
            for film in films {
                assert_eq!(film.labels, films[0].labels);
                assert_eq!(film.dataset, films[0].dataset);
                assert_eq!(spec(film).patient_seed, spec(films[0]).patient_seed);
            }
        }
        let seeds: BTreeSet<u64> = films.iter().map(|film| spec(film).film_seed).collect();
        assert_eq!(seeds.len(), films.len());
    }

    #[test]
    fn labels_are_what_is_drawn() {
        for film in plan(&options(PhantomSet::Intermediate, 600)).unwrap() {
            let synthetic_output: Vec<&str> = spec(&film)
                .findings
                .iter()
                .map(|finding| finding.name())
                .collect();
            if synthetic_output.is_empty() {
                assert_eq!(film.labels, [NO_FINDING]);
            } else {
                assert_eq!(film.labels, synthetic_output);
            }
        }
    }

    #[test]
    fn the_intermediate_set_shows_every_finding_alone_and_together() {
        let films = plan(&options(PhantomSet::Intermediate, 900)).unwrap();
        for label in PhantomSet::Intermediate.labels() {
            let count = films.iter().filter(|film| film.labels.contains(&label)).count();
            assert!(count > 40, "{label}: {count}");
        }
        assert!(films.iter().filter(|film| film.labels.len() > 1).count() > 150);
    }

    /// Frequency of a class's own text and of its own hospital.
    fn following(word: f32, source: f32) -> (f32, f32) {
        let options = PhantomOptions {
            word_follows_class: word,
            source_follows_class: source,
            films_per_patient: 1.0,
            ..options(PhantomSet::Target, 1800)
        };
        let films = plan(&options).unwrap();
        let labels = PhantomSet::Target.labels();
        let share = |test: &dyn Fn(&Planned, usize) -> bool| {
            let hits = films.iter().filter(|film| {
                let class = labels.iter().position(|label| *label == film.labels[0]).unwrap();
                test(film, class)
            });
            hits.count() as f32 / films.len() as f32
        };
        (
            share(&|film, class| spec(film).word.as_deref() == Some(WORDS[class])),
            share(&|film, class| film.dataset == HOSPITALS[class].name),
        )
    }

    #[test]
    fn dials_do_what_they_say() {
        // By chance a text is the class's own in 0.75/6 of the films, a hospital in 1/4; standard error about
        // 0.01.
        for (dial, word, source) in [(0.0, 0.125, 0.25), (0.5, 0.5625, 0.625), (1.0, 1.0, 1.0)] {
            let (words, sources) = following(dial, dial);
            assert!((words - word).abs() < 0.04, "word dial {dial}: {words}");
            assert!((sources - source).abs() < 0.04, "source dial {dial}: {sources}");
        }
    }

    #[test]
    fn words_that_deceive_are_another_class_s_on_the_same_films() {
        let honest = PhantomOptions {
            word_follows_class: 1.0,
            ..options(PhantomSet::Target, 60)
        };
        let lying = PhantomOptions {
            words_deceive: true,
            ..honest.clone()
        };
        let (honest, lying) = (plan(&honest).unwrap(), plan(&lying).unwrap());
        let class = |planned: &Planned| {
            let labels = PhantomSet::Target.labels();
            labels
                .iter()
                .position(|label| planned.labels.contains(label))
                .unwrap()
        };
        for (honest, lying) in honest.iter().zip(&lying) {
            assert_eq!(spec(honest).word.as_deref(), Some(WORDS[class(honest)]));
            assert_eq!(spec(lying).word.as_deref(), Some(WORDS[(class(lying) + 1) % 3]));
            let wordless = |planned: &Planned| FilmSpec {
                word: None,
                ..spec(planned).clone()
            };
            assert_eq!(wordless(honest), wordless(lying));
        }
    }

    #[test]
    fn at_zero_words_and_hospitals_are_independent_of_the_class() {
        let films = plan(&PhantomOptions {
            films_per_patient: 1.0,
            ..options(PhantomSet::Target, 3000)
        })
        .unwrap();
        let told = |key: &dyn Fn(&Planned) -> String| {
            let mut table: BTreeMap<(String, String), f64> = BTreeMap::new();
            let (mut rows, mut columns) = (BTreeMap::new(), BTreeMap::new());
            for film in &films {
                *table.entry((film.labels[0].clone(), key(film))).or_insert(0.0) += 1.0;
                *rows.entry(film.labels[0].clone()).or_insert(0.0) += 1.0;
                *columns.entry(key(film)).or_insert(0.0) += 1.0;
            }
            let mut chi_squared = 0.0;
            for (row, in_row) in &rows {
                for (column, in_column) in &columns {
                    let expected: f64 = in_row * in_column / films.len() as f64;
                    let found = table.get(&(row.clone(), column.clone())).copied().unwrap_or(0.0);
                    chi_squared += (found - expected).powi(2) / expected;
                }
            }
            chi_squared / ((rows.len() - 1) * (columns.len() - 1)) as f64
        };
        // Chi-squared over its degrees of freedom has mean 1. With 6 to 12 degrees, 2.6 exceeds the 99th
        // percentile.
        assert!(told(&|film| spec(film).word.clone().unwrap_or_default()) < 2.6);
        assert!(told(&|film| film.dataset.clone()) < 2.6);
        assert!(told(&|film| spec(film).view.name().to_string()) < 2.6);
    }

    #[test]
    fn turning_the_word_dial_changes_words_alone() {
        let plain = plan(&options(PhantomSet::Target, 60)).unwrap();
        let turned = plan(&PhantomOptions {
            word_follows_class: 1.0,
            ..options(PhantomSet::Target, 60)
        })
        .unwrap();
        for (a, b) in plain.iter().zip(&turned) {
            let without = |film: &Planned| FilmSpec {
                word: None,
                ..spec(film).clone()
            };
            assert_eq!(without(a), without(b));
        }
        assert!(
            plain
                .iter()
                .zip(&turned)
                .any(|(a, b)| spec(a).word != spec(b).word)
        );
    }
}
