//! The rules of layer-wise relevance propagation.

/// How a layer shares the relevance of an output `k` among its inputs `j`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// `R_j = Σ_k a_j w_jk R_k / s(z_k)`; with ε = 0 this is LRP-0.
    Epsilon {
        /// ε.
        epsilon: f64,
    },
    /// z⁺, which is α1β0: only `a⁺w⁺ + a⁻w⁻` and `b⁺` count.
    Plus {
        /// ε.
        epsilon: f64,
    },
    /// α times the shares of what is positive less β times the shares of what is negative; α − β = 1.
    AlphaBeta {
        /// α.
        alpha: f64,
        /// β.
        beta: f64,
        /// ε.
        epsilon: f64,
    },
    /// Contributions of the output's own sign count 1 + γ times: where `z_k > 0`, `n + γ n⁺` for each of them and the bias, where
    /// `z_k < 0`, `n + γ n⁻`.
    Gamma {
        /// γ.
        gamma: f64,
        /// ε.
        epsilon: f64,
    },
    /// w²: shares in proportion to the squared weights, whatever the inputs are.
    Square {
        /// ε.
        epsilon: f64,
    },
    /// Equal shares for the inputs that are read: at a border the padding takes none, so nothing is lost.
    Flat,
    /// z^B, for inputs between black and white: contributions are `a w − l w⁺ − h w⁻` with `l` the normalised black and `h` the
    /// normalised white of the channel, and no bias. Padding contributes nothing, so nothing is lost. For the first convolution alone.
    Box {
        /// ε.
        epsilon: f64,
    },
}

impl Rule {
    /// ε; none of the flat rule.
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

    /// What is wrong with its numbers.
    pub fn problem(self) -> Option<String> {
        let amount = |what: &str, value: f64| {
            let wrong = !(value.is_finite() && value >= 0.0);
            wrong.then(|| format!("{what} is {value}, and must be a number from 0 on"))
        };
        let own = match self {
            Self::Gamma { gamma, .. } => amount("gamma", gamma),
            Self::AlphaBeta { alpha, beta, .. } => amount("alpha", alpha)
                .or_else(|| amount("beta", beta))
                .or_else(|| {
                    let wrong = (alpha - beta - 1.0).abs() > 1e-12;
                    wrong.then(|| format!("alpha − beta is {}, and must be 1", alpha - beta))
                }),
            _ => None,
        };
        own.or_else(|| amount("epsilon", self.epsilon()))
    }

    /// True if relevance goes to inputs in proportion to their activations, so that an input that is off gets none.
    pub(crate) fn follows_activations(self) -> bool {
        !matches!(self, Self::Square { .. } | Self::Flat)
    }
}

/// What becomes of a bias's share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bias {
    /// It stays with the bias, and the ledger says how much that is.
    #[default]
    Ledger,
    /// There is none: biases count as zero in every denominator, and inputs share what they would have taken by the rule.
    Zero,
    /// The layer's inputs absorb it in equal parts (Bach et al. 2015).
    Absorb,
}
