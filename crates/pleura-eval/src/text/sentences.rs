//! Numbers in sentences, for a terminal or the top of a report.

use std::collections::BTreeMap;

use crate::{Estimate, Evaluation, Method, Task, Warning};

impl Estimate {
    /// A table cell: "0.933 (0.881 to 0.967)", "0.933" without an interval, "–" if undefined.
    pub fn cell(&self) -> String {
        let Some(value) = self.value else {
            return "–".to_owned();
        };
        match self.low.zip(self.high) {
            Some((low, high)) => format!("{} ({} to {})", number(value), number(low), number(high)),
            None => number(value),
        }
    }

    /// A table cell of a difference: "+0.042 (−0.010 to +0.094)".
    pub fn signed_cell(&self) -> String {
        let Some(value) = self.value else {
            return "–".to_owned();
        };
        match self.low.zip(self.high) {
            Some((low, high)) => format!("{} ({} to {})", signed(value), signed(low), signed(high)),
            None => signed(value),
        }
    }

    /// A line such as "accuracy 0.933 (95 % 0.881 to 0.967, 150 films of 120 patients)".
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
    /// The results in a few lines, the most important first, followed by caveats.
    pub fn lines(&self) -> Vec<String> {
        let overall = &self.overall;
        let mut lines = Vec::new();
        let mut say = |measured: &Estimate, name: &str| {
            if measured.value.is_some() {
                lines.push(measured.words(name));
            }
        };
        say(&overall.accuracy, "accuracy");
        say(&overall.balanced_accuracy, self.kind.mean_sensitivity());
        say(&overall.macro_f1, "macro F1");
        say(&overall.macro_auc, "macro AUC");
        for finding in &self.findings {
            if self.kind == Task::Exclusive {
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
        lines.extend(self.cautions().iter().map(|caution| format!("beware: {caution}")));
        lines
    }

    /// The warnings as sentences, the gravest first; equal warnings of several findings share one sentence.
    pub fn cautions(&self) -> Vec<String> {
        let mut cautions: Vec<String> = Vec::new();
        for (place, warning) in self.warnings.iter().enumerate() {
            let alike = |other: &&Warning| std::mem::discriminant(*other) == std::mem::discriminant(warning);
            let group: Vec<&Warning> = self.warnings.iter().filter(alike).collect();
            match self.together(&group) {
                Some(sentence) if group.len() > 1 => {
                    // A group stands at the place of its first warning.
                    if !self.warnings[..place].iter().any(|earlier| alike(&earlier)) {
                        cautions.push(sentence);
                    }
                }
                _ => cautions.push(warning.to_string()),
            }
        }
        cautions
    }

    /// One sentence for warnings of one kind, if it exists.
    fn together(&self, group: &[&Warning]) -> Option<String> {
        let list = |name: fn(&Warning) -> Option<(&String, usize)>| {
            let named = group.iter().filter_map(|warning| name(warning));
            named
                .map(|(finding, films)| format!("{finding} ({films})"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        match group.first()? {
            Warning::FewPositives { .. } => Some(format!(
                "too few films for reliable numbers of {}",
                list(|warning| match warning {
                    Warning::FewPositives { finding, films } => Some((finding, *films)),
                    _ => None,
                })
            )),
            Warning::FewNegatives { .. } => Some(format!(
                "too few films without {} for a reliable specificity and AUC",
                list(|warning| match warning {
                    Warning::FewNegatives { finding, films } => Some((finding, *films)),
                    _ => None,
                })
            )),
            Warning::NeverCalled { .. } => Some(format!(
                "never predicted, although films have it: {}",
                list(|warning| match warning {
                    Warning::NeverCalled { finding, films } => Some((finding, *films)),
                    _ => None,
                })
            )),
            Warning::LostDraws { .. } => Some(self.lost(group)),
            _ => None,
        }
    }

    fn lost(&self, group: &[&Warning]) -> String {
        // Metrics of one finding ("Mass: AUC") and of the whole lose the same samples: those without the
        // class.
        let mut by_loss: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        for warning in group {
            if let Warning::LostDraws {
                metric, undefined, ..
            } = warning
            {
                let whose = self
                    .findings
                    .iter()
                    .find(|finding| metric.starts_with(&format!("{}: ", finding.name)));
                let name = whose.map_or(metric.as_str(), |finding| finding.name.as_str());
                let names = by_loss.entry(*undefined).or_default();
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        let lost: Vec<String> = by_loss
            .iter()
            .rev()
            .map(|(undefined, names)| format!("{} ({undefined})", names.join(", ")))
            .collect();
        let advice = match self.kind {
            Task::Exclusive => "more films of it are needed, or samples stratified by class",
            Task::Independent => "more films of it are needed",
        };
        format!(
            "bootstrap samples without a class were left out; {advice}. Of {} samples, lost for {}",
            self.options.bootstrap,
            lost.join("; ")
        )
    }
}

/// Three decimals; more if three would show a near miss as 0 or 1.
pub(crate) fn number(value: f64) -> String {
    // A sum of probabilities that misses 1 by its last bits is 1.
    let value = if (value.abs() - 1.0).abs() < 1e-9 {
        value.round()
    } else {
        value
    };
    for decimals in 3..9 {
        let text = format!("{value:.decimals$}");
        let shown: f64 = text.parse().unwrap_or(value);
        if shown == value || (shown.abs() != 1.0 && shown != 0.0) {
            return text.replace('-', "−");
        }
    }
    format!("{value:e}")
}

/// As [`number`], always with a sign.
pub(crate) fn signed(value: f64) -> String {
    // Equal means may differ by their last bits.
    let value = if value.abs() < 1e-9 { 0.0 } else { value };
    if value > 0.0 {
        format!("+{}", number(value))
    } else {
        number(value)
    }
}

/// Per cent with at most one decimal: "95 %", "97.6 %".
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
        assert_eq!(number(1.0 - f64::EPSILON), "1.000");
        assert_eq!(number(0.9998), "0.9998");
        assert_eq!(number(-0.02), "−0.020");
        assert_eq!(number(0.0), "0.000");
        assert_eq!(signed(0.031), "+0.031");
        assert_eq!(signed(-1.1e-16), "0.000");
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
    fn warnings_alike_are_one_sentence() {
        let mut evaluation = crate::evaluate(
            &crate::predictions::tests::three_films(),
            &crate::Options::points(),
        )
        .unwrap();
        let few = |finding: &str, films| Warning::FewPositives {
            finding: finding.to_owned(),
            films,
        };
        let lost = |metric: &str, undefined| Warning::LostDraws {
            metric: metric.to_owned(),
            undefined,
            draws: 2000,
        };
        evaluation.options.bootstrap = 2000;
        evaluation.warnings = vec![
            few("normal", 1),
            Warning::FewFilms { films: 2 },
            few("pneumonia", 2),
            lost("macro F1", 9),
            lost("normal: AUC", 5),
            lost("normal: F1", 5),
        ];
        let expected = [
            "too few films for reliable numbers of normal (1), pneumonia (2)",
            "only 2 films: quote every number with its interval",
            "bootstrap samples without a class were left out; more films of it are needed, or samples stratified by \
             class. Of 2000 samples, lost for macro F1 (9); normal (5)",
        ];
        assert_eq!(evaluation.cautions(), expected);
        evaluation.warnings.truncate(1);
        assert_eq!(
            evaluation.cautions(),
            ["only 1 film of normal: its numbers are unreliable"]
        );
    }

    #[test]
    fn a_measured_number_says_what_it_rests_on() {
        let mut accuracy = Estimate {
            value: Some(0.93),
            low: Some(0.88),
            high: Some(0.97),
            n: 150,
            patients: 120,
            ..Estimate::undefined(0.95)
        };
        let expected = "accuracy 0.930 (95 % 0.880 to 0.970, 150 films of 120 patients)";
        assert_eq!(accuracy.words("accuracy"), expected);
        assert_eq!(accuracy.cell(), "0.930 (0.880 to 0.970)");
        assert_eq!(accuracy.signed_cell(), "+0.930 (+0.880 to +0.970)");
        assert_eq!(Estimate::undefined(0.95).cell(), "–");
        accuracy.low = None;
        assert_eq!(
            accuracy.words("accuracy"),
            "accuracy 0.930 (no interval, 150 films of 120 patients)"
        );
        assert_eq!(Estimate::undefined(0.95).words("AUC"), "AUC undefined (0 films)");
    }
}
