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

/// The end of the message of a file that cannot be written. `message` names the file.
pub fn of_disk(kind: ErrorKind, message: &str) -> Option<&'static str> {
    let blocked = matches!(
        kind,
        ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::NotADirectory
            | ErrorKind::AlreadyExists
            | ErrorKind::StorageFull
            | ErrorKind::QuotaExceeded
    );
    if blocked && message.contains(".pleura-cache") {
        return Some("; keep decoded films in another folder with --cache DIR");
    }
    match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Some("; the disk is full: free some space, or write to another disk. A run goes on with --resume")
        }
        ErrorKind::ReadOnlyFilesystem => Some("; the disk is read-only: write to another one with --out"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_that_refuse_name_the_option_that_helps() {
        let cache = "cannot create the film cache data/.pleura-cache/films-224: Read-only file system";
        assert!(
            of_disk(ErrorKind::ReadOnlyFilesystem, cache)
                .unwrap()
                .contains("--cache DIR")
        );
        assert!(
            of_disk(ErrorKind::StorageFull, "cannot write run/log.jsonl")
                .unwrap()
                .contains("--resume")
        );
        assert_eq!(of_disk(ErrorKind::NotFound, cache), None);
    }
}
