//! The manifest: one table of films with patients, splits and findings, and its sidecar.
