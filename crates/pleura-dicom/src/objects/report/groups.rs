//! Measurement groups (TID 1501): one for each finding, and one for the likeness to the training films.

use dicom_dictionary_std::tags;
use pleura::FindingScore;

use super::super::codes::{self, Concept};
use super::super::common::{Maker, PLEURA};
use super::super::data_set::DataSet;
use super::Saliency;
use super::content::{
    CONTAINS, MODIFIER, OBSERVATION, code, container, image, number, of_code, template, text_item, uid_item,
};

/// The groups of a film.
pub(super) fn make(maker: &Maker<'_>) -> Vec<DataSet> {
    let scores = maker.answer.scores().iter();
    let mut groups: Vec<DataSet> = scores.map(|score| finding(maker, score)).collect();
    groups.extend(fit(maker));
    groups
}

fn finding(maker: &Maker<'_>, score: &FindingScore) -> DataSet {
    let found = maker.model.codes(&score.finding);
    let mut children = head(maker, &score.finding, codes::finding(&score.finding, found));
    if let Some(site) = codes::site(found) {
        children.push(code(MODIFIER, codes::FINDING_SITE, site));
    }
    children.extend(algorithm(maker));
    children.push(image(Some(codes::SOURCE), maker.film_reference()));
    let mut probability = number(codes::item(codes::PROBABILITY), score.probability);
    let calibrated: Concept = if score.calibrated { codes::YES } else { codes::NO };
    probability.item(
        tags::CONTENT_SEQUENCE,
        code(MODIFIER, codes::CALIBRATED, calibrated),
    );
    children.push(probability);
    if let Some(threshold) = score.threshold {
        children.push(number(codes::item(codes::THRESHOLD), threshold));
    }
    if let Some(positive) = score.positive() {
        let presence = if positive { codes::PRESENT } else { codes::ABSENT };
        children.push(code(CONTAINS, codes::PRESENCE, presence));
    }
    if let Some(saliency) = Saliency::of(maker, &score.finding) {
        children.push(image(Some(codes::SALIENCY), saliency.reference()));
    }
    group(children)
}

/// The package's measures with their limits; `None` if there are none.
fn fit(maker: &Maker<'_>) -> Option<DataSet> {
    let measures = maker.answer.answer.measures.iter();
    let measures: Vec<_> = measures.filter(|(_, value)| value.is_finite()).collect();
    if measures.is_empty() {
        return None;
    }
    let mut children = head(maker, "likeness to the training films", codes::item(codes::FIT));
    children.extend(algorithm(maker));
    children.push(image(Some(codes::SOURCE), maker.film_reference()));
    for (name, value) in measures {
        children.push(number(codes::measure(name, false), *value));
        let mut limits = maker.model.limits.iter();
        if let Some((_, most)) = limits.find(|(measure, _)| measure == name) {
            children.push(number(codes::measure(name, true), *most));
        }
    }
    Some(group(children))
}

/// Tracking and finding.
fn head(maker: &Maker<'_>, tracked: &str, finding: DataSet) -> Vec<DataSet> {
    let uid = maker.uid(&format!("track {tracked}"));
    vec![
        text_item(OBSERVATION, codes::TRACKING_IDENTIFIER, tracked),
        uid_item(OBSERVATION, codes::TRACKING_UID, &uid),
        of_code(CONTAINS, codes::item(codes::FINDING), finding),
    ]
}

/// TID 4019: the algorithm.
fn algorithm(maker: &Maker<'_>) -> Vec<DataSet> {
    let model = maker.model;
    let mut parameters = vec![
        format!("{} sha256:{}", model.kind.name(), model.digest),
        format!("composite {}", maker.settings.composite.name()),
    ];
    parameters.extend(model.signer.as_ref().map(|key| format!("signed by {key}")));
    let mut items = vec![
        text_item(MODIFIER, codes::ALGORITHM_NAME, &model.name),
        text_item(MODIFIER, codes::ALGORITHM_VERSION, &maker.model_version()),
        text_item(MODIFIER, codes::ALGORITHM_MANUFACTURER, PLEURA),
    ];
    let parameters = parameters.iter();
    items.extend(parameters.map(|one| text_item(MODIFIER, codes::ALGORITHM_PARAMETERS, one)));
    items.push(code(
        MODIFIER,
        codes::ALGORITHM_FAMILY,
        codes::ARTIFICIAL_INTELLIGENCE,
    ));
    items
}

fn group(children: Vec<DataSet>) -> DataSet {
    let mut group = container(CONTAINS, codes::MEASUREMENT_GROUP, children);
    group.item(tags::CONTENT_TEMPLATE_SEQUENCE, template("1501"));
    group
}
