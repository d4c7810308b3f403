//! Asks a granted server, and goes where its answer leads.

use attack::Attack;
use attack::columns::{Batch, Column};
use attack::types::Error;
use attack::wasi::get;

struct Redirect;

impl Attack for Redirect {
    fn batch_eval(attack: &str, _rows: &Batch) -> Result<Column, Error> {
        let answer = get(attack, "/away").map_err(|code| Error::Failed(format!("{code:?}")))?;
        let location = answer.location.clone().unwrap_or_default();
        let there = location.trim_start_matches("http://");
        let (authority, path) = there.split_once('/').unwrap_or((there, ""));
        let text = match get(authority, &format!("/{path}")) {
            Ok(answer) => format!("{}: {:?}", answer.status, answer.read()),
            Err(code) => format!("{code:?}"),
        };
        Err(Error::Failed(format!(
            "{} to {location}: {text}",
            answer.status
        )))
    }
}

attack::export!(Redirect);
