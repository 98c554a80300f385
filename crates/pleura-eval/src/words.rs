//! Numbers in plain words, for a terminal or the top of a report.

use crate::{Evaluation, Kind, Measured, Method};

impl Measured {
    /// For a table's cell: "0.933 (0.881 to 0.967)", "0.933" without an interval, "–" where it is undefined.
    pub fn cell(&self) -> String {
        let Some(value) = self.value else {
            return "–".to_owned();
        };
        match self.low.zip(self.high) {
            Some((low, high)) => format!("{} ({} to {})", number(value), number(low), number(high)),
            None => number(value),
        }
    }

    /// One line such as "accuracy 0.933 (95 % 0.881 to 0.967, 150 films of 120 patients)".
    pub fn words(&self, name: &str) -> String {
        let Some(value) = self.value else {
            return format!("{name} undefined ({} films)", self.n);
        };
        let films = if self.patients == self.n {
            count(self.n, "film")
        } else {
            format!("{} of {}", count(self.n, "film"), count(self.patients, "patient"))
        };
        match self.low.zip(self.high) {
            Some((low, high)) => {
                let level = percent(self.level);
                format!(
                    "{name} {} ({level} {} to {}, {films})",
                    number(value),
                    number(low),
                    number(high)
                )
            }
            None => format!("{name} {} (no interval, {films})", number(value)),
        }
    }
}

impl Evaluation {
    /// What came out, in a few lines, the most important first; then what to beware of.
    pub fn lines(&self) -> Vec<String> {
        let overall = &self.overall;
        let mut lines = Vec::new();
        let mut say = |measured: &Measured, name: &str| {
            if measured.value.is_some() {
                lines.push(measured.words(name));
            }
        };
        say(&overall.accuracy, "accuracy");
        say(&overall.balanced_accuracy, "balanced accuracy");
        say(&overall.macro_f1, "macro F1");
        say(&overall.macro_auc, "macro AUC");
        for finding in &self.findings {
            if self.kind == Kind::Exclusive {
                say(&finding.sensitivity, &format!("{}: sensitivity", finding.name));
                say(&finding.specificity, &format!("{}: specificity", finding.name));
            }
            say(&finding.auc, &format!("{}: AUC", finding.name));
        }
        if let Some((low, high)) = overall.accuracy.interval(Method::BayesHdi)
            && let Some(centre) = overall.accuracy.others.iter().find_map(|other| other.centre)
        {
            let level = percent(self.options.level);
            let [centre, low, high] = [centre, low, high].map(number);
            lines.push(format!(
                "accuracy by the Bayesian model {centre} ({level} {low} to {high})"
            ));
        }
        lines.extend(self.warnings.iter().map(|warning| format!("beware: {warning}")));
        lines
    }
}

/// Three decimals, more where fewer would turn a near miss into 0 or 1.
pub(crate) fn number(value: f64) -> String {
    for decimals in 3..9 {
        let text = format!("{value:.decimals$}");
        let shown: f64 = text.parse().unwrap_or(value);
        if shown == value || (shown.abs() != 1.0 && shown != 0.0) {
            return text.replace('-', "−");
        }
    }
    format!("{value:e}")
}

/// As [`number`], with its sign always shown.
pub(crate) fn signed(value: f64) -> String {
    if value > 0.0 {
        format!("+{}", number(value))
    } else {
        number(value)
    }
}

/// Per cent with one decimal at most: "95 %", "97.6 %".
pub(crate) fn percent(share: f64) -> String {
    let text = format!("{:.1}", share * 100.0);
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}

/// "1 film", "2 films".
pub(crate) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(number(0.9333), "0.933");
        assert_eq!(number(1.0), "1.000");
        assert_eq!(number(0.9998), "0.9998");
        assert_eq!(number(-0.02), "−0.020");
        assert_eq!(number(0.0), "0.000");
        assert_eq!(signed(0.031), "+0.031");
        assert_eq!(
            (percent(0.95).as_str(), percent(0.9757).as_str()),
            ("95 %", "97.6 %")
        );
        assert_eq!(
            (count(1, "film").as_str(), count(2, "film").as_str()),
            ("1 film", "2 films")
        );
    }

    #[test]
    fn a_measured_number_says_what_it_rests_on() {
        let mut accuracy = Measured {
            value: Some(0.93),
            low: Some(0.88),
            high: Some(0.97),
            n: 150,
            patients: 120,
            ..Measured::undefined(0.95)
        };
        let expected = "accuracy 0.930 (95 % 0.880 to 0.970, 150 films of 120 patients)";
        assert_eq!(accuracy.words("accuracy"), expected);
        assert_eq!(accuracy.cell(), "0.930 (0.880 to 0.970)");
        assert_eq!(Measured::undefined(0.95).cell(), "–");
        accuracy.low = None;
        assert_eq!(
            accuracy.words("accuracy"),
            "accuracy 0.930 (no interval, 150 films of 120 patients)"
        );
        assert_eq!(Measured::undefined(0.95).words("AUC"), "AUC undefined (0 films)");
    }
}
