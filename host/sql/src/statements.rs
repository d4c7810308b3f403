//! All statements but CREATE.

use sqlparser::tokenizer::{Span, Token};

use crate::error::nearest;
use crate::{
    reader::{Result, StatementReader, SyntaxError},
    statement::{Alter, AlterAction, Insert, Name, ObjectKind, Options, Setting, Show, Statement},
};

const FIRST_WORDS: &[&str] = &[
    "ALTER", "CREATE", "DESCRIBE", "DROP", "EXECUTE", "EXPLAIN", "INSERT", "RESET", "SELECT",
    "SET", "SHOW", "VALUES", "WITH",
];

impl StatementReader<'_> {
    pub(crate) fn statement(&mut self) -> Result<Statement> {
        if self.is_query() {
            return Ok(Statement::Query(self.query()?.0));
        }
        let first = self.peek();
        if self.word("CREATE") {
            self.create()
        } else if self.is_next("INSERT") {
            self.insert().map(Statement::Insert)
        } else if self.word("DROP") {
            self.drop_object()
        } else if self.word("ALTER") {
            self.alter()
        } else if self.word("EXPLAIN") {
            self.explain()
        } else if self.word("SHOW") {
            self.show().map(Statement::Show)
        } else if self.word("DESCRIBE") || self.word("DESC") {
            self.describe()
        } else if self.word("SET") {
            self.set()
        } else if self.word("RESET") {
            self.reset()
        } else if self.word("EXECUTE") {
            let insert = self.is_next("INSERT");
            if insert {
                self.insert().map(Statement::Insert)
            } else {
                self.expected("STATEMENT SET BEGIN")
            }
        } else if self.is_next("USE") || self.is_next("LOAD") || self.is_next("UNLOAD") {
            Err(SyntaxError::new(
                first.span,
                format!(
                    "{} is not needed: there is one catalog, and no modules",
                    first.token
                ),
            )
            .with_hint("leave the statement out"))
        } else if ["UPDATE", "DELETE", "TRUNCATE", "MERGE"]
            .iter()
            .any(|word| self.is_next(word))
        {
            Err(SyntaxError::new(
                first.span,
                format!(
                    "{} is not supported: tables are read, or written whole",
                    first.token
                ),
            )
            .with_hint("INSERT OVERWRITE writes a table anew"))
        } else {
            let error = SyntaxError::new(
                first.span,
                format!(
                    "syntax error: a statement cannot start with {}",
                    first.token
                ),
            );
            let word = first.token.to_string();
            Err(match nearest(&word, FIRST_WORDS.iter().copied()) {
                Some(near) => error.with_hint(format!("did you mean {near}?")),
                None => error,
            })
        }
    }

    fn insert(&mut self) -> Result<Insert> {
        self.expect_word("INSERT")?;
        let overwrite = self.word("OVERWRITE");
        if !overwrite && !self.word("INTO") {
            return self.expected("INTO or OVERWRITE");
        }
        self.word("TABLE");
        let table = self.object_name()?;
        let mut partition = Vec::new();
        if self.word("PARTITION") {
            self.expect(&Token::LParen)?;
            loop {
                let name = self.identifier()?;
                self.expect(&Token::Eq)?;
                partition.push((name, self.parser.parse_expr()?));
                if self.parser.consume_token(&Token::RParen) {
                    break;
                }
                self.expect(&Token::Comma)?;
            }
        }
        let columns = if self.parser.peek_token_ref().token == Token::LParen
            && !["SELECT", "WITH", "VALUES"]
                .iter()
                .any(|word| self.is_nth(1, word))
            && self.parser.peek_nth_token_ref(1).token != Token::LParen
        {
            self.names()?
        } else {
            vec![]
        };
        if !self.is_query() {
            return self.expected("SELECT or VALUES");
        }
        let (query, _) = self.query()?;
        Ok(Insert {
            table,
            overwrite,
            partition,
            columns,
            query,
        })
    }

    fn kind(&mut self) -> Option<ObjectKind> {
        const KINDS: &[(&str, ObjectKind)] = &[
            ("TABLE", ObjectKind::Table),
            ("VIEW", ObjectKind::View),
            ("MODEL", ObjectKind::Model),
            ("FUNCTION", ObjectKind::Function),
        ];
        KINDS
            .iter()
            .find(|(word, _)| self.is_next(word))
            .map(|(word, kind)| {
                self.word(word);
                *kind
            })
    }

    fn drop_object(&mut self) -> Result<Statement> {
        if self.word("TEMPORARY") {
            self.word("SYSTEM");
        }
        let Some(kind) = self.kind() else {
            return self.expected("TABLE, VIEW, MODEL or FUNCTION");
        };
        let if_exists = self.if_exists();
        let name = self.object_name()?;
        Ok(Statement::Drop {
            kind,
            name,
            if_exists,
        })
    }

    fn alter(&mut self) -> Result<Statement> {
        let kind = match self.kind() {
            Some(kind @ (ObjectKind::Table | ObjectKind::Model | ObjectKind::View)) => kind,
            _ => return self.expected("TABLE, VIEW or MODEL"),
        };
        let if_exists = self.if_exists();
        let name = self.object_name()?;
        let action = if kind != ObjectKind::View && self.word("SET") {
            AlterAction::Set(self.options()?)
        } else if kind != ObjectKind::View && self.word("RESET") {
            self.expect(&Token::LParen)?;
            let mut keys = vec![self.key()?];
            while self.parser.consume_token(&Token::Comma) {
                keys.push(self.key()?);
            }
            self.expect(&Token::RParen)?;
            AlterAction::Reset(keys)
        } else if self.words(&["RENAME", "TO"]) {
            AlterAction::Rename(self.object_name()?)
        } else if kind == ObjectKind::View {
            return self.expected("RENAME TO");
        } else {
            return self.expected("SET (…), RESET (…) or RENAME TO");
        };
        Ok(Statement::Alter(Alter {
            kind,
            name,
            if_exists,
            action,
        }))
    }

    fn key(&mut self) -> Result<Name> {
        let span = self.peek_span();
        Ok(Name {
            text: self.string()?,
            span,
        })
    }

    fn explain(&mut self) -> Result<Statement> {
        if !self.words(&["PLAN", "FOR"]) {
            const DETAILS: &[&str] = &[
                "ESTIMATED_COST",
                "CHANGELOG_MODE",
                "PLAN_ADVICE",
                "JSON_EXECUTION_PLAN",
            ];
            while DETAILS.iter().any(|detail| self.word(detail)) {
                let _ = self.parser.consume_token(&Token::Comma);
            }
        }
        let inner = if self.is_query() {
            Statement::Query(self.query()?.0)
        } else if self.is_next("INSERT") {
            Statement::Insert(self.insert()?)
        } else {
            return Err(SyntaxError::new(
                self.peek_span(),
                "syntax error: EXPLAIN works on a query, an INSERT or a statement set",
            ));
        };
        Ok(Statement::Explain(Box::new(inner)))
    }

    fn show(&mut self) -> Result<Show> {
        if self.word("CREATE") {
            let Some(kind) = self.kind() else {
                return self.expected("TABLE, VIEW, MODEL or FUNCTION");
            };
            let name = self.object_name()?;
            return Ok(Show::Create { kind, name });
        }
        if self.word("TABLES") {
            Ok(Show::Tables)
        } else if self.word("VIEWS") {
            Ok(Show::Views)
        } else if self.word("MODELS") {
            Ok(Show::Models)
        } else if self.word("FUNCTIONS") {
            Ok(Show::Functions { user: false })
        } else if self.words(&["USER", "FUNCTIONS"]) {
            Ok(Show::Functions { user: true })
        } else {
            self.expected("TABLES, VIEWS, MODELS, FUNCTIONS or CREATE")
        }
    }

    fn describe(&mut self) -> Result<Statement> {
        self.word("EXTENDED");
        let named = matches!(self.parser.peek_nth_token_ref(1).token, Token::Word(_));
        let kind = if named { self.kind() } else { None };
        let name = self.object_name()?;
        Ok(Statement::Describe {
            kind: kind.unwrap_or(ObjectKind::Table),
            name,
        })
    }

    fn set(&mut self) -> Result<Statement> {
        if self.parser.peek_token_ref().token == Token::EOF {
            return Ok(Statement::Setting(None));
        }
        let key = self.setting_key()?;
        self.expect(&Token::Eq)?;
        let value = match self.peek().token {
            Token::SingleQuotedString(_) => self.string()?,
            _ => self.bare_value()?,
        };
        Ok(Statement::Setting(Some(Setting { key, value })))
    }

    fn reset(&mut self) -> Result<Statement> {
        if self.parser.peek_token_ref().token == Token::EOF {
            return Ok(Statement::Reset(None));
        }
        Ok(Statement::Reset(Some(self.setting_key()?)))
    }

    /// `'a.b'`, or `a.b` as older files of Flink have it.
    fn setting_key(&mut self) -> Result<Name> {
        let start = self.peek_span();
        if let Token::SingleQuotedString(_) = self.peek().token {
            return self.key();
        }
        let mut text = String::new();
        while !matches!(self.peek().token, Token::Eq | Token::EOF) {
            text.push_str(&self.parser.next_token().token.to_string());
        }
        if text.is_empty() {
            return self.expected("a key in single quotes");
        }
        Ok(Name {
            text,
            span: Span::new(start.start, self.last_end()),
        })
    }

    fn bare_value(&mut self) -> Result<String> {
        let start = self.peek_span().start;
        if self.parser.peek_token_ref().token == Token::EOF {
            return self.expected("a value in single quotes");
        }
        while self.parser.peek_token_ref().token != Token::EOF {
            self.parser.next_token();
        }
        Ok(self
            .script
            .text(Span::new(start, self.last_end()))
            .to_owned())
    }
}

impl Options {
    /// Where `key` stands.
    pub fn span(&self, key: &str) -> Option<Span> {
        self.spans.get(key).copied()
    }
}
