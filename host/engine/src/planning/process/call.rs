//! Calls of process functions in FROM, planned.

use std::sync::Arc;

use datafusion::{
    arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema},
    common::{Column, DFSchema, DFSchemaRef, ExprSchema, Result, TableReference},
    logical_expr::{
        Expr, Extension, LogicalPlan, LogicalPlanBuilder, cast, planner::RelationPlannerContext,
    },
    sql::sqlparser::{
        ast::{Ident, TableAlias, TableFactor},
        tokenizer::Span,
    },
};
use wasmill_plugin::{Arguments, Function, Kind, carried_type};
use wasmill_udf::casts_implicitly;

use super::{
    arguments::{Call, TableArgument},
    declared::DeclaredProcess,
    node::ProcessNode,
    rule::{ProcessRule, with_keys_and_time},
    side::SideTable,
    slots::state_spec,
};
use crate::{
    catalog::DeclaredFunction,
    error::{EngineError, did_you_mean},
    planning::{
        context::Shared, diagnose::plugin_error, external_at, relations::free_name,
        table_functions::TableCall, windows::TimeAttribute,
    },
    sql::flink_type,
};

/// The column of times behind a result, as Flink calls it.
const ROWTIME: &str = "rowtime";

/// Whether a function of this name is a process function.
pub(in crate::planning) fn is_process_call(shared: &Shared, name: &Ident) -> bool {
    let catalog = shared.catalog.read();
    let declared = catalog.functions.get(&name.value.to_lowercase());
    declared.is_some_and(|declared| declared.kind == Kind::Process)
}

/// A table with what the call reads of it.
struct Input {
    plan: LogicalPlan,
    keys: Vec<FieldRef>,
    time: Option<FieldRef>,
}

/// Plans a call.
pub(in crate::planning) fn plan_process(
    shared: &Shared,
    call: TableCall,
    context: &mut dyn RelationPlannerContext,
) -> Result<LogicalPlan> {
    let TableCall {
        name,
        arguments,
        alias,
    } = call;
    let declared = shared
        .catalog
        .read()
        .functions
        .get(&name.value.to_lowercase())
        .cloned();
    let mut call = Call {
        shared,
        name,
        input: None,
        broadcast: None,
        time: None,
    };
    let process = declared.as_ref().and_then(|found| found.process.clone());
    let (Some(declared), Some(process)) = (declared, process) else {
        return Err(call.wrong("it is no process function", call.name.span));
    };
    for argument in arguments {
        call.take(argument)?;
    }
    call.plan(&declared, &process, alias, context)
}

