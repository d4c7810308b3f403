//! Every attacker of `plugins/hostile`, and how it is stopped.

mod absurd_schema;
mod absurd_types;
mod after_a_million;
mod bad_discriminant;
mod bad_offsets;
mod bad_text;
mod batch_bomb;
mod clock_spin;
mod deep_signature;
mod destructor_calls_host;
mod destructor_loop;
mod endless_list;
mod endless_loop;
mod error_flood;
mod escape_sequences;
mod escaping_default;
mod escaping_field;
mod escaping_name;
mod forged_handle;
mod giant_expansion;
mod giant_result;
mod given_twice;
mod group_loop;
mod host_at_depth;
mod http_dns;
mod http_flood;
mod http_loopback;
mod http_redirect;
mod invisible_name;
mod kept_borrow;
mod keyed;
mod log_flood;
mod long_description;
mod lying_signature;
mod many_functions;
mod many_parameters;
mod memory_bomb;
mod memory_spy;
mod metric_flood;
mod model_thief;
mod no_name;
mod other_batch;
mod own_handles;
mod poison;
mod post_return_loop;
mod post_return_trap;
mod realloc_at_the_end;
mod realloc_calls_host;
mod realloc_loop;
mod realloc_overlapping;
mod realloc_past_the_end;
mod realloc_trap;
mod realloc_unaligned;
mod result_is_the_batch;
mod rows_of_nothing;
mod same_names;
mod same_parameters;
mod second_instance;
mod shared_children;
mod stack_overflow;
mod start_bomb;
mod start_trap;
mod state_abuse;
mod state_flood;
mod stdout_flood;
mod table_bomb;
mod timer_loop;
mod traps;
mod used_after_drop;
mod wasi_env;
mod wasi_files;
mod wasi_sleep;
mod wasi_sockets;
mod wide_signature;
mod wild_pointer;
mod wrong_counts;
mod wrong_groups;
mod wrong_length;
mod wrong_origins;
mod wrong_rows;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::DataType;
use wasmill_plugin::{
    Function, Host, HostConfig, Limits, Log, LogLine, Metrics, OpenOptions, Plugin, PluginError,
};

use crate::support::{fields, plugin, plugin_path, rendered};

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
            "clock-spin" | "endless-loop" | "group-loop" | "realloc-loop" | "stdout-flood"
            | "timer-loop" => Duration::from_millis(200),
            _ => Duration::from_secs(60),
        },
        // Little, but to those that need room for what they are about.
        memory: match name {
            "absurd-schema" | "error-flood" | "giant-expansion" | "giant-result" => 512 << 20,
            _ => 32 << 20,
        },
        result_bytes: match name {
            "giant-result" => 10 << 20,
            "giant-expansion" => 256 << 20,
            _ => 64 << 20,
        },
        ..Limits::default()
    };
    options
}

fn open(name: &str, function: &str, attack: &str) -> Result<Arc<Function>, PluginError> {
    attacker(name).open(function, options(name, attack))
}

fn numbers(rows: usize) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(0..rows as i64))
}

/// What the user sees of an attack on a batch of three rows.
fn attacked(name: &str, function: &str, attack: &str) -> String {
    answer(open(name, function, attack))
}

/// The same of several attacks, each behind its name.
fn attacked_each(name: &str, function: &str, attacks: &[&str]) -> String {
    let told = |attack: &&str| format!("{attack}: {}", attacked(name, function, attack));
    attacks.iter().map(told).collect::<Vec<_>>().join("\n\n")
}

/// The first line of what the user sees: what follows is deep inside of the guest.
fn attacked_briefly(name: &str, attack: &str) -> String {
    let told = attacked(name, "attack", attack);
    told.lines().next().unwrap_or_default().to_owned()
}

/// The same of one that was opened, if it was.
fn answer(opened: Result<Arc<Function>, PluginError>) -> String {
    match opened.and_then(|function| function.call(&[numbers(3)], 3)) {
        Ok(column) => format!("{column:?}"),
        Err(error) => rendered(&error),
    }
}

/// A host that gives little time to guests that are asked for their functions.
fn impatient() -> Arc<Host> {
    static HOST: OnceLock<Arc<Host>> = OnceLock::new();
    let config = || HostConfig {
        default_limits: Limits {
            time: Duration::from_millis(200),
            memory: 32 << 20,
            ..Limits::default()
        },
        ..HostConfig::default()
    };
    HOST.get_or_init(|| Host::new(config()).unwrap()).clone()
}

/// Loads an attacker that may be refused already then.
fn load(name: &str) -> Result<Arc<Plugin>, PluginError> {
    let path = plugin_path(&format!("hostile/{name}"));
    crate::support::host().load(&format!("{name}.wasm"), &path)
}

/// Loads an attacker after its text was edited.
fn edited(name: &str, edit: impl Fn(&str) -> String) -> Result<Arc<Plugin>, PluginError> {
    impatient().load_bytes(&format!("{name}.wasm"), &edited_bytes(name, edit))
}

fn edited_bytes(name: &str, edit: impl Fn(&str) -> String) -> Vec<u8> {
    let bytes = std::fs::read(plugin_path(&format!("hostile/{name}"))).unwrap();
    let text = wasmprinter::print_bytes(&bytes).unwrap();
    let edited = edit(&text);
    assert_ne!(text, edited);
    wat::parse_str(edited).unwrap()
}

/// The index in `(export "name" (func INDEX))`.
fn exported_function(text: &str, name: &str) -> String {
    let export = format!("(export \"{name}\" (func ");
    let (_, after) = text.split_once(&export).unwrap();
    after.split_once(')').unwrap().0.to_owned()
}

/// Loads an attacker with each export `X` replaced by its function `instead of X`.
fn swapped(name: &str) -> Result<Arc<Plugin>, PluginError> {
    edited(name, |text| {
        let mut text = text.to_owned();
        let instead = "(export \"instead of ";
        while let Some((before, after)) = text.split_once(instead) {
            let (swapped, after) = after.split_once("\" (func ").unwrap();
            let (function, after) = after.split_once("))").unwrap();
            let (before, after) = (before.to_owned(), after.to_owned());
            text = if swapped == "start" {
                format!("{before}(start {function}){after}")
            } else {
                let old = exported_function(&text, swapped);
                let export = |function: &str| format!("(export \"{swapped}\" (func {function}))");
                format!("{before}{after}").replace(&export(&old), &export(function))
            };
        }
        text
    })
}

/// What a guest has logged, and the names of what it has counted.
#[derive(Default)]
struct Sink {
    lines: Mutex<Vec<String>>,
    metrics: Mutex<BTreeSet<String>>,
}

impl Log for Sink {
    fn log(&self, line: LogLine<'_>) {
        let LogLine {
            level,
            function,
            text,
            ..
        } = line;
        self.lines
            .lock()
            .unwrap()
            .push(format!("{function} {level}: {text}"));
    }
}

impl Metrics for Sink {
    fn counter(&self, _function: &str, name: &str, _add: u64) {
        self.metrics.lock().unwrap().insert(name.to_owned());
    }
    fn gauge(&self, _function: &str, _name: &str, _value: f64) {}
    fn histogram(&self, _function: &str, _name: &str, _value: f64) {}
}
