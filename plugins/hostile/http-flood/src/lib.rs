//! Reads an answer that never ends (`read authority`), awaits one that never comes (`wait authority`),
//! or sends requests without end (`many authority`).

use attack::Attack;
use attack::columns::{Batch, Column};
use attack::types::Error;
use attack::wasi::http::outgoing_handler::handle;
use attack::wasi::{get, request};

struct Flood;

impl Attack for Flood {
    fn batch_eval(attack: &str, _rows: &Batch) -> Result<Column, Error> {
        let (what, authority) = attack.split_once(' ').unwrap_or_default();
        if what == "many" {
            let mut running = Vec::new();
            loop {
                match handle(request(authority, "/silence"), None) {
                    Ok(future) => running.push(future),
                    Err(code) => {
                        let text = format!("{} requests, then {code:?}", running.len());
                        return Err(Error::Failed(text));
                    }
                }
            }
        }
        let path = if what == "read" { "/flood" } else { "/silence" };
        let text = match get(authority, path) {
            Ok(answer) => format!("{}: {:?}", answer.status, answer.read()),
            Err(code) => format!("{code:?}"),
        };
        Err(Error::Failed(text))
    }
}

attack::export!(Flood);
