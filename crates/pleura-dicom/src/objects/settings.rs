//! Settings of the objects.

use pleura::Composite;
use pleura_core::sha256;

use super::error::Error;
use super::text::sh;
use super::uid::{LONGEST_ROOT, is_uid};

/// The objects to make, and their options.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The most secondary captures of a film. Default 3.
    pub heatmaps: usize,
    /// True for a presentation state with contours.
    pub presentation_state: bool,
    /// True for a parametric map with the heatmaps' numbers.
    pub parametric_map: bool,
    /// True for a report of films that the package refuses, such as laterals.
    pub refused: bool,
    /// The rules of the relevance.
    pub composite: Composite,
    /// A UID root of one's own in place of 2.25; at most 24 characters.
    pub root: Option<String>,
    /// The name of this machine, in station name, serial number and observer; at most 16 characters.
    pub station: String,
    /// The numbers of the series.
    pub series: SeriesNumbers,
}

/// Series numbers, high so that hanging protocols, which begin with the first series, are not disturbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeriesNumbers {
    /// Secondary captures. Default 9001.
    pub secondary_capture: u32,
    /// Presentation state. Default 9002.
    pub presentation_state: u32,
    /// Parametric map. Default 9003.
    pub parametric_map: u32,
    /// Report. Default 9004.
    pub report: u32,
}

impl Default for SeriesNumbers {
    fn default() -> Self {
        Self {
            secondary_capture: 9001,
            presentation_state: 9002,
            parametric_map: 9003,
            report: 9004,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            heatmaps: 3,
            presentation_state: false,
            parametric_map: false,
            refused: false,
            composite: Composite::default(),
            root: None,
            station: "pleura".to_owned(),
            series: SeriesNumbers::default(),
        }
    }
}

impl Settings {
    /// SHA-256 of the settings that objects depend on: a part of every UID.
    pub fn digest(&self) -> String {
        let Self {
            heatmaps,
            presentation_state,
            parametric_map,
            refused,
            composite,
            root,
            station,
            series,
        } = self;
        let root = root.as_deref().unwrap_or_default();
        sha256::hex(format!(
            "objects 1\n{heatmaps}\n{presentation_state}\n{parametric_map}\n{refused}\n{}\n{root}\n{station}\n{} {} {} {}\n",
            composite.name(),
            series.secondary_capture,
            series.presentation_state,
            series.parametric_map,
            series.report,
        ))
    }

    /// # Errors
    /// [`Error::Settings`] for a root or a station that does not fit.
    pub(super) fn check(&self) -> Result<(), Error> {
        if let Some(root) = &self.root
            && (root.len() > LONGEST_ROOT || !is_uid(root))
        {
            return Err(Error::Settings {
                setting: "root",
                problem: format!(
                    "{root:?} is not a root of UIDs; expected digits and dots, at most {LONGEST_ROOT} characters"
                ),
            });
        }
        if self.station.is_empty() || sh(&self.station) != self.station || !self.station.is_ascii() {
            return Err(Error::Settings {
                setting: "station",
                problem: format!(
                    "{:?} is not a station name; expected 1 to 16 ASCII characters without backslash",
                    self.station
                ),
            });
        }
        Ok(())
    }
}
