//! Numbers, counts and lists in sentences.

/// `a, b and c`
///
/// ```
/// assert_eq!(pleura_core::text::list(&["a", "b", "c"]), "a, b and c");
/// ```
pub fn list<T: AsRef<str>>(names: &[T]) -> String {
    match names {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [most @ .., last] => {
            let most: Vec<&str> = most.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", most.join(", "), last.as_ref())
        }
    }
}

/// A count with its noun: `1 film`, `1,234 films`
///
/// ```
/// assert_eq!(pleura_core::text::count(0_usize, "film"), "0 films");
/// ```
pub fn count<N: ToString + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

/// A whole number with its thousands separated: `12,345`
#[allow(clippy::needless_pass_by_value, reason = "callers pass numbers")]
pub fn grouped(number: impl ToString) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A share in per cent with so many decimals: `94.3 %`
pub fn percent(share: f64, decimals: usize) -> String {
    format!("{} %", minus(&format!("{:.decimals$}", 100.0 * share)))
}

/// Three decimals, more where fewer would turn a near miss into 0 or 1: `0.943`, `0.9998`, `−0.020`
pub fn number(value: f64) -> String {
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
            return minus(&text);
        }
    }
    format!("{value:e}")
}

/// Like [`number`], with its sign always shown: `+0.031`
pub fn signed(value: f64) -> String {
    // Means that are equal may differ by their last bits.
    let value = if value.abs() < 1e-9 { 0.0 } else { value };
    if value > 0.0 {
        format!("+{}", number(value))
    } else {
        number(value)
    }
}

/// A formatted number with the minus sign of text, and none before zero.
pub fn minus(number: &str) -> String {
    let zero = |c| matches!(c, '-' | '+' | '0' | '.');
    if number.chars().all(zero) {
        number.trim_start_matches('-').to_owned()
    } else {
        number.replace('-', "−")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        let shown = [0.5, 0.9333, 1.0, 1.0 - f64::EPSILON, 0.9998, -0.02, -0.0].map(number);
        assert_eq!(
            shown,
            ["0.500", "0.933", "1.000", "1.000", "0.9998", "−0.020", "0.000"]
        );
        assert_eq!([0.031, -1.1e-16].map(signed), ["+0.031", "0.000"]);
        assert_eq!(
            [0.943, -0.0421].map(|share| percent(share, 1)),
            ["94.3 %", "−4.2 %"]
        );
        assert_eq!(percent(0.95, 0), "95 %");
        assert_eq!(minus("-0.0"), "0.0");
        assert_eq!(minus("+4.2"), "+4.2");
    }

    #[test]
    fn counts_and_lists_read_well() {
        assert_eq!([7, 1234, 112_120].map(grouped), ["7", "1,234", "112,120"]);
        assert_eq!(
            [count(1_u64, "film"), count(1234_u64, "film")],
            ["1 film", "1,234 films"]
        );
        assert_eq!(list::<&str>(&[]), "");
        assert_eq!(list(&["a", "b"]), "a and b");
    }
}
