//! Tables that are joined as they are now: `JOIN t FOR SYSTEM_TIME AS OF o.proctime`.

use std::{collections::BTreeMap, time::Duration};

use datafusion::sql::sqlparser::ast::{Spanned, TableFactor, TableVersion};

use super::{context::Shared, external_at};
use crate::{
    error::EngineError,
    sql::{parse_duration, split_hinted_name},
};

const INTERVAL: &str = "lookup.full-cache.periodic-reload.interval";

/// How long after a table was read it is read again, if it is.
pub(super) fn reload(
    table: &str,
    options: &BTreeMap<String, String>,
) -> Result<Option<Duration>, EngineError> {
    let wrong = |key: &str, what: &str, text: &str| {
        EngineError::job(format!(
            "table {table}: option '{key}' must be {what}, not '{text}'"
        ))
    };
    let interval = match options.get(INTERVAL) {
        Some(text) => match parse_duration(text).filter(|interval| !interval.is_zero()) {
            Some(interval) => Some(interval),
            None => return Err(wrong(INTERVAL, "a duration such as '10 min'", text)),
        },
        None => None,
    };
    if let Some(text) = options.get("lookup.full-cache.reload-strategy")
        && !text.eq_ignore_ascii_case("PERIODIC")
    {
        return Err(wrong("lookup.full-cache.reload-strategy", "PERIODIC", text));
    }
    let cache = options.get("lookup.cache").map_or("NONE", String::as_str);
    match (cache.to_ascii_uppercase().as_str(), interval) {
        ("NONE", None) => Ok(None),
        ("FULL", Some(interval)) => Ok(Some(interval)),
        ("FULL", None) => Err(EngineError::job(format!(
            "table {table}: with 'lookup.cache' = 'FULL' it must say when it is read again"
        ))
        .with_hint(format!("for example '{INTERVAL}' = '10 min'"))),
        ("NONE", Some(_)) => Err(EngineError::job(format!(
            "table {table}: '{INTERVAL}' needs 'lookup.cache' = 'FULL'"
        ))),
        _ => Err(wrong("lookup.cache", "NONE or FULL", cache)),
    }
}

/// A table as it is now is the table: it is read again as its options say.
pub(super) fn without_version(
    shared: &Shared,
    mut relation: TableFactor,
) -> datafusion::common::Result<TableFactor> {
    let span = relation.span();
    let TableFactor::Table { name, version, .. } = &mut relation else {
        return Ok(relation);
    };
    let Some(found) = version.take() else {
        return Ok(relation);
    };
    let TableVersion::ForSystemTimeAsOf(_) = found else {
        return Err(external_at(
            EngineError::job(format!("a table has no version '{found}'")).with_hint(
                "FOR SYSTEM_TIME AS OF o.proctime joins a table as it is now".to_owned(),
            ),
            span,
        ));
    };
    let name = name.0.last().and_then(|part| part.as_ident());
    let (name, _) = split_hinted_name(name.map_or("", |ident| &ident.value));
    let table = shared.catalog.read().table(name);
    match table {
        Ok(table) if table.watermark.is_some() => Err(external_at(
            EngineError::job(format!(
                "'{name}' is joined as it was at the time of a row, of which only what it is now can be had"
            ))
            .with_hint(format!(
                "leave WATERMARK out of CREATE TABLE {name} and join it FOR SYSTEM_TIME AS OF a column \
                 that is AS PROCTIME()"
            )),
            span,
        )),
        _ => Ok(relation),
    }
}
