//! The heatmaps of a run's report: right and wrong answers on a stage's test films.

use std::path::Path;

use pleura_core::FileError;
use pleura_draw::picture::{HeatmapStyle, Outline};
use pleura_eval::Predictions;
use pleura_explain::picture::{self, Labels};
use pleura_explain::{Composite, Method, Start};
use pleura_film::DecodeOptions;
use pleura_manifest::Manifest;
use pleura_report::{GalleryIndex, IndexItem, LedgerLine};
use pleura_run::RunFolder;

use crate::explain::{Mask, are_phantoms};
use crate::{Classifier, Error, Task};

/// Side of a gallery's pictures in pixels.
const SIDE: usize = 360;

/// The questions to a film's answer, and the rules. For exclusive classes: why this class rather than the
/// next likely one (or the true one, if the answer is wrong), by two composites. `epsilon-plus-flat` has
/// little noise and is similar for all classes; `lrp-0` has more noise and separates classes. For independent
/// findings: the logit of the answer, and of a true finding if the answer is wrong.
fn questions(
    model: &Classifier,
    answers: &Predictions,
    film: usize,
    answer: usize,
) -> Result<Vec<(Composite, Start)>, Error> {
    let findings = model.findings();
    let mut others: Vec<usize> = (0..findings.len()).filter(|&finding| finding != answer).collect();
    let truth = |finding: usize| answers.has(film, finding) == Some(true);
    others.sort_by(|&a, &b| {
        let likelier = answers.score(film, b).total_cmp(&answers.score(film, a));
        truth(b).cmp(&truth(a)).then(likelier)
    });
    let name = |finding: usize| findings[finding].clone();
    let own = (Composite::default(), Start::Logit(name(answer)));
    let rough = Composite::by_name("lrp-0")?;
    Ok(match others.first() {
        Some(&other) if model.task() == Task::Exclusive => {
            let start = Start::Difference(name(answer), name(other));
            vec![(Composite::default(), start.clone()), (rough, start)]
        }
        Some(&other) if truth(other) && !truth(answer) => {
            vec![own, (Composite::default(), Start::Logit(name(other)))]
        }
        _ => vec![own, (rough, Start::Logit(name(answer)))],
    })
}

/// Chooses films, explains their answers, and writes the pictures with their list into the run's `explain`
/// folder. Wrong and right answers are chosen in turn, class by class, in the order of the table. Returns the
/// number of films.
///
/// # Errors
/// Errors of the films and masks; [`Error::File`], [`Error::Report`] for the files of the run.
pub fn write(
    run: &Path,
    model: &Classifier,
    manifest: &Manifest,
    answers: &Predictions,
    most: usize,
) -> Result<usize, Error> {
    let network = model.network()?;
    let findings = model.findings();
    let folder = RunFolder::new(run).explanations();
    std::fs::create_dir_all(&folder).map_err(FileError::of("create the folder", &folder))?;
    let phantoms = are_phantoms(manifest);
    let (mut items, mut composites) = (Vec::new(), Vec::new());
    for film in choose(answers, findings.len(), most) {
        let Some(row) = manifest.rows.iter().find(|row| row.film == answers.films[film]) else {
            continue;
        };
        let source = pleura_film::open(&manifest.file(row), &DecodeOptions::default())?;
        let prepared = pleura_film::prepare(&source, model.preparation());
        let answer = answers.answer(film);
        let truth: Vec<&str> = (0..findings.len())
            .filter(|&finding| answers.has(film, finding) == Some(true))
            .map(|finding| findings[finding].as_str())
            .collect();
        let lesion = Mask::read(manifest, row.masks.lesion.as_deref())?;
        // A healthy film's mask is empty.
        let lesion = lesion.filter(|mask| mask.inside.contains(&true));
        let style = HeatmapStyle {
            side: SIDE,
            ..HeatmapStyle::default()
        };
        let title = row.film.clone();
        let truth = truth.join(", ");
        let mut notes = vec![format!(
            "Answer: {}, {:.1} %. Truth: {}.",
            findings[answer],
            100.0 * answers.score(film, answer),
            if truth.is_empty() { "unknown" } else { &truth }
        )];
        if phantoms {
            notes.push("Phantom: drawn by a program.".to_owned());
        }
        let labels = Labels {
            title: title.clone(),
            notes,
        };
        let (mut drawn, mut ledger, mut explained) = (Vec::new(), Vec::new(), Vec::new());
        for (composite, start) in questions(model, answers, film, answer)? {
            let method = Method::Composite(composite);
            if !composites.iter().any(|name| name == method.name()) {
                composites.push(method.name().to_owned());
            }
            let explanation = method.explain(network, &prepared.unit_grey(), prepared.size, &[start])?;
            let map = &explanation.maps[0];
            let outlines: Vec<Outline<'_>> = lesion.iter().map(|mask| outline(mask, phantoms)).collect();
            // A difference of logits has no probability of its own.
            let finding = map.start.finding();
            let probability = finding.and_then(|asked| findings.iter().position(|name| name == asked));
            let probability = probability.map(|finding| answers.score(film, finding));
            let geometry = &prepared.geometry;
            drawn.push(picture::draw(
                &source,
                geometry,
                map,
                probability,
                &method,
                &labels,
                &outlines,
                &style,
            )?);
            ledger.extend(map.ledger().map(|ledger| LedgerLine {
                finding: format!("{}, {}", map.start.words(), method.name()),
                start: ledger.start,
                input: ledger.input,
                bias: ledger.bias,
                epsilon: ledger.epsilon,
            }));
            explained.push(map.start.words());
        }
        explained.dedup();
        let name = format!("{:03}.png", items.len() + 1);
        picture::sheet(&source, &[drawn], &labels, &style).save(&folder.join(&name))?;
        items.push(IndexItem {
            film: title,
            picture: name.into(),
            truth,
            prediction: findings[answer].clone(),
            probability: answers.score(film, answer),
            explained: explained.join(", "),
            right: answers.has(film, answer),
            phantom: phantoms,
            caption: match (&lesion, phantoms) {
                (None, _) => String::new(),
                (Some(_), true) => "The outline is the true lesion.".to_owned(),
                (Some(_), false) => {
                    "The outline is where the table of films says that there is something.".to_owned()
                }
            },
            ledger,
        });
    }
    let count = items.len();
    GalleryIndex {
        composite: composites.join(", "),
        items,
    }
    .write(run)?;
    Ok(count)
}

fn outline(mask: &Mask, phantom: bool) -> Outline<'_> {
    Outline {
        width: mask.width,
        height: mask.height,
        mask: &mask.inside,
        colour: Outline::GREEN,
        label: if phantom { "true lesion" } else { "lesion" }.to_owned(),
    }
}

/// Films by number: for each class in turn a wrong answer and a right one, until there are enough.
fn choose(answers: &Predictions, findings: usize, most: usize) -> Vec<usize> {
    let mut piles: Vec<Vec<usize>> = vec![Vec::new(); 2 * findings];
    for film in 0..answers.len() {
        let answer = answers.answer(film);
        if let Some(right) = answers.has(film, answer) {
            piles[2 * answer + usize::from(right)].push(film);
        }
    }
    let mut chosen = Vec::new();
    for round in 0..answers.len() {
        chosen.extend(piles.iter().filter_map(|pile| pile.get(round)));
        if chosen.len() >= most {
            break;
        }
    }
    chosen.truncate(most);
    chosen
}
