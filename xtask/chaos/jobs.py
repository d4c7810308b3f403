"""Jobs that are killed, and the rows that they are given."""

import json
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

from kafka import KafkaProducer

# Rows a second. A row's time goes on by a millisecond, so that event time keeps up with the clock.
RATE = 1000
BEGIN_MS = 1_700_000_000_000
KEYS = 7
PARTITIONS = 3

Row = tuple[int, ...]


def row(number: int) -> Row:
    return number, number % KEYS, BEGIN_MS + number


class Job:
    """A job file, and the process that runs it."""

    def __init__(self, program: Path, path: Path, sql: str, log: Path) -> None:
        path.write_text(sql)
        self.program = program
        self.path = path
        self.log = log
        self.kills: Counter[str] = Counter()
        self.start()

    def start(self) -> None:
        self.started = time.time()
        with self.log.open("a") as log:
            self.said_before = log.tell()
            self.process = subprocess.Popen(
                [self.program, "run", self.path],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def said(self) -> str:
        """What the process has said so far."""
        with self.log.open() as log:
            log.seek(self.said_before)
            return log.read()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.kills[self.phase()] += 1
        self.start()

    def phase(self) -> str:
        """Where the kill hit it."""
        checkpoints = list(self.path.parent.glob(f".wasmill/checkpoints/{self.path.stem}-*/*"))
        for path in checkpoints:
            if path.name == "unfinished" and path.stat().st_mtime > self.started:
                return "in a checkpoint"
        first = self.said_before == 0 and any(path.name == "chk-1" for path in checkpoints)
        went_on = "going on from checkpoint" in self.said()
        return "running" if first or went_on else "starting"

    def ended(self) -> bool:
        return self.process.poll() is not None

    def stop(self) -> str | None:
        """As Ctrl-C does it; answers what went wrong."""
        self.process.send_signal(signal.SIGINT)
        try:
            code = self.process.wait(60)
        except subprocess.TimeoutExpired:
            return "went on for 60 s"
        return f"ended with {code}" if code else None

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


class Feed(threading.Thread):
    """Gives numbered rows without a pause. What it gives is counted where it arrives."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.given = 0
        self.over = threading.Event()

    def run(self) -> None:
        begun = time.monotonic()
        while not self.over.wait(0.05):
            due = int((time.monotonic() - begun) * RATE)
            self.give([row(number) for number in range(self.given, due)])
            self.given = due

    def finish(self) -> None:
        """Ends with a row for every partition whose time ends all windows before it."""
        self.over.set()
        self.join()
        numbers = range(self.given, self.given + PARTITIONS)
        self.give([(number, -1, BEGIN_MS + 10**9 + number) for number in numbers])

    def give(self, rows: list[Row]) -> None:
        raise NotImplementedError


class FilesFeed(Feed):
    """Files in a folder, each of which is there at once."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.folder.mkdir()
        self.files = 0

    def give(self, rows: list[Row]) -> None:
        if rows:
            part = self.folder / ".part"
            part.write_text("".join(f"{line(row)}\n" for row in rows))
            part.rename(self.folder / f"{self.files:08}.csv")
            self.files += 1


class KafkaFeed(Feed):
    """Messages in a topic. The producer is idempotent, and waits for a broker that is away."""

    def __init__(self, port: int, topic: str) -> None:
        super().__init__()
        self.topic = topic
        self.producer = KafkaProducer(bootstrap_servers=f"localhost:{port}", enable_idempotence=True)
        self.sent: list = []

    def give(self, rows: list[Row]) -> None:
        for number, key, ms in rows:
            value = json.dumps({"id": number, "k": key, "ms": ms}).encode()
            self.sent.append(self.producer.send(self.topic, value, partition=number % PARTITIONS))

    def finish(self) -> None:
        super().finish()
        self.producer.flush()
        for sent in self.sent:
            sent.get(timeout=60)
        self.producer.close()


def line(row: Row) -> str:
    return ",".join(map(str, row))


def values(line: str) -> Row:
    return tuple(map(int, line.split(",")))


def rows_of_folder(folder: Path) -> list[Row]:
    """What a folder shows: hidden files are not shown."""
    found = []
    for name in os.listdir(folder) if folder.exists() else []:
        if not name.startswith("."):
            found += map(values, (folder / name).read_text().splitlines())
    return found
