//! The run folder: recipe, logs, records and evidence, written and read by one type each.
