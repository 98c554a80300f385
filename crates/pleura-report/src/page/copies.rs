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
