//! The options of `--score`.

use pleura_explain::Fill;
use pleura_explain::score::{Measure, Settings};

/// Options of heatmap scores.
#[derive(clap::Args)]
pub(super) struct ScoreArgs {
    /// Score the heatmaps: all, or some of flipping, mass, rank, pointing, randomisation, random-logit,
    /// sensitivity, agreement (with the first method's maps). Mass, rank and pointing need masks. Writes
    /// scores.csv (each heatmap) and scores.json (means over films with 95 % intervals).
    #[arg(long, value_name = "MEASURES", num_args = 0..=1, require_equals = true, default_missing_value = "all", value_parser = measures)]
    score: Option<Measures>,
    /// Side of pixel flipping's patches in map pixels.
    #[arg(long, value_name = "PIXELS", default_value_t = 4, requires = "score", value_parser = clap::value_parser!(u32).range(1..=8192))]
    flip_patch: u32,
    /// Steps of pixel flipping.
    #[arg(long, value_name = "N", default_value_t = 32, requires = "score", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    flip_steps: u32,
    /// Share of the film flipped after the last step.
    #[arg(long, value_name = "SHARE", default_value_t = 1.0, requires = "score")]
    flip_share: f64,
    /// Fill of flipped pixels: black, grey, white, mean (the film's mean grey) or blurred.
    #[arg(long, value_name = "FILL", default_value_t = Fill::Mean, requires = "score")]
    flip_fill: Fill,
    /// Random orders to compare pixel flipping with.
    #[arg(long, value_name = "N", default_value_t = 5, requires = "score", value_parser = clap::value_parser!(u32).range(1..=1000))]
    flip_orders: u32,
    /// Amplitude of the small noise (uniform in ±this); 1 is white.
    #[arg(long, value_name = "R", default_value_t = 0.02, requires = "score")]
    noise: f64,
    /// Number of noise samples.
    #[arg(long, value_name = "N", default_value_t = 10, requires = "score", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    noise_draws: u32,
    /// Seed of random orders, noise, randomised weights, other classes and intervals.
    #[arg(long, value_name = "N", default_value_t = 0, requires = "score")]
    score_seed: u64,
}

#[derive(Clone)]
struct Measures(Vec<Measure>);

fn measures(text: &str) -> Result<Measures, String> {
    if text == "all" {
        return Ok(Measures(Measure::ALL.to_vec()));
    }
    let measures: Result<Vec<Measure>, String> = text.split(',').map(str::parse).collect();
    measures.map(Measures)
}

impl ScoreArgs {
    /// The settings; `None` without scores.
    pub(super) fn settings(&self) -> Option<Settings> {
        let Measures(measures) = self.score.clone()?;
        Some(Settings {
            measures,
            patch: self.flip_patch as usize,
            flips: self.flip_steps as usize,
            flip_share: self.flip_share,
            fill: self.flip_fill,
            orders: self.flip_orders as usize,
            noise: self.noise,
            noises: self.noise_draws as usize,
            seed: self.score_seed,
        })
    }
}
