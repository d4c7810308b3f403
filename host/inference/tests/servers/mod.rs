//! Real servers of models, out of PyPI, as processes of their own that end with the test.

#![allow(dead_code, reason = "each test starts its own")]

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A server, and the ports that it listens on.
pub struct Server {
    process: Child,
    command: Command,
    pub http: u16,
    pub grpc: u16,
    ready: Ready,
    log: PathBuf,
}

/// What says that a server is ready.
enum Ready {
    /// An answer to this path over HTTP.
    Path(&'static str),
    /// That this file is there.
    File(PathBuf),
}

impl Server {
    fn start(mut command: Command, log: PathBuf, (http, grpc): (u16, u16), ready: Ready) -> Self {
        let mut server = Self {
            process: spawn(&mut command, &log),
            command,
            http,
            grpc,
            ready,
            log,
        };
        server.wait();
        server
    }

    /// Ends it and its workers at once, as a crash does.
    pub fn kill(&mut self) {
        self.signal("-KILL");
        self.process.wait().unwrap();
    }

    fn signal(&self, signal: &str) {
        let group = format!("-{}", self.process.id());
        let sent = Command::new("kill").args([signal, "--", &group]).status();
        assert!(sent.unwrap().success(), "{group} cannot be sent {signal}");
    }

    /// Starts it again on the same ports, and does not wait for it.
    pub fn restart(&mut self) {
        self.process = spawn(&mut self.command, &self.log);
    }

    fn is_ready(&self) -> bool {
        match &self.ready {
            Ready::Path(path) => says_yes(self.http, path),
            Ready::File(file) => file.exists(),
        }
    }

