//! Languages that plugins are written in: their templates, and how their folders are told.

use std::path::Path;

/// A language with an SDK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    Rust,
    Python,
    #[value(name = "javascript")]
    JavaScript,
    Go,
    C,
}

/// A file of a template: its path, and its text with `{{name}}` and `{{sdk}}`.
pub type TemplateFile = (&'static str, &'static str);

macro_rules! template {
    ($language:literal: $($path:literal = $file:literal),+) => {
        &[
            $(($path, include_str!(concat!("../../templates/", $language, "/", $file)))),+,
            ("README.md", include_str!(concat!("../../templates/", $language, "/README.md"))),
            (".gitignore", include_str!(concat!("../../templates/", $language, "/gitignore"))),
            ("job.sql", include_str!("../../templates/job.sql")),
        ]
    };
}

impl Language {
    const ALL: [Language; 5] = [
        Language::Rust,
        Language::Python,
        Language::JavaScript,
        Language::Go,
        Language::C,
    ];

    /// Its folder in `sdk/`.
    pub fn folder(self) -> &'static str {
        match self {
            Language::Rust => "rust",
            Language::Python => "python",
            Language::JavaScript => "javascript",
            Language::Go => "go",
            Language::C => "c",
        }
    }

    pub fn template(self) -> &'static [TemplateFile] {
        match self {
            Language::Rust => {
                template!("rust": "Cargo.toml" = "Cargo.toml", ".cargo/config.toml" = "config.toml", "src/lib.rs" = "src/lib.rs")
            }
            Language::Python => {
                template!("python": "pyproject.toml" = "pyproject.toml", "plugin.py" = "plugin.py")
            }
            Language::JavaScript => {
                template!("javascript": "package.json" = "package.json", ".npmrc" = "npmrc", "plugin.js" = "plugin.js")
            }
            Language::Go => template!("go": "go.mod" = "go.mod", "main.go" = "main.go"),
            Language::C => template!("c": "Makefile" = "Makefile", "plugin.c" = "plugin.c"),
        }
    }

    /// The dependency on the SDK as the template's files have it: of a checkout, or else of the
    /// repository.
    pub fn sdk(self, checkout: Option<&Path>) -> String {
        const REPOSITORY: &str = "https://github.com/wasmill/wasmill";
        let sdk = checkout.map(|checkout| {
            checkout
                .join("sdk")
                .join(self.folder())
                .to_string_lossy()
                .into_owned()
        });
        // A text of JSON is one of TOML and of go.mod too.
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        match (self, sdk) {
            (Language::Rust, Some(sdk)) => format!("{{ path = {} }}", quoted(&sdk)),
            (Language::Rust, None) => format!("{{ git = \"{REPOSITORY}\" }}"),
            (Language::Python, Some(sdk)) => quoted(&format!("wasmill-sdk @ file://{sdk}")),
            (Language::Python, None) => quoted(&format!(
                "wasmill-sdk @ git+{REPOSITORY}#subdirectory=sdk/python"
            )),
            (Language::JavaScript, Some(sdk)) => quoted(&format!("file:{sdk}")),
            (Language::JavaScript, None) => quoted("^0.1.0"),
            (Language::Go, Some(sdk)) => {
                format!(
                    "\nreplace github.com/wasmill/wasmill/sdk/go => {}",
                    quoted(&sdk)
                )
            }
            (Language::Go, None) => String::new(),
            (Language::C, Some(sdk)) => sdk,
            (Language::C, None) => "wasmill/sdk/c".to_owned(),
        }
    }

    /// The language of the plugin in a folder.
    pub fn of(folder: &Path) -> Option<Self> {
        let has = |name: &&str| folder.join(name).is_file();
        Language::ALL
            .into_iter()
            .find(|language| language.marks().iter().any(has))
    }

    /// Files of which one tells of the language.
    pub fn marks(self) -> &'static [&'static str] {
        match self {
            Language::Rust => &["Cargo.toml"],
            Language::Python => &["pyproject.toml", "plugin.py"],
            Language::JavaScript => &["package.json"],
            Language::Go => &["go.mod"],
            Language::C => &["Makefile", "plugin.c"],
        }
    }

    /// All that [`Language::of`] looks for.
    pub fn all_marks() -> String {
        let marks = Language::ALL.iter().flat_map(|language| language.marks());
        marks.copied().collect::<Vec<_>>().join(", ")
    }
}
