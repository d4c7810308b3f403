//! Servers of PostgreSQL for the tests, and databases in them.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::support::Job;

/// Runs a server, stops and starts it as it is told, and ends with its standard input: it outlives
/// no test, whatever becomes of it. $1 is the folder, the rest starts the server.
const KEEPER: &str = r#"
folder=$1; shift
"$@" & server=$!
while read -r word; do
  case $word in
    stop) kill -INT $server; wait $server ;;
    crash) kill -QUIT $server; wait $server ;;
    start) "$@" & server=$! ;;
  esac
  echo done
done
kill -QUIT $server; wait $server
rm -rf "$folder"
"#;

/// A server of its own on a free port of this host.
pub struct Server {
    keeper: Child,
    /// `None` once it is to end.
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    pub port: u16,
}

/// The server of all tests that do not stop it.
static SHARED: LazyLock<Server> = LazyLock::new(|| Server::start(&[], &[]));

/// Databases made by this process.
static DATABASES: AtomicU64 = AtomicU64::new(0);

/// The newest PostgreSQL that Debian installed, or the one on the search path.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let found = versions
        .flatten()
        .map(|entry| entry.path().join("bin").join(name));
    let newest = found.filter(|path| path.exists()).max();
    newest.unwrap_or_else(|| name.into())
}

/// PostgreSQL refuses to be run by root.
fn as_postgres(program: PathBuf) -> Vec<String> {
    let id = Command::new("id").arg("-u").output().unwrap();
    let mut words: Vec<String> = Vec::new();
    if id.stdout.trim_ascii() == b"0" {
        let words_of_user = "setpriv --reuid=postgres --regid=postgres --init-groups";
        words.extend(words_of_user.split(' ').map(str::to_owned));
    }
    words.push(program.display().to_string());
    words
}

fn done(words: &[String]) {
    let output = Command::new(&words[0])
        .args(&words[1..])
        .current_dir("/")
        .output()
        .unwrap_or_else(|error| panic!("{words:?}: {error}: run cargo xtask setup"));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {told}");
}

impl Server {
    /// A server with these settings, too, and these files in its folder of data.
    pub fn start(settings: &[&str], files: &[(&str, &[u8])]) -> Self {
        // The keeper removes it.
        let folder = tempfile::tempdir().unwrap().keep();
        let data = folder.join("data");
        let shown = folder.display().to_string();
        let mut initdb = as_postgres(program("initdb"));
        if initdb.len() > 1 {
            done(&["chown".into(), "postgres".into(), shown.clone()]);
        }
        let data_shown = data.display().to_string();
        let options = [
            "--auth=trust",
            "--username=postgres",
            "--no-sync",
            "-E",
            "UTF8",
            "-D",
        ];
        initdb.extend(options.map(str::to_owned));
        initdb.push(data_shown.clone());
        done(&initdb);
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut words = as_postgres(program("postgres"));
        words.extend([
            "-D".into(),
            data_shown.clone(),
            "-p".into(),
            port.to_string(),
        ]);
        for (name, content) in files {
            fs::write(data.join(name), content).unwrap();
            let shown = data.join(name).display().to_string();
            done(&["chmod".into(), "600".into(), shown.clone()]);
            done(&[
                "chown".into(),
                "--reference".into(),
                data_shown.clone(),
                shown,
            ]);
        }
        let own = [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("unix_socket_directories={shown}"),
            "fsync=off".to_owned(),
            "timezone=UTC".to_owned(),
        ];
        for setting in own
            .into_iter()
            .chain(settings.iter().map(|&line| line.to_owned()))
        {
            words.extend(["-c".to_owned(), setting]);
        }
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper", &shown])
            .args(&words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Server {
            orders: keeper.stdin.take(),
            answers: BufReader::new(keeper.stdout.take().unwrap()),
            keeper,
            port,
        };
        server.wait();
        server
    }

    /// Has it `stop`, `crash` or `start`.
    pub fn order(&mut self, word: &str) {
        writeln!(self.orders.as_ref().unwrap(), "{word}").unwrap();
        let mut answer = String::new();
        while answer != "done\n" {
            answer.clear();
            assert!(self.answers.read_line(&mut answer).unwrap() > 0);
        }
        if word == "start" {
            self.wait();
        }
    }

    /// Waits until it answers.
    fn wait(&self) {
        let begun = Instant::now();
        while !psql(self.port, "postgres", "SELECT 1").status.success() {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "PostgreSQL does not start"
            );
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// A new database in it.
    pub fn database(&self) -> Database {
        let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let made = psql(self.port, "postgres", &format!("CREATE DATABASE {name}"));
        assert!(made.status.success(), "{made:?}");
        let port = self.port;
        Database { name, port }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.orders = None;
        self.keeper.wait().unwrap();
    }
}

fn psql(port: u16, database: &str, sql: &str) -> Output {
    Command::new(program("psql"))
        .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
        .args(["-h", "127.0.0.1", "-U", "postgres", "-d", database])
        .args(["-p", &port.to_string(), "-c", sql])
        .env("PGTZ", "UTC")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// A database of one test.
pub struct Database {
    pub name: String,
    pub port: u16,
}

impl Database {
    pub fn new() -> Self {
        SHARED.database()
    }

    /// The rows of a query, a line each, columns between bars, as psql prints them.
    pub fn rows(&self, sql: &str) -> String {
        let output = psql(self.port, &self.name, sql);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{sql}: {told}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn url(&self) -> String {
        format!("jdbc:postgresql://127.0.0.1:{}/{}", self.port, self.name)
    }

    /// The options of a table over one of this database.
    pub fn with(&self, table: &str, more: &str) -> String {
        format!(
            "WITH ('connector' = 'postgres', 'username' = 'postgres', 'url' = '{}', \
             'table-name' = '{table}'{more})",
            self.url()
        )
    }

    /// Runs a job; where the database is, is not in the answer.
    pub fn run(&self, job: &Job) -> String {
        self.hidden(&job.run())
    }

    pub fn hidden(&self, told: &str) -> String {
        told.replace(&format!("127.0.0.1:{}/{}", self.port, self.name), "[DB]")
    }
}
