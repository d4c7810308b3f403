//! Whole jobs as whole processes: wasmill beside Python and, where asked for, PyFlink.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    Arguments,
    measure::{Run, in_turn, median_wall, peak_memory, ratio_of_walls, run as run_process},
    table,
};

pub const FEATURES: usize = 28;

/// The model of a job and what calls it.
#[derive(Clone, Copy)]
pub enum Way {
    /// `predict(f1, …)`, the function in a component.
    Component,
    /// `ML_PREDICT(TABLE source, …)`.
    MlPredict,
}

/// The program, and the data and models that it is given.
pub struct Bench<'a> {
    pub arguments: &'a Arguments,
    pub root: PathBuf,
    pub folder: PathBuf,
    pub program: PathBuf,
}

/// Runs the suite and prints its tables.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let bench = Bench::new(arguments)?;
    bench.generate(&[arguments.rows, bench.many_rows()])?;

    let mut lines = bench.large()?;
    lines.extend(bench.scaling()?);
    lines.extend(bench.small()?);
    lines.extend(bench.memory()?);
    table::print(
        &format!(
            "Whole processes, {} cores, medians of {}",
            cores(),
            arguments.runs
        ),
        &["what", "wasmill", "beside", "ratio", "bar", ""],
        &lines,
    );
    Ok(())
}

const BLACKHOLE: &str = "'connector' = 'blackhole'";

pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

impl<'a> Bench<'a> {
    pub fn new(arguments: &'a Arguments) -> Result<Self, Box<dyn Error>> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("..")
            .canonicalize()?;
        let folder = match &arguments.folder {
            Some(folder) => folder.clone(),
            None => std::env::temp_dir().join("wasmill-bench"),
        };
        fs::create_dir_all(&folder)?;
        let program = std::env::current_exe()?.with_file_name("wasmill");
        if !program.exists() {
            return Err(
                format!("{} is not built: use cargo xtask bench", program.display()).into(),
            );
        }
        Ok(Bench {
            arguments,
            root,
            folder,
            program,
        })
    }

    pub fn data(&self, rows: usize) -> PathBuf {
        self.folder.join(format!("rows-{rows}/data/test.tsv"))
    }

    pub fn model(&self, name: &str) -> PathBuf {
        self.folder.join("rows-500").join(name)
    }

    /// Makes what is missing of the data, of so many rows each, and the two models.
    pub fn generate(&self, sizes: &[usize]) -> Result<(), Box<dyn Error>> {
        let script = self.root.join("examples/lightgbm-batch/generate.py");
        let sizes = sizes.iter().map(|rows| (*rows, false));
        for (rows, train) in [(500, true)].into_iter().chain(sizes) {
            let done = self.data(rows).exists() && (!train || self.model("model-500.txt").exists());
            if !done {
                eprintln!(
                    "making {rows} rows{}",
                    if train { " and two models" } else { "" }
                );
                let mut command = Command::new(&self.arguments.python);
                command.arg(&script).arg("--rows").arg(rows.to_string());
                command
                    .arg("--out")
                    .arg(self.folder.join(format!("rows-{rows}")));
                if train {
                    command.arg("--train");
                }
                run_process(&mut command)?;
            }
        }
        Ok(())
    }

    /// So many that the start of the process counts for nothing.
    fn many_rows(&self) -> usize {
        self.arguments.rows * 5
    }

