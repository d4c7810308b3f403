//! `wasmill plugin bench`: how fast a function is, and what it copies.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, UInt64Array};
use arrow::compute::take;
use arrow::datatypes::{Field, FieldRef};
use wasmill_plugin::{Arguments, Function, Kind, PluginError};

use super::arguments::Bench;
use super::failure::Failure;
use super::opening::Target;
use super::process::{self, CallError};
use super::random::Random;
use super::rows::{Rows, Written, declared};
use super::{put, types};
use crate::output::Output;

/// Batches that are not counted: the first ones make the instance, and fill caches.
const WARM_UP: u32 = 3;
/// Where the number of batches is not given, they take so long together.
const TIME: Duration = Duration::from_secs(1);
/// Groups among which an aggregate function's rows are shared out.
const GROUPS: u32 = 100;

/// Calls the function on the same batch over and over, and prints what that took.
pub fn bench(arguments: &Bench, output: &Output) -> Result<(), Failure> {
    let written = arguments.csv.as_deref().map(Written::csv).transpose()?;
    let target = Target::find(&arguments.target)?;
    let rows = arguments.rows as usize;
    let types = arguments.opened.types.as_deref();
    let batch = match written {
        Some(written) => filled(written.of(&target.signature, types)?, rows)?,
        None => random(fields(&target, types)?, rows, arguments.seed)?,
    };
    let function = target.open(&arguments.opened, &batch.fields, None)?;
    let mut call = calls(&function, &batch, arguments)?;
    for _ in 0..WARM_UP {
        call()?;
    }
    let before = function.counters();
    let started = Instant::now();
    let mut batches = 0_u64;
    while match arguments.batches {
        Some(wanted) => batches < u64::from(wanted),
        None => batches < 10 || started.elapsed() < TIME,
    } {
        call()?;
        batches += 1;
    }
    let took = started.elapsed();
    let after = function.counters();
    let all = batches as f64 * rows as f64;
    let a_row = |before: u64, after: u64| (after - before) as f64 / all;
    let text = format!(
        "{}: {batches} × {rows} rows\n\
         rows/s         {:.0}\n\
         ns/row         {:.1}\n\
         bytes in/row   {:.1}\n\
         bytes out/row  {:.1}\n",
        target.signature.name,
        all / took.as_secs_f64(),
        took.as_secs_f64() * 1e9 / all,
        a_row(before.bytes_in, after.bytes_in),
        a_row(before.bytes_out, after.bytes_out),
    );
    put(output, &text)
}

/// The columns of random rows.
fn fields(target: &Target, types: Option<&str>) -> Result<Vec<FieldRef>, Failure> {
    let name = &target.signature.name;
    match (
        declared(&target.signature, types)?,
        &target.signature.arguments,
    ) {
        (Some(fields), _) => Ok(fields),
        (None, Arguments::Variadic(field)) => {
            let second = Field::new("f1", field.data_type().clone(), true);
            Ok(vec![field.clone(), Arc::new(second)])
        }
        (None, _) => Err(
            Failure::wrong(format!("`{name}` does not say which types it takes"))
                .hint("give them: --types 'int64, utf8'"),
        ),
    }
}

fn random(fields: Vec<FieldRef>, rows: usize, seed: u64) -> Result<Rows, Failure> {
    let mut random = Random::new(seed);
    let columns = fields.iter().map(|field| {
        random.column(field.data_type(), rows).ok_or_else(|| {
            Failure::wrong(format!(
                "no rows at random for {}",
                types::name(field.data_type())
            ))
            .hint("give some: --csv FILE")
        })
    });
    Ok(Rows {
        columns: columns.collect::<Result<_, _>>()?,
        rows,
        fields,
    })
}

/// The rows over and over, until the batch is full.
fn filled(written: Rows, rows: usize) -> Result<Rows, Failure> {
    if written.rows == 0 {
        return Err(Failure::wrong("the file has no rows"));
    }
    let places = (0..rows).map(|row| (row % written.rows) as u64);
    let places = UInt64Array::from_iter_values(places);
    let columns = written
        .columns
        .iter()
        .map(|column| take(column, &places, None));
    let columns = columns.collect::<Result<_, _>>();
    let columns = columns.map_err(|error| Failure::wrong(error.to_string()))?;
    Ok(Rows {
        columns,
        rows,
        ..written
    })
}

type Call<'a> = Box<dyn FnMut() -> Result<(), Failure> + 'a>;

fn calls<'a>(
    function: &'a Arc<Function>,
    batch: &'a Rows,
    arguments: &Bench,
) -> Result<Call<'a>, Failure> {
    let columns: &[ArrayRef] = &batch.columns;
    let random = arguments.csv.is_none();
    let failed = move |error: PluginError| failed(&error, random);
    Ok(match function.signature().kind {
        Kind::Aggregate => {
            let groups = function.accumulators();
            let mut groups = groups.map_err(|error| Failure::of_call(&error))?;
            let numbers: Vec<_> = (0..GROUPS).cycle().take(batch.rows).collect();
            Box::new(move || {
                let updated = groups.update(columns, numbers.clone(), GROUPS);
                updated.map_err(failed)
            })
        }
        Kind::Process => {
            let name = &function.signature().name;
            let mut random = Random::new(arguments.seed);
            let mut call = process::calls(function, batch, arguments.keys, &mut random)?;
            Box::new(move || match call() {
                Err(CallError::Plugin(error)) => Err(failed(*error)),
                called => called.map_err(|error| error.failure(name)),
            })
        }
        _ => Box::new(move || {
            let called = function.call(columns, batch.rows);
            called.map(drop).map_err(failed)
        }),
    })
}

fn failed(error: &PluginError, random: bool) -> Failure {
    let failure = Failure::of_call(error);
    match (error, random) {
        (PluginError::Rows { .. }, true) => failure
            .hint("it does not take these rows, which are random: give others with --csv FILE"),
        _ => failure,
    }
}
