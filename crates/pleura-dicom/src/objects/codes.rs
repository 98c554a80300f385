//! Coded concepts (PS3.16) and their items.

use dicom_dictionary_std::tags;
use pleura_package::codes::{self, Code};

use super::data_set::DataSet;
use super::text::{fitted, lo, sh};

/// The scheme of this program's own codes.
pub(super) const OWN: &str = "99PLEURA";

/// A coded concept: value, scheme, meaning.
pub(super) type Concept = (&'static str, &'static str, &'static str);

/// Declares concepts by name.
macro_rules! concepts {
    ($($name:ident = $value:literal $scheme:literal $meaning:literal;)*) => {
        $(pub(super) const $name: Concept = ($value, $scheme, $meaning);)*
    };
}

concepts! {
    PROCESSING_EQUIPMENT = "109102" "DCM" "Processing Equipment";
    SPATIAL_RESAMPLING = "113085" "DCM" "Spatial resampling";
    SOURCE_IMAGE = "121322" "DCM" "Source image for image processing operation";
    REPORT = "126000" "DCM" "Imaging Measurement Report";
    LANGUAGE = "121049" "DCM" "Language of Content Item and Descendants";
    ENGLISH = "en-US" "RFC5646" "English (United States)";
    OBSERVER_TYPE = "121005" "DCM" "Observer Type";
    DEVICE = "121007" "DCM" "Device";
    OBSERVER_UID = "121012" "DCM" "Device Observer UID";
    OBSERVER_NAME = "121013" "DCM" "Device Observer Name";
    OBSERVER_MANUFACTURER = "121014" "DCM" "Device Observer Manufacturer";
    OBSERVER_MODEL = "121015" "DCM" "Device Observer Model Name";
    OBSERVER_SERIAL = "121016" "DCM" "Device Observer Serial Number";
    PROCEDURE = "121058" "DCM" "Procedure reported";
    UNSPECIFIED_PROCEDURE = "43468-8" "LN" "XR unspecified body region";
    IMAGE_LIBRARY = "111028" "DCM" "Image Library";
    IMAGE_LIBRARY_GROUP = "126200" "DCM" "Image Library Group";
    MODALITY = "121139" "DCM" "Modality";
    DIGITAL_RADIOGRAPHY = "DX" "DCM" "Digital Radiography";
    COMPUTED_RADIOGRAPHY = "CR" "DCM" "Computed Radiography";
    TARGET_REGION = "123014" "DCM" "Target Region";
    CHEST = "816094009" "SCT" "Chest";
    IMAGE_VIEW = "111031" "DCM" "Image View";
    POSTERO_ANTERIOR = "272479007" "SCT" "postero-anterior";
    ANTERO_POSTERIOR = "399348003" "SCT" "antero-posterior";
    STUDY_DATE = "111060" "DCM" "Study Date";
    STUDY_TIME = "111061" "DCM" "Study Time";
    MEASUREMENTS = "126010" "DCM" "Imaging Measurements";
    MEASUREMENT_GROUP = "125007" "DCM" "Measurement Group";
    TRACKING_IDENTIFIER = "112039" "DCM" "Tracking Identifier";
    TRACKING_UID = "112040" "DCM" "Tracking Unique Identifier";
    FINDING = "121071" "DCM" "Finding";
    FINDING_SITE = "363698007" "SCT" "Finding Site";
    LUNG = "39607008" "SCT" "Lung";
    HEART = "80891009" "SCT" "Heart";
    ALGORITHM_NAME = "111001" "DCM" "Algorithm Name";
    ALGORITHM_VERSION = "111003" "DCM" "Algorithm Version";
    ALGORITHM_MANUFACTURER = "122405" "DCM" "Algorithm Manufacturer";
    ALGORITHM_PARAMETERS = "111002" "DCM" "Algorithm Parameters";
    ALGORITHM_FAMILY = "111000" "DCM" "Algorithm Family";
    ARTIFICIAL_INTELLIGENCE = "123110" "DCM" "Artificial Intelligence";
    SOURCE = "260753009" "SCT" "Source";
    PROBABILITY = "122157" "DCM" "Probability";
    NO_UNITS = "1" "UCUM" "no units";
    YES = "373066001" "SCT" "Yes";
    NO = "373067005" "SCT" "No";
    PRESENCE = "121052" "DCM" "Presence of property";
    PRESENT = "121053" "DCM" "Present";
    ABSENT = "121054" "DCM" "Absent";
    SALIENCY = "130404" "DCM" "Saliency";
    QUALITATIVE = "C0034375" "UMLS" "Qualitative Evaluations";
    SUMMARY = "111017" "DCM" "CAD Processing and Findings Summary";
    WITH_FINDINGS = "111242" "DCM" "All algorithms succeeded; with findings";
    WITHOUT_FINDINGS = "111241" "DCM" "All algorithms succeeded; without findings";
    NONE_SUCCEEDED = "111245" "DCM" "No algorithms succeeded; without findings";
    QUANTITY = "246205007" "SCT" "Quantity";
    CALIBRATED = "calibrated" "99PLEURA" "Calibrated";
    THRESHOLD = "threshold" "99PLEURA" "Decision threshold";
    FIT = "fit" "99PLEURA" "Likeness to the films that the network learnt from";
    OUTCOME = "outcome" "99PLEURA" "Outcome";
    ANSWERED = "answered" "99PLEURA" "Answered";
    ABSTAINED = "abstained" "99PLEURA" "Abstained: unlike the training films";
    REFUSED = "refused" "99PLEURA" "Refused: outside the model's contract";
    REASON = "reason" "99PLEURA" "Reason for no answer";
    EXPLANATION = "explanation" "99PLEURA" "Explanation";
    NOT_CHECKED = "not-checked" "99PLEURA" "Not checked";
    NOTICE = "notice" "99PLEURA" "Notice";
}

/// Names of the package's checks, for reasons.
const REASONS: &[(&str, &str)] = &[
    ("modality", "The modality is not that of an X-ray film"),
    ("part", "Another body part"),
    ("projection", "Not a frontal projection"),
    ("object", "The image is not of an adult's chest"),
    ("frames", "More than one frame"),
    ("age", "The patient is younger than the model's"),
    ("colour", "The image is in colour"),
    ("size", "The film is too small"),
    ("polarity", "The film looks inverted"),
    ("contrast", "The film has no contrast"),
    ("layout", "The layout is unlike the training films"),
    ("tones", "The grey levels are unlike the training films"),
    ("features", "The features are unlike the training films"),
];

/// The item of a concept.
pub(super) fn item((value, scheme, meaning): Concept) -> DataSet {
    coded(value, scheme, meaning)
}

/// The item of a code; texts are cut to their lengths.
pub(super) fn coded(value: &str, scheme: &str, meaning: &str) -> DataSet {
    let mut item = DataSet::default();
    item.put(tags::CODE_VALUE, sh(value));
    item.put(tags::CODING_SCHEME_DESIGNATOR, sh(scheme));
    item.put(tags::CODE_MEANING, lo(meaning));
    item
}

/// The item of a reason.
pub(super) fn reason(check: &str) -> DataSet {
    let known = REASONS.iter().find(|(name, _)| *name == check);
    coded(check, OWN, known.map_or(check, |(_, meaning)| meaning))
}

/// The item of a measure, or of its limit.
pub(super) fn measure(name: &str, limit: bool) -> DataSet {
    if limit {
        coded(&format!("{name}-limit"), OWN, &format!("Limit of {name}"))
    } else {
        coded(name, OWN, &format!("Distance from the training films: {name}"))
    }
}

/// The item of a finding: its code of SNOMED CT with its other codes as equivalents, or a code of our own.
pub(super) fn finding(name: &str, codes: &[Code]) -> DataSet {
    // A package may come from anybody: a code that does not fit is no code.
    let fits = |code: &&Code| {
        let whole = sh(&code.code) == code.code && sh(&code.scheme) == code.scheme;
        whole && !code.code.is_empty() && !code.scheme.is_empty() && code.code.is_ascii()
    };
    let code_item = |code: &Code| {
        let term = codes::term(&code.scheme, &code.code);
        coded(&code.code, &code.scheme, term.as_deref().unwrap_or(&code.meaning))
    };
    let mut fitting = codes.iter().filter(fits);
    let Some(first) = codes
        .iter()
        .filter(fits)
        .find(|code| code.scheme == "SCT")
        .or(fitting.next())
    else {
        return coded(
            name,
            OWN,
            &format!("{}, as the network was taught", fitted(name, 38)),
        );
    };
    let mut item = code_item(first);
    let others: Vec<DataSet> = codes
        .iter()
        .filter(fits)
        .filter(|code| *code != first)
        .map(code_item)
        .collect();
    if !others.is_empty() {
        item.items(tags::EQUIVALENT_CODE_SEQUENCE, others);
    }
    item
}

/// The site of a finding whose code does not name it.
pub(super) fn site(codes: &[Code]) -> Option<Concept> {
    let code = codes.iter().find(|code| code.scheme == "SCT")?;
    match code.code.as_str() {
        // Pneumonia, COVID-19, atelectasis.
        "233604007" | "840539006" | "46621007" => Some(LUNG),
        // Cardiomegaly.
        "8186001" => Some(HEART),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meanings_and_values_fit() {
        for code in codes::all() {
            let item = finding("x", std::slice::from_ref(&code));
            let meaning = item.ascii(tags::CODE_MEANING).unwrap();
            assert_eq!(meaning, lo(&meaning));
            assert_eq!(item.ascii(tags::CODE_VALUE).as_deref(), Some(code.code.as_str()));
        }
        let covid = finding("COVID-19", &codes::of("covid-19"));
        assert_eq!(covid.ascii(tags::CODE_MEANING).as_deref(), Some("COVID-19"));
        for (check, meaning) in REASONS {
            assert_eq!(reason(check).ascii(tags::CODE_MEANING).as_deref(), Some(*meaning));
            assert!(check.len() <= 16);
        }
    }

    #[test]
    fn findings_without_a_code_have_one_of_our_own() {
        let item = finding("No Finding", &[]);
        assert_eq!(item.ascii(tags::CODING_SCHEME_DESIGNATOR).as_deref(), Some(OWN));
        assert_eq!(
            item.ascii(tags::CODE_MEANING).as_deref(),
            Some("No Finding, as the network was taught")
        );
        let pneumonia = codes::of("pneumonia");
        let item = finding("Pneumonia", &pneumonia);
        assert_eq!(item.ascii(tags::CODE_MEANING).as_deref(), Some("Pneumonia"));
        let other = &item.items_of(tags::EQUIVALENT_CODE_SEQUENCE)[0];
        assert_eq!(
            other.ascii(tags::CODING_SCHEME_DESIGNATOR).as_deref(),
            Some("RADLEX")
        );
        assert_eq!(site(&pneumonia), Some(LUNG));
        assert_eq!(site(&codes::of("mass")), None);
    }
}
