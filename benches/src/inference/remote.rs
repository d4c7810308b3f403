//! One model in this process, and on a server in Python (MLServer, gRPC) that is asked in several ways:
//! once a row by a caller that waits, as the classic client does, and with batches.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    thread::sleep,
    time::{Duration, Instant},
};

use arrow::{
    array::{ArrayRef, FixedSizeListArray, Float64Array},
    datatypes::{DataType, Field},
};
use wasmill_inference::{Model, ModelDefinition, load};

use super::{Result, random_column};
use crate::{Arguments, measure::median, table};

const FEATURES: usize = 30;

/// A server that ends with the bench.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A way to ask, and how many rows it is measured with.
struct Way {
    name: &'static str,
    rows: usize,
    options: &'static [(&'static str, &'static str)],
}

const WAYS: [Way; 5] = [
    Way {
        name: "in this process",
        rows: 1_000_000,
        options: &[],
    },
    Way {
        name: "server, a row a request, one at a time (the classic client)",
        rows: 500,
        options: &[("batch.max-rows", "1"), ("max-concurrent-operations", "1")],
    },
    Way {
        name: "server, a row a request, 10 at a time",
        rows: 1_000,
        options: &[("batch.max-rows", "1")],
    },
    Way {
        name: "server, 64 rows a request, 10 at a time",
        rows: 50_000,
        options: &[("batch.max-rows", "64")],
    },
    Way {
        name: "server, 1,024 rows a request, 10 at a time",
        rows: 200_000,
        options: &[("batch.max-rows", "1024")],
    },
];

pub fn run(arguments: &Arguments, folder: &Path, environment: &Path) -> Result<()> {
    let (endpoint, _server) = start(folder, environment)?;
    let rows = WAYS.iter().map(|way| way.rows).max().unwrap_or_default();
    let columns: Vec<_> = (0..FEATURES)
        .map(|feature| random_column(feature, rows, false))
        .collect();
    let matrix = (0..rows).flat_map(|row| columns.iter().map(move |column| column[row]));
    // The server takes no NaN over JSON, and the model was trained without.
    let matrix = matrix.map(|value| if value.is_nan() { 0.0 } else { value });
    let matrix = Float64Array::from_iter_values(matrix);
    let item = Arc::new(Field::new_list_field(DataType::Float64, true));
    let list = FixedSizeListArray::try_new(item, FEATURES as i32, Arc::new(matrix), None)?;
    let models = WAYS
        .iter()
        .map(|way| model(folder, &endpoint, list_type(), way.options))
        .collect::<Result<Vec<_>>>()?;
    let mut samples = vec![Vec::new(); WAYS.len()];
    for _ in 0..arguments.runs {
        for ((way, model), samples) in WAYS.iter().zip(&models).zip(&mut samples) {
            let column: ArrayRef = Arc::new(list.slice(0, way.rows));
            let started = Instant::now();
            model.predict(&[column], way.rows, None)?;
            samples.push(way.rows as f64 / started.elapsed().as_secs_f64());
        }
    }
    let speeds: Vec<f64> = samples.into_iter().map(median).collect();
    let classic = speeds[1];
    let lines: Vec<_> = WAYS
        .iter()
        .zip(&speeds)
        .map(|(way, speed)| {
            vec![
                way.name.to_owned(),
                format!("{speed:.0}"),
                table::ratio(speed / classic),
            ]
        })
        .collect();
    table::print(
        "20 trees × 31 leaves, here and on MLServer over gRPC: rows a second",
        &["", "rows/s", "to the classic client"],
        &lines,
    );
    Ok(())
}

fn list_type() -> DataType {
    let item = Arc::new(Field::new_list_field(DataType::Float64, true));
    DataType::FixedSizeList(item, FEATURES as i32)
}

/// The server with the model, and where it listens.
fn start(folder: &Path, environment: &Path) -> Result<(String, Server)> {
    let home = folder.join("mlserver");
    fs::create_dir_all(&home)?;
    fs::copy(folder.join("20x31.txt"), home.join("model.bst"))?;
    let free = || -> Result<u16> { Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port()) };
    let (http, grpc, metrics) = (free()?, free()?, free()?);
    fs::write(
        home.join("model-settings.json"),
        r#"{"name": "trees", "implementation": "mlserver_lightgbm.LightGBMModel",
            "parameters": {"uri": "./model.bst", "version": "1"}}"#,
    )?;
    fs::write(
        home.join("settings.json"),
        format!(
            r#"{{"host": "127.0.0.1", "http_port": {http}, "grpc_port": {grpc},
                "metrics_port": {metrics}, "parallel_workers": 0}}"#
        ),
    )?;
    let log = fs::File::create(home.join("log"))?;
    let server = Server(
        Command::new(environment.join("bin/mlserver"))
            .arg("start")
            .arg(&home)
            .current_dir(&home)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?,
    );
    let endpoint = format!("grpc://127.0.0.1:{grpc}");
    let patience = Instant::now() + Duration::from_secs(60);
    while let Err(error) = model(folder, &endpoint, list_type(), &[("batch.max-rows", "1")]) {
        if patience < Instant::now() {
            return Err(error);
        }
        sleep(Duration::from_millis(200));
    }
    Ok((endpoint, server))
}

/// The model here, or with options that of the server.
fn model(
    folder: &Path,
    endpoint: &str,
    features: DataType,
    options: &[(&str, &str)],
) -> Result<Arc<dyn Model>> {
    let (provider, own): (_, &[(&str, &str)]) = match options {
        [] => ("lightgbm", &[("path", "20x31.txt")]),
        _ => (
            "open-inference",
            &[("endpoint", endpoint), ("model", "trees")],
        ),
    };
    let options = own.iter().chain(options);
    Ok(load(&ModelDefinition {
        name: "trees".into(),
        provider: provider.into(),
        options: options
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect(),
        inputs: vec![Field::new("features", features, true)],
        outputs: vec![Field::new("prediction", DataType::Float64, true)],
        base: folder.into(),
    })?)
}
