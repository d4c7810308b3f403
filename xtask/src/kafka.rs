//! The Kafka broker that the tests and benches run: the jars of a release, and a Java to run them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::places;
use crate::step::{self, Failure, Result};
use crate::system;

/// The release in `xtask/kafka.xml`.
const VERSION: &str = "4.1.1";

/// Flink's connector, which the benches compare with.
const CONNECTOR: &str = "flink-sql-connector-kafka";
const CONNECTOR_VERSION: &str = "5.0.0-2.2";

/// The folder of the jars.
pub fn get() -> Result<PathBuf> {
    if !system::on_path("java") {
        step::say("getting Java, which runs the tests' Kafka broker");
        system::install(&["default-jre-headless"])?;
    }
    let folder = places::cache()?.join("kafka").join(VERSION);
    let jars = folder.join("libs");
    if jars.exists() {
        return Ok(jars);
    }
    if !system::on_path("mvn") {
        step::say("getting Maven, which gets the tests' Kafka broker");
        system::install(&["maven"])?;
    }
    step::say(&format!("getting Kafka {VERSION} from Maven"));
    // Renamed when it is whole.
    let part = folder.join("libs.part");
    let cannot = |error| Failure::new(format!("cannot make {}: {error}", jars.display()));
    let _ = fs::remove_dir_all(&part);
    fs::create_dir_all(&part).map_err(cannot)?;
    let mut maven = Command::new("mvn");
    maven
        .args(["--batch-mode", "--quiet", "--file"])
        .arg(places::root().join("xtask/kafka.xml"))
        .arg("dependency:copy-dependencies")
        .arg("-DincludeScope=runtime")
        .arg(format!("-DoutputDirectory={}", part.display()));
    step::capture(&mut maven)?;
    fs::rename(&part, &jars).map_err(cannot)?;
    Ok(jars)
}

/// The jar of Flink's connector.
pub fn flink_connector() -> Result<PathBuf> {
    let folder = places::cache()?.join("kafka");
    let jar = folder.join(format!("{CONNECTOR}-{CONNECTOR_VERSION}.jar"));
    if !jar.exists() {
        step::say(&format!(
            "getting {CONNECTOR} {CONNECTOR_VERSION} from Maven"
        ));
        let mut maven = Command::new("mvn");
        maven
            .args(["--batch-mode", "--quiet", "dependency:copy"])
            .arg(format!(
                "-Dartifact=org.apache.flink:{CONNECTOR}:{CONNECTOR_VERSION}"
            ))
            .arg(format!("-DoutputDirectory={}", folder.display()));
        step::capture(&mut maven)?;
    }
    Ok(jar)
}
