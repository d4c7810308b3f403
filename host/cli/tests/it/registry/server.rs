//! Registries for the tests.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::LazyLock,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// Runs a server until its standard input ends, and removes its files: it outlives no test, whatever
/// becomes of it. $1 is the folder, the rest starts the server.
const KEEPER: &str = r#"
folder=$1; shift
"$@" & server=$!
cat
kill $server; wait $server
rm -rf "$folder"
"#;

/// A server of its own on a free port of this host.
pub struct Server {
    keeper: Child,
    pub port: u16,
}

/// The server of all tests that do not stop it.
pub static SHARED: LazyLock<Server> = LazyLock::new(|| Server::start(None, None));

impl Server {
    /// `users`: lines of a file of `htpasswd`'s; without, it lets everybody read and write. `tls`: the
    /// files of a certificate and its key.
    pub fn start(users: Option<&str>, tls: Option<[&Path; 2]>) -> Self {
        // The keeper removes it.
        let folder = tempfile::tempdir().unwrap().keep();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let file = |name| folder.join(name).display().to_string();
        let data = file("data");
        let mut config = format!(
            "version: 0.1
storage: {{filesystem: {{rootdirectory: {data}}}}}
http:
  addr: '127.0.0.1:{port}'
"
        );
        if let Some([certificate, key]) = tls.map(|files| files.map(Path::display)) {
            config += &format!("  tls: {{certificate: {certificate}, key: {key}}}\n");
        }
        if let Some(users) = users {
            std::fs::write(file("users"), users).unwrap();
            let path = file("users");
            config += &format!("auth: {{htpasswd: {{realm: tests, path: {path}}}}}\n");
        }
        std::fs::write(file("config.yml"), config).unwrap();
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(&folder)
            .args(["docker-registry", "serve"])
            .arg(file("config.yml"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "docker-registry does not start: run cargo xtask setup"
            );
            thread::sleep(Duration::from_millis(20));
        }
        Server { keeper, port }
    }

    /// JSON that it gives at a path, as another client gets it.
    pub fn json(&self, path: &str) -> Value {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let request = format!(
            "GET {path} HTTP/1.0\r\nAccept: application/vnd.oci.image.manifest.v1+json\r\n\r\n"
        );
        connection.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        connection.read_to_string(&mut text).unwrap();
        let (_, body) = text.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        self.keeper.wait().unwrap();
    }
}
