//! What a job has declared: tables, views, models and functions.
//!
//! Names are case-sensitive, as in Flink, but for functions. There is one catalog with one database,
//! called as Flink calls its own.

mod model;
mod show;
mod table;

use std::{collections::BTreeMap, sync::Arc};

use datafusion::logical_expr::{LogicalPlan, ScalarUDF};
use wasmill_plugin::{Grants, Kind, Plugin};

pub(crate) use model::{DeclaredModel, HostedModel};
pub(crate) use show::{called_functions, describe, list, show_create};
pub(crate) use table::{Column, ComputedColumn, Table, Watermark};

use crate::{
    error::{EngineError, did_you_mean},
    planning::{DeclaredProcess, DeclaredScalar},
    sql::{ObjectKind, Options},
};

pub(crate) const CATALOG: &str = "default_catalog";
pub(crate) const DATABASE: &str = "default_database";

/// A table or a view: they share their names.
#[derive(Debug, Clone)]
pub(crate) enum Relation {
    Table(Arc<Table>),
    View(Arc<View>),
}

#[derive(Debug)]
pub(crate) struct View {
    pub name: String,
    pub temporary: bool,
    pub comment: Option<String>,
    pub plan: LogicalPlan,
    /// The query as written.
    pub text: String,
}

/// A function of a plugin. What expressions call is registered with DataFusion.
#[derive(Debug)]
pub(crate) struct DeclaredFunction {
    pub name: String,
    pub temporary: bool,
    /// `path.wasm#function`, as written.
    pub component: String,
    /// The function's name in the plugin.
    pub function: String,
    pub plugin: Arc<Plugin>,
    pub kind: Kind,
    /// What FROM calls, if it is a table function.
    pub table: Option<Arc<ScalarUDF>>,
    /// If it is a scalar function whose arguments are declared.
    pub scalar: Option<Arc<DeclaredScalar>>,
    /// What FROM calls, if it is a process function.
    pub process: Option<Arc<DeclaredProcess>>,
    pub grants: Grants,
    pub options: Options,
}

#[derive(Debug, Default)]
pub(crate) struct Catalog {
    pub relations: BTreeMap<String, Relation>,
    pub models: BTreeMap<String, Arc<DeclaredModel>>,
    /// By the name in lower case.
    pub functions: BTreeMap<String, Arc<DeclaredFunction>>,
}

impl Catalog {
    pub(crate) fn relation_names(&self) -> Vec<String> {
        self.relations.keys().cloned().collect()
    }

    pub(crate) fn unknown_relation(&self, name: &str) -> EngineError {
        EngineError::job(format!("there is no table or view '{name}'")).with_hint(did_you_mean(
            name,
            &self.relation_names(),
            "there are",
        ))
    }

    pub(crate) fn model(&self, name: &str) -> Result<Arc<DeclaredModel>, EngineError> {
        self.models
            .get(name)
            .cloned()
            .ok_or_else(|| self.unknown(ObjectKind::Model, name))
    }

    pub(crate) fn function(&self, name: &str) -> Result<Arc<DeclaredFunction>, EngineError> {
        self.functions
            .get(&name.to_lowercase())
            .cloned()
            .ok_or_else(|| self.unknown(ObjectKind::Function, name))
    }

    pub(crate) fn relation(&self, name: &str) -> Result<Relation, EngineError> {
        self.relations
            .get(name)
            .cloned()
            .ok_or_else(|| self.unknown_relation(name))
    }

    pub(crate) fn table(&self, name: &str) -> Result<Arc<Table>, EngineError> {
        match self.relation(name)? {
            Relation::Table(table) => Ok(table),
            Relation::View(_) => Err(EngineError::job(format!("'{name}' is a view, not a table"))),
        }
    }

    pub(crate) fn view(&self, name: &str) -> Result<Arc<View>, EngineError> {
        match self.relations.get(name) {
            Some(Relation::View(view)) => Ok(Arc::clone(view)),
            Some(Relation::Table(_)) => {
                Err(EngineError::job(format!("'{name}' is a table, not a view")))
            }
            None => Err(self.unknown(ObjectKind::View, name)),
        }
    }

    fn unknown(&self, kind: ObjectKind, name: &str) -> EngineError {
        let names: Vec<String> = match kind {
            ObjectKind::Table | ObjectKind::View => self.relation_names(),
            ObjectKind::Model => self.models.keys().cloned().collect(),
            ObjectKind::Function => self
                .functions
                .values()
                .map(|function| function.name.clone())
                .collect(),
        };
        let kind = kind.name();
        EngineError::job(format!("there is no {kind} '{name}'")).with_hint(did_you_mean(
            name,
            &names,
            "there are",
        ))
    }

    /// Whether the name is free; an error where it is not and the statement does not allow that.
    pub(crate) fn is_free(
        &self,
        kind: ObjectKind,
        name: &str,
        if_not_exists: bool,
    ) -> Result<bool, EngineError> {
        let taken = match kind {
            ObjectKind::Table | ObjectKind::View => {
                self.relations.get(name).map(|relation| match relation {
                    Relation::Table(_) => "table",
                    Relation::View(_) => "view",
                })
            }
            ObjectKind::Model => self.models.get(name).map(|_| "model"),
            ObjectKind::Function => self.functions.get(&name.to_lowercase()).map(|_| "function"),
        };
        match taken {
            None => Ok(true),
            Some(_) if if_not_exists => Ok(false),
            Some(taken) => Err(
                EngineError::job(format!("there is a {taken} '{name}' already")).with_hint(
                    format!(
                        "choose another name, or write CREATE {} IF NOT EXISTS",
                        kind.name().to_uppercase()
                    ),
                ),
            ),
        }
    }

    /// Takes a thing out of the catalog; whether it was there.
    pub(crate) fn remove(
        &mut self,
        kind: ObjectKind,
        name: &str,
        if_exists: bool,
    ) -> Result<bool, EngineError> {
        let found = match kind {
            ObjectKind::Table => self.table(name).map(|_| ()),
            ObjectKind::View => self.view(name).map(|_| ()),
            ObjectKind::Model => self.model(name).map(|_| ()),
            ObjectKind::Function => self.function(name).map(|_| ()),
        };
        match found {
            Err(_) if if_exists => return Ok(false),
            found => found?,
        }
        match kind {
            ObjectKind::Table | ObjectKind::View => drop(self.relations.remove(name)),
            ObjectKind::Model => drop(self.models.remove(name)),
            ObjectKind::Function => drop(self.functions.remove(&name.to_lowercase())),
        }
        Ok(true)
    }
}
