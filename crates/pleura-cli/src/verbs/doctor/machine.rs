//! Description of the machine.

use std::path::{Path, PathBuf};

use pleura_nn::Cpu;
use pleura_nn::weights::fetch::cache_folder;
use serde::Serialize;

use crate::table::Table;

/// The machine, the program, and where it keeps things.
#[derive(Serialize)]
pub struct Machine {
    version: &'static str,
    system: String,
    processor: Option<String>,
    cores: Option<usize>,
    threads: usize,
    simd: &'static str,
    /// Relevant instruction sets of the processor.
    features: Vec<&'static str>,
    memory_bytes: Option<u64>,
    memory_free_bytes: Option<u64>,
    /// Memory limit of this process, if below the machine's memory.
    memory_limit_bytes: Option<u64>,
    folders: Vec<Folder>,
}

/// A folder the program writes to.
#[derive(Serialize)]
struct Folder {
    purpose: &'static str,
    path: PathBuf,
    writable: bool,
}

impl Machine {
    /// Examines the machine.
    pub fn look() -> Self {
        let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            system: system(),
            processor: std::fs::read_to_string("/proc/cpuinfo")
                .ok()
                .and_then(|text| entry(&text, "model name")),
            cores: std::thread::available_parallelism().ok().map(usize::from),
            threads: rayon::current_num_threads(),
            simd: Cpu::new().path().name(),
            features: features(),
            memory_bytes: kibibytes(&memory, "MemTotal"),
            memory_free_bytes: kibibytes(&memory, "MemAvailable"),
            memory_limit_bytes: memory_limit(),
            folders: folders(),
        }
    }

    /// The machine in a run's report, without names and folders.
    pub fn in_short(&self) -> Vec<(String, String)> {
        let cores = self.cores.map(|cores| cores.to_string());
        let pairs = [
            ("system", Some(self.system.clone())),
            ("processor", self.processor.clone()),
            ("SIMD path", Some(self.simd.to_owned())),
            ("cores", cores),
            ("threads", Some(self.threads.to_string())),
        ];
        pairs
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect()
    }

    /// The description as a table.
    pub fn table(&self) -> Table {
        let unknown = || "unknown".to_owned();
        let gibibytes = |bytes: u64| format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30));
        let memory = [
            Some(self.memory_bytes.map_or_else(unknown, gibibytes)),
            self.memory_free_bytes
                .map(|free| format!("{} free", gibibytes(free))),
            self.memory_limit_bytes
                .map(|limit| format!("this process may use {}", gibibytes(limit))),
        ];
        let memory = memory.into_iter().flatten().collect::<Vec<_>>().join(", ");
        let mut table = Table::default();
        let cores = self.cores.map_or_else(unknown, |cores| cores.to_string());
        for (name, value) in [
            ("pleura", self.version.to_owned()),
            ("system", self.system.clone()),
            ("processor", self.processor.clone().unwrap_or_else(unknown)),
            (
                "SIMD path",
                format!("{} (the processor has {})", self.simd, listed(&self.features)),
            ),
            ("threads", format!("{} on {cores} cores", self.threads)),
            ("memory", memory),
        ] {
            table.row([name.to_owned(), value]);
        }
        for Folder {
            purpose,
            path,
            writable,
        } in &self.folders
        {
            let note = if *writable { "" } else { " (cannot be written)" };
            table.row([(*purpose).to_owned(), format!("{}{note}", path.display())]);
        }
        table
    }
}

fn listed(features: &[&str]) -> String {
    if features.is_empty() {
        "none of those used here".to_owned()
    } else {
        features.join(", ")
    }
}

fn system() -> String {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{} {} {}",
        std::env::consts::OS,
        kernel.trim(),
        std::env::consts::ARCH
    )
    .replace("  ", " ")
}

/// The first `name : value` of a file under `/proc`.
fn entry(text: &str, name: &str) -> Option<String> {
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim().to_owned())
}

fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let value = entry(text, name)?;
    value
        .strip_suffix("kB")?
        .trim()
        .parse::<u64>()
        .ok()
        .map(|kibibytes| kibibytes << 10)
}

