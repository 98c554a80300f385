//! What a DICOM film says of itself.

use dicom_core::Tag;
use dicom_dictionary_std::tags as tag;
use serde::{Deserialize, Serialize};

use super::data_set::DataSet;

/// Attributes of a DICOM film that datasets, checks and reports ask for. Names of persons are not read, and dates are not kept.
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
    /// Patient orientation (0020,0020): where the rows and the columns point.
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
    /// Pixel aspect ratio (0028,0034), vertical to horizontal, where it is not 1.
    pub pixel_aspect: Option<[f64; 2]>,
    /// How many windows the file has.
    pub windows: usize,
    /// How many VOI LUTs the file has.
    pub voi_luts: usize,
    /// Burned-in annotation (0028,0301): whether words are known to be in the pixels.
    pub burned_in_annotation: Option<bool>,
    /// Lossy image compression (0028,2110).
    pub lossy: Option<bool>,
}

/// Which part of the body a film says it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyPart {
    /// The chest.
    Chest,
    /// Something else.
    Other,
    /// The film does not say.
    Unstated,
}

impl DicomTags {
    pub(super) fn read(set: &DataSet<'_>, transfer_syntax: &str) -> Self {
        let pair = |tag: Tag| match set.numbers(tag).ok()?.as_slice() {
            &[first, second] if first > 0.0 && second > 0.0 => Some([first, second]),
            _ => None,
        };
        let yes = |tag: Tag, yes: &str, no: &str| {
            let text = set.text(tag)?;
            if text == yes {
                Some(true)
            } else {
                (text == no).then_some(false)
            }
        };
        let count = |tag: Tag| set.numbers(tag).map_or(0, |numbers| numbers.len());
        Self {
            transfer_syntax: transfer_syntax.to_string(),
            sop_class: set.text(tag::SOP_CLASS_UID),
            sop_instance: set.text(tag::SOP_INSTANCE_UID),
            study: set.text(tag::STUDY_INSTANCE_UID),
            series: set.text(tag::SERIES_INSTANCE_UID),
            patient: set.text(tag::PATIENT_ID),
            sex: set.text(tag::PATIENT_SEX),
            age_years: set
                .text(tag::PATIENT_AGE)
                .and_then(|age| years(&age))
                .filter(|&age| age <= Date::OLDEST as f32)
                .or_else(|| {
                    let dates = [tag::ACQUISITION_DATE, tag::STUDY_DATE, tag::CONTENT_DATE];
                    let at = dates.into_iter().find_map(|date| Date::read(&set.text(date)?))?;
                    Date::read(&set.text(tag::PATIENT_BIRTH_DATE)?)?.years_until(at)
                }),
            modality: set.text(tag::MODALITY),
            image_type: set.texts(tag::IMAGE_TYPE),
            body_part: set.text(tag::BODY_PART_EXAMINED),
            view: set.text(tag::VIEW_POSITION),
            laterality: set
                .text(tag::IMAGE_LATERALITY)
                .or_else(|| set.text(tag::LATERALITY)),
            patient_orientation: set.texts(tag::PATIENT_ORIENTATION),
            series_description: set.text(tag::SERIES_DESCRIPTION),
            manufacturer: set.text(tag::MANUFACTURER),
            model: set.text(tag::MANUFACTURER_MODEL_NAME),
            photometric: set.text(tag::PHOTOMETRIC_INTERPRETATION),
            presentation_lut_shape: set.text(tag::PRESENTATION_LUT_SHAPE),
            pixel_spacing: pair(tag::PIXEL_SPACING).or_else(|| pair(tag::IMAGER_PIXEL_SPACING)),
            pixel_aspect: pair(tag::PIXEL_ASPECT_RATIO).filter(|[down, across]| down != across),
            windows: count(tag::WINDOW_CENTER).min(count(tag::WINDOW_WIDTH)),
            voi_luts: set.voi_tables.len(),
            burned_in_annotation: yes(tag::BURNED_IN_ANNOTATION, "YES", "NO"),
            lossy: yes(tag::LOSSY_IMAGE_COMPRESSION, "01", "00"),
        }
    }

