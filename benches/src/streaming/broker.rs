//! A Kafka broker for one run of the benches, and what they ask it.

use std::{
    cell::Cell,
    error::Error,
    fs::{self, File},
    io,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use futures::executor::block_on;
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
    producer::ThreadedProducer,
};

pub const PARTITIONS: i32 = 4;

/// How long the broker may take for an answer, or to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// As `kafka-server-start.sh` runs it.
const JAVA: &[&str] = &[
    "-Xms1g",
    "-Xmx1g",
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
];

/// Ends when it is dropped, and leaves nothing.
pub struct Broker {
    process: Child,
    folder: PathBuf,
    pub servers: String,
    admin: AdminClient<DefaultClientContext>,
    /// Asked for the ends of topics.
    ends: BaseConsumer,
    /// Topics so far.
    made: Cell<u32>,
}

impl Broker {
    /// Starts one whose jars are in `libraries`, with its files in `folder`.
    pub fn start(libraries: &Path, folder: PathBuf) -> Result<Self, Box<dyn Error>> {
        fs::remove_dir_all(&folder).ok();
        fs::create_dir_all(&folder)?;
        let (port, controller) = (free_port()?, free_port()?);
        let settings = folder.join("server.properties");
        fs::write(&settings, properties(port, controller, &folder))?;
        let java = |class: &str| {
            let mut java = Command::new("java");
            java.args(JAVA)
                .arg("-cp")
                .arg(libraries.join("*"))
                .arg(class)
                .stdin(Stdio::null());
            java
        };
        let formatted = java("kafka.tools.StorageTool")
            .args(["format", "-t", "wasmill-bench-broker-1", "-c"])
            .arg(&settings)
            .output()
            .map_err(|error| format!("java: {error}"))?;
        if !formatted.status.success() {
            return Err(String::from_utf8_lossy(&formatted.stderr).into());
        }
        let log = File::create(folder.join("log"))?;
        let process = java("kafka.Kafka")
            .arg(&settings)
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let servers = format!("localhost:{port}");
        let broker = Broker {
            process,
            folder,
            admin: client(&servers).create()?,
            ends: client(&servers).create()?,
            made: Cell::new(0),
            servers,
        };
        let begun = Instant::now();
        while let Err(error) = broker.ends.fetch_metadata(None, Duration::from_secs(1)) {
            if begun.elapsed() > PATIENCE {
                let log = fs::read_to_string(broker.folder.join("log")).unwrap_or_default();
                return Err(format!("the broker does not start: {error}\n{log}").into());
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(broker)
    }

    /// Makes a topic of a name that none had before, which clients would remember.
    pub fn create(&self, purpose: &str) -> Result<String, Box<dyn Error>> {
        self.made.set(self.made.get() + 1);
        let topic = format!("{purpose}-{}", self.made.get());
        let new = NewTopic::new(&topic, PARTITIONS, TopicReplication::Fixed(1));
        for result in block_on(self.admin.create_topics(&[new], &AdminOptions::new()))? {
            result.map_err(|(topic, code)| format!("topic {topic}: {code}"))?;
        }
        let begun = Instant::now();
        // Metadata tells of leaders before they know of it themselves.
        while !self.has_leaders(&topic)? || self.count(&topic).is_err() {
            if begun.elapsed() > PATIENCE {
                return Err(format!("topic {topic}: has no leaders").into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(topic)
    }

    /// Has the kernel write what it still has to, gigabytes behind a topic that has just been filled, and
    /// reads the topic's files, so that they are in memory: neither is the job's work that is measured next.
    pub fn warm(&self, topic: &str) -> Result<(), Box<dyn Error>> {
        // SAFETY: a system call without arguments.
        unsafe { libc::sync() };
        for partition in 0..PARTITIONS {
            let folder = self
                .folder
                .join("data")
                .join(format!("{topic}-{partition}"));
            for file in fs::read_dir(folder)? {
                let path = file?.path();
                if path.extension().is_some_and(|extension| extension == "log") {
                    io::copy(&mut File::open(path)?, &mut io::sink())?;
                }
            }
        }
        Ok(())
    }

    fn has_leaders(&self, topic: &str) -> Result<bool, Box<dyn Error>> {
        let metadata = self.ends.fetch_metadata(Some(topic), PATIENCE)?;
        let partitions = metadata.topics().first().map(|topic| topic.partitions());
        let partitions = partitions.unwrap_or_default();
        let led = partitions
            .iter()
            .filter(|partition| partition.leader() >= 0);
        Ok(led.count() == PARTITIONS as usize)
    }

    pub fn delete(&self, topic: &str) -> Result<(), Box<dyn Error>> {
        for result in block_on(self.admin.delete_topics(&[topic], &AdminOptions::new()))? {
            result.map_err(|(topic, code)| format!("topic {topic}: {code}"))?;
        }
        Ok(())
    }

    /// Messages that were ever written to a topic.
    pub fn count(&self, topic: &str) -> Result<u64, Box<dyn Error>> {
        let mut count = 0;
        for partition in 0..PARTITIONS {
            let (_, end) = self.ends.fetch_watermarks(topic, partition, PATIENCE)?;
            count += u64::try_from(end)?;
        }
        Ok(count)
    }

    pub fn producer(
        &self,
        linger: &str,
    ) -> Result<ThreadedProducer<rdkafka::producer::DefaultProducerContext>, Box<dyn Error>> {
        let mut config = client(&self.servers);
        config.set("linger.ms", linger);
        Ok(config.create()?)
    }

    pub fn consumer(&self) -> Result<BaseConsumer, Box<dyn Error>> {
        Ok(client(&self.servers).create()?)
    }
}

fn client(servers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", servers)
        .set("group.id", "wasmill-benches")
        .set("enable.auto.commit", "false")
        .set("socket.nagle.disable", "true");
    config
}

fn properties(port: u16, controller: u16, folder: &Path) -> String {
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@localhost:{controller}\n\
         listeners=PLAINTEXT://localhost:{port},CONTROLLER://localhost:{controller}\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
         controller.listener.names=CONTROLLER\n\
         log.dirs={}/data\n\
         auto.create.topics.enable=false\n\
         offsets.topic.replication.factor=1\n\
         offsets.topic.num.partitions=1\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         log.segment.bytes=134217728\n\
         log.retention.bytes=1073741824\n\
         log.retention.check.interval.ms=10000\n\
         log.segment.delete.delay.ms=1000\n",
        folder.display()
    )
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("localhost:0")?.local_addr()?.port())
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
        fs::remove_dir_all(&self.folder).ok();
    }
}
