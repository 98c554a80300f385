//! Required attributes (PS3.3): true for type 1, false for type 2.

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use crate::objects::Kind;

type Required = (Tag, bool);

/// Patient, study, series, equipment and common modules.
pub(super) const OF_ALL: &[Required] = &[
    (tags::SOP_CLASS_UID, true),
    (tags::SOP_INSTANCE_UID, true),
    (tags::INSTANCE_CREATION_DATE, true),
    (tags::INSTANCE_CREATION_TIME, true),
    (tags::TIMEZONE_OFFSET_FROM_UTC, true),
    (tags::PATIENT_NAME, false),
    (tags::PATIENT_ID, false),
    (tags::PATIENT_BIRTH_DATE, false),
    (tags::PATIENT_SEX, false),
    (tags::STUDY_DATE, false),
    (tags::STUDY_TIME, false),
    (tags::ACCESSION_NUMBER, false),
    (tags::REFERRING_PHYSICIAN_NAME, false),
    (tags::STUDY_INSTANCE_UID, true),
    (tags::STUDY_ID, false),
    (tags::MODALITY, true),
    (tags::SERIES_INSTANCE_UID, true),
    (tags::SERIES_NUMBER, true),
    (tags::SERIES_DESCRIPTION, true),
    (tags::INSTANCE_NUMBER, true),
    (tags::MANUFACTURER, true),
    (tags::MANUFACTURER_MODEL_NAME, true),
    (tags::STATION_NAME, true),
    (tags::DEVICE_SERIAL_NUMBER, true),
    (tags::SOFTWARE_VERSIONS, true),
    (tags::CONTRIBUTING_EQUIPMENT_SEQUENCE, true),
];

const SECONDARY_CAPTURE: &[Required] = &[
    (tags::IMAGE_TYPE, true),
    (tags::CONVERSION_TYPE, true),
    (tags::BODY_PART_EXAMINED, true),
    (tags::PATIENT_ORIENTATION, false),
    (tags::DERIVATION_DESCRIPTION, true),
    (tags::DERIVATION_CODE_SEQUENCE, true),
    (tags::SOURCE_IMAGE_SEQUENCE, true),
    (tags::IMAGE_COMMENTS, true),
    (tags::RECOGNIZABLE_VISUAL_FEATURES, true),
    (tags::LOSSY_IMAGE_COMPRESSION, true),
    (tags::SAMPLES_PER_PIXEL, true),
    (tags::PHOTOMETRIC_INTERPRETATION, true),
    (tags::PLANAR_CONFIGURATION, true),
    (tags::ROWS, true),
    (tags::COLUMNS, true),
    (tags::BITS_ALLOCATED, true),
    (tags::BITS_STORED, true),
    (tags::HIGH_BIT, true),
    (tags::PIXEL_REPRESENTATION, true),
    (tags::PIXEL_DATA, true),
];

const REPORT: &[Required] = &[
    (tags::CONTENT_DATE, true),
    (tags::CONTENT_TIME, true),
    (tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE, false),
    (tags::PERFORMED_PROCEDURE_CODE_SEQUENCE, false),
    (tags::COMPLETION_FLAG, true),
    (tags::COMPLETION_FLAG_DESCRIPTION, true),
    (tags::VERIFICATION_FLAG, true),
    (tags::PRELIMINARY_FLAG, true),
    (tags::AUTHOR_OBSERVER_SEQUENCE, true),
    (tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, true),
    (tags::CODING_SCHEME_IDENTIFICATION_SEQUENCE, true),
    (tags::VALUE_TYPE, true),
    (tags::CONCEPT_NAME_CODE_SEQUENCE, true),
    (tags::CONTINUITY_OF_CONTENT, true),
    (tags::CONTENT_TEMPLATE_SEQUENCE, true),
    (tags::CONTENT_SEQUENCE, true),
];

const PRESENTATION_STATE: &[Required] = &[
    (tags::BODY_PART_EXAMINED, true),
    (tags::CONTENT_LABEL, true),
    (tags::CONTENT_DESCRIPTION, false),
    (tags::CONTENT_CREATOR_NAME, false),
    (tags::PRESENTATION_CREATION_DATE, true),
    (tags::PRESENTATION_CREATION_TIME, true),
    (tags::REFERENCED_SERIES_SEQUENCE, true),
    (tags::DISPLAYED_AREA_SELECTION_SEQUENCE, true),
    (tags::GRAPHIC_LAYER_SEQUENCE, true),
    (tags::GRAPHIC_ANNOTATION_SEQUENCE, true),
    (tags::PRESENTATION_LUT_SHAPE, true),
];

const PARAMETRIC_MAP: &[Required] = &[
    (tags::IMAGE_TYPE, true),
    (tags::CONTENT_DATE, true),
    (tags::CONTENT_TIME, true),
    (tags::BODY_PART_EXAMINED, true),
    (tags::CONTENT_QUALIFICATION, true),
    (tags::BURNED_IN_ANNOTATION, true),
    (tags::RECOGNIZABLE_VISUAL_FEATURES, true),
    (tags::LOSSY_IMAGE_COMPRESSION, true),
    (tags::CONTENT_LABEL, true),
    (tags::CONTENT_DESCRIPTION, false),
    (tags::FRAME_OF_REFERENCE_UID, true),
    (tags::POSITION_REFERENCE_INDICATOR, false),
    (tags::ACQUISITION_CONTEXT_SEQUENCE, false),
    (tags::PRESENTATION_LUT_SHAPE, true),
    (tags::SAMPLES_PER_PIXEL, true),
    (tags::PHOTOMETRIC_INTERPRETATION, true),
    (tags::ROWS, true),
    (tags::COLUMNS, true),
    (tags::BITS_ALLOCATED, true),
    (tags::NUMBER_OF_FRAMES, true),
    (tags::REFERENCED_SERIES_SEQUENCE, true),
    (tags::DIMENSION_ORGANIZATION_SEQUENCE, true),
    (tags::DIMENSION_INDEX_SEQUENCE, true),
    (tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, true),
    (tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, true),
    (tags::FLOAT_PIXEL_DATA, true),
];

/// The attributes of a kind beside those of all.
pub(super) fn of_kind(kind: Kind) -> &'static [Required] {
    match kind {
        Kind::SecondaryCapture => SECONDARY_CAPTURE,
        Kind::Report => REPORT,
        Kind::PresentationState => PRESENTATION_STATE,
        Kind::ParametricMap => PARAMETRIC_MAP,
    }
}
