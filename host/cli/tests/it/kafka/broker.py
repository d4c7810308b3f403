"""A Kafka broker of its own, and a client that is not ours.

    python broker.py JARS [PORT]

Prints its port (a free one, unless it is given), and the one that wants a password, once the broker
answers; then answers one question a line, all in JSON, until its standard input ends. The broker
ends with it. `cargo xtask demo --streaming` and `cargo xtask chaos` use it, too.
"""

import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewPartitions, NewTopic
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

JAVA = ["java", "-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


class Broker:
    def __init__(self, folder, libraries, port=None):
        self.folder = Path(folder)
        self.java = [*JAVA, f"{libraries}/*"]
        self.port = port or free_port()
        self.secured_port = free_port()
        controller = free_port()
        self.settings = self.folder / "server.properties"
        self.settings.write_text(
            f"""
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@localhost:{controller}
listeners=PLAINTEXT://localhost:{self.port},SASL_PLAINTEXT://localhost:{self.secured_port},CONTROLLER://localhost:{controller}
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="wonder;land";
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={self.folder}/data
auto.create.topics.enable=false
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=300
"""
        )
        storage = [*self.java, "kafka.tools.StorageTool", "format"]
        formatted = subprocess.run(
            [*storage, "-c", str(self.settings), "-t", "wasmill-tests-broker-1"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if formatted.returncode:
            sys.exit(formatted.stderr)
        self.process = None
        self.clients = {}

    def start(self):
        self.process = subprocess.Popen(
            [*self.java, "kafka.Kafka", str(self.settings)],
            stdin=subprocess.DEVNULL,
            stdout=(self.folder / "log").open("w"),
            stderr=subprocess.STDOUT,
        )
        deadline = time.monotonic() + 120
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit((self.folder / "log").read_text())
            time.sleep(0.05)

    def answers(self):
        try:
            socket.create_connection(("localhost", self.port)).close()
            self.admin().list_topics()
            return True
        except (KafkaError, OSError):
            self.forget()
            return False

    def kill(self):
        """As a crash would end it."""
        self.forget()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def forget(self):
        for client in self.clients.values():
            try:
                client.close()
            except (KafkaError, OSError):
                pass
        self.clients = {}

    def client(self, kind, **options):
        if kind not in self.clients:
            self.clients[kind] = kind(
                bootstrap_servers=f"localhost:{self.port}", **options
            )
        return self.clients[kind]

    def admin(self):
        return self.client(KafkaAdminClient)

    def create(self, topic, partitions):
        self.admin().create_topics([NewTopic(topic, partitions, 1)])
        self.wait_for_leaders(topic, partitions)

    def wait_for_leaders(self, topic, partitions):
        while len(self.client(KafkaProducer).partitions_for(topic) or []) < partitions:
            time.sleep(0.05)

    def grow(self, topic, partitions):
        self.admin().create_partitions({topic: NewPartitions(partitions)})
        # A client that knows the topic would take its time to notice.
        self.client(KafkaProducer).close()
        del self.clients[KafkaProducer]
        self.wait_for_leaders(topic, partitions)

    def produce(self, topic, messages):
        producer = self.client(KafkaProducer)
        sent = [
            producer.send(
                topic,
                key=encoded(message.get("key")),
                value=encoded(message.get("value")),
                partition=message.get("partition"),
                timestamp_ms=message.get("timestamp"),
                headers=[
                    (name, encoded(value))
                    for name, value in message.get("headers", [])
                ],
            )
            for message in messages
        ]
        producer.flush()
        return [message.get(timeout=30).offset for message in sent]

    def consume(self, topic, isolation="read_committed"):
        consumer = KafkaConsumer(
            bootstrap_servers=f"localhost:{self.port}",
            isolation_level=isolation,
            enable_auto_commit=False,
        )
        places = [
            TopicPartition(topic, partition)
            for partition in sorted(consumer.partitions_for_topic(topic))
        ]
        consumer.assign(places)
        consumer.seek_to_beginning()
        ends = consumer.end_offsets(places)
        found = []
        while any(consumer.position(place) < ends[place] for place in places):
            for messages in consumer.poll(timeout_ms=100).values():
                found.extend(messages)
        consumer.close()
        found.sort(key=lambda message: (message.partition, message.offset))
        return [
            {
                "partition": message.partition,
                "offset": message.offset,
                "key": decoded(message.key),
                "value": decoded(message.value),
                "timestamp": message.timestamp,
                "headers": [[name, decoded(value)] for name, value in message.headers],
            }
            for message in found
        ]

    def committed(self, group, topic):
        consumer = KafkaConsumer(
            bootstrap_servers=f"localhost:{self.port}",
            group_id=group,
            enable_auto_commit=False,
        )
        partitions = sorted(consumer.partitions_for_topic(topic))
        offsets = [
            consumer.committed(TopicPartition(topic, partition))
            for partition in partitions
        ]
        consumer.close()
        return offsets

    def commit(self, group, topic, offsets):
        """As another member of the group would."""
        consumer = KafkaConsumer(
            bootstrap_servers=f"localhost:{self.port}",
            group_id=group,
            enable_auto_commit=False,
        )
        places = [TopicPartition(topic, partition) for partition in range(len(offsets))]
        consumer.assign(places)
        consumer.commit(
            {
                place: OffsetAndMetadata(offset, "", -1)
                for place, offset in zip(places, offsets)
            }
        )
        consumer.close()

    def forget_records(self, topic, partition, before):
        self.admin().delete_records({TopicPartition(topic, partition): before})


def encoded(text):
    return None if text is None else text.encode()


def decoded(content):
    return None if content is None else content.decode(errors="backslashreplace")


def main():
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(folder, *sys.argv[1:])
        broker.start()
        print(broker.port, broker.secured_port, flush=True)
        try:
            for line in sys.stdin:
                question = json.loads(line)
                answer = getattr(broker, question.pop("do"))(**question)
                print(json.dumps(answer), flush=True)
        finally:
            broker.kill()


if __name__ == "__main__":
    main()
