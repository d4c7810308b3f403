//! Tells all that it finds of its process: variables, arguments, folder, input, random
//! numbers; or ends it.

use attack::Attack;
use attack::columns::{Batch, Column};
use attack::types::Error;
use attack::wasi::cli::{environment, exit, stdin};
use attack::wasi::random::insecure_seed::insecure_seed;
use attack::wasi::random::random::{get_random_bytes, get_random_u64};
use attack::wasi::read;

struct Surroundings;

impl Attack for Surroundings {
    fn batch_eval(attack: &str, _rows: &Batch) -> Result<Column, Error> {
        if attack == "exit" {
            exit::exit(Err(()));
        }
        if attack == "random" {
            let bytes = get_random_bytes(5);
            let numbers = (get_random_u64(), insecure_seed());
            return Err(Error::Failed(format!("{bytes:?} {numbers:?}")));
        }
        if attack == "much" {
            get_random_bytes(u64::MAX);
        }
        let variables = environment::get_environment();
        let arguments = environment::get_arguments();
        let folder = environment::initial_cwd();
        let input = read(&stdin::get_stdin());
        Err(Error::Failed(format!(
            "variables {variables:?}, arguments {arguments:?}, folder {folder:?}, input {input:?}"
        )))
    }
}

attack::export!(Surroundings);