    fn wait(&mut self) {
        let patience = Instant::now() + Duration::from_secs(120);
        while !self.is_ready() {
            let log = || fs::read_to_string(&self.log).unwrap_or_default();
            assert!(
                self.process.try_wait().unwrap().is_none(),
                "the server has ended:\n{}",
                log()
            );
            assert!(
                Instant::now() < patience,
                "the server is not ready:\n{}",
                log()
            );
            sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Of one that has ended by itself the test has failed already.
        if let Ok(None) = self.process.try_wait() {
            // BentoML's workers are in groups of their own, and end if they are asked to.
            self.signal("-TERM");
            sleep(Duration::from_millis(if self.grpc == 0 { 2000 } else { 0 }));
            if let Ok(None) = self.process.try_wait() {
                self.kill();
            }
        }
    }
}

fn spawn(command: &mut Command, log: &Path) -> Child {
    let log = fs::File::create(log).unwrap();
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        // Its workers end with it.
        .process_group(0)
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

fn says_yes(port: u16, path: &str) -> bool {
    let asked = TcpStream::connect(("127.0.0.1", port)).and_then(|mut stream| {
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer)?;
        Ok(answer)
    });
    asked.is_ok_and(|answer| answer.ends_with(b" 200"))
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The folder of a virtual environment that `cargo xtask setup` makes.
pub fn environment(name: &str) -> PathBuf {
    let from = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let cache = from("WASMILL_CACHE_DIR")
        .or_else(|| from("XDG_CACHE_HOME").map(|folder| folder.join("wasmill")))
        .or_else(|| from("HOME").map(|folder| folder.join(".cache/wasmill")))
        .unwrap();
    let folder = cache.join(name);
    assert!(
        folder.exists(),
        "{} is missing; `cargo xtask setup` makes it",
        folder.display()
    );
    folder
}

/// Where an environment's packages are.
fn packages(environment: &Path) -> PathBuf {
    let mut pythons = fs::read_dir(environment.join("lib")).unwrap();
    pythons
        .next()
        .unwrap()
        .unwrap()
        .path()
        .join("site-packages")
}

/// Triton itself, which lies in the wheel of PyTriton, with the model `types` of its Python backend.
pub fn triton(folder: &Path) -> Server {
    let environment = environment("triton");
    let packages = packages(&environment);
    let triton = packages.join("pytriton/tritonserver");
    let python = packages.parent().unwrap().file_name().unwrap();
    let version = python.to_str().unwrap().trim_start_matches("python");

    let backend = folder.join("backends/python");
    fs::create_dir_all(&backend).unwrap();
    for file in [
        triton.join("backends/python/libtriton_python.so"),
        triton.join("backends/python/triton_python_backend_utils.py"),
        triton.join(format!(
            "python_backend_stubs/{version}/triton_python_backend_stub"
        )),
    ] {
        symlink(&file, backend.join(file.file_name().unwrap())).unwrap();
    }
    let model = folder.join("models/types");
    fs::create_dir_all(model.join("3")).unwrap();
    fs::write(
        model.join("config.pbtxt"),
        include_str!("triton_types.pbtxt"),
    )
    .unwrap();
    fs::write(model.join("3/model.py"), include_str!("triton_types.py")).unwrap();

    let (http, grpc) = (free_port(), free_port());
    let mut command = Command::new(triton.join("bin/tritonserver"));
    command
        .env("LD_LIBRARY_PATH", packages.join("nvidia_pytriton.libs"))
        // The backend's Python is the one on the path, with its packages.
        .env(
            "PATH",
            format!(
                "{}:{}",
                environment.join("bin").display(),
                std::env::var("PATH").unwrap()
            ),
        )
        .arg(format!(
            "--model-repository={}",
            folder.join("models").display()
        ))
        .arg(format!(
            "--backend-directory={}",
            folder.join("backends").display()
        ))
        .args(["--http-address=127.0.0.1", "--grpc-address=127.0.0.1"])
        .arg(format!("--http-port={http}"))
        .arg(format!("--grpc-port={grpc}"))
        .args(["--allow-metrics=false", "--disable-auto-complete-config"]);
    Server::start(
        command,
        folder.join("log"),
        (http, grpc),
        Ready::Path("/v2/health/ready"),
    )
}

/// MLServer with a LightGBM model, and its rows and predictions in the folder.
pub fn mlserver(folder: &Path, described: bool) -> Server {
    let environment = environment("mlserver");
    let (http, grpc, metrics) = (free_port(), free_port(), free_port());
    let script = Path::new("tests/servers/mlserver_lightgbm.py");
    let trained = Command::new(environment.join("bin/python"))
        .arg(script)
        .arg(folder)
        .args([http, grpc, metrics].map(|port| port.to_string()))
        .args(described.then_some("--described"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&trained.stderr);
    assert!(trained.status.success(), "{errors}");
    let mut command = Command::new(environment.join("bin/mlserver"));
    command.arg("start").arg(folder).current_dir(folder);
    Server::start(
        command,
        folder.join("log"),
        (http, grpc),
        Ready::Path("/v2/models/higgs/ready"),
    )
}

/// BentoML with a service of several methods.
pub fn bentoml(folder: &Path) -> Server {
    let environment = environment("bentoml");
    fs::write(
        folder.join("service.py"),
        include_str!("bentoml_service.py"),
    )
    .unwrap();
    let http = free_port();
    let mut command = Command::new(environment.join("bin/bentoml"));
    command
        .args(["serve", "service:Service", "--host", "127.0.0.1", "--port"])
        .arg(http.to_string())
        .current_dir(folder)
        .env("BENTOML_HOME", folder.join("home"))
        .env("BENTOML_DO_NOT_TRACK", "true");
    Server::start(
        command,
        folder.join("log"),
        (http, 0),
        Ready::Path("/readyz"),
    )
}

/// A server in Python behind TLS, with the key and the certificate that are in the folder.
pub fn tls(folder: &Path) -> Server {
    let (http, grpc) = (free_port(), free_port());
    let script = Path::new("tests/servers/tls_server.py");
    let mut command = Command::new(environment("triton").join("bin/python"));
    command
        .arg(script)
        .arg(folder)
        .args([http, grpc].map(|port| port.to_string()));
    Server::start(
        command,
        folder.join("log"),
        (http, grpc),
        Ready::File(folder.join("ready")),
    )
}
