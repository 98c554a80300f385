//! The content tree of a report: templates and references.

use std::collections::BTreeSet;

use dicom_dictionary_std::tags;

use super::{Fault, Set, items, needed, text};

/// A row of a template: parent concept, concept, relationship, value type, least and most.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    usize,
    usize,
);

const MANY: usize = usize::MAX;
/// The name of an item without a concept name.
const UNNAMED: &str = "";
/// Any concept of this program's own scheme that has no row of its own.
const OWN: &str = "99PLEURA";

/// The rows of TID 1500 (with 1001 and 1004), 1600 (1602, 1603), 1501 (4019), as the specification of the
/// objects uses them. A concept is its code; the codes in use differ between schemes.
const ROWS: &[Row] = &[
    ("126000", "121049", "HAS CONCEPT MOD", "CODE", 1, 1),
    ("126000", "121005", "HAS OBS CONTEXT", "CODE", 1, 1),
    ("126000", "121012", "HAS OBS CONTEXT", "UIDREF", 1, 1),
    ("126000", "121013", "HAS OBS CONTEXT", "TEXT", 0, 1),
    ("126000", "121014", "HAS OBS CONTEXT", "TEXT", 0, 1),
    ("126000", "121015", "HAS OBS CONTEXT", "TEXT", 0, 1),
    ("126000", "121016", "HAS OBS CONTEXT", "TEXT", 0, 1),
    ("126000", "121058", "HAS CONCEPT MOD", "CODE", 1, MANY),
    ("126000", "111028", "CONTAINS", "CONTAINER", 1, 1),
    ("126000", "126010", "CONTAINS", "CONTAINER", 0, 1),
    ("126000", "C0034375", "CONTAINS", "CONTAINER", 1, 1),
    ("111028", "126200", "CONTAINS", "CONTAINER", 1, MANY),
    ("126200", "121139", "HAS ACQ CONTEXT", "CODE", 0, 1),
    ("126200", "123014", "HAS ACQ CONTEXT", "CODE", 0, 1),
    ("126200", "111031", "HAS ACQ CONTEXT", "CODE", 0, 1),
    ("126200", "111060", "HAS ACQ CONTEXT", "DATE", 0, 1),
    ("126200", "111061", "HAS ACQ CONTEXT", "TIME", 0, 1),
    ("126200", UNNAMED, "CONTAINS", "IMAGE", 1, MANY),
    ("126010", "125007", "CONTAINS", "CONTAINER", 1, MANY),
    ("125007", "112039", "HAS OBS CONTEXT", "TEXT", 1, 1),
    ("125007", "112040", "HAS OBS CONTEXT", "UIDREF", 1, 1),
    ("125007", "121071", "CONTAINS", "CODE", 1, 1),
    ("125007", "363698007", "HAS CONCEPT MOD", "CODE", 0, MANY),
    ("125007", "111001", "HAS CONCEPT MOD", "TEXT", 1, 1),
    ("125007", "111003", "HAS CONCEPT MOD", "TEXT", 1, 1),
    ("125007", "122405", "HAS CONCEPT MOD", "TEXT", 1, 1),
    ("125007", "111002", "HAS CONCEPT MOD", "TEXT", 1, MANY),
    ("125007", "111000", "HAS CONCEPT MOD", "CODE", 1, 1),
    ("125007", "260753009", "CONTAINS", "IMAGE", 1, MANY),
    ("125007", "122157", "CONTAINS", "NUM", 0, 1),
    ("125007", "121052", "CONTAINS", "CODE", 0, 1),
    ("125007", "130404", "CONTAINS", "IMAGE", 0, MANY),
    ("125007", OWN, "CONTAINS", "NUM", 0, MANY),
    ("122157", "calibrated", "HAS CONCEPT MOD", "CODE", 1, 1),
    ("C0034375", "111017", "CONTAINS", "CODE", 0, 1),
    ("C0034375", "outcome", "CONTAINS", "CODE", 1, 1),
    ("C0034375", "reason", "CONTAINS", "CODE", 0, MANY),
    ("C0034375", "explanation", "CONTAINS", "TEXT", 0, MANY),
    ("C0034375", "not-checked", "CONTAINS", "TEXT", 0, 1),
    ("C0034375", "notice", "CONTAINS", "TEXT", 1, 1),
];

/// Templates that containers must name.
const TEMPLATES: &[(&str, &str)] = &[("126000", "1500"), ("125007", "1501")];

/// Checks a report.
pub(super) fn check(set: &Set) -> Result<(), Fault> {
    let mut named = BTreeSet::new();
    if concept(set).0 != "126000" {
        return Err(Fault::new(
            "root",
            "is not an Imaging Measurement Report (126000, DCM)",
        ));
    }
    walk(set, "root", &mut named)?;
    let mut listed = BTreeSet::new();
    for study in items(set, tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE) {
        for series in items(study, tags::REFERENCED_SERIES_SEQUENCE) {
            for instance in items(series, tags::REFERENCED_SOP_SEQUENCE) {
                listed.insert(needed(instance, tags::REFERENCED_SOP_INSTANCE_UID)?);
            }
        }
    }
    if named != listed {
        let problem = format!(
            "lists {} instances, and the content tree names {}; expected the same",
            listed.len(),
            named.len()
        );
        return Err(Fault::new(
            tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE,
            problem,
        ));
    }
    for (tag, expected) in [
        (tags::VERIFICATION_FLAG, "UNVERIFIED"),
        (tags::COMPLETION_FLAG, "COMPLETE"),
        (tags::PRELIMINARY_FLAG, "PRELIMINARY"),
    ] {
        if text(set, tag).as_deref() != Some(expected) {
            return Err(Fault::new(tag, format!("expected {expected}")));
        }
    }
    unanswered(set)
}

