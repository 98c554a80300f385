//! Comprehensive 3D Structured Report (PS3.3 A.35.13) of template TID 1500 (PS3.16).

mod content;
mod groups;

use dicom_dictionary_std::tags;
use pleura::Outcome;

use super::codes::{self, OWN};
use super::common::{Maker, PLEURA, reference};
use super::data_set::DataSet;
use super::model::ModelKind;
use super::uid::uid;
use super::{Kind, NOTICE, secondary_capture, text};
use content::{
    ACQUISITION, CONTAINS, MODIFIER, OBSERVATION, code, container, date, image, of_code, text_item, time,
    uid_item,
};

/// The report of a film.
pub(super) fn make(maker: &Maker<'_>) -> DataSet {
    let mut set = maker.object(Kind::Report, "", 1);
    set.put(tags::CONTENT_DATE, &maker.moment.began.date);
    set.put(tags::CONTENT_TIME, &maker.moment.began.time);
    set.empty(tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE);
    set.items(tags::PERFORMED_PROCEDURE_CODE_SEQUENCE, maker.film.procedures());
    set.put(tags::COMPLETION_FLAG, "COMPLETE");
    let description = "Made by a program. Research use only. Not for diagnosis.";
    set.put(tags::COMPLETION_FLAG_DESCRIPTION, description);
    set.put(tags::VERIFICATION_FLAG, "UNVERIFIED");
    set.put(tags::PRELIMINARY_FLAG, "PRELIMINARY");
    set.item(tags::AUTHOR_OBSERVER_SEQUENCE, author(maker));
    set.item(tags::CODING_SCHEME_IDENTIFICATION_SEQUENCE, scheme());
    if let Some(before) = &maker.moment.predecessor {
        let instance = reference(Kind::Report.sop_class(), &before.instance);
        let mut series = DataSet::default();
        series.put(tags::SERIES_INSTANCE_UID, &before.series);
        series.item(tags::REFERENCED_SOP_SEQUENCE, instance);
        let mut study = DataSet::default();
        study.put(tags::STUDY_INSTANCE_UID, &before.study);
        study.item(tags::REFERENCED_SERIES_SEQUENCE, series);
        set.item(tags::PREDECESSOR_DOCUMENTS_SEQUENCE, study);
    }
    set.item(
        tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE,
        evidence(maker),
    );
    set.extend(tree(maker));
    set
}

fn author(maker: &Maker<'_>) -> DataSet {
    let mut item = DataSet::default();
    item.put(tags::OBSERVER_TYPE, "DEV");
    item.put(tags::STATION_NAME, &maker.settings.station);
    item.put(tags::DEVICE_UID, maker.device_uid());
    item.put(tags::MANUFACTURER, PLEURA);
    item.put(tags::MANUFACTURER_MODEL_NAME, PLEURA);
    item.empty(tags::INSTITUTION_NAME);
    item.empty(tags::INSTITUTION_CODE_SEQUENCE);
    item
}

fn scheme() -> DataSet {
    let mut item = DataSet::default();
    item.put(tags::CODING_SCHEME_DESIGNATOR, OWN);
    item.put(
        tags::CODING_SCHEME_UID,
        uid(None, &["pleura", "coding scheme", OWN]),
    );
    item.put(tags::CODING_SCHEME_NAME, "Codes of pleura");
    item.put(tags::CODING_SCHEME_VERSION, "1");
    item.put(tags::CODING_SCHEME_RESPONSIBLE_ORGANIZATION, PLEURA);
    item
}

/// The object that a finding's saliency item names: the parametric map's frame, else the picture.
pub(super) struct Saliency {
    kind: Kind,
    instance: String,
    /// The frame of a parametric map, from 1.
    frame: Option<usize>,
}

impl Saliency {
    fn of(maker: &Maker<'_>, finding: &str) -> Option<Self> {
        let mut shown = maker.answer.shown().iter();
        let place = shown.position(|heatmap| heatmap.finding == finding)?;
        let heatmap = maker.answer.shown().get(place)?;
        let (kind, part, frame) = if maker.settings.parametric_map {
            (Kind::ParametricMap, "", Some(place + 1))
        } else {
            (Kind::SecondaryCapture, secondary_capture::part(heatmap), None)
        };
        Some(Self {
            kind,
            instance: maker.instance(kind, part),
            frame,
        })
    }

    fn reference(&self) -> DataSet {
        let mut item = reference(self.kind.sop_class(), &self.instance);
        if let Some(frame) = self.frame {
            item.put(tags::REFERENCED_FRAME_NUMBER, frame.to_string());
        }
        item
    }
}

/// Every instance that an IMAGE item names, by series.
fn evidence(maker: &Maker<'_>) -> DataSet {
    let mut study = DataSet::default();
    study.put(tags::STUDY_INSTANCE_UID, maker.film.study());
    study.item(
        tags::REFERENCED_SERIES_SEQUENCE,
        maker.film_series(tags::REFERENCED_SOP_SEQUENCE),
    );
    let mut named: Vec<Saliency> = Vec::new();
    for heatmap in maker.answer.shown() {
        if let Some(saliency) = Saliency::of(maker, &heatmap.finding)
            && named.iter().all(|one| one.instance != saliency.instance)
        {
            named.push(saliency);
        }
    }
    if let Some(first) = named.first() {
        let mut series = DataSet::default();
        series.put(tags::SERIES_INSTANCE_UID, maker.series(first.kind));
        let instances = named
            .iter()
            .map(|one| reference(one.kind.sop_class(), &one.instance))
            .collect();
        series.items(tags::REFERENCED_SOP_SEQUENCE, instances);
        study.push(tags::REFERENCED_SERIES_SEQUENCE, series);
    }
    study
}

