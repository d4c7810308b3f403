//! From one statement to what is to be done.

use std::sync::Arc;

use datafusion::{
    common::DataFusionError,
    execution::SessionState,
    logical_expr::{LogicalPlan, LogicalPlanBuilder},
    physical_plan::displayable,
    prelude::SessionContext,
    sql::sqlparser::{ast::Query, tokenizer::Span},
};

use wasmill_plugin::Kind;

use super::Work;
use crate::{
    catalog::{self, Relation, View},
    declare,
    error::{EngineError, Location},
    planning::{
        Pipeline, PlanningScope, Shared, check_finds_no_letters, check_gives_rows, create_function,
        physical_plan, plan_insert, planning_error, query_plan,
    },
    sql::{CreateView, Insert, Name, ObjectKind, Script, Setting, Show, Statement},
};

/// Plans one statement.
pub(super) struct Planner<'a> {
    pub shared: &'a Arc<Shared>,
    pub state: SessionState,
    pub context: &'a SessionContext,
    pub script: &'a Script,
    pub span: Span,
}

impl Planner<'_> {
    pub(super) fn location(&self, span: Span) -> Option<Location> {
        self.script.location(span)
    }

    pub(super) fn diagnose(&self, error: &DataFusionError, query: Option<&Query>) -> EngineError {
        planning_error(
            error,
            &PlanningScope {
                script: self.script,
                statement: self.span,
                query,
                catalog: &self.shared.catalog.read(),
                state: &self.state,
            },
        )
    }

    pub(super) async fn plan(&self, statement: &Statement) -> Result<Work, EngineError> {
        match statement {
            Statement::Query(query) => {
                let plan = self.query(query).await?;
                let plan = physical_plan(&self.state, &plan, true).await;
                let plan = plan.and_then(|plan| check_gives_rows(&plan).map(|()| plan));
                let plan = plan.map_err(|error| self.diagnose(&error, Some(query)))?;
                check_finds_no_letters(&plan)?;
                Ok(Work::Query {
                    plan,
                    context: self.context.clone(),
                })
            }
            Statement::Insert(insert) => self.pipelines(&[(insert, self.span)]).await,
            Statement::Inserts(inserts) => {
                let inserts: Vec<_> = inserts
                    .iter()
                    .map(|(insert, span)| (insert, *span))
                    .collect();
                self.pipelines(&inserts).await
            }
            Statement::Explain(inner) => Box::pin(self.explain(inner)).await,
            Statement::CreateTable(create) => {
                let insert = declare::create_table(self.shared, &self.state, create, self.script)
                    .await
                    .map_err(|error| match error {
                        declare::DeclareError::Engine(error) => error,
                        declare::DeclareError::Planning(error) => {
                            let query = create.query.as_ref().map(|(query, _)| query.as_ref());
                            self.diagnose(&error, query)
                        }
                    })?;
                match insert {
                    Some(insert) => self.pipelines(&[(&insert, self.span)]).await,
                    None => Ok(Work::Done),
                }
            }
            Statement::CreateView(view) => self.create_view(view).await,
            Statement::CreateModel(create) => {
                let place = self.location(create.name.span);
                let catalog = &mut self.shared.catalog.write();
                declare::create_model(catalog, create, place.clone())
                    .map_err(|error| error.at(|| place))?;
                Ok(Work::Done)
            }
            Statement::CreateFunction(create) => {
                let name = &create.name;
                let free = self
                    .shared
                    .catalog
                    .read()
                    .is_free(ObjectKind::Function, &name.text, create.if_not_exists)
                    .map_err(|error| error.at(|| self.location(name.span)))?;
                if free {
                    let (declared, callable) =
                        create_function(self.shared, create, self.script).await?;
                    if let Some(callable) = callable {
                        callable.register(self.context);
                    }
                    let mut catalog = self.shared.catalog.write();
                    catalog
                        .functions
                        .insert(name.text.to_lowercase(), Arc::new(declared));
                }
                Ok(Work::Done)
            }
            Statement::Drop {
                kind,
                name,
                if_exists,
            } => {
                let lower = name.text.to_lowercase();
                let mut catalog = self.shared.catalog.write();
                let function = catalog.functions.get(&lower).map(|function| function.kind);
                let removed = catalog
                    .remove(*kind, &name.text, *if_exists)
                    .map_err(|error| error.at(|| self.location(name.span)))?;
                if removed && *kind == ObjectKind::Function {
                    match function {
                        Some(Kind::Scalar) => self.context.deregister_udf(&lower),
                        Some(Kind::Aggregate) => self.context.deregister_udaf(&lower),
                        Some(Kind::Table | Kind::Process) | None => {}
                    }
                }
                Ok(Work::Done)
            }
            Statement::Alter(alter) => {
                declare::alter(self.shared, alter)
                    .map_err(|error| error.at(|| self.location(alter.name.span)))?;
                Ok(Work::Done)
            }
            Statement::Show(show) => self.show(show),
            Statement::Describe { kind, name } => {
                catalog::describe(&self.shared.catalog.read(), *kind, &name.text)
                    .map(Work::Rows)
                    .map_err(|error| error.at(|| self.location(name.span)))
            }
            Statement::Setting(setting) => self.set(setting.as_ref()),
            Statement::Reset(key) => self.reset(key.as_ref()),
        }
    }

    async fn query(&self, query: &Query) -> Result<LogicalPlan, EngineError> {
        query_plan(&self.state, query)
            .await
            .map_err(|error| self.diagnose(&error, Some(query)))
    }

    pub(super) async fn insert(
        &self,
        insert: &Insert,
        span: Span,
    ) -> Result<Pipeline, EngineError> {
        plan_insert(self.shared, &self.state, insert, self.script, span).await
    }

    async fn create_view(&self, create: &CreateView) -> Result<Work, EngineError> {
        let name = &create.name;
        let at_name = |error: EngineError| error.at(|| self.location(name.span));
        let free = self
            .shared
            .catalog
            .read()
            .is_free(ObjectKind::View, &name.text, create.if_not_exists)
            .map_err(at_name)?;
        if !free {
            return Ok(Work::Done);
        }
        let mut plan = self.query(&create.query).await?;
        if !create.columns.is_empty() {
            let columns = plan.schema().columns();
            if columns.len() != create.columns.len() {
                return Err(at_name(EngineError::job(format!(
                    "the view '{}' names {} columns, its query has {}",
                    name.text,
                    create.columns.len(),
                    columns.len()
                ))));
            }
            let renamed = columns
                .into_iter()
                .zip(&create.columns)
                .map(|(column, name)| {
                    datafusion::logical_expr::Expr::Column(column).alias(&name.text)
                });
            plan = LogicalPlanBuilder::from(plan)
                .project(renamed.collect::<Vec<_>>())
                .and_then(LogicalPlanBuilder::build)
                .map_err(|error| self.diagnose(&error, Some(&create.query)))?;
        }
        let view = View {
            name: name.text.clone(),
            temporary: create.temporary,
            comment: create.comment.clone(),
            plan,
            text: create.text.clone(),
        };
        let mut catalog = self.shared.catalog.write();
        catalog
            .relations
            .insert(name.text.clone(), Relation::View(Arc::new(view)));
        Ok(Work::Done)
    }

    async fn explain(&self, statement: &Statement) -> Result<Work, EngineError> {
        let mut text = String::new();
        match statement {
            Statement::Query(query) => {
                let plan = self.query(query).await?;
                let plan = physical_plan(&self.state, &plan, true)
                    .await
                    .map_err(|error| self.diagnose(&error, Some(query)))?;
                text.push_str(&displayable(plan.as_ref()).indent(false).to_string());
            }
            Statement::Insert(insert) => {
                text = explained(&self.pipelines(&[(insert, self.span)]).await?);
            }
            Statement::Inserts(inserts) => {
                let inserts: Vec<_> = inserts
                    .iter()
                    .map(|(insert, span)| (insert, *span))
                    .collect();
                text = explained(&self.pipelines(&inserts).await?);
            }
            _ => return Err(EngineError::bug("EXPLAIN of another statement")),
        }
        let functions = catalog::called_functions(&self.shared.catalog.read(), &text);
        text.push_str(&functions);
        Ok(Work::Text(text))
    }

    fn show(&self, show: &Show) -> Result<Work, EngineError> {
        let catalog = self.shared.catalog.read();
        let names = |column: &str, names: Vec<String>| {
            let rows = names.into_iter().map(|name| vec![Some(name)]);
            catalog::list(&[column], rows.collect()).map(Work::Rows)
        };
        match show {
            Show::Tables => names("table name", catalog.relation_names()),
            Show::Views => {
                let views = catalog.relations.iter();
                let views = views.filter(|(_, relation)| matches!(relation, Relation::View(_)));
                names("view name", views.map(|(name, _)| name.clone()).collect())
            }
            Show::Models => names("model name", catalog.models.keys().cloned().collect()),
            Show::Functions { user } => {
                let own = catalog.functions.values();
                let mut functions: Vec<_> = own
                    .map(|function| (function.name.clone(), function.kind.name()))
                    .collect();
                if !user {
                    let known = |names: Vec<&String>, kind| {
                        let names = names.into_iter().filter(|name| !name.starts_with("__"));
                        names
                            .map(move |name| (name.clone(), kind))
                            .collect::<Vec<_>>()
                    };
                    let state = &self.state;
                    functions.extend(known(state.scalar_functions().keys().collect(), "scalar"));
                    let aggregates = state.aggregate_functions().keys().collect();
                    functions.extend(known(aggregates, "aggregate"));
                    functions.extend(known(state.window_functions().keys().collect(), "window"));
                }
                functions.sort();
                functions.dedup();
                let rows = functions
                    .into_iter()
                    .map(|(name, kind)| vec![Some(name), Some(kind.to_owned())]);
                catalog::list(&["function name", "function kind"], rows.collect()).map(Work::Rows)
            }
            Show::Create { kind, name } => catalog::show_create(&catalog, *kind, &name.text)
                .map(Work::Text)
                .map_err(|error| error.at(|| self.location(name.span))),
        }
    }

    fn set(&self, setting: Option<&Setting>) -> Result<Work, EngineError> {
        let mut settings = self.shared.settings.write();
        let Some(setting) = setting else {
            let rows = settings
                .values()
                .iter()
                .map(|(key, value)| vec![Some(key.clone()), Some(value.clone())]);
            return catalog::list(&["key", "value"], rows.collect()).map(Work::Rows);
        };
        settings
            .set(&setting.key.text, &setting.value)
            .map_err(|error| error.at(|| self.location(setting.key.span)))?;
        Ok(Work::Done)
    }

    fn reset(&self, key: Option<&Name>) -> Result<Work, EngineError> {
        self.shared
            .settings
            .write()
            .reset(key.map(|key| key.text.as_str()))
            .map_err(|error| match key {
                Some(key) => error.at(|| self.location(key.span)),
                None => error,
            })?;
        Ok(Work::Done)
    }
}

/// The plans of INSERTs.
fn explained(work: &Work) -> String {
    match work {
        Work::Pipelines { pipelines, .. } => pipelines.iter().map(explain_insert).collect(),
        Work::Endless { pipelines, .. } => {
            let pipelines = pipelines.iter().map(|found| &found.pipeline);
            pipelines.map(explain_insert).collect()
        }
        _ => String::new(),
    }
}

fn explain_insert(pipeline: &Pipeline) -> String {
    let plan = displayable(pipeline.plan.as_ref())
        .indent(false)
        .to_string();
    let plan: Vec<_> = plan.lines().map(|line| format!("  {line}\n")).collect();
    format!("Sink: table={}\n{}", pipeline.table, plan.concat())
}