impl Call<'_> {
    fn plan(
        mut self,
        declared: &DeclaredFunction,
        process: &DeclaredProcess,
        alias: Option<TableAlias>,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<LogicalPlan> {
        let Some(table) = self.input.take() else {
            return Err(self.wrong("it has no input", self.name.span));
        };
        let name = self.name.clone();
        let at_name = |error: EngineError| external_at(error, name.span);
        let arguments = &process
            .plugin
            .function(&process.function)
            .map_err(|error| at_name(plugin_error(&error)))?
            .arguments;
        let (input, arguments) = self.input(table, arguments, context)?;
        let function = process
            .open(arguments)
            .map_err(|error| at_name(plugin_error(&error)))?;
        let broadcast = self.broadcast(&function, context)?;
        let time = input.time.as_ref().map(result_time);
        let columns = with_keys_and_time(&input.keys, function.columns(), time.as_ref());
        let schema = named(&declared.name, alias, &Schema::new(columns), &self.name)?;
        let sides = self.sides(process, &function, &input)?;
        let rule = ProcessRule {
            name: declared.name.clone(),
            on_error: process.on_error,
            keys: input.keys.len(),
            time: input.time.as_ref().map(|field| field.name().clone()),
            sides,
            spec: state_spec(&function, input.keys.iter().cloned().collect())?,
            schema: Arc::clone(schema.inner()),
            function,
        };
        let node = ProcessNode::new(input.plan, broadcast, Arc::new(rule), schema);
        Ok(LogicalPlan::Extension(Extension {
            node: Arc::new(node),
        }))
    }

    /// The input with the columns that [`ProcessRule`] wants, and the function's arguments.
    fn input(
        &self,
        table: TableArgument,
        arguments: &Arguments,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<(Input, Vec<FieldRef>)> {
        let TableArgument { query, keys, span } = table;
        let plan = context.plan(TableFactor::Derived {
            lateral: false,
            subquery: query,
            alias: None,
            sample: None,
        })?;
        let schema = Arc::clone(plan.schema());
        let (mut names, mut exprs) = (Vec::new(), Vec::new());
        let mut add = |wanted: &str, expr: Expr| {
            let name = free_name(&names, wanted);
            exprs.push(expr.alias(&name));
            names.push(name);
        };
        let mut key_fields: Vec<FieldRef> = Vec::new();
        for key in keys {
            let Expr::Column(column) = context.sql_to_expr(key, &schema)? else {
                let message = "PARTITION BY takes columns; a view may compute others";
                return Err(self.wrong(message, span));
            };
            let field = schema.field_from_column(&column)?;
            let data_type = self.carried(field.name(), field.data_type(), span)?;
            let key = cast_to(Expr::Column(column.clone()), field.data_type(), &data_type);
            add(field.name(), key);
            key_fields.push(Arc::new(Field::new(
                field.name(),
                data_type,
                field.is_nullable(),
            )));
        }
        let time = match &self.time {
            None => None,
            Some(column) => {
                let (expr, field) = self.column(&schema, &column.value, column.span)?;
                if !matches!(field.data_type(), DataType::Timestamp(..)) {
                    let message = format!(
                        "on_time is a TIMESTAMP, but '{}' is {}",
                        field.name(),
                        flink_type(field.data_type())
                    );
                    return Err(self.wrong(&message, column.span));
                }
                add(field.name(), expr);
                Some(Arc::clone(&field))
            }
        };
        let mut given: Vec<FieldRef> = Vec::new();
        match arguments {
            Arguments::Exact(fields) => {
                for wanted in fields {
                    let (expr, found) = self.column(&schema, wanted.name(), span)?;
                    if !casts_implicitly(found.data_type(), wanted.data_type()) {
                        let message = format!(
                            "its column '{}' is {}, and that of the table {}, which is not cast to it \
                             without being told to",
                            wanted.name(),
                            flink_type(wanted.data_type()),
                            flink_type(found.data_type())
                        );
                        return Err(self.wrong(&message, span));
                    }
                    add(
                        wanted.name(),
                        cast_to(expr, found.data_type(), wanted.data_type()),
                    );
                    given.push(Arc::new(Field::new(
                        wanted.name(),
                        wanted.data_type().clone(),
                        true,
                    )));
                }
            }
            Arguments::Any | Arguments::Variadic(_) => {
                for (qualifier, field) in schema.iter() {
                    let column = Column::new(qualifier.cloned(), field.name());
                    let data_type = self.carried(field.name(), field.data_type(), span)?;
                    let column = cast_to(Expr::Column(column), field.data_type(), &data_type);
                    add(field.name(), column);
                    given.push(Arc::new(Field::new(field.name(), data_type, true)));
                }
            }
        }
        let plan = LogicalPlanBuilder::from(plan).project(exprs)?.build()?;
        let input = Input {
            plan,
            keys: key_fields,
            time,
        };
        Ok((input, given))
    }

    /// The broadcast table with the columns that the function wants of it.
    fn broadcast(
        &mut self,
        function: &Function,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<Option<LogicalPlan>> {
        let (table, wanted) = match (self.broadcast.take(), function.broadcast()) {
            (None, None) => return Ok(None),
            (Some(table), None) => {
                return Err(self.wrong("the function takes no broadcast table", table.span));
            }
            (None, Some(wanted)) => {
                let columns = wanted
                    .iter()
                    .map(|field| format!("{} {}", field.name(), flink_type(field.data_type())));
                let columns = columns.collect::<Vec<_>>().join(", ");
                let message = format!(
                    "the function needs a broadcast table with {columns}: broadcast => TABLE t"
                );
                return Err(self.wrong(&message, self.name.span));
            }
            (Some(table), Some(wanted)) => (table, wanted.clone()),
        };
        let plan = context.plan(TableFactor::Derived {
            lateral: false,
            subquery: table.query,
            alias: None,
            sample: None,
        })?;
        let schema = Arc::clone(plan.schema());
        let columns = wanted.iter().map(|wanted| {
            let (expr, found) = self.column(&schema, wanted.name(), table.span)?;
            if !casts_implicitly(found.data_type(), wanted.data_type()) {
                let message = format!(
                    "the broadcast table's column '{}' is {}, not {}",
                    wanted.name(),
                    flink_type(found.data_type()),
                    flink_type(wanted.data_type())
                );
                return Err(self.wrong(&message, table.span));
            }
            let expr = cast_to(expr, found.data_type(), wanted.data_type());
            Ok(expr.alias(wanted.name()))
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let plan = LogicalPlanBuilder::from(plan).project(columns)?.build()?;
        Ok(Some(plan))
    }

    /// Where the rows of side outputs go.
    fn sides(
        &self,
        process: &DeclaredProcess,
        function: &Function,
        input: &Input,
    ) -> Result<Vec<Option<Arc<SideTable>>>> {
        let outputs = function.side_outputs();
        let known: Vec<_> = outputs.iter().map(|output| output.name.clone()).collect();
        let mut named = process.side_outputs.keys();
        if let Some(unknown) = named.find(|name| !known.contains(name)) {
            let error = EngineError::job(format!(
                "the function '{}' has no side output '{unknown}'",
                self.name.value
            ))
            .with_hint(did_you_mean(unknown, &known, "it has"));
            return Err(external_at(error, self.name.span));
        }
        let sides = outputs.iter().map(|output| {
            let Some(table) = process.side_outputs.get(&output.name) else {
                let name = &self.name.value;
                self.shared.warnings.lock().push(format!(
                    "the rows of the side output '{output}' of {name} go nowhere: name a table with \
                     'side-output.{output}' = '…' in its WITH",
                    output = output.name
                ));
                return None;
            };
            let time = input.time.as_ref().map(result_time);
            let columns = with_keys_and_time(&input.keys, &output.columns, time.as_ref());
            let nullable = columns.iter().map(|field| Field::clone(field).with_nullable(true));
            let schema = Arc::new(Schema::new(nullable.collect::<Fields>()));
            let name = &self.name.value;
            Some(Arc::new(SideTable::new(name, &output.name, table, schema)))
        });
        Ok(sides.collect())
    }

    /// A column of a table by its name.
    fn column(&self, schema: &DFSchemaRef, name: &str, span: Span) -> Result<(Expr, FieldRef)> {
        let found = schema.iter().find(|(_, field)| field.name() == name);
        let Some((qualifier, field)) = found else {
            let names: Vec<_> = schema.fields().iter().map(|f| f.name().clone()).collect();
            let error = EngineError::job(format!(
                "'{}' needs a column '{name}' of its table, which is not there",
                self.name.value
            ))
            .with_hint(did_you_mean(name, &names, "its columns are"));
            return Err(external_at(error, span));
        };
        let column = Column::new(qualifier.cloned(), field.name());
        Ok((Expr::Column(column), Arc::clone(field)))
    }

    /// The type in which a function gets a column.
    fn carried(&self, name: &str, data_type: &DataType, span: Span) -> Result<DataType> {
        carried_type(data_type).ok_or_else(|| {
            let data_type = flink_type(data_type);
            let message =
                format!("no function can be given the column '{name}', which is {data_type}");
            self.wrong(&message, span)
        })
    }
}

fn cast_to(expr: Expr, from: &DataType, to: &DataType) -> Expr {
    match from == to {
        true => expr,
        false => cast(expr, to.clone()),
    }
}

/// The column of times behind a result: a time attribute if that of the table is one.
fn result_time(time: &FieldRef) -> FieldRef {
    let field = Field::new(ROWTIME, time.data_type().clone(), true);
    Arc::new(match TimeAttribute::of(time) {
        Some(TimeAttribute::Rowtime) => {
            field.with_metadata(TimeAttribute::Rowtime.metadata().to_hashmap())
        }
        _ => field,
    })
}

/// The result's columns as the query knows them: `f(…) AS a(c, …)`.
fn named(
    function: &str,
    alias: Option<TableAlias>,
    schema: &Schema,
    call: &Ident,
) -> Result<DFSchemaRef> {
    let (relation, names) = match alias {
        None => (function.to_owned(), Vec::new()),
        Some(alias) => {
            let columns = alias.columns.into_iter();
            let columns = columns.map(|column| column.name.value).collect();
            (alias.name.value, columns)
        }
    };
    let own: Vec<_> = schema.fields().iter().map(|f| f.name().clone()).collect();
    if !names.is_empty() && names.len() != own.len() {
        let error = EngineError::job(format!(
            "'{}' gives {} columns, AS {relation}(…) names {}",
            call.value,
            own.len(),
            names.len()
        ))
        .with_hint(format!("its columns are {}", own.join(", ")));
        return Err(external_at(error, call.span));
    }
    let names = match names.is_empty() {
        true => own,
        false => names,
    };
    let relation = TableReference::bare(relation);
    let fields = schema.fields().iter().zip(names).map(|(field, name)| {
        let field = Field::clone(field).with_name(name);
        (Some(relation.clone()), Arc::new(field))
    });
    let schema = DFSchema::new_with_metadata(fields.collect(), Default::default())?;
    Ok(Arc::new(schema))
}
