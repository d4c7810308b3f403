//! Every attacker of `plugins/hostile`, and how it is stopped.

mod bad_offsets;
mod clock_spin;
mod endless_loop;
mod http_dns;
mod http_flood;
mod http_loopback;
mod http_redirect;
mod memory_bomb;
mod poison;
mod stack_overflow;
mod stdout_flood;
mod wasi_env;
mod wasi_files;
mod wasi_sleep;
mod wasi_sockets;
mod wrong_length;

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::DataType;
use wasmill_plugin::{Limits, OpenOptions, Plugin, PluginError, ScalarFunction};

use crate::support::{fields, plugin, rendered};

include!(concat!(env!("OUT_DIR"), "/attackers.rs"));

macro_rules! has_a_test {
    ($($attacker:ident)*) => {
        $(
            #[expect(unused_imports, reason = "that it is there is the test")]
            use $attacker::is_stopped as _;
        )*
    };
}
for_each_attacker!(has_a_test);

fn attacker(name: &str) -> Arc<Plugin> {
    plugin(&format!("hostile/{name}"))
}

fn options(name: &str, attack: &str) -> OpenOptions {
    let mut options = OpenOptions::new("attack", fields(&[DataType::Int64]));
    options
        .parameters
        .insert("attack".to_owned(), attack.to_owned());
    options.limits = Limits {
        // Short where the attack is to last, long where a busy machine must not matter.
        time: match name {
            "clock-spin" | "endless-loop" | "stdout-flood" => Duration::from_millis(200),
            _ => Duration::from_secs(60),
        },
        memory: 32 << 20,
        result_bytes: 64 << 20,
        ..Limits::default()
    };
    options
}

fn open(name: &str, function: &str, attack: &str) -> Result<Arc<ScalarFunction>, PluginError> {
    attacker(name).open(function, options(name, attack))
}

fn numbers(rows: usize) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(0..rows as i64))
}

/// What the user sees of an attack on a batch of three rows.
fn attacked(name: &str, function: &str, attack: &str) -> String {
    let result = open(name, function, attack).and_then(|f| f.call(&[numbers(3)], 3));
    match result {
        Ok(column) => format!("{column:?}"),
        Err(error) => rendered(&error),
    }
}
