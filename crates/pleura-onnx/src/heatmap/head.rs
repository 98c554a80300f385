//! The linear layer and the mean over each film, both under the ε rule.

use pleura_nn::relevance::Start;

use super::{Explainer, Factor};

impl Explainer<'_, '_> {
    /// From the logits to a factor of the last block's activations, `[starts · films, features, 1, 1]`.
    ///
    /// `R_k = c_k (z_k − θ_k)` gives `c_k (z_k − θ_k) / s(z_k − θ_k)` for the weights. A feature's relevance,
    /// divided by the feature and by the number of averaged columns, is the factor of the activations.
    pub(super) fn head(&mut self, starts: &[&Start]) -> Factor {
        let forward = self.forward;
        let outputs = starts.first().map_or(0, |start| start.coefficients.len());
        let shape = [starts.len(), 1, outputs];
        let list = |of: &dyn Fn(&Start) -> Vec<f64>| -> Vec<f32> {
            starts
                .iter()
                .flat_map(|start| of(start))
                .map(|value| value as f32)
                .collect()
        };
        let coefficients = list(&|start| start.coefficients.clone());
        let thresholds = list(&|start| start.thresholds.clone());
        let mut quotients = self.graph.floats("relevance.starts", &shape, coefficients);
        // Without ε each quotient is 1, whatever the logit.
        if self.rules.head_epsilon > 0.0 {
            let mut above = forward.logits.clone();
            if thresholds.iter().any(|&threshold| threshold != 0.0) {
                let thresholds = self.graph.floats("relevance.thresholds", &shape, thresholds);
                above = self
                    .graph
                    .plain("relevance.logits.above", "Sub", &[&above, &thresholds]);
            }
            let magnitude = self.graph.plain("relevance.logits.magnitude", "Abs", &[&above]);
            let ratio = self
                .graph
                .ratio("relevance.logits", &magnitude, self.rules.head_epsilon);
            quotients = self
                .graph
                .plain("relevance.classifier.quotients", "Mul", &[&quotients, &ratio]);
        }
        let inputs = [&quotients, &forward.head];
        let at_features = self.graph.plain("relevance.classifier", "MatMul", &inputs);

        let side = self.sizes.blocks.last().copied().unwrap_or(1);
        let ratio = self.graph.ratio(
            "relevance.features.ratio",
            &forward.features,
            self.rules.pool_epsilon,
        );
        let flat = vec![("axis", crate::model::Attribute::Int(1))];
        let ratio = self
            .graph
            .node("relevance.features.flat", "Flatten", &[&ratio], flat);
        let columns = self.graph.scalar((side * side) as f64);
        let gate = self
            .graph
            .plain("relevance.features.gate", "Div", &[&ratio, &columns]);
        let factor = self
            .graph
            .plain("relevance.features.product", "Mul", &[&at_features, &gate]);
        let features = forward
            .blocks
            .last()
            .map_or(0, |block| block.last.norm.scale.len());
        let value = self
            .graph
            .reshape("relevance.features", &factor, &[-1, features as i64, 1, 1]);
        Factor { value, side: 1 }
    }
}
