//! The output neurons of a stage's new head that were kept.

use maud::{Markup, html};
use pleura_run::{NeuronOrigin, Neurons};

use super::number::listed;
use crate::input::StageResult;

/// The most findings left behind that are named: the classes of a source stage can be many.
const NAMED: usize = 30;

pub(super) fn table(stage: &StageResult) -> Markup {
    let Some(neurons) = stage
        .neurons
        .as_ref()
        .filter(|neurons| !neurons.neurons.is_empty())
    else {
        return html! {};
    };
    if neurons.kept() == 0 {
        return html! {
            p { "All output neurons of this stage were initialised at random from the seed." (left_behind(neurons)) }
        };
    }
    html! {
        h4 { "Output neurons at the start of stage " (stage.name) }
        div.scroll { table {
            caption { "Kept and mapped neurons are copied from the old head; fresh ones are initialised at random from the seed." }
            thead { tr { th scope="col" { "Output" } th scope="col" { "" } th scope="col" { "from" } th scope="col" { "copied" } } }
            tbody { @for neuron in &neurons.neurons { tr {
                th scope="row" { (neuron.finding) }
                @match (neuron.origin, &neuron.from) {
                    (NeuronOrigin::Kept, Some(from)) => { td { span.tag.kept { "kept" } } td { (from) } }
                    (NeuronOrigin::Mapped, Some(from)) => { td { span.tag.mapped { "mapped" } } td { (from) } }
                    _ => { td { span.tag.fresh { "fresh" } } td { "–" } }
                }
                td { @match (&neuron.from, neuron.bias_kept) {
                    (None, _) => "–",
                    (Some(_), true) => "weights and bias",
                    (Some(_), false) => "weights",
                } }
            } } }
        } }
        @if let Some(proof) = &neurons.proof { p {
            "Before the first step, " (proof.neurons) " copied "
            @if proof.neurons == 1 { "neuron was" } @else { "neurons were" }
            " compared with the old head on " (proof.films) " films: " (proof.equal) " equal bit for bit."
        } }
        @if !neurons.left_behind.is_empty() { p.soft { (left_behind(neurons)) } }
    }
}

fn left_behind(neurons: &Neurons) -> Markup {
    html! {
        @if neurons.left_behind.len() > NAMED {
            " Dropped with the old head: its " (neurons.left_behind.len()) " output neurons."
        } @else if !neurons.left_behind.is_empty() {
            " Dropped with the old head: " (listed(&neurons.left_behind)) "."
        }
    }
}
