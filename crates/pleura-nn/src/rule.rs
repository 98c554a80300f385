//! The rules of layer-wise relevance propagation.

/// A rule: how a layer distributes the relevance of an output `k` among its inputs `j`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// `R_j = Σ_k a_j w_jk R_k / s(z_k)`; with ε = 0 this is LRP-0.
    Epsilon {
        /// ε.
        epsilon: f64,
    },
    /// z⁺, which equals α1β0: only `a⁺w⁺ + a⁻w⁻` and `b⁺` count.
    Plus {
        /// ε.
        epsilon: f64,
    },
    /// α times the parts of the positive contributions minus β times the parts of the negative ones; α − β =
    /// 1.
    AlphaBeta {
        /// α.
        alpha: f64,
        /// β.
        beta: f64,
        /// ε.
        epsilon: f64,
    },
    /// Contributions with the sign of the output count 1 + γ times: `n + γ n⁺` for each of them and the bias
    /// if `z_k > 0`, `n + γ n⁻` if `z_k < 0`.
    Gamma {
        /// γ.
        gamma: f64,
        /// ε.
        epsilon: f64,
    },
    /// w²: in proportion to the squared weights, independent of the inputs.
    Square {
        /// ε.
        epsilon: f64,
    },
    /// Equal parts for all inputs that are read. At a border the padding gets none, so nothing is lost.
    Flat,
    /// z^B, for inputs between black and white. Contributions are `a w − l w⁺ − h w⁻`, where `l` is the
    /// normalised black and `h` the normalised white of the channel, without the bias. Padding contributes
    /// nothing, so nothing is lost. Only for the first convolution.
    Box {
        /// ε.
        epsilon: f64,
    },
}

impl Rule {
    /// ε; 0 for the flat rule.
    pub fn epsilon(self) -> f64 {
        match self {
            Self::Flat => 0.0,
            Self::Epsilon { epsilon }
            | Self::Plus { epsilon }
            | Self::AlphaBeta { epsilon, .. }
            | Self::Gamma { epsilon, .. }
            | Self::Square { epsilon }
            | Self::Box { epsilon } => epsilon,
        }
    }

    /// The problem with its numbers, if there is one.
    pub fn problem(self) -> Option<String> {
        let amount = |what: &str, value: f64| {
            let wrong = !(value.is_finite() && value >= 0.0);
            wrong.then(|| format!("{what} is {value}, expected 0 or more"))
        };
        let own = match self {
            Self::Gamma { gamma, .. } => amount("gamma", gamma),
            Self::AlphaBeta { alpha, beta, .. } => amount("alpha", alpha)
                .or_else(|| amount("beta", beta))
                .or_else(|| {
                    let wrong = (alpha - beta - 1.0).abs() > 1e-12;
                    wrong.then(|| format!("alpha − beta is {}, expected 1", alpha - beta))
                }),
            _ => None,
        };
        own.or_else(|| amount("epsilon", self.epsilon()))
    }

    /// True if relevance goes to inputs in proportion to their activations, so that an input that is off gets
    /// none.
    pub(crate) fn follows_activations(self) -> bool {
        !matches!(self, Self::Square { .. } | Self::Flat)
    }
}

/// Treatment of a bias's part of the relevance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bias {
    /// It stays with the bias, and the ledger counts it.
    #[default]
    Ledger,
    /// Biases count as zero in every denominator, and inputs get their parts by the rule.
    Zero,
    /// The inputs of the layer absorb it in equal parts (Bach et al. 2015).
    Absorb,
}
