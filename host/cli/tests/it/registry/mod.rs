//! Plugins in OCI registries: Debian's `docker-registry`, and some that are worse.

mod fake;
mod job;
mod pushed;
mod server;
mod untrusted;
mod users;

use std::process::Command;

use crate::support::Job;

/// The program with a cache and a Docker configuration that are the job's own.
fn command(job: &Job, arguments: &[&str]) -> Command {
    let mut command = job.command_of(arguments);
    command
        .env("WASMILL_CACHE_DIR", job.path("cache"))
        .env("DOCKER_CONFIG", job.path("docker"))
        .env_remove("WASMILL_PLAIN_HTTP");
    command
}

/// What the program told, without what is another in each run.
fn told(job: &Job, arguments: &[&str], port: u16) -> String {
    let output = command(job, arguments).output().unwrap();
    masked(&job.told(&output), port)
}

/// Runs the job.
fn run(job: &Job, port: u16) -> String {
    told(job, &["run", "job.sql"], port)
}

/// Puts a built plugin into a registry on this machine; gives the reference that pins it.
fn push(name: &str, place: &str, port: u16) -> String {
    let job = Job::new("").plugin(name);
    let reference = format!("oci://localhost:{port}/{place}");
    let arguments = ["plugin", "push", &format!("{name}.wasm"), &reference];
    let output = command(&job, &arguments).output().unwrap();
    assert!(output.status.success(), "{}", job.told(&output));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A job that calls the function `haversine` of a plugin.
fn haversine(reference: &str) -> Job {
    Job::new(&format!(
        "CREATE FUNCTION d AS '{reference}#haversine' LANGUAGE WASM;
SELECT d(x, x, x, x) AS d FROM (VALUES (CAST(1 AS DOUBLE))) AS t (x);"
    ))
}

/// Without ports, digests and sizes.
fn masked(text: &str, port: u16) -> String {
    const DIGITS: usize = 64;
    let text = text.replace(&port.to_string(), "PORT");
    let mut parts = text.split("sha256:");
    let mut masked = parts.next().unwrap().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_hexdigit).count();
        // A long line of the job is cut.
        let is_whole = digits == DIGITS || digits > 0 && part[digits..].starts_with('…');
        let (digest, rest) = match is_whole {
            true => ("[DIGEST]", &part[digits..]),
            false => ("sha256:", part),
        };
        masked.push_str(digest);
        masked.push_str(rest);
    }
    let words = masked.split_inclusive(' ').collect::<Vec<_>>();
    let sizes = words.iter().enumerate().map(|(at, word)| {
        let is_size = words
            .get(at + 1)
            .is_some_and(|next| next.starts_with("KiB"));
        match (is_size, word.starts_with('(')) {
            (true, true) => "([SIZE] ",
            (true, false) => "[SIZE] ",
            (false, _) => word,
        }
    });
    sizes.collect()
}
