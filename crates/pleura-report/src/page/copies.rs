//! Films that are one radiograph, side by side.

use maud::{Markup, html};

use super::gallery::image;
use super::number::{counted, split};
use crate::input::{Copies, CopyFilm, CopyPair, DataTable};

/// What looks for copies found; nothing where nobody looked.
pub(super) fn section(tables: &[DataTable]) -> Option<Markup> {
    let looked: Vec<(&DataTable, &Copies)> = tables
        .iter()
        .filter_map(|table| Some((table, table.copies.as_ref()?)))
        .collect();
    if looked.is_empty() {
        return None;
    }
    Some(html! {
        p {
            "Films count as one radiograph if their files or their pixels are equal, or if they show the same although nothing in them is equal: \
             saved again, resized, cut, mirrored, inverted. A network that has learnt from one of them has seen the other."
        }
        @for (table, copies) in looked { (one(table, copies)) }
    })
}

fn one(table: &DataTable, copies: &Copies) -> Markup {
    let pairs = counted(copies.pairs, "pair");
    html! {
        h3 { (table.name) }
        p {
            (pairs) " of films that are one radiograph (alike: correlation of " (format!("{:.2}", copies.least)) " or more), "
            @if copies.across == 0 { "none of them in two splits." }
            @else { strong { (copies.across) " of them in two splits: results on those films are too good." } }
            @if !copies.of_these { " The films have changed since; look again (" code { "pleura data leaks" } ")." }
        }
        @if (copies.shown.len() as u64) < copies.across { p.soft { "The first " (copies.shown.len()) " are shown." } }
        @for pair in &copies.shown { (side_by_side(pair)) }
    }
}

fn side_by_side(pair: &CopyPair) -> Markup {
    let patient = if pair.same_patient { ", of one patient" } else { "" };
    html! {
        p { strong { (pair.how) } (patient) }
        div class="films" {
            @for film in [&pair.one, &pair.other] { (shown(film)) }
        }
    }
}

fn shown(film: &CopyFilm) -> Markup {
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

    fn table(copies: Option<Copies>) -> DataTable {
        DataTable {
            name: "set/m.csv".to_owned(),
            copies,
            ..DataTable::default()
        }
    }

    #[test]
    fn a_film_that_is_gone_keeps_its_place_and_a_look_at_others_is_said_to_be_one() {
        assert!(section(&[table(None)]).is_none());
        let film = |film: &str, split: &str| CopyFilm {
            film: film.to_owned(),
            split: split.to_owned(),
            ..CopyFilm::default()
        };
        let copies = Copies {
            least: 0.8,
            of_these: false,
            pairs: 30,
            across: 25,
            shown: vec![CopyPair {
                one: film("a", "train"),
                other: film("b", "test"),
                how: "equal pixels".to_owned(),
                same_patient: true,
            }],
        };
        let said = section(&[table(Some(copies)), table(None)])
            .map(Markup::into_string)
            .unwrap_or_default();
        for part in [
            "30 pairs of films that are one radiograph (alike: correlation of 0.80 or more)",
            "25 of them in two splits",
            "The films have changed since",
            "The first 1 are shown.",
            "equal pixels</strong>, of one patient",
            "The film can no longer be read.",
        ] {
            assert!(said.contains(part), "{part} is not in {said}");
        }
        assert!(!said.contains("<img"));
    }
}
