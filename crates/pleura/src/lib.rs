//! Open a model, answer chest films, explain and evaluate the answers.
