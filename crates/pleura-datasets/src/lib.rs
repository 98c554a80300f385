//! Adapters from published datasets to a manifest.
