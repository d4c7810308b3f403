//! The table that rows go to: what PostgreSQL's catalog says of it, held against the declaration.

use arrow::datatypes::SchemaRef;
use tokio_postgres::types::Oid;
use tokio_postgres::{Client, Error, Row};

use super::encode::Encoder;
use super::settings::Settings;
use super::types::{Stored, default_type, wire};
use crate::ConnectorError;
use crate::text::type_name;

/// The temporary table of rows that replace others or take them back, and the columns behind their own.
const ROWS: &str = "pg_temp.wasmill_rows";
const NUMBER: &str = "wasmill_row_number";
const TAKEN_BACK: &str = "wasmill_taken_back";

/// What is written: the declaration's side.
#[derive(Debug)]
pub(super) struct Declared {
    pub schema: SchemaRef,
    pub primary_key: Vec<String>,
}

/// A table that fits its declaration, and how to write to it.
#[derive(Debug)]
pub(super) struct Target {
    /// `schema.table`, for messages and checkpoints.
    pub shown: String,
    pub schema: String,
    pub encoder: Encoder,
    /// Prepares a connection, where rows go through a temporary table.
    pub prepare: Option<String>,
    /// Empties the table.
    pub delete: String,
    /// Takes rows.
    pub copy: String,
    /// Takes the rows of the temporary table into the table.
    pub merge: Option<String>,
    /// Removes from the table the rows that those of the temporary table take back.
    pub take_back: Option<String>,
}

/// A column in PostgreSQL.
struct Column {
    name: String,
    stored: Stored,
    /// `numeric(10,2)`
    type_name: String,
    needs_value: bool,
    generated: bool,
}

/// A table in PostgreSQL.
struct Relation {
    schema: String,
    name: String,
    columns: Vec<Column>,
    /// The columns of each index that ON CONFLICT can go by.
    keys: Vec<Vec<String>>,
}

const RELATION: &str = "
SELECT c.oid, n.nspname::text, c.relname::text, c.relkind IN ('r', 'p', 'f')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = ANY($2)
  AND CASE WHEN $1::text[] IS NULL THEN pg_table_is_visible(c.oid) ELSE n.nspname = ANY($1) END
  AND c.relkind IN ('r', 'p', 'f', 'v', 'm')
ORDER BY c.relname <> $2[1], n.nspname <> $1[1] LIMIT 1";

/// The types below domains, and of the items of arrays.
const COLUMNS: &str = "
SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), a.atttypmod,
  a.attnotnull AND NOT a.atthasdef AND a.attidentity = '', a.attgenerated <> '',
  t.oid, t.typname::text, t.typtype = 'e', e.oid, e.typname::text, e.typtype = 'e'
FROM pg_attribute a
JOIN pg_type d ON d.oid = a.atttypid
JOIN pg_type t ON t.oid = CASE d.typtype WHEN 'd' THEN d.typbasetype ELSE d.oid END
LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum";

const KEYS: &str = "
SELECT array(
  SELECT a.attname::text FROM pg_attribute a
  WHERE a.attrelid = i.indrelid AND a.attnum = ANY((i.indkey::int2[])[0:i.indnkeyatts - 1]))
FROM pg_index i
WHERE i.indrelid = $1 AND i.indisunique AND i.indimmediate AND i.indisvalid
  AND i.indpred IS NULL AND i.indexprs IS NULL";

/// Why a table cannot be used.
pub(super) enum Unusable {
    Database(Error),
    Misfit(ConnectorError),
}

