//! Command-line options to append to messages of the library, which does not know the command line.

use std::io::ErrorKind;

use pleura::Error;

/// The end of the message.
pub fn of(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::InputTooSmall { .. } | Error::ImportTooSmall { .. } => "; set another with --size",
        Error::PackageSettings { .. } => {
            "; leave --stage, --size, --fit, --kind, --calibration and --no-calibration out"
        }
        Error::NotAPackage { .. } => "; leave --trust out, or make a package with `pleura package`",
        Error::StageOfFile { .. } => "; leave --stage out",
        Error::NoWeights { .. } => {
            "; go on with `pleura train --resume`, or choose another stage with --stage"
        }
        Error::TaskUnknown { .. } => "; add --kind exclusive (softmax) or --kind independent (sigmoid)",
        Error::FactsUnknown { .. } => {
            "; add --kind exclusive|independent --size PIXELS --fit stretch|pad|crop (softmax or sigmoid; ImageNet's and CheXNet's: \
             --size 224 --fit stretch). `pleura import FILE --arch NAME --findings A,B,… --kind K --size N --fit F --out NEW` writes \
             them into the file, once"
        }
        Error::TaskContradicts { .. } => "; leave --kind out",
        Error::PreparationUnknown { .. } => {
            "; add --size PIXELS and --fit stretch|pad|crop (ImageNet's and CheXNet's: --size 224 --fit stretch)"
        }
        Error::PreparationContradicts { .. } => "; leave --size and --fit out",
        Error::ForeignCalibration { .. } => ", or leave it out with --no-calibration",
        Error::FractalStage { .. } => "; choose another stage with --stage",
        Error::TrainingManifest { .. } => "; if it has moved, name it with --manifest",
        Error::ThresholdOfClasses => {
            "; leave --threshold out and add --contrast NAME to explain one class rather than another"
        }
        Error::EqualFindings { .. } => " (--finding and --contrast)",
        Error::SelfContrast => "; ask with --contrast next",
        Error::NoLabelledFinding { .. } => "; ask by --finding answer, or by name",
        Error::MasksOfFilms { .. } => " and give --manifest",
        Error::EmptySplit { .. } => "; take another --split, or every film with --split all",
        Error::RawMethod { .. } => "; leave --raw out",
        Error::TestFilms { .. } => "; give as many with --film, or leave --batch out",
        _ => return None,
    })
}

/// The end of the message of a file that cannot be written. `message` names the file; `option` is the option
/// of the command that names its output.
pub fn of_disk(kind: ErrorKind, message: &str, option: Option<&str>) -> Option<String> {
    use ErrorKind::{
        AlreadyExists, InvalidFilename, IsADirectory, NotADirectory, PermissionDenied, QuotaExceeded,
        ReadOnlyFilesystem, StorageFull,
    };
    let blocked = matches!(
        kind,
        PermissionDenied | ReadOnlyFilesystem | NotADirectory | AlreadyExists | StorageFull | QuotaExceeded
    );
    if blocked && message.contains(".pleura-cache") {
        return Some("; keep decoded films in another folder with --cache DIR".to_owned());
    }
    if matches!(kind, StorageFull | QuotaExceeded) {
        let elsewhere = option.map_or_else(
            || "write to another disk".to_owned(),
            |option| format!("write to another disk with {option}"),
        );
        return Some(format!(
            "; the disk is full: free some space, or {elsewhere}. A run goes on with `pleura train --resume`"
        ));
    }
    if !WRITING.iter().any(|verb| message.contains(verb)) {
        return None;
    }
    let (because, choose, otherwise) = match kind {
        ReadOnlyFilesystem => ("the disk is read-only", "another disk", COPY),
        PermissionDenied => ("you may not write there", "another folder", COPY),
        NotADirectory | AlreadyExists => ("a file is in the place of a folder", "another folder", MOVE),
        IsADirectory => ("a folder is in the place of the file", "another file", MOVE),
        InvalidFilename => (
            "the name is too long for the disk",
            "a shorter name",
            "move the files to a shorter path",
        ),
        _ => return None,
    };
    Some(match option {
        Some(option) => format!("; {because}: choose {choose} with {option}"),
        None => format!("; {because}: {otherwise}"),
    })
}

/// Remedies where no option names the output.
const COPY: &str = "copy the files to a folder that can be written, and begin there";
const MOVE: &str = "move it away";

/// The verbs of messages about files that are written.
const WRITING: [&str; 7] = [
    "cannot write",
    "cannot create",
    "cannot make",
    "cannot append",
    "cannot sync",
    "cannot lock",
    "cannot rename",
];

/// The options that name the output of a command, the usual one first.
const OUTPUTS: [&str; 6] = ["out", "html", "onnx", "torch", "plots", "dir"];

/// The option that names the output of the command that was called, such as `--out`.
pub fn output_option(program: &clap::Command, called: &clap::ArgMatches) -> Option<String> {
    let (mut command, mut called) = (program, called);
    while let Some((name, inner)) = called.subcommand() {
        (command, called) = (command.find_subcommand(name)?, inner);
    }
    // Of the others, only an option that was given has to do with the file.
    let named = |name: &str| {
        let mut options = command.get_arguments();
        let option = options.find(|option| option.get_long() == Some(name))?;
        let given = called.try_contains_id(option.get_id().as_str()).unwrap_or(false);
        (given || name == "out").then(|| format!("--{name}"))
    };
    let name_of_key = (command.get_name() == "key").then(|| "NAME".to_owned());
    OUTPUTS.iter().find_map(|name| named(name)).or(name_of_key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_that_refuse_name_the_option_that_helps() {
        let cache = "cannot create the film cache data/.pleura-cache/films-224: Read-only file system";
        let out = Some("--out");
        for (kind, message, option, said) in [
            (ErrorKind::ReadOnlyFilesystem, cache, out, Some("--cache DIR")),
            (
                ErrorKind::StorageFull,
                "cannot write run/log.jsonl",
                out,
                Some("--resume"),
            ),
            (
                ErrorKind::StorageFull,
                "No space left on device",
                out,
                Some("another disk with --out"),
            ),
            (
                ErrorKind::ReadOnlyFilesystem,
                "cannot write a.csv",
                out,
                Some("read-only: choose another disk with --out"),
            ),
            (
                ErrorKind::PermissionDenied,
                "cannot append to a.csv",
                None,
                Some("copy the files"),
            ),
            (
                ErrorKind::InvalidFilename,
                "cannot write aaa",
                out,
                Some("a shorter name with --out"),
            ),
            (
                ErrorKind::IsADirectory,
                "cannot write run/report.html",
                None,
                Some("move it away"),
            ),
            (ErrorKind::PermissionDenied, "cannot read a.csv", out, None),
            (ErrorKind::NotFound, cache, out, None),
        ] {
            let found = of_disk(kind, message, option);
            match said {
                Some(said) => assert!(
                    found.as_ref().is_some_and(|found| found.contains(said)),
                    "{message}: {found:?}"
                ),
                None => assert_eq!(found, None, "{message}"),
            }
        }
    }
}
