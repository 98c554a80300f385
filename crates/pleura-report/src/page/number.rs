//! Numbers and short texts in the page's style.

use pleura_eval::{Estimate, Method};

/// `0.943`, or a dash for an undefined value.
pub(super) fn value(measured: &Estimate) -> String {
    measured.value.map_or_else(|| "–".to_owned(), three)
}

/// `[0.891, 0.971]`, or an empty text without an interval.
pub(super) fn interval(measured: &Estimate) -> String {
    measured
        .low
        .zip(measured.high)
        .map_or_else(String::new, |(low, high)| {
            format!("[{}, {}]", three(low), three(high))
        })
}

/// `0.943 [0.891, 0.971]`
pub(super) fn with_interval(measured: &Estimate) -> String {
    format!("{} {}", value(measured), interval(measured))
        .trim_end()
        .to_owned()
}

/// `94.3 %`
pub(super) fn percent(share: f64) -> String {
    format!("{} %", minus(&format!("{:.1}", 100.0 * share)))
}

/// `+4.2` percentage points.
pub(super) fn points(difference: f64) -> String {
    minus(&format!("{:+.1}", 100.0 * difference))
}

/// Three decimals, or more if a value near 0 or 1 would be rounded to it; with a true minus sign.
pub(super) fn three(number: f64) -> String {
    let shown = (3..9)
        .map(|decimals| format!("{number:.decimals$}"))
        .find(|text| {
            let rounded: f64 = text.parse().unwrap_or(number);
            rounded == number || (rounded != 0.0 && rounded.abs() != 1.0)
        });
    minus(&shown.unwrap_or_else(|| format!("{number:.3}")))
}

/// `1 film`, `1,234 films`
pub(super) fn counted(count: u64, one: &str) -> String {
    format!("{} {one}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// `12,345`
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `3 min 20 s`
pub(super) fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, _) => format!("{seconds:.1} s"),
        (0, minutes, rest) => format!("{minutes} min {rest} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// The name of an interval method.
pub(super) fn method(method: Method) -> &'static str {
    match method {
        Method::ClopperPearson => "exact (Clopper–Pearson)",
        Method::ClopperPearsonOverPatients => "exact over patients (Clopper–Pearson)",
        Method::PatientBootstrap => "bootstrap over patients",
        Method::BayesHdi => "Bayesian (highest density)",
        Method::StudentT => "Student’s t over pairs",
        Method::DeLong => "DeLong",
        Method::DeLongOverPatients => "DeLong over patients",
        Method::ClopperPearsonOfBoth => "exact intervals of sensitivity and specificity together",
        Method::SquareAndAdd => "square-and-add of the two intervals",
        Method::None => "no interval",
    }
}

/// `a, b and c`
pub(super) fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// The name of a split, in words.
pub(super) fn split(name: &str) -> &str {
    match name {
        "train" => "training",
        "val" => "validation",
        "" => "no split",
        other => other,
    }
}

/// `95 %`
pub(super) fn level(measured: &Estimate) -> String {
    let text = format!("{:.1}", 100.0 * measured.level);
    format!("{} %", text.trim_end_matches(".0"))
}

/// The text with a capital first letter and a full stop.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.trim().chars();
    let mut out: String = letters
        .next()
        .map(|first| first.to_uppercase().collect::<String>())
        .unwrap_or_default();
    // A name such as mRNA keeps its first letter.
    if text
        .split([':', ' '])
        .next()
        .is_some_and(|word| word.chars().skip(1).any(char::is_uppercase))
    {
        out = text.trim().chars().take(1).collect();
    }
    out.push_str(letters.as_str());
    if !out.ends_with(['.', '!', '?']) {
        out.push('.');
    }
    out
}

fn minus(text: &str) -> String {
    // Never −0.0.
    let zero = text
        .trim_start_matches(['-', '+'])
        .chars()
        .all(|c| c == '0' || c == '.');
    if zero {
        text.trim_start_matches('-').to_owned()
    } else {
        text.replace('-', "−")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_begin_and_end_as_sentences_do() {
        assert_eq!(sentence("only 20 films: quote"), "Only 20 films: quote.");
        assert_eq!(sentence("mRNA is fine."), "mRNA is fine.");
        assert_eq!(sentence(""), ".");
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            (
                grouped(7).as_str(),
                grouped(1234).as_str(),
                grouped(112_120).as_str()
            ),
            ("7", "1,234", "112,120")
        );
        assert_eq!(
            (counted(1, "film").as_str(), counted(0, "film").as_str()),
            ("1 film", "0 films")
        );
        assert_eq!(
            (
                duration(12.34).as_str(),
                duration(200.0).as_str(),
                duration(7260.0).as_str()
            ),
            ("12.3 s", "3 min 20 s", "2 h 1 min")
        );
        assert_eq!(
            (
                points(-0.0421).as_str(),
                points(0.05).as_str(),
                points(-0.0001).as_str()
            ),
            ("−4.2", "+5.0", "0.0")
        );
        assert_eq!(
            (
                three(0.5).as_str(),
                three(0.9998).as_str(),
                three(1.0).as_str(),
                three(-0.25).as_str()
            ),
            ("0.500", "0.9998", "1.000", "−0.250")
        );
        assert_eq!(listed(&["a".into(), "b".into(), "c".into()]), "a, b and c");
    }

    #[test]
    fn undefined_values_are_dashes() {
        assert_eq!(with_interval(&Estimate::undefined(0.95)), "–");
    }
}
