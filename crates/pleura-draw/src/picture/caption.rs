//! The caption of a heatmap.

/// The text around a heatmap.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Caption {
    /// The first line, such as the film's name.
    pub title: String,
    /// The class that the values explain.
    pub finding: String,
    /// The class's probability, 0..=1.
    pub probability: Option<f64>,
    /// The method, such as "LRP, epsilon-plus-flat, from the logit".
    pub method: String,
    /// The unit of the values, such as "logit per map pixel"; may be empty.
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
