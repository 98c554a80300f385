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
    /// How heatmaps are found; several are joined by commas. Composites of LRP rules: epsilon-plus-flat, epsilon-alpha2-beta1-flat,
    /// epsilon-gamma-box, epsilon-box, lrp-0, a TOML file of one's own. Other methods: gradient-x-input,
    /// integrated-gradients, grad-cam, occlusion, lrp-flex.
    #[arg(long = "method", visible_alias = "composite", value_name = "NAMES|FILE.toml", value_delimiter = ',',
        default_value = pleura_explain::composite::NAMES[0])]
    methods: Vec<String>,
    /// Of composites: what becomes of the share that biases have in an answer; else what the composite says, which is `ledger` for all
    /// with a name.
    #[arg(long, value_enum)]
    bias: Option<BiasChoice>,
    /// Where integrated gradients begin: black, grey, white, mean (the film's mean grey), blurred (the film, blurred).
    #[arg(long, value_name = "FILL", default_value_t = Fill::Black)]
    ig_baseline: Fill,
    /// Steps of integrated gradients; how far their sum is from what it should be is told.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    ig_steps: u32,
    /// Side of the windows that occlusion covers, in map pixels; a 14th of the map's side if left out.
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(1..=8192))]
    occlusion_window: Option<u32>,
    /// From window to window, in map pixels; half a window if left out.
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(1..=8192))]
    occlusion_stride: Option<u32>,
    /// What occlusion covers windows with: black, grey, white, mean, blurred.
    #[arg(long, value_name = "FILL", default_value_t = Fill::Mean)]
    occlusion_fill: Fill,
    /// The gates of lrp-flex multiply by y/(y + this).
    #[arg(long, value_name = "EPSILON", default_value_t = EPSILON)]
    flex_epsilon: f64,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum BiasChoice {
    /// Biases keep their share; the ledger says how much it is.
    Ledger,
    /// Biases count as zero where relevance is shared out.
    Zero,
    /// The inputs of a layer take its biases' share in equal parts.
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
    /// The methods asked for, each once.
    ///
    /// # Errors
    /// Names that are not known, files that are no composites, options that cannot be.
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
            // Two of one name would be written to the same files.
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