/// A film without an answer has no probability, no presence and no heatmap.
fn unanswered(set: &Set) -> Result<(), Fault> {
    let children = |set: &Set, code: &str| -> Vec<Set> {
        let content = items(set, tags::CONTENT_SEQUENCE).iter();
        content.filter(|item| concept(item).0 == code).cloned().collect()
    };
    let evaluations = children(set, "C0034375");
    let outcomes = evaluations.iter().flat_map(|one| children(one, "outcome"));
    let answered = outcomes.into_iter().any(|item| {
        let value = items(&item, tags::CONCEPT_CODE_SEQUENCE).first();
        value.and_then(|value| text(value, tags::CODE_VALUE)).as_deref() == Some("answered")
    });
    if answered {
        return Ok(());
    }
    let measurements = children(set, "126010");
    let groups = measurements.iter().flat_map(|one| children(one, "125007"));
    for group in groups {
        for code in ["122157", "121052", "130404"] {
            if !children(&group, code).is_empty() {
                return Err(Fault::new(code, "is in the report of a film without an answer"));
            }
        }
    }
    Ok(())
}

/// Checks the children of an item, and theirs; collects the instances that are named.
fn walk(item: &Set, place: &str, named: &mut BTreeSet<String>) -> Result<(), Fault> {
    let (parent, _) = concept(item);
    for (of, template) in TEMPLATES {
        if parent == *of {
            let found = items(item, tags::CONTENT_TEMPLATE_SEQUENCE).first();
            let found = found.and_then(|found| text(found, tags::TEMPLATE_IDENTIFIER));
            if found.as_deref() != Some(*template) {
                return Err(Fault::new(
                    place,
                    format!("does not name its template {template}"),
                ));
            }
        }
    }
    for image in items(item, tags::REFERENCED_SOP_SEQUENCE) {
        named.insert(needed(image, tags::REFERENCED_SOP_INSTANCE_UID)?);
    }
    let mut counts = vec![0_usize; ROWS.len()];
    for (number, child) in items(item, tags::CONTENT_SEQUENCE).iter().enumerate() {
        let (code, scheme) = concept(child);
        let place = format!("{place} > {} ({code})", number + 1);
        let own = scheme == OWN;
        let row = ROWS
            .iter()
            .position(|row| row.0 == parent && row.1 == code)
            .or_else(|| ROWS.iter().position(|row| row.0 == parent && row.1 == OWN && own));
        let Some(row) = row else {
            return Err(Fault::new(place, "is not an item of its template"));
        };
        let (_, _, relationship, kind, ..) = ROWS[row];
        if text(child, tags::RELATIONSHIP_TYPE).as_deref() != Some(relationship) {
            return Err(Fault::new(
                place,
                format!("expected the relationship {relationship}"),
            ));
        }
        if text(child, tags::VALUE_TYPE).as_deref() != Some(kind) {
            return Err(Fault::new(place, format!("expected the value type {kind}")));
        }
        value(child, kind, &place)?;
        counts[row] += 1;
        walk(child, &place, named)?;
    }
    for (row, count) in ROWS.iter().zip(counts) {
        let &(of, code, _, _, least, most) = row;
        if of == parent && !(least..=most).contains(&count) {
            return Err(Fault::new(
                place,
                format!("{count} items of {code:?}, expected {least} or more, at most {most}"),
            ));
        }
    }
    Ok(())
}

/// The value that goes with a value type is there.
fn value(item: &Set, kind: &str, place: &str) -> Result<(), Fault> {
    let right = match kind {
        "CODE" => items(item, tags::CONCEPT_CODE_SEQUENCE).len() == 1,
        "TEXT" => text(item, tags::TEXT_VALUE).is_some(),
        "UIDREF" => text(item, tags::UID).is_some(),
        "DATE" => text(item, tags::DATE).is_some(),
        "TIME" => text(item, tags::TIME).is_some(),
        "IMAGE" => items(item, tags::REFERENCED_SOP_SEQUENCE).len() == 1,
        "NUM" => items(item, tags::MEASURED_VALUE_SEQUENCE)
            .first()
            .is_some_and(|value| text(value, tags::NUMERIC_VALUE).is_some()),
        _ => !items(item, tags::CONTENT_SEQUENCE).is_empty(),
    };
    if right {
        return Ok(());
    }
    Err(Fault::new(place, format!("has no value of type {kind}")))
}

/// Code and scheme of an item's concept name; empty without one.
fn concept(item: &Set) -> (String, String) {
    let name = items(item, tags::CONCEPT_NAME_CODE_SEQUENCE).first();
    let of = |tag| name.and_then(|name| text(name, tag)).unwrap_or_default();
    (of(tags::CODE_VALUE), of(tags::CODING_SCHEME_DESIGNATOR))
}
