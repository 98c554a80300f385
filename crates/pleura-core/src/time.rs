//! Points in time as records write them.

use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};

/// A time in UTC: `2026-12-31T23:59:59Z`
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// let leap_day = SystemTime::UNIX_EPOCH + Duration::from_secs(951_782_400);
/// assert_eq!(pleura_core::time::utc(leap_day), "2000-02-29T00:00:00Z");
/// ```
pub fn utc(time: SystemTime) -> String {
    DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The present time in UTC.
pub fn utc_now() -> String {
    utc(SystemTime::now())
}
