//! The options that select methods.

use anyhow::{Result, bail};
use clap::ValueEnum;
use pleura_explain::method::Options;
use pleura_explain::{Fill, Method};
use pleura_nn::network::flex::EPSILON;
use pleura_nn::relevance::Bias;

/// Methods and their options.
#[derive(clap::Args)]
pub(super) struct MethodArgs {
    /// Attribution methods, separated by commas. Composites of LRP rules: epsilon-plus-flat,
    /// epsilon-alpha2-beta1-flat, epsilon-gamma-box, epsilon-box, lrp-0, or a TOML file. Other methods:
    /// gradient-x-input, integrated-gradients, grad-cam, occlusion, lrp-flex.
    #[arg(long = "method", visible_alias = "composite", value_name = "NAMES|FILE.toml", value_delimiter = ',',
        default_value = pleura_explain::composite::NAMES[0])]
    methods: Vec<String>,
    /// Treatment of biases in composites. Default: that of the composite, which is `ledger` for all named
    /// ones.
    #[arg(long, value_enum)]
    bias: Option<BiasChoice>,
    /// Baseline of integrated gradients: black, grey, white, mean (the film's mean grey), blurred (the film,
    /// blurred).
    #[arg(long, value_name = "FILL", default_value_t = Fill::Black)]
    ig_baseline: Fill,
    /// Steps of integrated gradients; the remainder of their sum is printed.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    ig_steps: u32,
    /// Side of occlusion's windows in map pixels. Default: 1/14 of the map's side.
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(1..=8192))]
    occlusion_window: Option<u32>,
    /// Stride of the windows in map pixels. Default: half a window.
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(1..=8192))]
    occlusion_stride: Option<u32>,
    /// Fill of occlusion's windows: black, grey, white, mean, blurred.
    #[arg(long, value_name = "FILL", default_value_t = Fill::Mean)]
    occlusion_fill: Fill,
    /// ε of lrp-flex's gates, y/(y + ε).
    #[arg(long, value_name = "EPSILON", default_value_t = EPSILON)]
    flex_epsilon: f64,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum BiasChoice {
    /// Biases keep their share, which the ledger lists.
    Ledger,
    /// Biases count as zero in the distribution of relevance.
    Zero,
    /// A layer's inputs take its biases' share in equal parts.
    Absorb,
}

impl From<BiasChoice> for Bias {
    fn from(choice: BiasChoice) -> Self {
        match choice {
            BiasChoice::Ledger => Self::Ledger,
            BiasChoice::Zero => Self::Zero,
            BiasChoice::Absorb => Self::Absorb,
        }
    }
}

impl MethodArgs {
    /// The requested methods, each once.
    ///
    /// # Errors
    /// Unknown names, invalid composite files, invalid options.
    pub(super) fn methods(&self) -> Result<Vec<Method>> {
        let options = Options {
            baseline: self.ig_baseline,
            steps: self.ig_steps as usize,
            window: self.occlusion_window.map(|side| side as usize),
            stride: self.occlusion_stride.map(|stride| stride as usize),
            fill: self.occlusion_fill,
            flex_epsilon: self.flex_epsilon,
        };
        let mut methods: Vec<Method> = Vec::new();
        for name in &self.methods {
            let method = match (Method::find(name, &options)?, self.bias) {
                (Method::Composite(composite), Some(bias)) => {
                    Method::Composite(composite.with_bias(bias.into()))
                }
                (method, _) => method,
            };
            // Two methods of one name would write the same files.
            match methods.iter().find(|other| other.name() == method.name()) {
                None => methods.push(method),
                Some(other) if *other == method => {}
                Some(_) => bail!(
                    "--method {name}: another method is called {:?} as well; give its file another `name`",
                    method.name()
                ),
            }
        }
        Ok(methods)
    }
}
