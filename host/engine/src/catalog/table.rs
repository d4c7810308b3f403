//! A table as the job declared it.

use std::{collections::BTreeMap, sync::Arc};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::{logical_expr::Expr, sql::sqlparser::ast::Expr as SqlExpr};
use wasmill_connectors::{TableColumn, TableDefinition};

use crate::{
    error::Location,
    sql::{ColumnKind, DeclaredType},
};

#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub name: String,
    pub temporary: bool,
    pub columns: Vec<Column>,
    pub watermark: Option<Watermark>,
    pub primary_key: Vec<String>,
    pub comment: Option<String>,
    pub partition_keys: Vec<String>,
    pub options: BTreeMap<String, String>,
    /// Where CREATE TABLE stands.
    pub location: Option<Location>,
}

#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub name: String,
    pub kind: ColumnKind,
    /// For a computed column, what it was planned as.
    pub computed: Option<ComputedColumn>,
    pub comment: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct ComputedColumn {
    pub expr: Expr,
    pub data_type: DataType,
    pub nullable: bool,
}

/// `WATERMARK FOR column AS text`.
#[derive(Debug, Clone)]
pub(crate) struct Watermark {
    pub column: String,
    pub text: String,
    pub sql: Box<SqlExpr>,
    /// Over the columns that the connector reads; once the table's columns are known.
    pub expr: Option<Expr>,
}

impl Column {
    pub(crate) fn declared(&self) -> Option<&DeclaredType> {
        match &self.kind {
            ColumnKind::Physical(declared) | ColumnKind::Metadata { declared, .. } => {
                Some(declared)
            }
            ColumnKind::Computed { .. } => None,
        }
    }

    fn is_virtual(&self) -> bool {
        match &self.kind {
            ColumnKind::Physical(_) => false,
            ColumnKind::Metadata { is_virtual, .. } => *is_virtual,
            ColumnKind::Computed { .. } => true,
        }
    }

    fn field(&self) -> Option<Field> {
        self.declared()
            .map(|declared| Field::new(&self.name, declared.data_type.clone(), declared.nullable))
    }
}

impl Table {
    /// What the connector is told; `hint` are options that replace the declared ones.
    pub(crate) fn definition(&self, hint: &BTreeMap<String, String>) -> TableDefinition {
        let mut options = self.options.clone();
        options.extend(hint.clone());
        let columns = self
            .columns
            .iter()
            .filter_map(|column| {
                let field = column.field()?;
                let metadata = match &column.kind {
                    ColumnKind::Metadata { key, .. } => {
                        Some(key.clone().unwrap_or_else(|| column.name.clone()))
                    }
                    _ => None,
                };
                Some(TableColumn {
                    field,
                    metadata,
                    virtual_column: column.is_virtual(),
                })
            })
            .collect();
        TableDefinition {
            name: self.name.clone(),
            columns,
            options,
            partition_keys: self.partition_keys.clone(),
            primary_key: self.primary_key.clone(),
        }
    }

    /// The columns that a connector reads: all but the computed ones.
    pub(crate) fn read_schema(&self) -> SchemaRef {
        Arc::new(Schema::new(
            self.columns
                .iter()
                .filter_map(Column::field)
                .collect::<Vec<_>>(),
        ))
    }

    /// The columns that an INSERT fills, in order.
    pub(crate) fn written_columns(&self) -> Vec<&Column> {
        self.columns
            .iter()
            .filter(|column| !column.is_virtual())
            .collect()
    }

    pub(crate) fn has_computed_columns(&self) -> bool {
        self.columns.iter().any(|column| column.computed.is_some())
    }
}
