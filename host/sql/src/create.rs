//! CREATE TABLE, VIEW, MODEL and FUNCTION.

use sqlparser::tokenizer::{Span, Token};

use crate::{
    reader::{Result, StatementReader, SyntaxError},
    statement::{
        ColumnDefinition, ColumnKind, CreateFunction, CreateModel, CreateTable, CreateView,
        DeclaredType, Like, ModelColumn, Name, Statement, Watermark,
    },
    types::parse_type,
};

impl StatementReader<'_> {
    /// Behind `CREATE`.
    pub(crate) fn create(&mut self) -> Result<Statement> {
        if self.words(&["OR", "REPLACE"]) || self.words(&["OR", "ALTER"]) {
            return Err(SyntaxError::new(
                self.parser.get_current_token().span,
                "syntax error: CREATE OR REPLACE is not supported",
            )
            .with_hint("write DROP … IF EXISTS before CREATE"));
        }
        let temporary = self.word("TEMPORARY");
        let system = temporary && self.word("SYSTEM");
        if self.word("FUNCTION") {
            return self.create_function(temporary);
        }
        if system {
            return self.expected("FUNCTION");
        }
        if self.word("TABLE") {
            self.create_table(temporary)
        } else if self.word("VIEW") {
            self.create_view(temporary)
        } else if self.word("MODEL") {
            self.create_model(temporary)
        } else {
            let words = "TABLE, VIEW, MODEL or FUNCTION";
            if self.is_next("CATALOG") || self.is_next("DATABASE") {
                return Err(SyntaxError::new(
                    self.peek_span(),
                    "there is one catalog with one database: no other can be created",
                ));
            }
            self.expected(words)
        }
    }

    fn create_table(&mut self, temporary: bool) -> Result<Statement> {
        let if_not_exists = self.if_not_exists();
        let name = self.object_name()?;
        let mut table = CreateTable {
            name,
            temporary,
            if_not_exists,
            columns: vec![],
            watermark: None,
            primary_key: vec![],
            comment: None,
            partition_keys: vec![],
            options: Default::default(),
            like: None,
            query: None,
        };
        if self.parser.consume_token(&Token::LParen) {
            loop {
                self.table_element(&mut table)?;
                if self.parser.consume_token(&Token::RParen) {
                    break;
                }
                if !self.parser.consume_token(&Token::Comma) {
                    return self.expected("',' or ')'");
                }
            }
        }
        table.comment = self.comment()?;
        if self.words(&["PARTITIONED", "BY"]) {
            table.partition_keys = self.names()?;
        }
        if self.word("WITH") {
            table.options = self.options()?;
        }
        if self.word("LIKE") {
            table.like = Some(self.like()?);
        } else if self.word("AS") {
            table.query = Some(self.query()?);
        } else if table.columns.is_empty() {
            return self.expected("the columns, LIKE or AS");
        }
        if table.like.is_some() && self.word("WITH") {
            table.options = self.options()?;
        }
        check_columns(&table)?;
        Ok(Statement::CreateTable(Box::new(table)))
    }

    fn table_element(&mut self, table: &mut CreateTable) -> Result<()> {
        if self.words(&["WATERMARK", "FOR"]) {
            let column = self.identifier()?;
            self.expect_word("AS")?;
            let (expr, text) = self.expression()?;
            let expr = Box::new(expr);
            table.watermark = Some(Watermark { column, expr, text });
            return Ok(());
        }
        if self.is_next("CONSTRAINT") && self.is_nth(2, "PRIMARY") {
            self.word("CONSTRAINT");
            self.identifier()?;
        }
        if self.words(&["PRIMARY", "KEY"]) {
            table.primary_key = self.names()?;
            return self.not_enforced();
        }
        let name = self.identifier()?;
        let kind = if self.word("AS") {
            let (expr, text) = self.expression()?;
            ColumnKind::Computed {
                expr: Box::new(expr),
                text,
            }
        } else {
            self.declared_column(&name, &mut table.primary_key)?
        };
        let comment = self.comment()?;
        table.columns.push(ColumnDefinition {
            name,
            kind,
            comment,
        });
        Ok(())
    }

    fn declared_column(&mut self, name: &Name, primary_key: &mut Vec<Name>) -> Result<ColumnKind> {
        let mut declared = self.declared_type()?;
        if self.word("METADATA") {
            let key = if self.word("FROM") {
                Some(self.string()?)
            } else {
                None
            };
            let is_virtual = self.word("VIRTUAL");
            return Ok(ColumnKind::Metadata {
                declared,
                key,
                is_virtual,
            });
        }
        if self.word("CONSTRAINT") {
            self.identifier()?;
        }
        if self.words(&["PRIMARY", "KEY"]) {
            self.not_enforced()?;
            primary_key.push(name.clone());
            declared.nullable = false;
        }
        if self.words(&["NOT", "NULL"]) {
            declared.nullable = false;
        }
        if self.is_next("DEFAULT") || self.is_next("UNIQUE") || self.is_next("CHECK") {
            return Err(SyntaxError::new(
                self.peek_span(),
                format!("syntax error: {} is not supported", self.peek().token),
            )
            .with_hint("a column is: name TYPE [NOT NULL] [METADATA] [COMMENT 'text']"));
        }
        Ok(ColumnKind::Physical(declared))
    }

    fn declared_type(&mut self) -> Result<DeclaredType> {
        match self.peek().token {
            Token::Word(_) => parse_type(&mut self.parser),
            _ => self.expected("a type"),
        }
    }

    fn not_enforced(&mut self) -> Result<()> {
        if self.words(&["NOT", "ENFORCED"]) {
            return Ok(());
        }
        Err(SyntaxError::new(
            self.peek_span(),
            "syntax error: expected NOT ENFORCED after PRIMARY KEY",
        )
        .with_hint("a primary key is never checked: PRIMARY KEY (…) NOT ENFORCED"))
    }

    fn like(&mut self) -> Result<Like> {
        let source = self.object_name()?;
        let mut excluding = Vec::new();
        if self.parser.consume_token(&Token::LParen) {
            while !self.parser.consume_token(&Token::RParen) {
                let excludes = if self.word("EXCLUDING") {
                    true
                } else if self.word("INCLUDING") || self.word("OVERWRITING") {
                    false
                } else {
                    return self.expected("INCLUDING, EXCLUDING, OVERWRITING or ')'");
                };
                let feature = self.identifier()?.text.to_uppercase();
                if excludes {
                    excluding.push(feature);
                }
            }
        }
        Ok(Like { source, excluding })
    }

    fn create_view(&mut self, temporary: bool) -> Result<Statement> {
        let if_not_exists = self.if_not_exists();
        let name = self.object_name()?;
        let columns = if self.parser.peek_token_ref().token == Token::LParen {
            self.names()?
        } else {
            vec![]
        };
        let comment = self.comment()?;
        self.expect_word("AS")?;
        let (query, text) = self.query()?;
        Ok(Statement::CreateView(CreateView {
            name,
            temporary,
            if_not_exists,
            columns,
            comment,
            query,
            text,
        }))
    }

    fn create_model(&mut self, temporary: bool) -> Result<Statement> {
        let if_not_exists = self.if_not_exists();
        let name = self.object_name()?;
        if !self.is_next("INPUT") {
            return self.expected("INPUT");
        }
        self.word("INPUT");
        let inputs = self.model_columns()?;
        self.expect_word("OUTPUT")?;
        let outputs = self.model_columns()?;
        let comment = self.comment()?;
        self.expect_word("WITH")?;
        let options = self.options()?;
        Ok(Statement::CreateModel(CreateModel {
            name,
            temporary,
            if_not_exists,
            inputs,
            outputs,
            comment,
            options,
        }))
    }

    fn model_columns(&mut self) -> Result<Vec<ModelColumn>> {
        self.expect(&Token::LParen)?;
        let mut columns: Vec<ModelColumn> = Vec::new();
        loop {
            let name = self.identifier()?;
            if columns.iter().any(|column| column.name.text == name.text) {
                return Err(twice(&name));
            }
            let declared = self.declared_type()?;
            let comment = self.comment()?;
            columns.push(ModelColumn {
                name,
                declared,
                comment,
            });
            if self.parser.consume_token(&Token::RParen) {
                return Ok(columns);
            }
            if !self.parser.consume_token(&Token::Comma) {
                return self.expected("',' or ')'");
            }
        }
    }

    fn create_function(&mut self, temporary: bool) -> Result<Statement> {
        let if_not_exists = self.if_not_exists();
        let name = self.object_name()?;
        self.expect_word("AS")?;
        let span = self.peek_span();
        let component = Name {
            text: self.string()?,
            span,
        };
        let hint =
            "build the function as a WebAssembly component: AS 'path.wasm#name' LANGUAGE WASM";
        if self.word("LANGUAGE") {
            let language = self.identifier()?;
            if !language.text.eq_ignore_ascii_case("WASM") {
                return Err(SyntaxError::new(
                    language.span,
                    format!(
                        "functions in {} cannot run here",
                        language.text.to_uppercase()
                    ),
                )
                .with_hint(hint));
            }
        } else {
            return Err(SyntaxError::new(
                Span::new(span.start, self.last_end()),
                format!(
                    "the function '{}' has no LANGUAGE, which in Flink means Java",
                    name.text
                ),
            )
            .with_hint(hint));
        }
        if self.is_next("USING") {
            return Err(SyntaxError::new(
                self.peek_span(),
                "USING JAR has no meaning for LANGUAGE WASM",
            )
            .with_hint("the component's path stands in AS 'path.wasm#name'"));
        }
        let options = if self.word("WITH") {
            self.options()?
        } else {
            Default::default()
        };
        Ok(Statement::CreateFunction(CreateFunction {
            name,
            temporary,
            if_not_exists,
            component,
            options,
        }))
    }
}

fn twice(name: &Name) -> SyntaxError {
    SyntaxError::new(
        name.span,
        format!("the column '{}' is declared twice", name.text),
    )
}

/// Names must differ; keys and the watermark must name columns.
fn check_columns(table: &CreateTable) -> Result<()> {
    for (index, column) in table.columns.iter().enumerate() {
        let name = &column.name;
        if table.columns[..index]
            .iter()
            .any(|earlier| earlier.name.text == name.text)
        {
            return Err(twice(name));
        }
    }
    if table.like.is_some() || table.query.is_some() {
        return Ok(());
    }
    let watermark = table.watermark.iter().map(|watermark| &watermark.column);
    for key in table
        .primary_key
        .iter()
        .chain(&table.partition_keys)
        .chain(watermark)
    {
        if !table
            .columns
            .iter()
            .any(|column| column.name.text == key.text)
        {
            return Err(SyntaxError::new(
                key.span,
                format!("the table has no column '{}'", key.text),
            ));
        }
    }
    Ok(())
}
