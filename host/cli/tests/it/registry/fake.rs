//! Registries that do not behave.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::{Value, json};

use crate::support::{plugin, sha256};

pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A request.
pub struct Asked {
    /// `GET /v2/…`
    pub what: String,
    pub authorization: Option<String>,
}

/// What it answers.
pub enum Answer {
    /// The lines of the head, and the body.
    Whole(String, Vec<u8>),
    /// This head, and a body without end.
    Endless(String),
    Never,
}

/// A server on a free port of this host, for as long as the tests run.
pub struct Fake {
    pub port: u16,
    /// All requests.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    /// `answer` is told the server's own port.
    pub fn start(answer: impl Fn(&Asked, u16) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (answer, log) = (Arc::new(answer), asked.clone());
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (answer, log) = (answer.clone(), log.clone());
                thread::spawn(move || {
                    let Some(request) = read(&connection) else {
                        return;
                    };
                    let by = request.authorization.as_deref().unwrap_or("nobody");
                    log.lock()
                        .unwrap()
                        .push(format!("{} by {by}", request.what));
                    write(connection, answer(&request, port));
                });
            }
        });
        Fake { port, asked }
    }

    /// What was asked of it, a line a request.
    pub fn asked(&self) -> String {
        self.asked.lock().unwrap().join("\n")
    }
}

fn read(connection: &TcpStream) -> Option<Asked> {
    let mut lines = BufReader::new(connection).lines();
    let first = lines.next()?.ok()?;
    let (what, _) = first.rsplit_once(' ')?;
    let mut authorization = None;
    for line in lines
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
    {
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("authorization")
        {
            authorization = Some(value.to_owned());
        }
    }
    Some(Asked {
        what: what.to_owned(),
        authorization,
    })
}

/// Whoever asked may have gone.
fn write(mut connection: TcpStream, answer: Answer) {
    match answer {
        Answer::Whole(head, body) => {
            let length = body.len();
            let head =
                format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            let _ = connection.write_all(head.as_bytes());
            let _ = connection.write_all(&body);
        }
        Answer::Endless(head) => {
            let head = format!("HTTP/1.1 {head}\r\nConnection: close\r\n\r\n");
            let _ = connection.write_all(head.as_bytes());
            while connection.write_all(&[b' '; 1 << 16]).is_ok() {}
        }
        Answer::Never => {
            let _ = connection.read(&mut [0]);
        }
    }
}

/// Of these bytes.
pub fn digest(bytes: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    format!("sha256:{}", sha256(file.path()))
}

/// A plugin as a registry gives it: `haversine`, until it is changed.
#[derive(Clone)]
pub struct Artifact {
    pub manifest: Value,
    pub content_type: &'static str,
    /// What is given for the layer.
    pub layer: Vec<u8>,
}

impl Artifact {
    pub fn new() -> Self {
        Self::of(std::fs::read(plugin("haversine")).unwrap())
    }

    pub fn of(layer: Vec<u8>) -> Self {
        let config = "application/vnd.wasm.config.v0+json";
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": config, "digest": digest(b"{}"), "size": 2},
            "layers": [
                {"mediaType": "application/wasm", "digest": digest(&layer), "size": layer.len()}
            ],
        });
        Self {
            manifest,
            content_type: MANIFEST,
            layer,
        }
    }

    /// Of the manifest.
    pub fn digest(&self) -> String {
        digest(self.manifest.to_string().as_bytes())
    }

    /// What a registry answers that has it.
    pub fn answer(&self, what: &str) -> Answer {
        match what {
            _ if what.contains("/manifests/") => {
                let head = format!("200 OK\r\nContent-Type: {}", self.content_type);
                Answer::Whole(head, self.manifest.to_string().into_bytes())
            }
            _ if what.contains("/blobs/") => Answer::Whole("200 OK".into(), self.layer.clone()),
            _ => Answer::Whole("404 Not Found".into(), vec![]),
        }
    }
}
