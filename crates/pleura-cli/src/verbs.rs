//! The verbs, one file each.

pub mod audit;
pub mod calibrate;
pub mod data;
pub mod demo;
pub mod doctor;
pub mod evaluate;
pub mod explain;
pub mod export;
pub mod import;
pub mod lungs;
pub mod objects;
pub mod package;
pub mod predict;
pub mod report;
pub mod study;
pub mod train;
pub mod weights;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

/// The commands of the program.
#[derive(Subcommand)]
pub enum Verb {
    Demo(demo::Args),
    Data(data::Args),
    Train(train::Args),
    Study(study::Args),
    Calibrate(calibrate::Args),
    Evaluate(evaluate::Args),
    Predict(predict::Args),
    Objects(Box<objects::Args>),
    Package(Box<package::Args>),
    Explain(Box<explain::Args>),
    Audit(audit::Args),
    Lungs(lungs::Args),
    Report(report::Args),
    Weights(weights::Args),
    Import(import::Args),
    Export(export::Args),
    Doctor(doctor::Args),
}

/// Runs a command.
pub fn run(verb: Verb, json: bool) -> Result<ExitCode> {
    match verb {
        Verb::Demo(args) => demo::run(&args, json),
        Verb::Data(args) => data::run(args, json),
        Verb::Train(args) => train::run(args, json),
        Verb::Study(args) => study::run(&args, json),
        Verb::Calibrate(args) => calibrate::run(&args, json),
        Verb::Evaluate(args) => evaluate::run(&args, json),
        Verb::Predict(args) => predict::run(&args, json),
        Verb::Objects(args) => objects::run(&args, json),
        Verb::Package(args) => package::run(*args, json),
        Verb::Explain(args) => explain::run(&args, json),
        Verb::Audit(args) => audit::run(args, json),
        Verb::Lungs(args) => lungs::run(&args, json),
        Verb::Report(args) => report::run(&args, json),
        Verb::Weights(args) => weights::run(&args, json),
        Verb::Import(args) => import::run(&args, json),
        Verb::Export(args) => export::run(&args, json),
        Verb::Doctor(args) => doctor::run(&args, json),
    }
}
