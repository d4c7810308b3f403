//! A web server on this machine, for guests that are granted it and for those that are not.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Answers until the process ends.
pub struct Server {
    pub port: u16,
    asked: Arc<AtomicUsize>,
}

impl Server {
    /// `/away` leads to `away`; `/flood` never ends, `/silence` never begins.
    pub fn start(away: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(AtomicUsize::new(0));
        let away = away.to_owned();
        let counted = asked.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (away, counted) = (away.clone(), counted.clone());
                thread::spawn(move || drop(answer(stream.unwrap(), &away, &counted)));
            }
        });
        Self { port, asked }
    }

    /// Requests that have come.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn answer(mut stream: TcpStream, away: &str, asked: &AtomicUsize) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request)? == 0 {
            return Ok(());
        }
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            if let Some(value) = header.strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            }
            if header.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        std::io::Read::read_exact(&mut reader, &mut body)?;
        asked.fetch_add(1, Ordering::SeqCst);
        match request.split(' ').nth(1) {
            Some("/away") => write!(
                stream,
                "HTTP/1.1 302 Found\r\nlocation: {away}\r\ncontent-length: 0\r\n\r\n"
            )?,
            Some("/flood") => {
                write!(stream, "HTTP/1.1 200 OK\r\n\r\n")?;
                loop {
                    stream.write_all(&[b'a'; 64 << 10])?;
                }
            }
            Some("/silence") => loop {
                thread::park();
            },
            _ => {
                let text = format!("{} {}", request.trim(), String::from_utf8_lossy(&body));
                let length = text.len();
                write!(
                    stream,
                    "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{text}"
                )?;
            }
        }
    }
}
