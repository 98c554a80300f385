//! Ages and sexes as label files write them.

use pleura_core::table::is_missing;
use pleura_manifest::{MAX_AGE, Sex};

/// The age of a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Age {
    /// Years.
    Years(f32),
    /// The cell is empty.
    Blank,
    /// The cell is not a person's age.
    Impossible,
}

impl Age {
    pub(crate) fn years(self) -> Option<f32> {
        match self {
            Self::Years(years) => Some(years),
            Self::Blank | Self::Impossible => None,
        }
    }
}

/// Parses `58`, `58.5`, and DICOM's forms with a unit: `058Y`, `006M`, `012W`, `003D`.
pub(crate) fn age(text: &str) -> Age {
    let text = text.trim();
    if is_missing(text) {
        return Age::Blank;
    }
    let (digits, years_a_unit) = match text.as_bytes()[text.len() - 1].to_ascii_uppercase() {
        b'Y' => (&text[..text.len() - 1], 1.0),
        b'M' => (&text[..text.len() - 1], 1.0 / 12.0),
        b'W' => (&text[..text.len() - 1], 7.0 / 365.25),
        b'D' => (&text[..text.len() - 1], 1.0 / 365.25),
        _ => (text, 1.0),
    };
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match digits.parse::<f32>() {
        Ok(number) if plain && (0.0..=MAX_AGE).contains(&(number * years_a_unit)) => {
            Age::Years(number * years_a_unit)
        }
        _ => Age::Impossible,
    }
}

/// Parses `M`, `F`, `male`, `Female`, `O`; other text is unknown.
pub(crate) fn sex(text: &str) -> Option<Sex> {
    match text.trim().to_ascii_lowercase().as_str() {
        "m" | "male" => Some(Sex::Male),
        "f" | "female" => Some(Sex::Female),
        "o" | "other" => Some(Sex::Other),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_in_every_form() {
        assert_eq!(age("57"), Age::Years(57.0));
        assert_eq!(age("058Y"), Age::Years(58.0));
        assert_eq!(age("006M"), Age::Years(0.5));
        assert_eq!(
            age("003D").years().map(|years| (years * 1000.0).round()),
            Some(8.0)
        );
        assert_eq!(age(" "), Age::Blank);
        for impossible in ["411", "-3", "NaNY", "inf", "Y", "x", "5e1", "é"] {
            assert_eq!(age(impossible), Age::Impossible, "{impossible}");
        }
    }

    #[test]
    fn sexes_in_every_form() {
        assert_eq!(
            (sex("M"), sex(" Female"), sex("")),
            (Some(Sex::Male), Some(Sex::Female), None)
        );
    }
}
