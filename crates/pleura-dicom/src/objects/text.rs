//! Texts and numbers within the lengths of their value representations (PS3.5 6.2).

/// A text of at most `most` characters without backslashes and control characters, which end or divide
/// values.
pub(super) fn fitted(text: &str, most: usize) -> String {
    let clean = text.chars().map(|c| match c {
        '\\' => '/',
        c if c.is_control() => ' ',
        c => c,
    });
    let cut: String = clean.take(most).collect();
    cut.trim().to_owned()
}

/// Long string: 64 characters.
pub(super) fn lo(text: &str) -> String {
    fitted(text, 64)
}

/// Short string: 16 characters.
pub(super) fn sh(text: &str) -> String {
    fitted(text, 16)
}

/// Short text: 1,024 characters. Line ends and backslashes are allowed.
pub(super) fn st(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() || *c == '\n')
        .take(1024)
        .collect()
}

/// Code string: 16 upper-case letters, digits, spaces and underscores.
pub(super) fn cs(text: &str) -> String {
    let upper = text.to_ascii_uppercase();
    let kept = upper
        .chars()
        .filter(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, ' ' | '_'));
    kept.take(16).collect::<String>().trim().to_owned()
}

/// Decimal string: at most 16 characters, six significant digits. Values that are not finite are 0.
pub(super) fn ds(value: f64) -> String {
    if !value.is_finite() || value == 0.0 {
        return "0".to_owned();
    }
    let magnitude = value.abs().log10().floor();
    if (-5.0..9.0).contains(&magnitude) {
        let decimals = (5.0 - magnitude).clamp(0.0, 10.0) as usize;
        let text = format!("{value:.decimals$}");
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text
        }
    } else {
        format!("{value:.5e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_strings_fit_and_keep_six_digits() {
        for (value, text) in [
            (1.599_999_999_999_999_9, "1.6"),
            (0.41, "0.41"),
            (0.0, "0"),
            (f64::NAN, "0"),
            (-12.345_678_9, "-12.3457"),
            (123_456_789.4, "123456789"),
            (100.0, "100"),
            (-1.234_567e-8, "-1.23457e-8"),
            (1.0e300, "1.00000e300"),
        ] {
            assert_eq!(ds(value), text);
            assert!(ds(-value.abs()).len() <= 16);
        }
        for value in [-0.000_012_345_678, -999_999_999.9, f64::MIN_POSITIVE, -f64::MAX] {
            let text = ds(value);
            assert!(text.len() <= 16, "{text}");
            let back: f64 = text.parse().unwrap();
            assert!((back - value).abs() <= 1e-5 * value.abs(), "{text}");
        }
    }

    #[test]
    fn texts_are_cut_and_cannot_divide_values() {
        assert_eq!(lo(&"ü".repeat(70)).chars().count(), 64);
        assert_eq!(lo("a\\b\nc "), "a/b c");
        assert_eq!(cs("chest, pa-view"), "CHEST PAVIEW");
        assert_eq!(sh("0123456789abcdefg"), "0123456789abcdef");
    }
}
