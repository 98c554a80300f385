//! Times and predecessors: what differs between two makings of the same objects.

use std::time::SystemTime;

/// The times in objects, and the report that they replace. UIDs do not depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Creation of the objects.
    pub(super) created: Stamp,
    /// Begin of the analysis.
    pub(super) began: Stamp,
    /// The report that the new one replaces.
    pub predecessor: Option<Predecessor>,
}

/// A structured report of the same film that a new one replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Predecessor {
    /// Its study.
    pub study: String,
    /// Its series.
    pub series: String,
    /// Its SOP Instance UID.
    pub instance: String,
}

/// A date and a time in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// `YYYYMMDD`
    pub(super) date: String,
    /// `HHMMSS`
    pub(super) time: String,
}

/// (0008,0201): all times are in UTC.
pub(super) const OFFSET: &str = "+0000";

impl Moment {
    /// Objects whose analysis began and ended at this time, in whole seconds.
    pub fn at(time: SystemTime) -> Self {
        Self {
            created: Stamp::of(time),
            began: Stamp::of(time),
            predecessor: None,
        }
    }

    /// With another begin of the analysis.
    #[must_use]
    pub fn began(self, time: SystemTime) -> Self {
        Self {
            began: Stamp::of(time),
            ..self
        }
    }

    /// With a report that the new one replaces.
    #[must_use]
    pub fn replacing(self, predecessor: Predecessor) -> Self {
        Self {
            predecessor: Some(predecessor),
            ..self
        }
    }
}

impl Stamp {
    fn of(time: SystemTime) -> Self {
        // `2026-12-31T23:59:59Z`
        let text = pleura_core::time::utc(time);
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect();
        let (date, time) = text.split_once('T').unwrap_or_default();
        Self {
            date: digits(date),
            time: digits(time),
        }
    }

    /// Date and time, as a DT value. Its offset is (0008,0201); dcmpschk 3.6.7 refuses one in the value.
    pub(super) fn both(&self) -> String {
        format!("{}{}", self.date, self.time)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_those_of_dicom() {
        let moment = Moment::at(SystemTime::UNIX_EPOCH + Duration::from_secs(951_782_401));
        assert_eq!(moment.created.both(), "20000229000001");
        let moment = moment.began(SystemTime::UNIX_EPOCH);
        assert_eq!(moment.began.date, "19700101");
    }
}
