//! Text of the values in a manifest's cells.

use pleura_core::table::label;
use pleura_core::{Sex, Split};

use super::Label;

/// A value of a cell.
pub trait Cell: Copy + Sized {
    /// The allowed values, for error messages.
    const EXPECTED: &'static str;

    /// Parses a cell; `None` for other text.
    fn from_cell(text: &str) -> Option<Self>;

    /// The text of the cell.
    fn cell(self) -> &'static str;
}

impl Cell for Label {
    const EXPECTED: &'static str = "1 (present), 0 (absent), -1 (uncertain) or nothing (unknown)";

    /// Labels as programs write them: `1`, `1.0` and `True`; `0`, `0.0` and `False`; `-1` and `-1.0`; an
    /// empty cell and `NaN`.
    fn from_cell(text: &str) -> Option<Self> {
        Some(match label(text).ok()? {
            Some(1) => Self::Positive,
            Some(0) => Self::Negative,
            Some(_) => Self::Uncertain,
            None => Self::Unknown,
        })
    }

    fn cell(self) -> &'static str {
        match self {
            Self::Positive => "1",
            Self::Negative => "0",
            Self::Uncertain => "-1",
            Self::Unknown => "",
        }
    }
}

impl Cell for Split {
    const EXPECTED: &'static str = "train, val, test or nothing";

    fn from_cell(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|split| split.cell() == text)
    }

    fn cell(self) -> &'static str {
        self.name()
    }
}

impl Cell for Sex {
    const EXPECTED: &'static str = "F, M, O or nothing";

    fn from_cell(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "f" | "female" => Some(Self::Female),
            "m" | "male" => Some(Self::Male),
            "o" | "other" => Some(Self::Other),
            _ => None,
        }
    }

    fn cell(self) -> &'static str {
        match self {
            Self::Female => "F",
            Self::Male => "M",
            Self::Other => "O",
        }
    }
}
