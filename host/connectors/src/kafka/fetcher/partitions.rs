//! Which partitions are read, and from where.

use std::time::Instant;

use rdkafka::consumer::Consumer;
use rdkafka::{Offset, TopicPartitionList};

use super::{Fetching, PROBE, Reading};
use crate::ConnectorError;
use crate::kafka::link::PATIENCE;
use crate::kafka::offsets::{Mark, Offsets, Place, ends};
use crate::kafka::source::as_offsets;

impl Fetching {
    /// Finds the partitions and where to begin; `false` if the job stopped meanwhile.
    pub(super) fn begin(&mut self, from: Option<&Offsets>) -> Result<bool, ConnectorError> {
        let places = loop {
            let found = self
                .spec
                .topics
                .partitions(&self.client, &self.shared.link)?;
            match found {
                Some(found) => break found,
                None if !self.wait()? => return Ok(false),
                None => {}
            }
        };
        self.known = places.clone();
        if self.grouped {
            return self.join().map(|()| true);
        }
        let Some(starts) = self.starts(from, &places)? else {
            return Ok(false);
        };
        self.shared.begin(as_offsets(
            places.iter().cloned().zip(starts.iter().copied()),
        ));
        let Some(mark) = self.spec.bounded.clone() else {
            let mut list = TopicPartitionList::with_capacity(places.len());
            for ((topic, partition), start) in places.iter().zip(&starts) {
                let split = self.shared.assign(topic, *partition);
                self.add(&mut list, &split, *start)?;
            }
            return self.done(self.client.assign(&list)).map(|()| true);
        };
        let Some(stops) = self.ask(|client| mark.resolve(client, &places, PATIENCE))? else {
            return Ok(false);
        };
        let Some(ends) = self.ask(|client| ends(client, &places, Offset::End, PATIENCE))? else {
            return Ok(false);
        };
        for (((topic, partition), start), (stop, end)) in
            places.iter().zip(starts).zip(stops.into_iter().zip(ends))
        {
            let split = self.shared.assign(topic, *partition);
            let end = end.unwrap_or_default();
            // A partition that the mark does not name is read to its end.
            let reading = Reading {
                split,
                start,
                stop: stop.unwrap_or(end),
                end,
            };
            match self.remaining.back_mut() {
                Some(topics) if topics[0].split.topic == *topic => topics.push(reading),
                _ => self.remaining.push_back(vec![reading]),
            }
        }
        Ok(true)
    }

    /// The first offset of each place.
    fn starts(
        &self,
        from: Option<&Offsets>,
        places: &[Place],
    ) -> Result<Option<Vec<i64>>, ConnectorError> {
        let Some(first) = self.ask(|client| ends(client, places, Offset::Beginning, PATIENCE))?
        else {
            return Ok(None);
        };
        let Some(last) = self.ask(|client| ends(client, places, Offset::End, PATIENCE))? else {
            return Ok(None);
        };
        let resolve = |mark: &Mark| self.ask(|client| mark.resolve(client, places, PATIENCE));
        let wanted: Vec<Option<i64>> = match from {
            Some(from) => {
                let known = |(topic, partition): &Place| from.get(topic)?.get(partition).copied();
                // What came since is read from its beginning.
                places
                    .iter()
                    .zip(&first)
                    .map(|(place, first)| known(place).or(*first))
                    .collect()
            }
            None => {
                let Some(mut wanted) = resolve(&self.spec.start)? else {
                    return Ok(None);
                };
                if matches!(self.spec.start, Mark::Specific(_)) {
                    let Some(committed) = resolve(&Mark::Committed)? else {
                        return Ok(None);
                    };
                    for (index, wanted) in wanted.iter_mut().enumerate() {
                        *wanted = wanted.or(committed[index]).or(first[index]);
                    }
                }
                wanted
            }
        };
        let mut starts = Vec::with_capacity(places.len());
        for (index, place) in places.iter().enumerate() {
            let (first, last) = (
                first[index].unwrap_or_default(),
                last[index].unwrap_or_default(),
            );
            let start = match (wanted[index], &self.spec.reset) {
                (Some(start), _) if (first..=last).contains(&start) => start,
                (_, Some(Mark::Earliest)) => first,
                (_, Some(_)) => last,
                // Behind the last message, the reading waits for those to come.
                (Some(start), None)
                    if start > last
                        && from.is_none()
                        && !matches!(self.spec.start, Mark::Committed) =>
                {
                    start
                }
                (Some(start), None) => return Err(self.out_of_range(place, start, first, last)),
                (None, None) => return Err(self.nothing_committed(place)),
            };
            starts.push(start);
        }
        Ok(Some(starts))
    }