impl From<Error> for Unusable {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl Target {
    /// Looks the table up, and compares it with the declaration.
    pub(super) async fn find(
        client: &Client,
        settings: &Settings,
        declared: &Declared,
    ) -> Result<Self, Unusable> {
        let relation = Relation::find(client, settings, declared).await?;
        relation
            .target(settings, declared)
            .map_err(Unusable::Misfit)
    }
}

impl Relation {
    async fn find(
        client: &Client,
        settings: &Settings,
        declared: &Declared,
    ) -> Result<Self, Unusable> {
        // As it is written, or as PostgreSQL writes a name without quotes.
        let spellings = |name: &String| vec![name.clone(), name.to_lowercase()];
        let (schema, name) = &settings.table;
        let (schemas, names) = (schema.as_ref().map(spellings), spellings(name));
        let found = client.query_opt(RELATION, &[&schemas, &names]).await?;
        let shown = match schema {
            Some(schema) => format!("{schema}.{name}"),
            None => name.clone(),
        };
        let Some(row) = found else {
            let place = match schema {
                Some(schema) => format!("{}.{}", quoted(schema), quoted(name)),
                None => quoted(name),
            };
            let message = format!(
                "table {}: there is no table {shown} in PostgreSQL at {}",
                settings.name, settings.address
            );
            let error = ConnectorError::job(message).with_hint(declared.create(&place));
            return Err(Unusable::Misfit(error));
        };
        let oid: Oid = row.try_get(0)?;
        if !row.try_get::<_, bool>(3)? {
            let message = format!(
                "table {}: {shown} in PostgreSQL at {} is a view",
                settings.name, settings.address
            );
            let error = ConnectorError::job(message)
                .with_hint("name the table below it in 'table-name'".to_owned());
            return Err(Unusable::Misfit(error));
        }
        let columns = client.query(COLUMNS, &[&oid]).await?;
        let columns: Result<_, Error> = columns.iter().map(Column::read).collect();
        let keys = client.query(KEYS, &[&oid]).await?;
        let keys: Result<_, Error> = keys.iter().map(|row| row.try_get(0)).collect();
        Ok(Self {
            schema: row.try_get(1)?,
            name: row.try_get(2)?,
            columns: columns?,
            keys: keys?,
        })
    }

    fn column(&self, name: &str) -> Option<&Column> {
        let find = |name: &str| self.columns.iter().find(|column| column.name == name);
        find(name).or_else(|| find(&name.to_lowercase()))
    }

    fn target(&self, settings: &Settings, declared: &Declared) -> Result<Target, ConnectorError> {
        let place = format!("{}.{}", quoted(&self.schema), quoted(&self.name));
        let mut misfits = Vec::new();
        let mut hint = None;
        let mut columns = Vec::new();
        for field in declared.schema.fields() {
            let name = field.name();
            let Some(column) = self.column(name) else {
                misfits.push(format!("it has no column {name}"));
                continue;
            };
            if column.generated {
                misfits.push(format!("its column {name} is generated"));
                hint = Some("leave it out of the declaration".to_owned());
            }
            match wire(field.data_type(), &column.stored) {
                Some(wire) => columns.push((column.name.clone(), wire)),
                None => misfits.push(format!(
                    "its column {name} is {}, which does not take every {}",
                    column.type_name,
                    type_name(field.data_type())
                )),
            }
        }
        let filled = |name: &String| {
            let mut fields = declared.schema.fields().iter();
            fields.any(|field| {
                self.column(field.name())
                    .is_some_and(|found| found.name == *name)
            })
        };
        for column in &self.columns {
            if column.needs_value && !filled(&column.name) {
                misfits.push(format!(
                    "its column {} is NOT NULL and has no default, but is not declared",
                    column.name
                ));
                hint = Some("declare it and fill it, or give it a default".to_owned());
            }
        }
        let key: Vec<String> = declared
            .primary_key
            .iter()
            .map(|name| {
                self.column(name)
                    .map_or(name, |column| &column.name)
                    .clone()
            })
            .collect();
        let same = |found: &Vec<String>| {
            found.len() == key.len() && found.iter().all(|name| key.contains(name))
        };
        if !key.is_empty() && !self.keys.iter().any(same) {
            misfits.push(format!(
                "it has no primary key or unique constraint on ({})",
                key.join(", ")
            ));
        }
        if !misfits.is_empty() {
            let message = format!(
                "table {}: {}.{} in PostgreSQL at {} does not fit: {}",
                settings.name,
                self.schema,
                self.name,
                settings.address,
                misfits.join("; ")
            );
            let hint = hint.filter(|_| misfits.len() == 1);
            let hint = hint.unwrap_or_else(|| declared.create(&place));
            return Err(ConnectorError::job(message).with_hint(hint));
        }
        let names: Vec<_> = columns.iter().map(|(name, _)| quoted(name)).collect();
        let list = names.join(", ");
        let keys: Vec<_> = key.iter().map(|name| quoted(name)).collect();
        let upsert = (!keys.is_empty()).then(|| Upsert {
            place: &place,
            names: &names,
            keys: &keys,
        });
        Ok(Target {
            shown: format!("{}.{}", self.schema, self.name),
            schema: self.schema.clone(),
            prepare: upsert.as_ref().map(Upsert::prepare),
            delete: format!("DELETE FROM {place}"),
            copy: match &upsert {
                Some(_) => format!(
                    "COPY {ROWS} ({list}, {NUMBER}, {TAKEN_BACK}) FROM STDIN (FORMAT binary)"
                ),
                None => format!("COPY {place} ({list}) FROM STDIN (FORMAT binary)"),
            },
            merge: upsert.as_ref().map(Upsert::merge),
            take_back: upsert.as_ref().map(Upsert::take_back),
            encoder: Encoder {
                table: format!("{}.{}", self.schema, self.name),
                numbered: upsert.is_some(),
                columns,
            },
        })
    }
}

/// Rows that replace those of the same key.
struct Upsert<'a> {
    place: &'a str,
    names: &'a [String],
    keys: &'a [String],
}

