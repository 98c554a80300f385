//! What several targets need: what a decoded film must hold, and files on disk for readers that open what
//! they read.

pub mod film;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// One folder a process, removed by nobody: libFuzzer ends without unwinding. It lies in the system's
/// temporary folder.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = tempfile::Builder::new().prefix("pleura-fuzz-").tempdir();
    folder.expect("a temporary folder can be made").keep()
});

/// Writes `bytes` at `name` below this process's folder, and returns where that is.
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = FOLDER.join(name);
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&path, bytes))
        .expect("the temporary folder can be written");
    path
}

/// Cuts `data` at its zero bytes into `N` parts; those that are not there are empty.
pub fn parts<const N: usize>(data: &[u8]) -> [&[u8]; N] {
    let mut parts = data.splitn(N, |&byte| byte == 0);
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}
