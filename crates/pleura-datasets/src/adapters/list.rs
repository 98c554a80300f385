//! Lists in a table's cell: `['pneumonia', "Crohn's", 68]`.

/// The elements of a bracketed list, without quotes and surrounding spaces; empty if the cell is not a list.
/// Blank elements and `nan` are left out.
pub(super) fn elements(text: &str) -> Option<Vec<String>> {
    let inner = text.trim().strip_prefix('[')?.strip_suffix(']')?;
    let mut elements = Vec::new();
    let (mut element, mut quote) = (String::new(), None);
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(_), '\\') => element.extend(characters.next()),
            (Some(open), _) if open == character => quote = None,
            (None, '\'' | '"') if element.trim().is_empty() => quote = Some(character),
            (None, ',') => elements.push(std::mem::take(&mut element)),
            _ => element.push(character),
        }
    }
    elements.push(element);
    let trimmed = elements.iter().map(|element| element.trim());
    Some(
        trimmed
            .filter(|element| !element.is_empty() && !element.eq_ignore_ascii_case("nan"))
            .map(str::to_string)
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::elements;

    #[test]
    fn quotes_of_both_kinds_and_none_are_read() {
        let of = |text: &str| elements(text).map(|list| list.join("|"));
        assert_eq!(of("['normal']").as_deref(), Some("normal"));
        assert_eq!(
            of("[' pneumonia', \"crohn's, old\", 68 ]").as_deref(),
            Some("pneumonia|crohn's, old|68")
        );
        assert_eq!(of("[nan, '']").as_deref(), Some(""));
        assert_eq!(of("[]").as_deref(), Some(""));
        assert_eq!(of(""), None);
        assert_eq!(of("nan"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}") {
            let _ = elements(&text);
            let _ = elements(&format!("[{text}]"));
        }
    }
}
