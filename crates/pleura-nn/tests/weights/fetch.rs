//! Downloads, from a local test server.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    thread,
};

use pleura_nn::weights::fetch::Published;
use sha2::{Digest as _, Sha256};

/// A server's answer to one request.
#[derive(Clone, Copy)]
enum Answer {
    /// The whole content, whatever was requested.
    Whole,
    /// The requested range, or 416 if there is none.
    Range,
    /// The whole content announced, but only this many bytes sent.
    Break(usize),
    /// An error.
    Status(&'static str),
}

fn content() -> Vec<u8> {
    (0..300_000_u32)
        .map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect()
}

/// Serves these answers in order. The thread returns the requested ranges.
fn serve(answers: Vec<Answer>) -> (Published, thread::JoinHandle<Vec<Option<usize>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/models/tiny-0123.pth", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        answers
            .into_iter()
            .map(|answer| answer_one(listener.accept().unwrap().0, answer))
            .collect()
    });
    let digest = Sha256::digest(content());
    let digest = format!(
        "{:02x}{:02x}{:02x}{:02x}",
        digest[0], digest[1], digest[2], digest[3]
    );
    (
        Published {
            architecture: "tiny".to_owned(),
            url,
            digest,
        },
        server,
    )
}

fn answer_one(mut stream: TcpStream, answer: Answer) -> Option<usize> {
    let mut range = None;
    for line in BufReader::new(stream.try_clone().unwrap()).lines() {
        let line = line.unwrap().to_lowercase();
        if let Some(from) = line.strip_prefix("range: bytes=") {
            range = from.strip_suffix('-').and_then(|from| from.parse().ok());
        }
        if line.is_empty() {
            break;
        }
    }
    let content = content();
    let (status, extra, body) = match (answer, range) {
        (Answer::Whole | Answer::Break(_), _) | (Answer::Range, None) => {
            ("200 OK", String::new(), &content[..])
        }
        (Answer::Range, Some(from)) if from >= content.len() => {
            ("416 Range Not Satisfiable", String::new(), &[][..])
        }
        (Answer::Range, Some(from)) => (
            "206 Partial Content",
            format!(
                "Content-Range: bytes {from}-{}/{}\r\n",
                content.len() - 1,
                content.len()
            ),
            &content[from..],
        ),
        (Answer::Status(status), _) => (status, String::new(), &[][..]),
    };
    let length = body.len();
    let sent = if let Answer::Break(count) = answer {
        &body[..count]
    } else {
        body
    };
    // A client may close the connection early.
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{extra}Connection: close\r\n\r\n"
    );
    let _ = stream.write_all(sent);
    range
}

fn fetched(published: &Published, folder: &Path) -> Result<Vec<u8>, String> {
    let path = published
        .fetch(folder, &mut |_, _| {})
        .map_err(|error| error.to_string())?;
    assert_eq!(path, folder.join("tiny-0123.pth"));
    assert!(!folder.join("tiny-0123.pth.part").exists());
    Ok(fs::read(path).unwrap())
}

#[test]
fn a_file_is_fetched_once() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("new/folder");
    let (published, server) = serve(vec![Answer::Whole]);
    let mut heard = Vec::new();
    let path = published
        .fetch(&below, &mut |here, total| heard.push((here, total)))
        .unwrap();
    assert_eq!(fs::read(path).unwrap(), content());
    assert_eq!(
        (heard.first(), heard.last()),
        (Some(&(0, Some(300_000))), Some(&(300_000, Some(300_000))))
    );
    assert_eq!(server.join().unwrap(), [None]);
    // Now without a server.
    assert_eq!(fetched(&published, &below).unwrap(), content());
}

#[test]
fn a_broken_download_goes_on_where_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let (published, server) = serve(vec![Answer::Break(123_456), Answer::Range]);
    let error = fetched(&published, folder.path()).unwrap_err();
    assert!(
        error.contains("123456") && error.contains(&published.url),
        "{error}"
    );
    assert_eq!(fetched(&published, folder.path()).unwrap(), content());
    assert_eq!(server.join().unwrap(), [None, Some(123_456)]);
}

#[test]
fn a_server_without_ranges_sends_all_again() {
    let folder = tempfile::tempdir().unwrap();
    let (published, server) = serve(vec![Answer::Break(1000), Answer::Whole]);
    fetched(&published, folder.path()).unwrap_err();
    assert_eq!(fetched(&published, folder.path()).unwrap(), content());
    assert_eq!(server.join().unwrap(), [None, Some(1000)]);
}

#[test]
fn a_whole_part_is_taken_and_a_wrong_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let part = folder.path().join("tiny-0123.pth.part");
    fs::write(&part, content()).unwrap();
    let (published, server) = serve(vec![Answer::Range]);
    assert_eq!(fetched(&published, folder.path()).unwrap(), content());
    assert_eq!(server.join().unwrap(), [Some(300_000)]);
    fs::remove_file(folder.path().join("tiny-0123.pth")).unwrap();
    fs::write(&part, [content(), vec![0]].concat()).unwrap();
    let (published, server) = serve(vec![Answer::Range, Answer::Range]);
    assert_eq!(fetched(&published, folder.path()).unwrap(), content());
    assert_eq!(server.join().unwrap(), [Some(300_001), None]);
}

#[test]
fn a_wrong_digest_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (mut published, server) = serve(vec![Answer::Whole]);
    published.digest = "00000000".to_owned();
    let error = fetched(&published, folder.path()).unwrap_err();
    assert!(error.contains("SHA-256") && error.contains("00000000"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    server.join().unwrap();
    // A file of the user is not touched.
    fs::write(folder.path().join("tiny-0123.pth"), "mine").unwrap();
    let error = fetched(&published, folder.path()).unwrap_err();
    assert!(
        error.contains("tiny-0123.pth") && error.contains("delete it"),
        "{error}"
    );
    assert_eq!(fs::read(folder.path().join("tiny-0123.pth")).unwrap(), b"mine");
}

#[test]
fn without_a_server_the_message_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/tiny-0123.pth", listener.local_addr().unwrap());
    drop(listener);
    let published = Published {
        architecture: "tiny".to_owned(),
        url: url.clone(),
        digest: "0".to_owned(),
    };
    let error = fetched(&published, folder.path()).unwrap_err();
    assert!(
        error.contains(&url) && error.contains(&folder.path().join("tiny-0123.pth").display().to_string()),
        "{error}"
    );
    let (published, server) = serve(vec![Answer::Status("404 Not Found")]);
    assert!(fetched(&published, folder.path()).unwrap_err().contains("404"));
    server.join().unwrap();
}

#[test]
fn two_processes_do_not_write_into_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let other = fs::File::create(folder.path().join("tiny-0123.pth.part")).unwrap();
    other.lock().unwrap();
    let (published, server) = serve(Vec::new());
    let error = fetched(&published, folder.path()).unwrap_err();
    assert!(error.contains("another process"), "{error}");
    server.join().unwrap();
}
