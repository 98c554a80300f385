//! The reader of a film's attributes.

use dicom_core::Tag;
use dicom_dictionary_std::tags as tag;

use super::data_set::DataSet;
use crate::dicom_tags::DicomTags;

/// Reads the attributes of a film.
pub(super) fn read(set: &DataSet<'_>, transfer_syntax: &str) -> DicomTags {
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
    DicomTags {
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

/// The years of an age string (PS3.5 6.2): three digits and D, W, M or Y; a bare number counts as years.
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
    /// The highest plausible age from a date of birth, in years: higher ones come from anonymised dates.
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
}
