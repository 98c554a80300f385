//! Checks texts for control characters: a terminal would execute them, and a package's texts are shown beside
//! ours.

use serde_json::Value;

/// True if a text has no characters that control a terminal or change the order of letters. Line breaks and
/// tabs are allowed in longer texts.
pub(crate) fn is_plain(text: &str, longer: bool) -> bool {
    let turns = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = |c| longer && matches!(c, '\n' | '\t');
    !text.chars().any(|c| (c.is_control() || turns(c)) && !breaks(c))
}

/// The first text of a document that is not plain; field names are checked too.
pub(crate) fn not_plain(value: &Value) -> Option<&str> {
    let found = |text| (!is_plain(text, true)).then_some(text);
    match value {
        Value::String(text) => found(text),
        Value::Array(values) => values.iter().find_map(not_plain),
        Value::Object(fields) => fields
            .iter()
            .find_map(|(name, value)| found(name).or_else(|| not_plain(value))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_not_plain() {
        for plain in ["Pneumonie (ä, 肺炎)", "x\u{301}", ""] {
            assert!(is_plain(plain, false), "{plain:?}");
        }
        assert!(is_plain("two\n\tlines", true) && !is_plain("two\nlines", false));
        for other in ["\u{1b}[2K", "\r", "\u{7}", "\u{9b}1A", "\u{7f}", "\u{202e}dengis"] {
            assert!(!is_plain(other, true), "{other:?}");
        }
        let document = json!({"checks": [{"says": "a\nb"}, {"\u{8}": 1}]});
        assert_eq!(not_plain(&document), Some("\u{8}"));
        assert_eq!(not_plain(&document["checks"][0]), None);
    }
}
