//! What all engines here share: the options that `peer.py` takes too, films of noise, timed steps, one line
//! of JSON.

use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// Grey levels less this, and by [`DEVIATION`], are what a network sees.
pub const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
/// See [`MEAN`].
pub const DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];

/// One measurement as it is asked for.
pub struct Case {
    pub architecture: String,
    pub batch: usize,
    pub size: usize,
    pub outputs: usize,
    pub threads: usize,
    pub warm_up: usize,
    pub steps: usize,
    /// ONNX file, for an engine that reads one.
    pub network: Option<String>,
}

impl Case {
    /// Reads `--name value` pairs.
    pub fn from_arguments() -> Result<Self> {
        let mut case = Self {
            architecture: "densenet121".to_owned(),
            batch: 16,
            size: 224,
            outputs: 15,
            threads: 1,
            warm_up: 1,
            steps: 3,
            network: None,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            let value = arguments.next().with_context(|| format!("{name} has no value"))?;
            let number = || value.parse().with_context(|| format!("{name} {value} is no number"));
            match name.as_str() {
                "--architecture" => case.architecture = value,
                "--batch" => case.batch = number()?,
                "--size" => case.size = number()?,
                "--outputs" => case.outputs = number()?,
                "--threads" => case.threads = number()?,
                "--warm-up" => case.warm_up = number()?,
                "--steps" => case.steps = number()?,
                "--network" => case.network = Some(value),
                "--mode" if value == "infer" => {}
                "--mode" => bail!("--mode {value}: these engines only infer here"),
                _ => bail!("no option is called {name}"),
            }
        }
        Ok(case)
    }

    /// Layers of each dense block, and channels of the stem and those that each layer adds.
    pub fn layout(&self) -> Result<([usize; 4], usize, usize)> {
        Ok(match self.architecture.as_str() {
            "densenet121" => ([6, 12, 24, 16], 64, 32),
            "densenet169" => ([6, 12, 32, 32], 64, 32),
            "densenet201" => ([6, 12, 48, 32], 64, 32),
            name => bail!("{name} is not one of densenet121, densenet169, densenet201"),
        })
    }

    /// Grey films `[batch, 1, size, size]` in [0, 1), without a pattern.
    pub fn films(&self) -> Vec<f32> {
        let mut state = 1_u32;
        let next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32
        };
        std::iter::repeat_with(next)
            .take(self.batch * self.size * self.size)
            .collect()
    }

    /// Times the steps and prints them with what else is known.
    pub fn time(&self, facts: Value, mut step: impl FnMut() -> Result<Vec<f32>>) -> Result<()> {
        let mut seconds = Vec::new();
        for number in 0..self.warm_up + self.steps {
            let start = Instant::now();
            let logits = step()?;
            let taken = start.elapsed().as_secs_f64();
            if logits.len() != self.batch * self.outputs || logits.iter().any(|logit| !logit.is_finite()) {
                bail!("the answer is no {} × {} finite logits", self.batch, self.outputs);
            }
            if number >= self.warm_up {
                seconds.push(taken);
            }
        }
        let mut answer = json!({"batch": self.batch, "threads": self.threads, "seconds": seconds});
        if let (Value::Object(answer), Value::Object(facts)) = (&mut answer, facts) {
            answer.extend(facts);
        }
        println!("{answer}");
        Ok(())
    }
}

/// A package's version, as the lock file beside this workspace has it.
pub fn version(package: &str) -> String {
    let lock = include_str!("../../Cargo.lock");
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name).skip(1);
    let line = lines.next().unwrap_or_default();
    line.trim_start_matches("version = ").trim_matches('"').to_owned()
}
