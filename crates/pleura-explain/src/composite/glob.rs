//! Patterns of layer names.

/// True if a name matches a pattern; `*` matches any part, dots included.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    let mut rest = rest;
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_is_any_part() {
        let name = "features.denseblock1.denselayer12.conv2";
        for pattern in [
            name,
            "*",
            "*.conv2",
            "features.*",
            "*block1.*conv2",
            "features.denseblock1.*",
            "f*.d*.d*.c*2",
        ] {
            assert!(fits(pattern, name), "{pattern}");
        }
        for pattern in [
            "",
            "features",
            "*.conv1",
            "*.conv",
            "conv2",
            "*block1*block1*",
            "features.*.conv22",
        ] {
            assert!(!fits(pattern, name), "{pattern}");
        }
        assert!(!fits("ab*ba", "aba"), "parts do not share letters");
    }
}