    /// Which part of the body the film says it shows.
    pub fn part(&self) -> BodyPart {
        /// Words for the chest, or a part of it, met in (0018,0015) in several languages.
        const CHEST: &[&str] = &[
            "CHEST", "THORA", "TORAX", "TRAX", "LUNG", "RIBS", "POUMON", "PULMO", "PECHO", "TORACE",
        ];
        /// Words for the spine, whose thoracic part is no chest.
        const SPINE: &[&str] = &[
            "SPINE", "SPINAL", "LUMB", "VERTEB", "WIRBEL", "RACHIS", "COLON", "COLUMN", "COLUNA",
        ];
        // Of TÓRAX some files leave T?RAX, or two letters that are none: what is not ASCII is left out.
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

/// The years of an age string (PS3.5 6.2): three digits and D, W, M or Y; a bare number is taken as years.
fn years(age: &str) -> Option<f32> {
    let digits = age.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: f32 = digits
        .trim()
        .parse()
        .ok()
        .filter(|number: &f32| number.is_finite() && *number >= 0.0)?;
    match age[digits.len()..].to_ascii_uppercase().as_str() {
        "" | "Y" => Some(number),
        "M" => Some(number / 12.0),
        "W" => Some(number * 7.0 / 365.25),
        "D" => Some(number / 365.25),
        _ => None,
    }
}

/// A day of the calendar (PS3.5 6.2, DA).
#[derive(Clone, Copy)]
struct Date {
    year: u16,
    month: u16,
    day: u16,
}

impl Date {
    /// The greatest age that a date of birth is believed for, in years: older ones stand in for dates that were taken out.
    const OLDEST: i32 = 110;

    /// `YYYYMMDD`, or `YYYY.MM.DD` as older files write it.
    fn read(text: &str) -> Option<Self> {
        let digits = text.replace('.', "");
        if digits.len() != 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number = |place: std::ops::Range<usize>| digits.get(place)?.parse::<u16>().ok();
        let (year, month, day) = (number(0..4)?, number(4..6)?, number(6..8)?);
        ((1..=12).contains(&month) && (1..=31).contains(&day)).then_some(Self { year, month, day })
    }

    /// Completed years until a later day; below two, completed months as parts of a year.
    fn years_until(self, later: Self) -> Option<f32> {
        let months = |date: Self| 12 * i32::from(date.year) + i32::from(date.month);
        let completed = months(later) - months(self) - i32::from(later.day < self.day);
        match completed {
            0..24 => Some(completed as f32 / 12.0),
            24.. if completed / 12 <= Self::OLDEST => Some((completed / 12) as f32),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_between_dates_are_right_on_the_birthday() {
        let age = |born: &str, at: &str| Date::read(born)?.years_until(Date::read(at)?);
        assert_eq!(age("20020315", "20200314"), Some(17.0));
        assert_eq!(age("20020315", "20200315"), Some(18.0));
        assert_eq!(age("2002.03.15", "20200316"), Some(18.0));
        assert_eq!(age("20021231", "20200101"), Some(17.0));
        assert_eq!(age("20040229", "20220228"), Some(17.0));
        assert_eq!(age("20040229", "20220301"), Some(18.0));
        assert_eq!(age("20190815", "20200214"), Some(5.0 / 12.0));
        assert_eq!(age("20200214", "20200214"), Some(0.0));
        assert_eq!(age("20200215", "20200214"), None);
        assert_eq!(age("18000101", "20200214"), None);
        for none in [
            "",
            "1950",
            "20201301",
            "20200100",
            "2020-1-1",
            "+2020101",
            "２０２００１０１",
        ] {
            assert!(Date::read(none).is_none(), "{none}");
        }
    }

    #[test]
    fn ages_come_in_years() {
        assert_eq!(years("058Y"), Some(58.0));
        assert_eq!(years("006M"), Some(0.5));
        assert_eq!(years("61"), Some(61.0));
        assert!((years("010D").unwrap() - 0.0274).abs() < 1e-3);
        assert_eq!(years("old"), None);
        assert_eq!(years("Y"), None);
        assert_eq!(years("NaN"), None);
    }

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
