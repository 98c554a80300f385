//! Lengths and alphabets of texts by value representation (PS3.5 6.2).

use dicom_core::header::Header as _;
use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;

use super::{Fault, Set};
use crate::objects::uid::is_uid;

/// Texts that are copied from the film as it has them.
const COPIED: &[Tag] = &[
    tags::SPECIFIC_CHARACTER_SET,
    tags::PATIENT_NAME,
    tags::PATIENT_ID,
    tags::ISSUER_OF_PATIENT_ID,
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_SEX,
    tags::PATIENT_AGE,
    tags::STUDY_DATE,
    tags::STUDY_TIME,
    tags::STUDY_ID,
    tags::STUDY_DESCRIPTION,
    tags::ACCESSION_NUMBER,
    tags::REFERRING_PHYSICIAN_NAME,
    tags::PATIENT_ORIENTATION,
    tags::RESCALE_INTERCEPT,
    tags::RESCALE_SLOPE,
    tags::RESCALE_TYPE,
    tags::LOSSY_IMAGE_COMPRESSION_RATIO,
    tags::LOSSY_IMAGE_COMPRESSION_METHOD,
];

/// Sequences whose items are copied from the film.
const COPIED_ITEMS: &[Tag] = &[
    tags::PERFORMED_PROCEDURE_CODE_SEQUENCE,
    tags::ISSUER_OF_ACCESSION_NUMBER_SEQUENCE,
];

/// Checks all texts, in items too; `root` leaves out those that are copied from the film.
pub(super) fn check(set: &Set, root: bool) -> Result<(), Fault> {
    for element in set.iter() {
        let tag = element.header().tag();
        if let Some(items) = element.items() {
            if root && COPIED_ITEMS.contains(&tag) {
                continue;
            }
            for item in items {
                check(item, false)?;
            }
            continue;
        }
        if root && COPIED.contains(&tag) {
            continue;
        }
        let most = match element.vr() {
            VR::AE | VR::CS | VR::DS | VR::SH => 16,
            VR::IS => 12,
            VR::LO | VR::PN | VR::UI => 64,
            VR::ST => 1024,
            VR::LT => 10_240,
            _ => continue,
        };
        // A film's procedure may be the report's, with the texts that the film has.
        let whole = matches!(element.vr(), VR::ST | VR::LT);
        let value = element.to_str().map_err(|_| Fault::new(tag, "is not a text"))?;
        let parts: Vec<&str> = if whole {
            vec![&value]
        } else {
            value.split('\\').collect()
        };
        for part in parts {
            let part = part.trim_end_matches(['\0', ' ']);
            let count = part.chars().count();
            if count > most {
                return Err(Fault::new(
                    tag,
                    format!("{count} characters; at most {most} are allowed"),
                ));
            }
            let right = match element.vr() {
                VR::UI => part.is_empty() || is_uid(part),
                VR::CS => part.bytes().all(|byte| {
                    byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b' ' | b'_')
                }),
                VR::DS => part.trim().parse::<f64>().is_ok_and(f64::is_finite),
                VR::IS => part.trim().parse::<i32>().is_ok(),
                VR::PN => part.contains('^'),
                _ => true,
            };
            if !right {
                let vr = element.vr().to_string();
                return Err(Fault::new(tag, format!("is not a value of {vr}")));
            }
        }
    }
    Ok(())
}