    /// Writes a job file and returns the command that runs it.
    fn job(
        &self,
        name: &str,
        rows: usize,
        model: &str,
        way: Way,
        sink: &str,
        parallelism: usize,
    ) -> Result<Command, Box<dyn Error>> {
        let list = |suffix: &str| {
            let names: Vec<_> = (1..=FEATURES).map(|n| format!("f{n}{suffix}")).collect();
            names.join(", ")
        };
        let query = match way {
            Way::Component => format!("SELECT label, predict({}) FROM source", list("")),
            Way::MlPredict => format!(
                "SELECT label, prediction FROM ML_PREDICT(TABLE source, MODEL higgs, DESCRIPTOR({}))",
                list("")
            ),
        };
        let sql = format!(
            "CREATE TABLE source (label INT, {columns}) WITH ('connector' = 'filesystem', \
             'format' = 'csv', 'csv.field-delimiter' = '\\t', 'path' = '{data}');\n\
             CREATE TABLE sink (label INT, prediction DOUBLE) WITH ({sink});\n\
             CREATE MODEL higgs INPUT ({columns}) OUTPUT (prediction DOUBLE) \
             WITH ('provider' = 'lightgbm', 'path' = '{model}');\n\
             CREATE FUNCTION predict AS '{plugin}#predict' LANGUAGE WASM \
             WITH ('model' = 'higgs', 'grant.models' = 'higgs');\n\
             INSERT INTO sink {query};\n",
            columns = list(" DOUBLE"),
            data = self.data(rows).display(),
            model = self.model(model).display(),
            plugin = self.root.join("target/plugins/predict.wasm").display(),
        );
        let file = self.folder.join(format!("{name}.sql"));
        fs::write(&file, sql)?;
        let mut command = Command::new(&self.program);
        command.arg("run").arg(file);
        command
            .arg("--set")
            .arg(format!("parallelism.default={parallelism}"));
        Ok(command)
    }

    fn python(&self, rows: usize, model: &str, threads: usize) -> Command {
        let mut command = Command::new(&self.arguments.python);
        command
            .env("POLARS_MAX_THREADS", threads.to_string())
            .arg(self.root.join("benches/python_baseline.py"))
            .arg(self.model(model))
            .arg(self.data(rows))
            .arg(threads.to_string());
        command
    }

    /// The large runs: beside Python, files beside blackhole.
    fn large(&self) -> Result<Vec<Vec<String>>, Box<dyn Error>> {
        let files = format!(
            "'connector' = 'filesystem', 'format' = 'csv', 'path' = '{}'",
            self.folder.join("out").display()
        );
        let rows = self.arguments.rows;
        let job = |name: &str, model: &str, way, sink: &str, parallelism| {
            self.job(name, rows, model, way, sink, parallelism)
        };
        eprintln!("{rows} rows, 20 and 500 trees");
        let (model, way) = ("model.txt", Way::Component);
        let mut commands = [
            self.python(rows, model, cores()),
            job("component-20", model, way, BLACKHOLE, cores())?,
            job("ml-predict-20", model, Way::MlPredict, BLACKHOLE, cores())?,
            job("files-20", model, way, &files, cores())?,
        ];
        let results = in_turn(&mut commands, self.arguments.runs)?;
        fs::remove_dir_all(self.folder.join("out")).ok();
        let [python, component, ml_predict, files] = &results[..] else {
            return Err("a run is missing".into());
        };
        let model = "model-500.txt";
        let mut commands = [
            self.python(rows, model, cores()),
            job("component-500", model, way, BLACKHOLE, cores())?,
        ];
        let results = in_turn(&mut commands, self.arguments.runs)?;
        let [python_500, component_500] = &results[..] else {
            return Err("a run is missing".into());
        };
        let beside = |what: &str, runs: &[Run]| {
            let time = table::duration(median_wall(runs));
            format!("{what}: {time}")
        };
        let line = |what: String, ours: &[Run], beside: String, ratio: f64, bar: f64| {
            vec![
                what,
                table::duration(median_wall(ours)),
                beside,
                table::ratio(ratio),
                format!("≥ {bar}×"),
                table::verdict(ratio >= bar),
            ]
        };
        let millions = rows as f64 / 1e6;
        let through_component = format!("{millions}M rows, 20 trees, through the component");
        const PYTHON: &str = "polars + LightGBM";
        let files_ratio = ratio_of_walls(files, component);
        let mut lines = vec![
            line(
                through_component.clone(),
                component,
                beside(PYTHON, python),
                ratio_of_walls(python, component),
                1.5,
            ),
            line(
                format!("{millions}M rows, 20 trees, ML_PREDICT"),
                ml_predict,
                beside(PYTHON, python),
                ratio_of_walls(python, ml_predict),
                1.5,
            ),
            line(
                format!("{millions}M rows, 500 trees"),
                component_500,
                beside(PYTHON, python_500),
                ratio_of_walls(python_500, component_500),
                1.0,
            ),
            vec![
                "20 trees to CSV files".to_owned(),
                table::duration(median_wall(files)),
                beside("blackhole", component),
                table::ratio(files_ratio),
                "≤ 1.4×".to_owned(),
                table::verdict(files_ratio <= 1.4),
            ],
        ];
        if let Some(pyflink) = &self.arguments.with_pyflink {
            let mut command = Command::new(pyflink);
            command
                .arg(self.root.join("benches/pyflink_baseline.py"))
                .arg(self.model("model.txt"))
                .arg(self.data(rows));
            let ours = job("component-20", "model.txt", way, BLACKHOLE, cores())?;
            let runs = in_turn(&mut [ours, command], self.arguments.runs)?;
            lines.push(line(
                through_component,
                &runs[0],
                beside("PyFlink", &runs[1]),
                ratio_of_walls(&runs[1], &runs[0]),
                15.0,
            ));
        }
        Ok(lines)
    }

