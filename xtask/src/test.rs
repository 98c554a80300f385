//! `cargo xtask test`: all checks of the workspace, quick ones first.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::steps::Steps;
use crate::workspace;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only formatting, lints and tests.
    #[arg(long)]
    quick: bool,
}

/// The heading and the function of a check.
type Check = (&'static str, fn() -> Result<()>);

const QUICK: &[Check] = &[
    ("tools that the tests need", tools),
    ("formatting", formatting),
    ("lints", lints),
    ("tests: unit, end to end, documentation", tests),
];

const FULL: &[Check] = &[
    ("thread pools under all interleavings", thread_models),
    ("documentation of the code", documentation),
    ("fuzz targets compile", fuzz_targets),
    ("dependencies: licences, bans, sources", dependencies),
];

pub(crate) fn run(args: &Args) -> ExitCode {
    let checks: Vec<Check> = if args.quick {
        QUICK.to_vec()
    } else {
        [QUICK, FULL].concat()
    };
    let mut steps = Steps::new(checks.len());
    for (heading, check) in checks {
        steps.run(heading, check);
    }
    if steps.summary() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn tools() -> Result<()> {
    component("fmt", "rustfmt")?;
    component("clippy", "clippy")?;
    // ring, under the rustls of the weight download, compiles its assembly with the system's C compiler.
    if !["cc", "gcc", "clang"]
        .iter()
        .any(|compiler| workspace::answers(compiler, &["--version"]))
    {
        bail!(
            "no C compiler on the PATH (cc, gcc or clang), which one dependency needs; on Debian: apt-get install gcc libc6-dev"
        );
    }
    if !crate::fuzz::has_cpp() {
        bail!(
            "no C++ compiler on the PATH (c++, g++ or clang++), which the fuzzer needs; on Debian: apt-get install g++"
        );
    }
    println!("rustfmt, clippy, a C and a C++ compiler are here");
    Ok(())
}

/// A component of the Rust toolchain, installed through rustup if it is missing.
fn component(subcommand: &str, name: &str) -> Result<()> {
    let here = || {
        workspace::cargo([subcommand, "--version"])
            .output()
            .is_ok_and(|output| output.status.success())
    };
    if here() {
        return Ok(());
    }
    println!("{name} is missing: rustup component add {name}");
    workspace::run(Command::new("rustup").args(["component", "add", name])).with_context(|| {
        format!("{name} is missing and rustup cannot add it; install {name} for this toolchain")
    })?;
    if !here() {
        bail!("{name} was added, yet `cargo {subcommand}` does not start");
    }
    Ok(())
}

fn formatting() -> Result<()> {
    workspace::run(&mut workspace::cargo(["fmt", "--all", "--check"]))
        .context("`cargo fmt --all` puts it right")
}

fn lints() -> Result<()> {
    workspace::run(&mut workspace::cargo([
        "clippy",
        "--workspace",
        "--all-targets",
        "--release",
        "--locked",
        "--",
        "-D",
        "warnings",
    ]))
}

fn tests() -> Result<()> {
    // Release, because unoptimised numeric code is too slow to test. All crates run, also after a failed one.
    workspace::run(&mut workspace::cargo([
        "test",
        "--workspace",
        "--release",
        "--locked",
        "--no-fail-fast",
    ]))
}

fn documentation() -> Result<()> {
    workspace::run(
        workspace::cargo(["doc", "--workspace", "--no-deps", "--release", "--locked"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}

fn thread_models() -> Result<()> {
    // Its own target folder, since other flags would rebuild the shared one.
    workspace::run(
        workspace::cargo([
            "test",
            "--release",
            "--locked",
            "--package",
            "pleura-nn-loom",
            "--target-dir",
        ])
        .arg(workspace::target().join("loom"))
        .env("RUSTFLAGS", "--cfg loom"),
    )
}

fn fuzz_targets() -> Result<()> {
    // `cfg(fuzzing)` and the sanitizer come with cargo-fuzz; here only the types are checked.
    workspace::run(
        workspace::cargo(["check", "--release", "--manifest-path"])
            .arg(crate::fuzz::project().join("Cargo.toml"))
            .arg("--target-dir")
            .arg(workspace::target()),
    )
}

fn dependencies() -> Result<()> {
    cargo_deny()?;
    workspace::run(&mut workspace::cargo([
        "deny",
        "--log-level",
        "error",
        "check",
        "bans",
        "licenses",
        "sources",
    ]))
}

/// cargo-deny, built without its release profile's link-time optimisation: half the machine's time, and it
/// runs for a second.
fn cargo_deny() -> Result<()> {
    const VERSION: &str = "0.20.2";
    let here = workspace::cargo(["deny", "--version"])
        .output()
        .is_ok_and(|output| output.status.success());
    if here {
        return Ok(());
    }
    println!("cargo-deny is missing: cargo install cargo-deny --version {VERSION} --locked");
    workspace::run(
        workspace::cargo([
            "install",
            "cargo-deny",
            "--version",
            VERSION,
            "--locked",
            "--quiet",
        ])
        .arg("--target-dir")
        .arg(workspace::target().join("cargo-deny"))
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
    )
    .with_context(|| {
        format!("cargo-deny cannot be installed; try `cargo install cargo-deny --version {VERSION} --locked`")
    })
}