/// The root of the content tree.
fn tree(maker: &Maker<'_>) -> DataSet {
    let station = &maker.settings.station;
    let procedure = maker.film.procedures().into_iter().next();
    let procedure = procedure.unwrap_or_else(|| codes::item(codes::UNSPECIFIED_PROCEDURE));
    let mut children = vec![
        code(MODIFIER, codes::LANGUAGE, codes::ENGLISH),
        code(OBSERVATION, codes::OBSERVER_TYPE, codes::DEVICE),
        uid_item(OBSERVATION, codes::OBSERVER_UID, &maker.device_uid()),
        text_item(OBSERVATION, codes::OBSERVER_NAME, station),
        text_item(OBSERVATION, codes::OBSERVER_MANUFACTURER, PLEURA),
        text_item(OBSERVATION, codes::OBSERVER_MODEL, PLEURA),
        text_item(OBSERVATION, codes::OBSERVER_SERIAL, station),
        of_code(MODIFIER, codes::item(codes::PROCEDURE), procedure),
        library(maker),
    ];
    let groups = groups::make(maker);
    if !groups.is_empty() {
        children.push(container(CONTAINS, codes::MEASUREMENTS, groups));
    }
    children.push(container(CONTAINS, codes::QUALITATIVE, evaluations(maker)));
    let mut root = container("", codes::REPORT, children);
    root.item(tags::CONTENT_TEMPLATE_SEQUENCE, content::template("1500"));
    root
}

/// TID 1600: the film.
fn library(maker: &Maker<'_>) -> DataSet {
    let film = maker.film;
    let mut children = Vec::new();
    match film.text(tags::MODALITY) {
        Some("DX") => children.push(code(ACQUISITION, codes::MODALITY, codes::DIGITAL_RADIOGRAPHY)),
        Some("CR") => children.push(code(ACQUISITION, codes::MODALITY, codes::COMPUTED_RADIOGRAPHY)),
        _ => {}
    }
    if film.names_the_chest() {
        children.push(code(ACQUISITION, codes::TARGET_REGION, codes::CHEST));
    }
    match film.text(tags::VIEW_POSITION) {
        Some("PA") => children.push(code(ACQUISITION, codes::IMAGE_VIEW, codes::POSTERO_ANTERIOR)),
        Some("AP") => children.push(code(ACQUISITION, codes::IMAGE_VIEW, codes::ANTERO_POSTERIOR)),
        _ => {}
    }
    if let Some(day) = film.text(tags::STUDY_DATE) {
        children.push(date(ACQUISITION, codes::STUDY_DATE, day));
    }
    if let Some(at) = film.text(tags::STUDY_TIME) {
        children.push(time(ACQUISITION, codes::STUDY_TIME, at));
    }
    children.push(image(None, maker.film_reference()));
    let group = container(CONTAINS, codes::IMAGE_LIBRARY_GROUP, children);
    container(CONTAINS, codes::IMAGE_LIBRARY, vec![group])
}

/// Outcome, reasons and notices: codes and texts only.
fn evaluations(maker: &Maker<'_>) -> Vec<DataSet> {
    let answer = &maker.answer.answer;
    let mut items = Vec::new();
    let calls: Vec<bool> = maker
        .answer
        .scores()
        .iter()
        .filter_map(pleura::FindingScore::positive)
        .collect();
    let summary = match answer.outcome {
        Outcome::Answered if calls.contains(&true) => Some(codes::WITH_FINDINGS),
        Outcome::Answered if !calls.is_empty() => Some(codes::WITHOUT_FINDINGS),
        // Without thresholds nothing says whether a finding is there.
        Outcome::Answered => None,
        _ => Some(codes::NONE_SUCCEEDED),
    };
    items.extend(summary.map(|summary| code(CONTAINS, codes::SUMMARY, summary)));
    let outcome = match answer.outcome {
        Outcome::Answered => codes::ANSWERED,
        Outcome::Abstained => codes::ABSTAINED,
        Outcome::Refused => codes::REFUSED,
    };
    items.push(code(CONTAINS, codes::OUTCOME, outcome));
    let name = |concept| codes::item(concept);
    for flag in &answer.flags {
        items.push(of_code(CONTAINS, name(codes::REASON), codes::reason(&flag.check)));
    }
    for flag in &answer.flags {
        items.push(text_item(CONTAINS, codes::EXPLANATION, &flag.says));
    }
    for doubt in &answer.doubts {
        items.push(text_item(CONTAINS, codes::EXPLANATION, doubt));
    }
    let not_checked = match maker.model.kind {
        ModelKind::Package => answer.not_checked.join(", "),
        ModelKind::Weights => {
            "everything: the model is no package, so it answers every film, whatever it shows".to_owned()
        }
    };
    if !not_checked.is_empty() {
        items.push(text_item(CONTAINS, codes::NOT_CHECKED, &not_checked));
    }
    items.push(text_item(CONTAINS, codes::NOTICE, NOTICE));
    items
}

/// A text of at most 1,024 characters, on one line.
fn line(value: &str) -> String {
    text::fitted(value, 1024)
}
