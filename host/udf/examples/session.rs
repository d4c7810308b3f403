//! A WASM function in a plain DataFusion session: `cargo run --release -p wasmill-udf --example session`.

use std::{error::Error, path::Path};

use datafusion::prelude::SessionContext;
use wasmill_plugin::{Host, HostConfig};
use wasmill_udf::{FunctionOptions, scalar_udf};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let host = Host::new(HostConfig::default())?;
    let plugin = host.load("haversine", Path::new("target/plugins/haversine.wasm"))?;
    let options = FunctionOptions::named("distance");
    let context = SessionContext::new();
    context.register_udf(scalar_udf(plugin, "haversine", options)?);
    let sql = "SELECT distance(52.52, 13.405, 48.857, 2.352) / 1000 AS berlin_to_paris_km";
    context.sql(sql).await?.show().await?;
    Ok(())
}