impl Upsert<'_> {
    fn prepare(&self) -> String {
        let list = self.names.join(", ");
        format!(
            "CREATE TEMPORARY TABLE wasmill_rows ON COMMIT DELETE ROWS AS \
             SELECT {list}, 0::bigint AS {NUMBER}, false AS {TAKEN_BACK} FROM {} WITH NO DATA",
            self.place
        )
    }

    /// A statement must not touch a row twice: of those with one key the last counts.
    fn merge(&self) -> String {
        let (list, keys) = (self.names.join(", "), self.keys.join(", "));
        let others = self.names.iter().filter(|name| !self.keys.contains(name));
        let updates: Vec<_> = others
            .map(|name| format!("{name} = EXCLUDED.{name}"))
            .collect();
        let action = match updates.is_empty() {
            true => "NOTHING".to_owned(),
            false => format!("UPDATE SET {}", updates.join(", ")),
        };
        format!(
            "INSERT INTO {} ({list}) OVERRIDING SYSTEM VALUE \
             SELECT {list} FROM {} WHERE NOT {TAKEN_BACK} ON CONFLICT ({keys}) DO {action}",
            self.place,
            self.last()
        )
    }

    fn take_back(&self) -> String {
        let same = self
            .keys
            .iter()
            .map(|key| format!("old.{key} = last.{key}"));
        let same = same.collect::<Vec<_>>().join(" AND ");
        format!(
            "DELETE FROM {} AS old USING {} WHERE last.{TAKEN_BACK} AND {same}",
            self.place,
            self.last()
        )
    }

    /// The last row of each key.
    fn last(&self) -> String {
        let keys = self.keys.join(", ");
        format!(
            "(SELECT DISTINCT ON ({keys}) * FROM {ROWS} ORDER BY {keys}, {NUMBER} DESC) AS last"
        )
    }
}

impl Column {
    fn read(row: &Row) -> Result<Self, Error> {
        let modifier = row.try_get(2)?;
        let item = match row.try_get::<_, Option<Oid>>(8)? {
            Some(oid) => Some(Box::new(Stored {
                oid,
                name: row.try_get(9)?,
                is_enum: row.try_get(10)?,
                modifier,
                item: None,
            })),
            None => None,
        };
        Ok(Self {
            name: row.try_get(0)?,
            type_name: row.try_get(1)?,
            needs_value: row.try_get(3)?,
            generated: row.try_get(4)?,
            stored: Stored {
                oid: row.try_get(5)?,
                name: row.try_get(6)?,
                is_enum: row.try_get(7)?,
                modifier,
                item,
            },
        })
    }
}

impl Declared {
    /// A statement that makes a table that fits.
    fn create(&self, place: &str) -> String {
        let mut parts: Vec<_> = self
            .schema
            .fields()
            .iter()
            .map(|field| {
                let data_type = default_type(field.data_type()).unwrap_or_default();
                let not_null = if field.is_nullable() { "" } else { " NOT NULL" };
                format!("{} {data_type}{not_null}", quoted(field.name()))
            })
            .collect();
        if !self.primary_key.is_empty() {
            let keys: Vec<_> = self.primary_key.iter().map(|name| quoted(name)).collect();
            parts.push(format!("PRIMARY KEY ({})", keys.join(", ")));
        }
        format!("one that fits: CREATE TABLE {place} ({})", parts.join(", "))
    }
}

/// An identifier in quotes: it means what it says, whatever is in it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
