//! Attribution methods behind one interface: LRP by any composite, and the methods it is compared with.

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

/// An attribution method.
#[derive(Clone, Debug, PartialEq)]
pub enum Method {
    /// LRP.
    Composite(Composite),
    /// Gradient times the normalised input. On a network of `ReLU`s it equals LRP-0 (Shrikumar et al., arXiv
    /// 1605.01713; Ancona et al., arXiv 1711.06104).
    GradientTimesInput,
    /// Mean gradient on the straight path from a baseline to the film, times the path (Sundararajan, Taly and
    /// Yan, arXiv 1703.01365).
    IntegratedGradients {
        /// Start of the path.
        baseline: Fill,
        /// Steps of the midpoint rule.
        steps: usize,
    },
    /// Last feature maps, weighted by the mean gradient; negative values are set to 0 (Selvaraju et al.,
    /// arXiv 1610.02391).
    GradCam,
    /// Drop of the question's number when a window is covered: at each pixel the mean over the windows that
    /// cover it (Zeiler and Fergus, arXiv 1311.2901).
    Occlusion(Windows),
    /// Gradient × input with soft gates (Bassi, Decherchi and Cavalli, arXiv 2401.08409).
    Flex {
        /// ε of the gates.
        epsilon: f64,
    },
}

/// Names of the methods other than composites.
pub const NAMES: [&str; 5] = [
    "gradient-x-input",
    "integrated-gradients",
    "grad-cam",
    "occlusion",
    "lrp-flex",
];

/// Options of the methods.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Baseline of integrated gradients.
    pub baseline: Fill,
    /// Steps of integrated gradients, at least 1.
    pub steps: usize,
    /// Side of occlusion's windows in map pixels; `None` for 1/14 of the map's side.
    pub window: Option<usize>,
    /// Stride of the windows; `None` for half a window.
    pub stride: Option<usize>,
    /// Fill of covered windows.
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
    /// [`Error::UnknownMethod`]; [`Error::Method`] for invalid options; errors of [`Composite::find`].
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

    /// Name on the command line, with a composite's additions; shown beside every map.
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

    /// The method as shown on pictures, for maps of this side.
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

    /// Unit of a value; empty if it has none.
    pub fn unit(&self) -> &'static str {
        match self {
            Self::GradCam => "",
            Self::Occlusion(_) => "logit per covered window",
            _ => picture::UNIT,
        }
    }

    /// True if the method separates the input's three channels.
    pub fn has_channels(&self) -> bool {
        !matches!(self, Self::GradCam | Self::Occlusion(_))
    }

    /// The composite, if the method is LRP.
    pub fn composite(&self) -> Option<&Composite> {
        match self {
            Self::Composite(composite) => Some(composite),
            _ => None,
        }
    }

    /// Checks that the method can explain networks of this architecture.
    ///
    /// # Errors
    /// [`Error::Composite`] if a composite does not fit.
    pub fn check(&self, architecture: &pleura_nn::Architecture) -> Result<(), Error> {
        self.composite()
            .map_or(Ok(()), |composite| composite.rules(architecture).map(|_| ()))
    }

    /// Explains a network's answer to a prepared film, `[size, size]` in 0 to 1, for all questions.
    ///
    /// # Errors
    /// As [`crate::explain`]; [`Error::Method`] if windows are larger than the film.
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

/// A film and its questions.
struct Asked<'a, B: Backend> {
    network: &'a Network<B>,
    grey: &'a [f32],
    size: usize,
    asked: Vec<relevance::Start>,
}

/// Result of a method for one question.
struct Found {
    heatmap: Vec<f32>,
    raw: Option<Vec<f32>>,
    account: Account,
}

/// The logits, and the result of each question.
type Answer = (Vec<f64>, Vec<Found>);

/// The question's number: `Σ_k c_k (logit_k − θ_k)`.
pub(crate) fn value(asked: &relevance::Start, logits: &[f64]) -> f64 {
    let terms = asked.coefficients.iter().zip(&asked.thresholds).zip(logits);
    // Logits outside the question may be infinite.
    terms
        .filter(|((c, _), _)| **c != 0.0)
        .map(|((c, threshold), logit)| c * (logit - threshold))
        .sum()
}

impl Found {
    /// From values of each channel, `[3, size, size]`.
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

/// A tensor's values in f64.
fn downloaded<B: Backend>(network: &Network<B>, tensor: &B::Tensor) -> Vec<f64> {
    let values = network.backend().download(tensor);
    values.into_iter().map(Real::to_f64).collect()
}
