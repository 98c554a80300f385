//! torchvision's published `ImageNet` weights: downloaded once, checked, and kept.

use std::{
    env,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek as _, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use pleura_core::sha256;
use ureq::{
    Agent,
    http::{Response, StatusCode, header},
};

use crate::error::Error;

/// A weight file on the internet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Name of the architecture.
    pub architecture: String,
    /// Address. The last part is also the file name here.
    pub url: String,
    /// First hexadecimal digits of the SHA-256, as in torchvision's file names.
    pub digest: String,
}

/// Upper limit of a download. All published networks are much smaller.
const MOST_BYTES: u64 = 1 << 30;
const BUFFER: usize = 1 << 17;

impl Published {
    /// torchvision's `ImageNet` weights of an architecture, if they exist: `densenet121`, `161`, `169`,
    /// `201`.
    pub fn torchvision(architecture: &str) -> Option<Self> {
        let digest = match architecture {
            "densenet121" => "a639ec97",
            "densenet161" => "8d451a50",
            "densenet169" => "b2777c0a",
            "densenet201" => "c1103571",
            _ => return None,
        };
        Some(Self {
            architecture: architecture.to_owned(),
            url: format!("https://download.pytorch.org/models/{architecture}-{digest}.pth"),
            digest: digest.to_owned(),
        })
    }

    /// Name of the file in the folder.
    pub fn file_name(&self) -> &str {
        self.url.rsplit('/').next().unwrap_or(&self.url)
    }

    /// Makes sure that the file is in `folder`, and returns its path.
    ///
    /// An existing file is checked and used. Otherwise it is downloaded to `NAME.part` beside it, from the
    /// end of an earlier attempt, and renamed when its digest is right. `progress` gets the number of bytes
    /// so far, and their total if the server sends it.
    ///
    /// # Errors
    /// [`Error::Fetch`], with instructions to do it by hand; [`Error::File`] if the folder cannot be written;
    /// [`Error::Format`] if an existing file is another.
    pub fn fetch(&self, folder: &Path, progress: &mut dyn FnMut(u64, Option<u64>)) -> Result<PathBuf, Error> {
        let path = folder.join(self.file_name());
        if path.exists() {
            let mut file = File::open(&path).map_err(Error::file(&path, "read"))?;
            let found = sha256::hex_of_reader(&mut file).map_err(Error::file(&path, "read"))?;
            if found.starts_with(&self.digest) {
                return Ok(path);
            }
            return Err(Error::Format {
                name: path.display().to_string(),
                problem: format!(
                    "SHA-256 {found}, expected {}…; delete it to fetch it again",
                    self.digest
                ),
            });
        }
        fs::create_dir_all(folder).map_err(Error::file(folder, "create"))?;
        let part = path.with_file_name(format!("{}.part", self.file_name()));
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&part)
            .map_err(Error::file(&part, "write"))?;
        // Two downloads at once would write into each other. Where files cannot be locked, the digest still
        // detects it.
        if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
            return Err(self.failed(&path, format!("another process is writing {}", part.display())));
        }
        self.download(&mut file, &path, &part, progress)?;
        file.rewind().map_err(Error::file(&part, "read"))?;
        let found = sha256::hex_of_reader(&mut file).map_err(Error::file(&part, "read"))?;
        if !found.starts_with(&self.digest) {
            // The partial file is unusable: a resumed download would never match.
            fs::remove_file(&part).map_err(Error::file(&part, "remove"))?;
            return Err(self.failed(
                &path,
                format!("the file has SHA-256 {found}, expected {}…", self.digest),
            ));
        }
        file.sync_all().map_err(Error::file(&part, "write"))?;
        fs::rename(&part, &path).map_err(Error::file(&path, "write"))?;
        Ok(path)
    }

    /// Completes `file`, from its current end if the server supports that.
    fn download(
        &self,
        file: &mut File,
        path: &Path,
        part: &Path,
        progress: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<(), Error> {
        let mut here = file
            .seek(io::SeekFrom::End(0))
            .map_err(Error::file(part, "read"))?;
        let mut response = self.request(here, path)?;
        if here > 0 && response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            // Nothing is left to download, or the file is too long. The digest decides; if it is wrong, start
            // over.
            file.rewind().map_err(Error::file(part, "read"))?;
            if sha256::hex_of_reader(&mut *file)
                .map_err(Error::file(part, "read"))?
                .starts_with(&self.digest)
            {
                return Ok(());
            }
            here = 0;
            response = self.request(0, path)?;
        }
        match response.status() {
            StatusCode::PARTIAL_CONTENT if begins_at(&response) == Some(here) => {}
            StatusCode::OK => here = 0,
            status => return Err(self.failed(path, format!("the server answers {status}"))),
        }
        file.set_len(here).map_err(Error::file(part, "write"))?;
        file.seek(io::SeekFrom::Start(here))
            .map_err(Error::file(part, "write"))?;
        let total = response
            .body()
            .content_length()
            .map(|rest| here.saturating_add(rest));
        if total.is_some_and(|total| total > MOST_BYTES) {
            return Err(self.failed(
                path,
                format!("the server announces {} bytes", total.unwrap_or_default()),
            ));
        }
        progress(here, total);
        let mut body = response.into_body().into_reader();
        let mut buffer = vec![0; BUFFER];
        loop {
            let count = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.failed(path, format!("after {here} bytes: {error}"))),
            };
            file.write_all(&buffer[..count])
                .map_err(Error::file(part, "write"))?;
            here += count as u64;
            if here > MOST_BYTES {
                return Err(self.failed(path, format!("the server sends more than {MOST_BYTES} bytes")));
            }
            progress(here, total);
        }
        match total {
            Some(total) if here < total => {
                Err(self.failed(path, format!("the connection ended at {here} of {total} bytes")))
            }
            _ => Ok(()),
        }
    }

    fn request(&self, from: u64, path: &Path) -> Result<Response<ureq::Body>, Error> {
        let agent: Agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(20)))
            .timeout_recv_response(Some(Duration::from_mins(1)))
            // For the whole body: a stalled connection ends, and the bytes received are kept for the next
            // attempt.
            .timeout_recv_body(Some(Duration::from_hours(2)))
            .build()
            .into();
        // Ranges count bytes of the uncompressed file.
        let mut request = agent.get(&self.url).header(header::ACCEPT_ENCODING, "identity");
        if from > 0 {
            request = request.header(header::RANGE, format!("bytes={from}-"));
        }
        request
            .call()
            .map_err(|error| self.failed(path, error.to_string()))
    }

    fn failed(&self, path: &Path, problem: String) -> Error {
        Error::Fetch {
            url: self.url.clone(),
            problem,
            path: path.to_owned(),
        }
    }
}

