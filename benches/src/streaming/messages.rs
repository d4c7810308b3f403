//! The messages that jobs read: JSON objects of an id, the time of sending and the features.

use std::{
    error::Error,
    fmt::Write,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer},
};

use super::broker::{Broker, PARTITIONS};

pub type Client = ThreadedProducer<DefaultProducerContext>;

/// The features of rows, as the middle of a JSON object.
pub struct Messages {
    features: Vec<String>,
    text: String,
}

impl Messages {
    /// From a file of tab-separated values: the label, then the features.
    pub fn read(data: &Path) -> Result<Self, Box<dyn Error>> {
        let text = fs::read_to_string(data)?;
        let features = text.lines().map(|line| {
            let mut object = String::new();
            for (number, value) in line.split('\t').enumerate().skip(1) {
                write!(object, ",\"f{number}\":{value}")?;
            }
            Ok(object)
        });
        let features = features.collect::<Result<Vec<_>, std::fmt::Error>>()?;
        if features.is_empty() {
            return Err(format!("{} is empty", data.display()).into());
        }
        Ok(Messages {
            features,
            text: String::new(),
        })
    }

    /// The message of row `id`; `sent` is whatever the reader of the result knows to read.
    fn message(&mut self, id: u64, sent: u64) -> Result<&str, std::fmt::Error> {
        let features = &self.features[id as usize % self.features.len()];
        self.text.clear();
        write!(self.text, "{{\"id\":{id},\"sent\":{sent}{features}}}")?;
        Ok(&self.text)
    }

    /// Hands a message to the client, which may first have to get rid of others; the client chooses
    /// a partition where none is named.
    pub fn send(
        &mut self,
        producer: &Client,
        topic: &str,
        id: u64,
        sent: u64,
        partition: Option<i32>,
    ) -> Result<(), Box<dyn Error>> {
        let mut record =
            BaseRecord::<[u8], [u8]>::to(topic).payload(self.message(id, sent)?.as_bytes());
        record.partition = partition;
        loop {
            match producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), again)) => {
                    record = again;
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err((error, _)) => return Err(error.into()),
            }
        }
    }

    /// A topic with the first `rows` messages, evenly over its partitions.
    pub fn fill(&mut self, broker: &Broker, rows: u64) -> Result<String, Box<dyn Error>> {
        let topic = broker.create("full")?;
        let producer = broker.producer("50")?;
        let begun = Instant::now();
        for id in 0..rows {
            let partition = (id % PARTITIONS as u64) as i32;
            self.send(&producer, &topic, id, 0, Some(partition))?;
        }
        producer.flush(Duration::from_secs(60))?;
        let found = broker.count(&topic)?;
        if found != rows {
            return Err(format!("{found} of {rows} messages are in the topic {topic}").into());
        }
        eprintln!(
            "{rows} messages of about {} bytes written in {:.1} s",
            self.text.len(),
            begun.elapsed().as_secs_f64()
        );
        Ok(topic)
    }
}
