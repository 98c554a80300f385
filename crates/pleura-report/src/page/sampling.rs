//! The draw of a stage's training films, if an epoch does not have each film once.

use maud::{Markup, html};
use pleura_run::data::{BalancedAttribute, SamplingEffect};

pub(super) fn section(effect: &SamplingEffect, findings: &[String]) -> Markup {
    html! {
        p {
            "An epoch does not have each training film once. Films are drawn, so that the attributes below do not predict the "
            "class, as far as the films allow. A film is drawn at most " (format!("{:.1}", effect.largest_repeat))
            " times in an epoch, on average. The draws are worth " (format!("{:.0}", effect.effective_films))
            " films of equal weight (Kish's effective number)."
        }
        @for attribute in &effect.attributes { (one(attribute, findings)) }
    }
}

fn one(attribute: &BalancedAttribute, findings: &[String]) -> Markup {
    let value = |value: &String| {
        if value.is_empty() {
            "unknown".to_owned()
        } else {
            value.clone()
        }
    };
    let cell = |class: usize, value: usize| {
        let (films, share) = (attribute.films[class][value], attribute.drawn[class][value]);
        if films == 0 {
            "none".to_owned()
        } else {
            format!("{films}: {:.1} %", 100.0 * share)
        }
    };
    html! {
        div.scroll { table {
            caption {
                "Class and " (attribute.name) ": training films, and their share of the draws. Association (Cramér's V; 0: none, "
                "1: one determines the other) " (format!("{:.2}", attribute.association)) " among the films and "
                (format!("{:.2}", attribute.association_drawn)) " among the draws."
            }
            thead { tr {
                th scope="col" { "Class" }
                @for name in &attribute.values { th.number scope="col" { (value(name)) } }
            } }
            tbody { @for (class, finding) in findings.iter().enumerate().take(attribute.films.len()) { tr {
                th scope="row" { (finding) }
                @for number in 0..attribute.values.len() { td.number { (cell(class, number)) } }
            } } }
        } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn films_and_their_share_of_the_draws_stand_side_by_side() {
        let effect = SamplingEffect {
            effective_films: 61.4,
            largest_repeat: 3.25,
            class_shares: vec![0.5, 0.5],
            attributes: vec![BalancedAttribute {
                name: "view".into(),
                values: vec![String::new(), "PA".into()],
                films: vec![vec![10, 30], vec![0, 60]],
                drawn: vec![vec![0.25, 0.25], vec![0.0, 0.5]],
                association: 0.41,
                association_drawn: 0.58,
            }],
        };
        let page = section(&effect, &["normal".into(), "pneumonia".into()]).into_string();
        for part in [
            "at most 3.2 times",
            "worth 61 films",
            "unknown",
            "10: 25.0 %",
            "none",
            "60: 50.0 %",
            "0.41 among the films",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
    }
}