    /// One core beside all.
    fn scaling(&self) -> Result<Vec<Vec<String>>, Box<dyn Error>> {
        let rows = self.many_rows();
        eprintln!("{rows} rows, on one core and on all");
        let job = |name: &str, parallelism| {
            self.job(
                name,
                rows,
                "model.txt",
                Way::Component,
                BLACKHOLE,
                parallelism,
            )
        };
        let mut commands = [job("one-core", 1)?, job("all-cores", cores())?];
        let runs = in_turn(&mut commands, self.arguments.runs)?;
        let ratio = ratio_of_walls(&runs[0], &runs[1]);
        Ok(vec![vec![
            format!("{}M rows, 1 → {} cores", rows as f64 / 1e6, cores()),
            table::duration(median_wall(&runs[1])),
            format!("1 core: {}", table::duration(median_wall(&runs[0]))),
            table::ratio(ratio),
            "≥ 1.8×".to_owned(),
            table::verdict(ratio >= 1.8),
        ]])
    }

    /// 500 rows: start-up is what counts.
    fn small(&self) -> Result<Vec<Vec<String>>, Box<dyn Error>> {
        eprintln!("500 rows");
        let cache = self.folder.join("cache");
        let job = |name: &str| self.job(name, 500, "model.txt", Way::Component, BLACKHOLE, cores());
        let mut warm = job("start-warm")?;
        warm.env("WASMILL_CACHE_DIR", &cache);
        let warm = in_turn(&mut [warm], self.arguments.runs)?;
        let mut cold_runs = Vec::new();
        for _ in 0..self.arguments.runs {
            fs::remove_dir_all(&cache).ok();
            let mut cold = job("start-cold")?;
            cold.env("WASMILL_CACHE_DIR", &cache);
            cold_runs.push(run_process(&mut cold)?);
        }
        let line = |what: &str, time: f64, bar: f64| {
            vec![
                what.to_owned(),
                table::duration(time),
                "–".to_owned(),
                "–".to_owned(),
                format!("≤ {}", table::duration(bar)),
                table::verdict(time <= bar),
            ]
        };
        Ok(vec![
            line("500 rows, warm compile cache", median_wall(&warm[0]), 0.25),
            line("500 rows, cold compile cache", median_wall(&cold_runs), 1.5),
        ])
    }

    /// Five times the rows: memory must not follow.
    fn memory(&self) -> Result<Vec<Vec<String>>, Box<dyn Error>> {
        let rows = self.many_rows();
        eprintln!("{rows} rows, for the memory");
        let sink = format!(
            "'connector' = 'filesystem', 'format' = 'csv', 'path' = '{}'",
            self.folder.join("out-memory").display()
        );
        let mut command = self.job("memory", rows, "model.txt", Way::Component, &sink, cores())?;
        let run = run_process(&mut command)?;
        fs::remove_dir_all(self.folder.join("out-memory")).ok();
        let memory = peak_memory(&[run]) / (1 << 20);
        Ok(vec![vec![
            format!("peak memory, {}M rows to CSV files", rows as f64 / 1e6),
            format!("{memory} MiB"),
            "–".to_owned(),
            "–".to_owned(),
            "≤ 400 MB".to_owned(),
            table::verdict(memory * (1 << 20) <= 400_000_000),
        ]])
    }
}
