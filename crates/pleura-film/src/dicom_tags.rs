//! The attributes of a DICOM film.

use serde::{Deserialize, Serialize};

/// Attributes of a DICOM film that datasets, checks and reports use. Names of persons and dates are not kept.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DicomTags {
    /// Transfer syntax UID (0002,0010).
    pub transfer_syntax: String,
    /// SOP class UID (0008,0016).
    pub sop_class: Option<String>,
    /// SOP instance UID (0008,0018).
    pub sop_instance: Option<String>,
    /// Study instance UID (0020,000D).
    pub study: Option<String>,
    /// Series instance UID (0020,000E).
    pub series: Option<String>,
    /// Patient ID (0010,0020).
    pub patient: Option<String>,
    /// Patient's sex (0010,0040) as written: M, F or O.
    pub sex: Option<String>,
    /// Patient's age in years: (0010,1010), or else from the date of birth (0010,0030) to the film's.
    pub age_years: Option<f32>,
    /// Modality (0008,0060).
    pub modality: Option<String>,
    /// Image type (0008,0008).
    pub image_type: Vec<String>,
    /// Body part examined (0018,0015).
    pub body_part: Option<String>,
    /// View position (0018,5101): PA, AP, LL, …
    pub view: Option<String>,
    /// Laterality (0020,0062), or (0020,0060).
    pub laterality: Option<String>,
    /// Patient orientation (0020,0020): the direction of rows and columns.
    pub patient_orientation: Vec<String>,
    /// Series description (0008,103E).
    pub series_description: Option<String>,
    /// Manufacturer (0008,0070).
    pub manufacturer: Option<String>,
    /// Manufacturer's model name (0008,1090).
    pub model: Option<String>,
    /// Photometric interpretation (0028,0004).
    pub photometric: Option<String>,
    /// Presentation LUT shape (2050,0020).
    pub presentation_lut_shape: Option<String>,
    /// Distance between rows and between columns in mm: pixel spacing (0028,0030), or imager pixel spacing
    /// (0018,1164).
    pub pixel_spacing: Option<[f64; 2]>,
    /// Pixel aspect ratio (0028,0034), vertical to horizontal, if it is not 1.
    pub pixel_aspect: Option<[f64; 2]>,
    /// The number of windows in the file.
    pub windows: usize,
    /// The number of VOI LUTs in the file.
    pub voi_luts: usize,
    /// Burned-in annotation (0028,0301): true if the pixels are known to contain text.
    pub burned_in_annotation: Option<bool>,
    /// Lossy image compression (0028,2110).
    pub lossy: Option<bool>,
}

/// The body part named in a DICOM file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyPart {
    /// The chest.
    Chest,
    /// Something else.
    Other,
    /// Not stated.
    Unstated,
}

impl DicomTags {
    /// Returns the body part named in the file.
    pub fn part(&self) -> BodyPart {
        /// Words for the chest or a part of it, found in (0018,0015) in several languages.
        const CHEST: &[&str] = &[
            "CHEST", "THORA", "TORAX", "TRAX", "LUNG", "RIBS", "POUMON", "PULMO", "PECHO", "TORACE",
        ];
        /// Words for the spine, whose thoracic part does not count as chest.
        const SPINE: &[&str] = &[
            "SPINE", "SPINAL", "LUMB", "VERTEB", "WIRBEL", "RACHIS", "COLON", "COLUMN", "COLUNA",
        ];
        // Some files damage TÓRAX to T?RAX or to other characters: only ASCII letters are compared.
        let plain = |part: &str| {
            part.chars()
                .filter(|c| c.is_ascii() && *c != '?')
                .collect::<String>()
        };
        match self.body_part.as_deref().map(|part| plain(part).to_uppercase()) {
            None => BodyPart::Unstated,
            Some(part) if SPINE.iter().any(|word| part.contains(word)) => BodyPart::Other,
            Some(part) if CHEST.iter().any(|word| part.contains(word)) => BodyPart::Chest,
            Some(_) => BodyPart::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_parts_are_chest_other_or_unstated() {
        let part = |text: &str| {
            DicomTags {
                body_part: Some(text.to_string()),
                ..DicomTags::default()
            }
            .part()
        };
        assert_eq!(part("CHEST"), BodyPart::Chest);
        assert_eq!(part("Thorax ap"), BodyPart::Chest);
        for chest in ["TÓRAX", "TÒRAX", "T?RAX", "TÃ\u{93}RAX", "2- TORAX"] {
            assert_eq!(part(chest), BodyPart::Chest, "{chest}");
        }
        assert_eq!(part("HIP"), BodyPart::Other);
        for spine in [
            "THORACIC SPINE",
            "Thoracolumbar",
            "TSPINE",
            "Thorakalwirbel",
            "COLONNE THORACIQUE",
        ] {
            assert_eq!(part(spine), BodyPart::Other, "{spine}");
        }
        assert_eq!(DicomTags::default().part(), BodyPart::Unstated);
    }
}
