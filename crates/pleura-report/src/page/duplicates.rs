//! Duplicate films across splits, side by side.

use maud::{Markup, html};

use super::figure::image;
use super::number::{counted, split};
use crate::input::{DataTable, DuplicateFilm, DuplicatePair, Duplicates};

/// The results of duplicate searches; `None` without a search.
pub(super) fn section(tables: &[DataTable]) -> Option<Markup> {
    let looked: Vec<(&DataTable, &Duplicates)> = tables
        .iter()
        .filter_map(|table| Some((table, table.duplicates.as_ref()?)))
        .collect();
    if looked.is_empty() {
        return None;
    }
    Some(html! {
        p {
            "Two films are duplicates if their files or pixels are equal, or if one is an altered version of the other: saved again, resized, cropped, \
             mirrored or inverted. A network trained on one of them has seen the other."
        }
        @for (table, duplicates) in looked { (one(table, duplicates)) }
    })
}

fn one(table: &DataTable, duplicates: &Duplicates) -> Markup {
    let pairs = counted(duplicates.pairs, "pair");
    html! {
        h3 { (table.name) }
        p {
            (pairs) " of duplicate films (correlation of " (format!("{:.2}", duplicates.least)) " or more); "
            @if duplicates.across == 0 { "none of them is in two splits." }
            @else { strong {
                (duplicates.across) " of them " @if duplicates.across == 1 { "is" } @else { "are" }
                " in two splits: results on these films are too good."
            } }
            @if !duplicates.of_these { " The films have changed since the search; repeat it with " code { "pleura data duplicates" } "." }
        }
        @if (duplicates.shown.len() as u64) < duplicates.across { p.soft { "The first " (duplicates.shown.len()) " are shown." } }
        @for pair in &duplicates.shown { (side_by_side(pair)) }
    }
}

fn side_by_side(pair: &DuplicatePair) -> Markup {
    let patient = if pair.same_patient { ", same patient" } else { "" };
    html! {
        p { strong { (pair.how) } (patient) }
        div class="films" {
            @for film in [&pair.one, &pair.other] { (shown(film)) }
        }
    }
}

fn shown(film: &DuplicateFilm) -> Markup {
    let place = split(&film.split);
    html! {
        figure class="film" {
            @if film.png.is_empty() { p.missing { "The film can no longer be read." } }
            @else { (image(&film.png, &format!("The film {}, {place}", film.film))) }
            figcaption {
                p.title { (film.film) }
                p { strong { (place) } ", from " (film.source) }
                @if !film.patient.is_empty() { p.soft { "Patient " (film.patient) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(duplicates: Option<Duplicates>) -> DataTable {
        DataTable {
            name: "set/m.csv".to_owned(),
            duplicates,
            ..DataTable::default()
        }
    }

    #[test]
    fn missing_films_and_outdated_searches_are_shown() {
        assert!(section(&[table(None)]).is_none());
        let film = |film: &str, split: &str| DuplicateFilm {
            film: film.to_owned(),
            split: split.to_owned(),
            ..DuplicateFilm::default()
        };
        let duplicates = Duplicates {
            least: 0.8,
            of_these: false,
            pairs: 30,
            across: 25,
            shown: vec![DuplicatePair {
                one: film("a", "train"),
                other: film("b", "test"),
                how: "equal pixels".to_owned(),
                same_patient: true,
            }],
        };
        let said = section(&[table(Some(duplicates)), table(None)])
            .map(Markup::into_string)
            .unwrap_or_default();
        for part in [
            "30 pairs of duplicate films (correlation of 0.80 or more)",
            "25 of them are in two splits",
            "The films have changed since the search",
            "The first 1 are shown.",
            "equal pixels</strong>, same patient",
            "The film can no longer be read.",
        ] {
            assert!(said.contains(part), "{part} is not in {said}");
        }
        assert!(!said.contains("<img"));
    }
}
