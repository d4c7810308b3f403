"""A schema registry of its own, and a client of it and of Kafka that is not ours.

Prints two ports once the registry answers: its own, and one that lets in only who has the password
or the token. Then answers one question a line, all in JSON, until its standard input ends. The
registry ends with it.
"""

import base64
import io
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fastavro
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

PATH = "/apis/ccompat/v7"
LET_IN = [
    "Basic " + base64.b64encode(b"me:secret:1").decode(),
    "Bearer sesame",
]


def free_port():
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


class Registry:
    def __init__(self, folder):
        self.port = free_port()
        jar = next(Path(folder).glob("*-runner.jar"))
        self.process = subprocess.Popen(
            ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
            + ["-jar", str(jar)],
            env={
                **os.environ,
                "QUARKUS_HTTP_HOST": "localhost",
                "QUARKUS_HTTP_PORT": str(self.port),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def ask(self, path, body=None, method=None):
        request = urllib.request.Request(
            f"http://localhost:{self.port}{PATH}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/vnd.schemaregistry.v1+json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)

    def wait(self):
        while self.process.poll() is None:
            try:
                return self.ask("/subjects")
            except OSError:
                time.sleep(0.1)
        raise SystemExit("the schema registry did not start")

    def register(self, subject, schema):
        return self.ask(f"/subjects/{subject}/versions", {"schema": schema})["id"]

    def subjects(self):
        return sorted(self.ask("/subjects"))

    def compatibility(self, subject, level):
        self.ask(f"/config/{subject}", {"compatibility": level}, "PUT")

    def produce(self, bootstrap, topic, messages):
        """Messages have a value, or a schema and the row that it writes."""
        producer = KafkaProducer(bootstrap_servers=bootstrap)
        for message in messages:
            value = bytes.fromhex(message.get("bytes", ""))
            if "row" in message:
                body = io.BytesIO()
                schema = fastavro.parse_schema(json.loads(message["schema"]))
                fastavro.schemaless_writer(body, schema, message["row"])
                identity = self.register(f"{topic}-other", message["schema"])
                value = struct.pack(">bI", 0, identity) + body.getvalue()
            producer.send(topic, value=value, partition=0).get(timeout=30)
        producer.close()

    def decoded(self, content):
        if content is None:
            return None
        zero, identity = struct.unpack(">bI", content[:5])
        assert zero == 0
        schema = fastavro.parse_schema(
            json.loads(self.ask(f"/schemas/ids/{identity}")["schema"])
        )
        body = io.BytesIO(content[5:])
        row = fastavro.schemaless_reader(body, schema, None)
        assert body.read() == b""
        return row

    def consume(self, bootstrap, topic):
        consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
        place = TopicPartition(topic, 0)
        consumer.assign([place])
        consumer.seek_to_beginning()
        end = consumer.end_offsets([place])[place]
        found = []
        while consumer.position(place) < end:
            for messages in consumer.poll(timeout_ms=100).values():
                found.extend(messages)
        consumer.close()
        return [
            [self.decoded(message.key), self.decoded(message.value)]
            for message in found
        ]


def door(registry):
    """A server in front of the registry that asks who is there."""

    class Door(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.headers.get("Authorization") not in LET_IN:
                status, content = 401, b"no"
            else:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                request = urllib.request.Request(
                    f"http://localhost:{registry.port}{self.path}",
                    data=body or None,
                    headers={"Content-Type": self.headers.get("Content-Type") or ""},
                )
                try:
                    with urllib.request.urlopen(request, timeout=30) as response:
                        status, content = response.status, response.read()
                except urllib.error.HTTPError as error:
                    status, content = error.code, error.read()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("localhost", 0), Door)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def main():
    registry = Registry(sys.argv[1])
    try:
        registry.wait()
        print(registry.port, door(registry), flush=True)
        for line in sys.stdin:
            question = json.loads(line)
            answer = getattr(registry, question.pop("do"))(**question)
            print(json.dumps(answer, default=str), flush=True)
    finally:
        registry.process.kill()
        registry.process.wait()


main()
