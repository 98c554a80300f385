//! One option per dataset adapter, from the library's table.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches};
use pleura_datasets::BuildInput;
use pleura_datasets::adapters::DATASETS;

/// Datasets on the command line, in the order of the table.
pub(super) struct SourceArgs {
    pub(super) datasets: Vec<BuildInput>,
}

impl clap::Args for SourceArgs {
    fn augment_args(command: Command) -> Command {
        let group = clap::ArgGroup::new("datasets").multiple(true).required(true);
        let group = group.args(DATASETS.iter().map(|source| source.name));
        let command = DATASETS.iter().fold(command, |command, source| {
            command.arg(
                Arg::new(source.name)
                    .long(source.name)
                    .value_name("[NAME=]PATH")
                    .help(format!("{}: {}", source.title, source.expects))
                    .value_parser(clap::value_parser!(PathBuf))
                    .action(ArgAction::Append),
            )
        });
        command.group(group)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SourceArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut datasets = Vec::new();
        for source in DATASETS {
            for value in matches.get_many::<PathBuf>(source.name).into_iter().flatten() {
                let (name, path) = named(value).unwrap_or_else(|| (source.name.to_string(), value.clone()));
                datasets.push(BuildInput {
                    dataset: source,
                    name,
                    path,
                });
            }
        }
        Ok(Self { datasets })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Splits `NAME=PATH`; an existing path is a path, whatever it contains.
fn named(value: &Path) -> Option<(String, PathBuf)> {
    if value.exists() {
        return None;
    }
    let (name, path) = value.to_str()?.split_once('=')?;
    let plain = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    plain.then(|| (name.to_string(), PathBuf::from(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_front_of_the_path_is_the_datasets() {
        assert_eq!(
            named(Path::new("mine=/data/x=y")),
            Some(("mine".into(), "/data/x=y".into()))
        );
        assert_eq!(named(Path::new("/data/x")), None);
        assert_eq!(named(Path::new("/data=x/y")), None);
    }
}
