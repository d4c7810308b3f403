//! Asks a server that is not granted, by one of its names: the attack is `authority path`,
//! or `authority path body`; with `https://` before it, by HTTPS.

use attack::Attack;
use attack::columns::{Batch, Column};
use attack::types::Error;
use attack::wasi::{get, post};

struct Loopback;

impl Attack for Loopback {
    fn batch_eval(attack: &str, _rows: &Batch) -> Result<Column, Error> {
        let (authority, path) = attack.split_once(' ').unwrap_or((attack, "/"));
        let answer = match path.split_once(' ') {
            Some((path, body)) => post(authority, path, body, body != "unfinished"),
            None => get(authority, path),
        };
        let text = match answer {
            Ok(answer) => format!("{}: {:?}", answer.status, answer.read()),
            Err(code) => format!("{code:?}"),
        };
        Err(Error::Failed(text))
    }
}

attack::export!(Loopback);
