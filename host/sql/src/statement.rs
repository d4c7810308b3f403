//! The statements of a job file, as parsed.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use sqlparser::{
    ast::{Expr, Query},
    tokenizer::Span,
};

/// A statement and the place of its text.
#[derive(Debug)]
pub struct ParsedStatement {
    pub statement: Statement,
    pub span: Span,
}

#[derive(Debug)]
pub enum Statement {
    CreateTable(Box<CreateTable>),
    CreateView(CreateView),
    CreateModel(CreateModel),
    CreateFunction(CreateFunction),
    Drop {
        kind: ObjectKind,
        name: Name,
        if_exists: bool,
    },
    Alter(Alter),
    Insert(Insert),
    /// A statement set.
    Inserts(Vec<(Insert, Span)>),
    Query(Box<Query>),
    Explain(Box<Statement>),
    Show(Show),
    Describe {
        kind: ObjectKind,
        name: Name,
    },
    /// Without a pair it lists the settings.
    Setting(Option<Setting>),
    /// Without a key it resets all.
    Reset(Option<Name>),
}

/// A name and where it stands.
#[derive(Debug, Clone)]
pub struct Name {
    pub text: String,
    pub span: Span,
}

/// What stands in `WITH (…)`.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub values: BTreeMap<String, String>,
    /// Where each key stands.
    pub spans: BTreeMap<String, Span>,
}

#[derive(Debug, Clone)]
pub struct Setting {
    pub key: Name,
    pub value: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    Table,
    View,
    Model,
    Function,
}

impl ObjectKind {
    pub fn name(self) -> &'static str {
        match self {
            ObjectKind::Table => "table",
            ObjectKind::View => "view",
            ObjectKind::Model => "model",
            ObjectKind::Function => "function",
        }
    }
}

/// A Flink type as a column declares it.
#[derive(Debug, Clone, PartialEq)]
pub struct DeclaredType {
    pub data_type: DataType,
    pub nullable: bool,
    /// In Flink's notation, without NOT NULL.
    pub text: String,
}

#[derive(Debug)]
pub struct CreateTable {
    pub name: Name,
    pub temporary: bool,
    pub if_not_exists: bool,
    pub columns: Vec<ColumnDefinition>,
    pub watermark: Option<Watermark>,
    pub primary_key: Vec<Name>,
    pub comment: Option<String>,
    pub partition_keys: Vec<Name>,
    pub options: Options,
    pub like: Option<Like>,
    /// CREATE TABLE … AS SELECT.
    pub query: Option<(Box<Query>, String)>,
}

#[derive(Debug, Clone)]
pub struct ColumnDefinition {
    pub name: Name,
    pub kind: ColumnKind,
    pub comment: Option<String>,
}

#[derive(Debug, Clone)]
pub enum ColumnKind {
    Physical(DeclaredType),
    Metadata {
        declared: DeclaredType,
        key: Option<String>,
        is_virtual: bool,
    },
    Computed {
        expr: Box<Expr>,
        text: String,
    },
}

/// `WATERMARK FOR column AS expression`: how far time has come, once a row has.
#[derive(Debug, Clone)]
pub struct Watermark {
    pub column: Name,
    pub expr: Box<Expr>,
    pub text: String,
}

/// `LIKE source (INCLUDING … EXCLUDING …)`.
#[derive(Debug)]
pub struct Like {
    pub source: Name,
    /// The features that EXCLUDING names, in upper case.
    pub excluding: Vec<String>,
}

#[derive(Debug)]
pub struct CreateView {
    pub name: Name,
    pub temporary: bool,
    pub if_not_exists: bool,
    pub columns: Vec<Name>,
    pub comment: Option<String>,
    pub query: Box<Query>,
    pub text: String,
}

#[derive(Debug)]
pub struct CreateModel {
    pub name: Name,
    pub temporary: bool,
    pub if_not_exists: bool,
    pub inputs: Vec<ModelColumn>,
    pub outputs: Vec<ModelColumn>,
    pub comment: Option<String>,
    pub options: Options,
}

#[derive(Debug, Clone)]
pub struct ModelColumn {
    pub name: Name,
    pub declared: DeclaredType,
    pub comment: Option<String>,
}

#[derive(Debug)]
pub struct CreateFunction {
    pub name: Name,
    pub temporary: bool,
    pub if_not_exists: bool,
    /// `path.wasm#function`.
    pub component: Name,
    pub options: Options,
}

#[derive(Debug)]
pub struct Alter {
    pub kind: ObjectKind,
    pub name: Name,
    pub if_exists: bool,
    pub action: AlterAction,
}

#[derive(Debug)]
pub enum AlterAction {
    Set(Options),
    Reset(Vec<Name>),
    Rename(Name),
}

#[derive(Debug)]
pub struct Insert {
    pub table: Name,
    pub overwrite: bool,
    /// `PARTITION (k = 'v')`: constants for these columns.
    pub partition: Vec<(Name, Expr)>,
    pub columns: Vec<Name>,
    pub query: Box<Query>,
}

#[derive(Debug)]
pub enum Show {
    Tables,
    Views,
    Functions { user: bool },
    Models,
    Create { kind: ObjectKind, name: Name },
}
