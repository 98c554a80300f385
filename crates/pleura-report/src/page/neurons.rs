//! Which output neurons lived on in a stage's new head.

use maud::{Markup, html};

use super::number::listed;
use crate::input::{Origin, StageResult};

/// Most findings left behind that are named: the classes of a source stage are many and say nothing.
const NAMED: usize = 30;

pub(super) fn table(stage: &StageResult) -> Markup {
    if stage.keeping.neurons.is_empty() {
        return html! {};
    }
    if stage
        .keeping
        .neurons
        .iter()
        .all(|neuron| neuron.origin == Origin::Fresh)
    {
        return html! {
            p { "All output neurons of this stage began fresh, drawn from the seed." (left_behind(stage)) }
        };
    }
    html! {
        h4 { "Output neurons at the start of stage " (stage.name) }
        div.scroll { table {
            caption { "Kept and mapped neurons are copies of those of the old head; fresh ones are drawn from the seed." }
            thead { tr { th scope="col" { "Output" } th scope="col" { "" } th scope="col" { "from" } th scope="col" { "copied" } } }
            tbody { @for neuron in &stage.keeping.neurons { tr {
                th scope="row" { (neuron.finding) }
                @match &neuron.origin {
                    Origin::Kept => { td { span.tag.kept { "kept" } } td { (neuron.finding) } }
                    Origin::Mapped(from) => { td { span.tag.mapped { "mapped" } } td { (from) } }
                    Origin::Fresh => { td { span.tag.fresh { "fresh" } } td { "–" } }
                }
                td { @if neuron.copied.is_empty() { "–" } @else { (neuron.copied) } }
            } } }
        } }
        @if !stage.keeping.proof.is_empty() { p { (stage.keeping.proof) } }
        @if !stage.keeping.left_behind.is_empty() { p.soft { (left_behind(stage)) } }
    }
}

fn left_behind(stage: &StageResult) -> Markup {
    html! {
        @if stage.keeping.left_behind.len() > NAMED {
            " Left behind with the old head: its " (stage.keeping.left_behind.len()) " output neurons."
        } @else if !stage.keeping.left_behind.is_empty() {
            " Left behind with the old head: " (listed(&stage.keeping.left_behind)) "."
        }
    }
}
