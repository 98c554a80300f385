//! Findings of phantoms, by the names that datasets use.

use serde::{Deserialize, Serialize};

use pleura_manifest::NO_FINDING;

/// One finding: the fourteen of NIH `ChestX-ray14`, and COVID-19.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Finding {
    /// Plate-like bands and lost volume: the dome of that side stands high.
    Atelectasis,
    /// The heart is wider than half of the chest.
    Cardiomegaly,
    /// Fluid in the costophrenic angle, with a meniscus; a veil in lying patients.
    Effusion,
    /// Faint, ill-defined, streaky shadowing.
    Infiltration,
    /// A round or lobulated shadow of more than 3 cm.
    Mass,
    /// One to three round shadows of less than 3 cm.
    Nodule,
    /// One lobe consolidated: air bronchograms, a sharp border where a fissure bounds it.
    Pneumonia,
    /// Air between lung and chest wall: a thin pleural line, no vessels beyond.
    Pneumothorax,
    /// Dense airspace shadowing that keeps to no lobe.
    Consolidation,
    /// Bat-wing haze from both hila, septal lines, full vessels.
    Edema,
    /// Large dark lungs, flat low domes, thin vessels, bullae.
    Emphysema,
    /// A net of fine lines at the bases and the periphery, small lungs.
    Fibrosis,
    /// An irregular band along the chest wall.
    #[serde(rename = "Pleural_Thickening")]
    PleuralThickening,
    /// A hiatal hernia: a round shadow with an air-fluid level behind the heart.
    Hernia,
    /// Patchy ground glass in both lungs, peripheral, mostly low.
    #[serde(rename = "COVID-19")]
    Covid19,
}

impl Finding {
    /// The fourteen findings of NIH `ChestX-ray14`, in `CheXNet`'s order.
    pub const NIH: [Self; 14] = [
        Self::Atelectasis,
        Self::Cardiomegaly,
        Self::Effusion,
        Self::Infiltration,
        Self::Mass,
        Self::Nodule,
        Self::Pneumonia,
        Self::Pneumothorax,
        Self::Consolidation,
        Self::Edema,
        Self::Emphysema,
        Self::Fibrosis,
        Self::PleuralThickening,
        Self::Hernia,
    ];

    /// The name in manifests: NIH's spelling, and `COVID-19`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Atelectasis => "Atelectasis",
            Self::Cardiomegaly => "Cardiomegaly",
            Self::Effusion => "Effusion",
            Self::Infiltration => "Infiltration",
            Self::Mass => "Mass",
            Self::Nodule => "Nodule",
            Self::Pneumonia => "Pneumonia",
            Self::Pneumothorax => "Pneumothorax",
            Self::Consolidation => "Consolidation",
            Self::Edema => "Edema",
            Self::Emphysema => "Emphysema",
            Self::Fibrosis => "Fibrosis",
            Self::PleuralThickening => "Pleural_Thickening",
            Self::Hernia => "Hernia",
            Self::Covid19 => "COVID-19",
        }
    }

    /// True if one film can show both: neither hides the signs of the other.
    pub fn goes_with(self, other: Self) -> bool {
        use Finding::{Atelectasis, Edema, Emphysema, Fibrosis};
        let pair = (self.min(other), self.max(other));
        self != other
            && !matches!(pair, (Atelectasis | Edema, Emphysema) | (Emphysema, Fibrosis))
            && self != Self::Covid19
            && other != Self::Covid19
    }
}

/// The classes of the target set, in the order of the manifest's columns; exclusive.
pub const TARGET: [&str; 3] = ["normal", "pneumonia", "COVID-19"];

/// The fifteen labels of the intermediate set: NIH's findings, then `No Finding`.
pub fn intermediate() -> Vec<String> {
    Finding::NIH
        .iter()
        .map(|finding| finding.name().to_string())
        .chain([NO_FINDING.to_string()])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serialised_names_are_the_manifest_names() {
        for finding in Finding::NIH.into_iter().chain([Finding::Covid19]) {
            assert_eq!(serde_json::to_value(finding).unwrap(), finding.name());
        }
    }

    #[test]
    fn compatibility_is_symmetric_and_no_finding_goes_with_itself() {
        for a in Finding::NIH {
            assert!(!a.goes_with(a));
            for b in Finding::NIH {
                assert_eq!(a.goes_with(b), b.goes_with(a));
            }
        }
        assert!(!Finding::Emphysema.goes_with(Finding::Edema));
        assert!(Finding::Effusion.goes_with(Finding::Cardiomegaly));
    }
}
