//! Ways to attribute an answer to pixels, behind one face: LRP by any composite, and what it is compared with.

mod fill;
mod flex;
mod grad_cam;
mod gradient;
mod integrated;
mod occlusion;

use pleura_nn::backend::{Backend, Real};
use pleura_nn::network::flex::EPSILON;
use pleura_nn::{Network, relevance};

pub use self::fill::Fill;
pub use self::occlusion::Windows;
use crate::{Account, Composite, Error, Explanation, Map, Start, picture};

/// A way to find a heatmap.
#[derive(Clone, Debug, PartialEq)]
pub enum Method {
    /// LRP.
    Composite(Composite),
    /// The gradient of what is asked, times the normalised input. On a network of `ReLU`s it is LRP-0 (Shrikumar et al.,
    /// arXiv 1605.01713; Ancona et al., arXiv 1711.06104).
    GradientTimesInput,
    /// The gradient's mean on the straight way from a baseline to the film, times the way (Sundararajan, Taly and Yan, arXiv 1703.01365).
    IntegratedGradients {
        /// Where the way begins.
        baseline: Fill,
        /// Steps of the midpoint rule.
        steps: usize,
    },
    /// Last feature maps, weighted by the mean gradient of what is asked; what speaks against is cut off (Selvaraju et al.,
    /// arXiv 1610.02391).
    GradCam,
    /// How far what is asked falls when a window is covered: at each pixel the mean over the windows that cover it (Zeiler and Fergus,
    /// arXiv 1311.2901).
    Occlusion(Windows),
    /// Gradient × input with soft gates (Bassi, Decherchi and Cavalli, arXiv 2401.08409).
    Flex {
        /// ε of the gates.
        epsilon: f64,
    },
}

/// The names of the methods that are no composite.
pub const NAMES: [&str; 5] = [
    "gradient-x-input",
    "integrated-gradients",
    "grad-cam",
    "occlusion",
    "lrp-flex",
];

/// What methods ask beside their name.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Where integrated gradients begin.
    pub baseline: Fill,
    /// Steps of integrated gradients, at least 1.
    pub steps: usize,
    /// Side of occlusion's windows in map pixels; `None` for a fourteenth of the map's side.
    pub window: Option<usize>,
    /// From window to window; `None` for half a window.
    pub stride: Option<usize>,
    /// What windows are filled with.
    pub fill: Fill,
    /// ε of LRP-Flex.
    pub flex_epsilon: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            baseline: Fill::Black,
            steps: 64,
            window: None,
            stride: None,
            fill: Fill::Mean,
            flex_epsilon: EPSILON,
        }
    }
}

impl Options {
    fn problem(&self) -> Option<String> {
        let none = |number: Option<usize>| number == Some(0);
        if self.steps == 0 {
            return Some("integrated gradients need at least 1 step".to_owned());
        }
        if none(self.window) || none(self.stride) {
            return Some("windows of occlusion and their stride are at least 1 map pixel".to_owned());
        }
        if let (Some(window), Some(stride)) = (self.window, self.stride)
            && stride > window
        {
            return Some(format!(
                "windows of {window} map pixels, {stride} apart, leave pixels between them that no window covers; take a stride of at most \
                 {window}"
            ));
        }
        let epsilon = self.flex_epsilon;
        let wrong = !(epsilon.is_finite() && epsilon >= 0.0);
        wrong.then(|| format!("epsilon of lrp-flex is {epsilon}, and must be a number from 0 on"))
    }
}

impl Method {
    /// A composite by name or from a `.toml` file, or one of [`NAMES`] with these options.
    ///
    /// # Errors
    /// [`Error::UnknownMethod`]; [`Error::Method`] for options that cannot be; as [`Composite::find`].
    pub fn find(name_or_path: &str, options: &Options) -> Result<Self, Error> {
        let other = match name_or_path {
            "gradient-x-input" => Self::GradientTimesInput,
            "integrated-gradients" => Self::IntegratedGradients {
                baseline: options.baseline,
                steps: options.steps,
            },
            "grad-cam" => Self::GradCam,
            "occlusion" => Self::Occlusion(Windows {
                side: options.window,
                stride: options.stride,
                fill: options.fill,
            }),
            "lrp-flex" => Self::Flex {
                epsilon: options.flex_epsilon,
            },
            _ => {
                return Composite::find(name_or_path)
                    .map(Self::Composite)
                    .map_err(|error| match error {
                        Error::UnknownComposite { name } => Error::UnknownMethod { name },
                        error => error,
                    });
            }
        };
        options.problem().map_or(Ok(other), |problem| {
            Err(Error::Method {
                name: name_or_path.to_owned(),
                problem,
            })
        })
    }

    /// Its name on the command line, and what is unusual about a composite: this stands beside every map.
    pub fn name(&self) -> &str {
        match self {
            Self::Composite(composite) => composite.name(),
            Self::GradientTimesInput => NAMES[0],
            Self::IntegratedGradients { .. } => NAMES[1],
            Self::GradCam => NAMES[2],
            Self::Occlusion(_) => NAMES[3],
            Self::Flex { .. } => NAMES[4],
        }
    }