    fn out_of_range(
        &self,
        (topic, partition): &Place,
        start: i64,
        first: i64,
        last: i64,
    ) -> ConnectorError {
        ConnectorError::environment(format!(
            "topic '{topic}', partition {partition}: offset {start}, at which the reading is to go on, is not there: the partition holds {first} to {last}"
        ))
        .with_hint(
            "messages were deleted before they were read, or the topic was made anew; 'properties.auto.offset.reset' = 'earliest' goes on with what is there"
                .to_owned(),
        )
    }

    fn nothing_committed(&self, (topic, partition): &Place) -> ConnectorError {
        let group = self.spec.config.get("group.id").unwrap_or_default();
        ConnectorError::environment(format!(
            "topic '{topic}', partition {partition}: the group '{group}' has committed no offset to begin at"
        ))
        .with_hint(
            "'properties.auto.offset.reset' = 'earliest' or 'latest' says where to begin then; 'scan.startup.mode' begins elsewhere"
                .to_owned(),
        )
    }

    /// The reading is where there is nothing to read.
    pub(super) fn lost(&self) -> ConnectorError {
        let range = |which| ends(&self.client, &self.known, which, PATIENCE).ok();
        if let (Some(first), Some(last)) = (range(Offset::Beginning), range(Offset::End)) {
            for (index, (topic, partition)) in self.known.iter().enumerate() {
                let next = self
                    .shared
                    .split(topic, *partition)
                    .and_then(|split| self.shared.offset(&split));
                let (first, last) = (
                    first[index].unwrap_or_default(),
                    last[index].unwrap_or_default(),
                );
                if let Some(next) = next
                    && !(first..=last).contains(&next)
                {
                    return self.out_of_range(&self.known[index], next, first, last);
                }
            }
        }
        match (self.grouped, self.known.first()) {
            (true, Some(place)) => self.nothing_committed(place),
            _ => ConnectorError::environment(
                "the next message of a topic is no longer there: it was deleted before it was read",
            )
            .with_hint(
                "'properties.auto.offset.reset' = 'earliest' goes on with what is there".to_owned(),
            ),
        }
    }

    pub(super) fn look_for_partitions(&mut self) -> Result<(), ConnectorError> {
        let due = |at: &Instant| *at <= Instant::now();
        if self.spec.bounded.is_some() || !self.next_discovery.as_ref().is_some_and(due) {
            return Ok(());
        }
        self.next_discovery = self
            .spec
            .discovery
            .map(|interval| Instant::now() + interval);
        let Some(found) = self
            .spec
            .topics
            .partitions(&self.client, &self.shared.link)?
        else {
            self.next_discovery = Some(Instant::now() + PROBE);
            return Ok(());
        };
        let new: Vec<Place> = found
            .into_iter()
            .filter(|place| !self.known.contains(place))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        self.known.extend(new.iter().cloned());
        if self.grouped {
            return self.join();
        }
        let mut list = TopicPartitionList::with_capacity(new.len());
        for (topic, partition) in &new {
            self.shared.assign(topic, *partition);
            self.done(list.add_partition_offset(topic, *partition, Offset::Beginning))?;
        }
        self.done(self.client.incremental_assign(&list))
    }
}
