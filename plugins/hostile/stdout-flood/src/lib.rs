//! Writes to stdout or stderr for as long as it may: lines (`lines`), one line (`line`), or what is no
//! text (`bytes`).

use attack::Attack;
use attack::columns::{Batch, Column};
use attack::types::Error;
use attack::wasi::cli::{stderr, stdout};

struct Output;

impl Attack for Output {
    fn batch_eval(attack: &str, _rows: &Batch) -> Result<Column, Error> {
        let (out, err) = (stdout::get_stdout(), stderr::get_stderr());
        match attack {
            "lines" => loop {
                let _ = out.blocking_write_and_flush(b"once \x1b[31mmore\n");
            },
            "line" => loop {
                let _ = err.blocking_write_and_flush(&[b'a'; 4096]);
            },
            _ => {
                let _ = err.blocking_write_and_flush(b"\xff\xfe half a line, ");
                let _ = out.blocking_write_and_flush(b"\n\n");
                let _ = err.blocking_write_and_flush("and é\r\u{202e} the rest".as_bytes());
                Err(Error::Failed("it has written".to_owned()))
            }
        }
    }
}

attack::export!(Output);