    /// As it stands on a picture, for maps of a side.
    pub fn words(&self, size: usize) -> String {
        match self {
            Self::Composite(composite) => format!("LRP, {}", composite.name()),
            Self::GradientTimesInput => "gradient x input".to_owned(),
            Self::IntegratedGradients { baseline, steps } => {
                format!("integrated gradients, {steps} steps from {}", baseline.words())
            }
            Self::GradCam => "Grad-CAM".to_owned(),
            Self::Occlusion(windows) => windows.words(size),
            Self::Flex { epsilon } => format!("LRP-Flex, epsilon {epsilon}"),
        }
    }

    /// What one unit of a value is; empty where it has none.
    pub fn unit(&self) -> &'static str {
        match self {
            Self::GradCam => "",
            Self::Occlusion(_) => "logit per covered window",
            _ => picture::UNIT,
        }
    }

    /// Whether it finds a value for each of the input's three channels.
    pub fn has_channels(&self) -> bool {
        !matches!(self, Self::GradCam | Self::Occlusion(_))
    }

    /// The composite, where it is one.
    pub fn composite(&self) -> Option<&Composite> {
        match self {
            Self::Composite(composite) => Some(composite),
            _ => None,
        }
    }

    /// Whether it can explain networks of this architecture.
    ///
    /// # Errors
    /// [`Error::Composite`] where a composite does not fit.
    pub fn check(&self, architecture: &pleura_nn::Architecture) -> Result<(), Error> {
        self.composite()
            .map_or(Ok(()), |composite| composite.rules(architecture).map(|_| ()))
    }

    /// Explains a network's answer to one prepared film, `[size, size]` in 0 to 1, for all starts.
    ///
    /// # Errors
    /// As [`crate::explain`]; [`Error::Method`] where windows are larger than the film.
    pub fn explain<B: Backend>(
        &self,
        network: &Network<B>,
        grey: &[f32],
        size: usize,
        starts: &[Start],
    ) -> Result<Explanation, Error> {
        if let Self::Composite(composite) = self {
            return crate::explain(network, grey, size, composite, starts);
        }
        let asked = starts.iter().map(|start| start.at_logits(network.findings()));
        let film = Asked {
            network,
            grey,
            size,
            asked: asked.collect::<Result<_, _>>()?,
        };
        let (logits, found) = match self {
            Self::Composite(_) | Self::GradientTimesInput => gradient::times_input(&film)?,
            Self::IntegratedGradients { baseline, steps } => integrated::find(&film, *baseline, *steps)?,
            Self::GradCam => grad_cam::find(&film)?,
            Self::Occlusion(windows) => occlusion::find(&film, windows)?,
            Self::Flex { epsilon } => flex::find(&film, *epsilon)?,
        };
        let maps = starts.iter().zip(&film.asked).zip(found);
        let maps = maps.map(|((start, asked), found)| Map {
            start: start.clone(),
            value: value(asked, &logits),
            heatmap: found.heatmap,
            raw: found.raw,
            account: found.account,
        });
        Ok(Explanation {
            size,
            maps: maps.collect(),
            logits,
        })
    }
}

/// A film and what is asked of it.
struct Asked<'a, B: Backend> {
    network: &'a Network<B>,
    grey: &'a [f32],
    size: usize,
    asked: Vec<relevance::Start>,
}

/// What a method found for one question.
struct Found {
    heatmap: Vec<f32>,
    raw: Option<Vec<f32>>,
    account: Account,
}

/// The logits, and what was found for each question.
type Answer = (Vec<f64>, Vec<Found>);

/// What a question's number is: `Σ_k c_k (logit_k − θ_k)`.
pub(crate) fn value(asked: &relevance::Start, logits: &[f64]) -> f64 {
    let terms = asked.coefficients.iter().zip(&asked.thresholds).zip(logits);
    // What is not asked may be without bounds.
    terms
        .filter(|((c, _), _)| **c != 0.0)
        .map(|((c, threshold), logit)| c * (logit - threshold))
        .sum()
}

impl Found {
    /// Of values for each channel, `[3, size, size]`.
    fn of_channels(raw: &[f64], plane: usize, account: impl FnOnce(f64) -> Account) -> Self {
        let pixel = |place: usize| raw[place..].iter().step_by(plane).sum::<f64>();
        let sums: Vec<f64> = (0..plane).map(pixel).collect();
        let account = account(sums.iter().sum());
        Self {
            heatmap: sums.into_iter().map(|sum| sum as f32).collect(),
            raw: Some(raw.iter().map(|&value| value as f32).collect()),
            account,
        }
    }
}

/// A tensor's values in double precision.
fn downloaded<B: Backend>(network: &Network<B>, tensor: &B::Tensor) -> Vec<f64> {
    let values = network.backend().download(tensor);
    values.into_iter().map(Real::to_f64).collect()
}
