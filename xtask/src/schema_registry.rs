//! The schema registry that tests of `avro-confluent` talk to: Apicurio Registry, which speaks
//! Confluent's protocol and keeps everything in memory.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::places;
use crate::step::{self, Failure, Result};
use crate::system;

/// The newest that runs on Java 17.
const VERSION: &str = "3.0.9";
const SHA256: &str = "2b28181501a20cbf6efcd77f9b7153908fc01f3d3a7c32024c0bd9e1b04c8a43";
/// Later ones also want the parent's description, which is not published.
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:2.10:copy";

/// The folder of its jars. Kafka's step gets the Java that runs it.
pub fn get() -> Result<PathBuf> {
    let folder = places::cache()?.join("schema-registry").join(VERSION);
    if folder.is_dir() {
        return Ok(folder);
    }
    if !system::on_path("mvn") {
        step::say("getting Maven, which gets the tests' schema registry");
        system::install(&["maven"])?;
    }
    step::say(&format!(
        "getting Apicurio Registry {VERSION}, which the tests of avro-confluent talk to"
    ));
    // Made beside and renamed, so that the folder is there only once it is whole.
    let beside = folder.with_extension(format!("{}.part", std::process::id()));
    let cannot = |error| Failure::new(format!("cannot write {}: {error}", beside.display()));
    fs::create_dir_all(&beside).map_err(cannot)?;
    let mut copy = Command::new("mvn");
    copy.args(["--quiet", "--batch-mode", COPY])
        .arg(format!(
            "-Dartifact=io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"
        ))
        .arg(format!("-DoutputDirectory={}", beside.display()));
    step::capture(&mut copy)?;
    let archive = beside.join(format!("apicurio-registry-app-{VERSION}-all.tar.gz"));
    let bytes = fs::read(&archive).map_err(cannot)?;
    let found: String = Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if found != SHA256 {
        return Err(Failure::new(format!(
            "{} is not what it was: its SHA-256 is {found}",
            archive.display()
        )));
    }
    let mut unpack = Command::new("tar");
    unpack.arg("xzf").arg(&archive).arg("-C").arg(&beside);
    step::capture(&mut unpack)?;
    fs::remove_file(&archive).map_err(cannot)?;
    fs::rename(&beside, &folder).map_err(cannot)?;
    Ok(folder)
}
