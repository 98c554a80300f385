//! Complete SVG documents.

use maud::{Markup, html};

use super::style::{FONT, px};

/// A finished plot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plot {
    /// The title, which is also the accessible name.
    pub title: String,
    /// A complete SVG document.
    pub svg: String,
}

impl Plot {
    /// The title as a file name without extension: lower case, words joined by hyphens.
    pub fn file_name(&self) -> String {
        let words = self
            .title
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join("-").to_lowercase()
    }
}

/// A complete SVG document, valid as a file and inside an HTML page.
pub(super) fn document(width: f64, height: f64, title: &str, description: &str, body: &Markup) -> Plot {
    let svg = html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(px(width)) height=(px(height))
            viewBox=(format!("0 0 {} {}", px(width), px(height))) role="img" aria-label=(title)
            font-family="'Helvetica Neue', Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif" font-size=(px(FONT)) {
            title { (title) }
            desc { (description) }
            rect width=(px(width)) height=(px(height)) fill="#fff" {}
            (body)
        }
    }
    .into_string();
    Plot {
        title: title.to_owned(),
        svg,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_words_of_the_title() {
        let plot = document(1.0, 1.0, "ROC curves of stage kept-1, test films", "", &html! {});
        assert_eq!(plot.file_name(), "roc-curves-of-stage-kept-1-test-films");
        assert!(plot.svg.starts_with("<svg ") && plot.svg.ends_with("</svg>"));
    }
}
