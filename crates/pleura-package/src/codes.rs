//! Codes of findings in SNOMED CT and RadLex. A finding without a verified code has none: a wrong code in a
//! hospital's system is worse than a missing one.
//!
//! SNOMED CT codes are from value sets of HL7 and the OHDSI vocabulary; RadLex identifiers are from mappings
//! checked against RadLex 4.3. Deliberately without a code: `Infiltration` (no agreed meaning), `Hernia`
//! (diaphragmatic or hiatal, the labels do not say), `Pleural_Thickening`, `Fibrosis` (of lung or pleura),
//! and labels for the absence of findings.

use serde::{Deserialize, Serialize};

/// A code of a public scheme.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// Scheme designator of DICOM (PS3.16, 8): `SCT` is SNOMED CT, `RADLEX` is RadLex.
    pub scheme: String,
    /// The code.
    pub code: String,
    /// The code's meaning.
    pub meaning: String,
}

/// A finding, the scheme, code and meaning of one of its codes, and a term of at most 64 characters, the
/// length of a code meaning in DICOM. All cells are texts, because codes are not numbers.
type Line = (String, String, String, String, String);

/// The lines of the table: the finding, its code, and the term.
fn lines() -> impl Iterator<Item = Result<(String, Code, String), csv::Error>> {
    let lines = csv::Reader::from_reader(TABLE.as_bytes()).into_deserialize::<Line>();
    lines.map(|line| {
        let (finding, scheme, code, meaning, term) = line?;
        let code = Code {
            scheme,
            code,
            meaning,
        };
        Ok((finding, code, term))
    })
}

/// All codes of the table.
pub fn all() -> Vec<Code> {
    lines().flatten().map(|(_, code, _)| code).collect()
}

/// The short term of a code of the table, which fits into a code meaning of DICOM.
pub fn term(scheme: &str, code: &str) -> Option<String> {
    lines()
        .flatten()
        .find(|(_, known, _)| known.scheme == scheme && known.code == code)
        .map(|(_, _, term)| term)
}

const TABLE: &str = include_str!("codes.csv");

/// The codes of a finding; its name may have any case.
pub fn of(finding: &str) -> Vec<Code> {
    let name = finding.trim().to_lowercase().replace('_', " ");
    // Synonyms of other datasets.
    let name = match name.as_str() {
        "covid19" | "covid" => "covid-19",
        "pleural effusion" => "effusion",
        "lung nodule" | "pulmonary nodule" => "nodule",
        "lung mass" => "mass",
        "pulmonary edema" | "oedema" => "edema",
        other => other,
    };
    lines()
        .flatten()
        .filter(|(finding, ..)| *finding == name)
        .map(|(_, code, _)| code)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TURN: [usize; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];

    /// SNOMED CT's check digit: Verhoeff's, over all digits.
    fn verhoeff(code: &str) -> bool {
        let multiply = |a: usize, b: usize| match (a < 5, b < 5) {
            (true, true) => (a + b) % 5,
            (true, false) => (a + b - 5) % 5 + 5,
            (false, true) => (a + 5 - b) % 5 + 5,
            (false, false) => (a + 5 - b) % 5,
        };
        let check = code.bytes().rev().enumerate().fold(0, |check, (place, digit)| {
            let turned = (0..place % 8).fold(usize::from(digit - b'0'), |digit, _| TURN[digit]);
            multiply(check, turned)
        });
        check == 0
    }

    #[test]
    fn every_line_is_a_code_of_its_scheme() {
        let lines: Vec<(String, Code, String)> = lines().collect::<Result<_, _>>().unwrap();
        assert_eq!(lines.len(), TABLE.lines().count() - 1);
        for (_, code, term) in lines {
            assert!(!term.is_empty() && term.len() <= 64, "{term}");
            match code.scheme.as_str() {
                "SCT" => assert!(verhoeff(&code.code), "{code:?}"),
                "RADLEX" => assert!(code.code.starts_with("RID"), "{code:?}"),
                other => panic!("{other}"),
            }
        }
        assert!(!verhoeff("233604008"));
    }

    #[test]
    fn names_of_datasets_are_known_and_doubtful_ones_have_none() {
        assert_eq!(of("COVID-19")[0].code, "840539006");
        assert_eq!(of("pneumonia")[0].code, "233604007");
        assert_eq!(of("Pneumonia").len(), 2);
        assert_eq!(of("Pleural Effusion"), of("Effusion"));
        for none in [
            "normal",
            "No Finding",
            "Infiltration",
            "Hernia",
            "Pleural_Thickening",
            "cat",
        ] {
            assert!(of(none).is_empty(), "{none}");
        }
    }
}
