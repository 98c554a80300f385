//! Facts about a patient.

use serde::{Deserialize, Serialize};

/// A patient's sex as recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Sex {
    /// `F`
    #[serde(rename = "F")]
    Female,
    /// `M`
    #[serde(rename = "M")]
    Male,
    /// `O`
    #[serde(rename = "O")]
    Other,
}
