//! Text around a heatmap.

/// What is said around a heatmap.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Caption {
    /// The first line, such as the film's name.
    pub title: String,
    /// The class the values speak for.
    pub finding: String,
    /// The class's probability, 0..=1.
    pub probability: Option<f64>,
    /// How the values were found, such as "LRP, epsilon-plus-flat, from the logit".
    pub method: String,
    /// What one value of 1 is, such as "logit per map pixel"; empty where values have no unit.
    pub unit: String,
    /// More lines below the film.
    pub notes: Vec<String>,
}

impl Caption {
    pub(super) fn subtitle(&self) -> String {
        match self.probability {
            Some(probability) => format!("{}: probability {:.1} %", self.finding, 100.0 * probability),
            None => self.finding.clone(),
        }
    }
}
