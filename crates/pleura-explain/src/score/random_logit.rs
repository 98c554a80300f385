//! Random logit (Sixt, Granz and Landgraf, arXiv 1912.09818): the heatmap of another class should look
//! different.

use pleura_nn::Network;
use pleura_nn::backend::Backend;
use rand::RngExt as _;

use super::random::stream;
use super::{Film, Score, rank_correlation, structural_similarity};
use crate::{Error, Map, Method, Start};

/// Similarity of the maps of the question's logit and of another output's, chosen at random per film. Logits
/// are compared for any question, because differences of logits would share a part. Empty for a single
/// output.
pub(super) fn scores<B: Backend>(
    network: &Network<B>,
    film: &Film<'_>,
    method: &Method,
    map: &Map,
    seed: u64,
) -> Result<Vec<Score>, Error> {
    let (Start::Logit(asked) | Start::Difference(asked, _) | Start::Threshold { finding: asked, .. }) =
        &map.start;
    let others: Vec<&String> = network
        .findings()
        .iter()
        .filter(|finding| *finding != asked)
        .collect();
    if others.is_empty() {
        return Ok(Vec::new());
    }
    let other = stream(seed, "another class", film.name).random_range(0..others.len() as u32);
    let starts = [asked, others[other as usize]].map(|finding| Start::Logit(finding.clone()));
    let found = method.explain(network, film.grey, film.size, &starts)?;
    let (own, other) = (&found.maps[0].heatmap, &found.maps[1].heatmap);
    Ok(vec![
        Score::new("random-logit.rank", rank_correlation(own, other)),
        Score::new("random-logit.ssim", structural_similarity(own, other, film.size)),
    ])
}
