"""Kills jobs without end at random instants, and looks whether a row is lost or there twice.

Run by `cargo xtask chaos`. What jobs should have written is worked out from the source itself: the
files or messages that were given to them.
"""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from random import Random, randrange

import kinds
from kinds import Kind
from servers import Disk, Kafka, Postgres

# As long as a server may need to be itself again after it was away.
RECOVERY_SECONDS = 10
# As long as jobs may need for what is left when nothing happens any more.
SETTLING_SECONDS = 120


class Wrong(Exception):
    """What a run has found."""


class Run:
    """One kind's jobs through kills and outages."""

    def __init__(self, kind: Kind, random: Random) -> None:
        self.kind = kind
        self.random = random
        self.outages: Counter[str] = Counter()
        self.gave_up = 0
        self.outage_over = 0.0
        self.executor = ThreadPoolExecutor(1)
        self.outage: Future[None] | None = None

    def steps(self, kills: int | None, until: float) -> Iterator[str]:
        """`kill` and `outage`, mixed; as many kills as are wanted, or until that time."""
        left = kills if kills is not None else sys.maxsize
        while left > 0 and time.time() < until:
            some = min(left, 8)
            left -= some
            steps = ["kill"] * some + (["outage"] if self.kind.outages else [])
            self.random.shuffle(steps)
            yield from steps

    def go(self, kills: int | None, until: float) -> None:
        self.kind.feed.start()
        last = self.kind.jobs[0]
        for step in self.steps(kills, until):
            # Half of them early, when a job begins; half of them at any time.
            early, any_time = 0.02 * 50 ** self.random.random(), self.random.uniform(0.02, 3)
            time.sleep(self.random.choice([early, any_time]))
            self.start_those_that_ended()
            if step == "kill":
                # Often the one again that has just been started.
                last = self.random.choice([last, *self.kind.jobs])
                last.kill()
            else:
                self.wait_for_outage()
                outage = self.random.choice(self.kind.outages)
                seconds = self.random.uniform(0.2, 2.0)
                self.outages[outage.__name__] += 1
                self.outage_over = sys.float_info.max
                self.outage = self.executor.submit(self.suffer, outage, seconds)
        self.wait_for_outage()
        self.kind.feed.finish()

    def suffer(self, outage, seconds: float) -> None:
        try:
            outage(seconds)
        finally:
            self.outage_over = time.time()

    def wait_for_outage(self) -> None:
        if self.outage:
            self.outage.result()

    def start_those_that_ended(self) -> None:
        """A job may give up while it cannot begin for want of a server; never otherwise."""
        for job in self.kind.jobs:
            if job.ended():
                if job.started > self.outage_over + RECOVERY_SECONDS:
                    raise Wrong(f"{job.path.name} has ended by itself: see {job.log}")
                self.gave_up += 1
                job.start()

    def settle(self) -> None:
        """Waits until no row is missing, and stops the jobs."""
        self.expected = kinds.expected(self.kind.given())
        deadline = time.time() + SETTLING_SECONDS
        missing = dict(self.kind.sinks)
        while missing and time.time() < deadline:
            time.sleep(0.5)
            self.start_those_that_ended()
            for name, sink in list(missing.items()):
                if not self.expected[name] - Counter(sink.rows()):
                    del missing[name]
        for job in self.kind.jobs:
            if not job.ended() and (code := job.stop()):
                raise Wrong(f"{job.path.name} {code} when it was stopped: see {job.log}")

    def check(self, folder: Path) -> bool:
        """Says what is in the sinks, and whether that is right."""
        kills: Counter[str] = sum((job.kills for job in self.kind.jobs), Counter())
        print(
            f"{self.kind.name}: {kills.total()} kills{told(kills)}, "
            f"{self.outages.total()} outages{told(self.outages)}, jobs gave up {self.gave_up} times"
        )
        right = True
        for name, sink in self.kind.sinks.items():
            found = Counter(sink.rows())
            lost = self.expected[name] - found
            more = found - self.expected[name]
            unknown = more.keys() - self.expected[name].keys()
            good = not lost and not unknown and (sink.at_least_once or not more)
            guarantee = "at least once" if sink.at_least_once else "exactly once"
            print(
                f"  {'ok   ' if good else 'WRONG'} {name}, {guarantee}: "
                f"{self.expected[name].total()} rows, {lost.total()} lost, {more.total()} twice",
                flush=True,
            )
            if not good:
                right = False
                for what, rows in (("lost", lost), ("twice", more), ("found", found)):
                    text = "".join(f"{row}\n" for row in sorted(rows.elements()))
                    (folder / f"{self.kind.name}-{name}-{what}.txt").write_text(text)
        return right

    def end(self) -> None:
        self.kind.feed.over.set()
        for job in self.kind.jobs:
            job.end()


def told(counts: Counter[str]) -> str:
    parts = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
    return f" ({parts})" if parts else ""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("cargo xtask chaos", description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", help="of sinks: files, kafka, postgres; all by default")
    parser.add_argument("--kills", type=int, default=200, help="of all kinds together (200)")
    parser.add_argument("--minutes", type=float, help="goes on for so long instead")
    parser.add_argument("--seed", type=int, default=randrange(10**6), help="of the random choices")
    parser.add_argument("--program", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--kafka", type=Path, required=True, help=argparse.SUPPRESS)
    found = parser.parse_args()
    known = ["files", "kafka", "postgres"]
    found.kinds = found.kinds or known
    for name in found.kinds:
        if name not in known:
            parser.error(f"there is no kind of sink {name}: {', '.join(known)}")
    return found


def run(asked: argparse.Namespace, folder: Path) -> bool:
    right = True
    with ExitStack() as servers:
        if {"kafka", "postgres"} & set(asked.kinds):
            broker = Kafka(folder / "broker", asked.kafka)
            servers.callback(broker.end)
        for place, name in enumerate(asked.kinds):
            random = Random(f"{asked.seed} {name}")
            here = folder / name
            here.mkdir()
            with ExitStack() as stack:
                if name == "files":
                    disk = Disk(here / "disk")
                    stack.callback(disk.end)
                    kind = kinds.files(asked.program, here, random, disk)
                elif name == "kafka":
                    kind = kinds.kafka(asked.program, here, random, broker)
                else:
                    server = Postgres(folder / "server")
                    stack.callback(server.end)
                    kind = kinds.postgres(asked.program, here, random, broker, server)
                one = Run(kind, random)
                stack.callback(one.end)
                share = len(asked.kinds)
                try:
                    if asked.minutes:
                        one.go(None, time.time() + asked.minutes * 60 / share)
                    else:
                        one.go((asked.kills + place) // share, sys.float_info.max)
                    one.settle()
                    right &= one.check(folder)
                except Wrong as wrong:
                    print(f"{name}: WRONG: {wrong}", flush=True)
                    right = False
    return right


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    asked = arguments()
    folder = Path(tempfile.mkdtemp(prefix="wasmill-chaos-"))
    print(f"chaos with --seed {asked.seed}", flush=True)
    right = False
    try:
        right = run(asked, folder)
    finally:
        if right:
            shutil.rmtree(folder)
        else:
            print(f"all of it is in {folder}")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
