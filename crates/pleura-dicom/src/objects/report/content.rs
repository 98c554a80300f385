//! Items of a content tree (PS3.3 C.17.3).

use dicom_dictionary_std::tags;

use super::super::codes::{self, Concept};
use super::super::data_set::DataSet;
use super::super::text::ds;
use super::line;

pub(super) const CONTAINS: &str = "CONTAINS";
pub(super) const MODIFIER: &str = "HAS CONCEPT MOD";
pub(super) const OBSERVATION: &str = "HAS OBS CONTEXT";
pub(super) const ACQUISITION: &str = "HAS ACQ CONTEXT";

/// An item; the root has no relationship, an image may have no name.
fn item(relationship: &str, kind: &str, name: Option<DataSet>) -> DataSet {
    let mut item = DataSet::default();
    if !relationship.is_empty() {
        item.put(tags::RELATIONSHIP_TYPE, relationship);
    }
    item.put(tags::VALUE_TYPE, kind);
    if let Some(name) = name {
        item.item(tags::CONCEPT_NAME_CODE_SEQUENCE, name);
    }
    item
}

fn named(relationship: &str, kind: &str, name: Concept) -> DataSet {
    item(relationship, kind, Some(codes::item(name)))
}

pub(super) fn code(relationship: &str, name: Concept, value: Concept) -> DataSet {
    of_code(relationship, codes::item(name), codes::item(value))
}

pub(super) fn of_code(relationship: &str, name: DataSet, value: DataSet) -> DataSet {
    let mut item = item(relationship, "CODE", Some(name));
    item.item(tags::CONCEPT_CODE_SEQUENCE, value);
    item
}

pub(super) fn text_item(relationship: &str, name: Concept, value: &str) -> DataSet {
    let mut item = named(relationship, "TEXT", name);
    item.put(tags::TEXT_VALUE, line(value));
    item
}

pub(super) fn uid_item(relationship: &str, name: Concept, value: &str) -> DataSet {
    let mut item = named(relationship, "UIDREF", name);
    item.put(tags::UID, value);
    item
}

pub(super) fn date(relationship: &str, name: Concept, value: &str) -> DataSet {
    let mut item = named(relationship, "DATE", name);
    item.put(tags::DATE, value);
    item
}

pub(super) fn time(relationship: &str, name: Concept, value: &str) -> DataSet {
    let mut item = named(relationship, "TIME", name);
    item.put(tags::TIME, value);
    item
}

/// A number without a unit.
pub(super) fn number(name: DataSet, value: f64) -> DataSet {
    let mut measured = DataSet::default();
    measured.put(tags::NUMERIC_VALUE, ds(value));
    let unit = codes::item(codes::NO_UNITS);
    measured.item(tags::MEASUREMENT_UNITS_CODE_SEQUENCE, unit);
    let mut item = item(CONTAINS, "NUM", Some(name));
    item.item(tags::MEASURED_VALUE_SEQUENCE, measured);
    item
}

pub(super) fn image(name: Option<Concept>, reference: DataSet) -> DataSet {
    let mut item = item(CONTAINS, "IMAGE", name.map(codes::item));
    item.item(tags::REFERENCED_SOP_SEQUENCE, reference);
    item
}

pub(super) fn container(relationship: &str, name: Concept, children: Vec<DataSet>) -> DataSet {
    let mut item = named(relationship, "CONTAINER", name);
    item.put(tags::CONTINUITY_OF_CONTENT, "SEPARATE");
    item.items(tags::CONTENT_SEQUENCE, children);
    item
}

/// The item that names a template of DCMR.
pub(super) fn template(number: &str) -> DataSet {
    let mut item = DataSet::default();
    item.put(tags::MAPPING_RESOURCE, "DCMR");
    item.put(tags::TEMPLATE_IDENTIFIER, number);
    item
}