/// Memory limit of the control groups of this process (version 1 or 2); both write large numbers or a word
/// for "no limit".
fn memory_limit() -> Option<u64> {
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = limit_files(&own)
        .into_iter()
        .filter_map(|path| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok());
    limits.min().filter(|limit| *limit < NO_LIMIT)
}

/// Values from here on mean no limit.
const NO_LIMIT: u64 = 1 << 60;

/// Files with memory limits, from `/proc/self/cgroup`: a line per hierarchy, `0::/PATH` for version 2,
/// `N:…,memory,…:/PATH` for version 1.
fn limit_files(own: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in own.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let (root, name) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => continue,
        };
        for above in Path::new(path.trim_start_matches('/')).ancestors() {
            files.push(Path::new(root).join(above).join(name));
        }
    }
    // In a container the groups above are invisible, and its own is at the root.
    files.extend([
        PathBuf::from("/sys/fs/cgroup/memory.max"),
        PathBuf::from("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
    ]);
    files
}

#[cfg(target_arch = "x86_64")]
fn features() -> Vec<&'static str> {
    let present = [
        ("SSE4.2", std::arch::is_x86_feature_detected!("sse4.2")),
        ("AVX2", std::arch::is_x86_feature_detected!("avx2")),
        ("FMA", std::arch::is_x86_feature_detected!("fma")),
        ("AVX-512F", std::arch::is_x86_feature_detected!("avx512f")),
    ];
    present
        .into_iter()
        .filter_map(|(name, there)| there.then_some(name))
        .collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn features() -> Vec<&'static str> {
    Vec::new()
}

fn folders() -> Vec<Folder> {
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    // Films are cached beside their manifest; the working folder represents it.
    let mut folders = vec![("film cache here", here.join(".pleura-cache"))];
    // Missing if the environment has no home folder.
    folders.extend(cache_folder().ok().map(|path| ("published weights", path)));
    folders.push(("temporary files", std::env::temp_dir()));
    let folder = |(purpose, path): (&'static str, PathBuf)| Folder {
        purpose,
        writable: writable(&path),
        path,
    };
    folders.into_iter().map(folder).collect()
}

/// True if a file can be created in a folder, or in its nearest existing parent.
fn writable(folder: &Path) -> bool {
    let there = folder.ancestors().find(|ancestor| ancestor.is_dir());
    there.is_some_and(|folder| tempfile::tempfile_in(folder).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_proc_are_read() {
        let memory = "MemTotal:       16307020 kB\nMemAvailable:   12 kB\nHugePages_Total:       0\n";
        assert_eq!(kibibytes(memory, "MemTotal"), Some(16_307_020 * 1024));
        assert_eq!(kibibytes(memory, "HugePages_Total"), None);
        assert_eq!(kibibytes(memory, "SwapTotal"), None);
        let processor =
            "processor\t: 0\nmodel name\t: A Processor @ 2 GHz\nprocessor\t: 1\nmodel name\t: Another\n";
        assert_eq!(
            entry(processor, "model name").as_deref(),
            Some("A Processor @ 2 GHz")
        );
    }

    #[test]
    fn limits_are_those_of_the_own_group_and_of_all_above() {
        let files = limit_files("12:cpu:/other\n4:memory:/job\n0::/slurm/job_7\n");
        for file in [
            "/sys/fs/cgroup/slurm/job_7/memory.max",
            "/sys/fs/cgroup/slurm/memory.max",
            "/sys/fs/cgroup/memory.max",
            "/sys/fs/cgroup/memory/job/memory.limit_in_bytes",
        ] {
            assert!(files.contains(&PathBuf::from(file)), "{file}: {files:?}");
        }
        assert!(!files.iter().any(|file| file.to_string_lossy().contains("other")));
    }

    #[test]
    fn a_folder_that_is_not_there_yet_is_as_writable_as_the_one_above() {
        let folder = tempfile::tempdir().unwrap();
        assert!(writable(&folder.path().join("a/b")));
    }
}