/// The folder of downloads: `$PLEURA_HOME/weights`, or `pleura/weights` in `$XDG_CACHE_HOME` or in the user's
/// `.cache`.
///
/// # Errors
/// [`Error::NoHome`] if none of these is known.
pub fn cache_folder() -> Result<PathBuf, Error> {
    let set = |name: &str| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let pleura = set("PLEURA_HOME");
    // The XDG specification does not allow relative paths here.
    let cache = || set("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    let home = || env::home_dir().map(|home| home.join(".cache"));
    pleura
        .or_else(|| cache().or_else(home).map(|cache| cache.join("pleura")))
        .map(|folder| folder.join("weights"))
        .ok_or(Error::NoHome)
}

/// The first byte of a partial response, from `Content-Range: bytes 100-199/200`.
fn begins_at<T>(response: &Response<T>) -> Option<u64> {
    let range = response.headers().get(header::CONTENT_RANGE)?.to_str().ok()?;
    range
        .trim()
        .strip_prefix("bytes")?
        .trim_start()
        .split('-')
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_carry_their_digests() {
        for name in ["densenet121", "densenet161", "densenet169", "densenet201"] {
            let published = Published::torchvision(name).unwrap();
            assert_eq!(published.file_name(), format!("{name}-{}.pth", published.digest));
            assert_eq!(published.digest.len(), 8);
        }
        assert_eq!(Published::torchvision("small"), None);
    }

    #[test]
    fn the_beginning_of_a_range_is_read() {
        let begin = |value: &str| {
            begins_at(
                &Response::builder()
                    .header("content-range", value)
                    .body(())
                    .unwrap(),
            )
        };
        assert_eq!(begin("bytes 100-199/200"), Some(100));
        assert_eq!(begin("bytes */200"), None);
        assert_eq!(begin("items 3-4/5"), None);
    }
}
