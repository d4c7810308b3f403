"""What jobs depend on, and what may happen to it."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "host/cli/tests/it/kafka"))

from broker import Broker  # noqa: E402  (it lies among the tests)


def send(process: int, name: signal.Signals) -> None:
    """Sends a process and its children a signal."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    for one in [process, *map(int, children)]:
        try:
            os.kill(one, name)
        except ProcessLookupError:
            pass


def pause(process: int, seconds: float) -> None:
    send(process, signal.SIGSTOP)
    time.sleep(seconds)
    # Also those that were begun in between.
    send(process, signal.SIGCONT)


class Kafka:
    """A broker."""

    def __init__(self, folder: Path, libraries: Path) -> None:
        folder.mkdir()
        self.broker = Broker(folder, libraries)
        self.broker.start()

    def pause_kafka(self, seconds: float) -> None:
        pause(self.broker.process.pid, seconds)

    def restart_kafka(self, _seconds: float) -> None:
        self.broker.kill()
        self.broker.start()

    def end(self) -> None:
        self.broker.kill()


class Postgres:
    """A server of PostgreSQL, whose programs must not be run by root."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.user = {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}
        if self.user:
            self.user["extra_groups"] = []
            subprocess.run(["chown", "postgres:", folder], check=True)
            # So that it can reach its own.
            folder.parent.chmod(0o755)
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        data = ["-D", f"{folder}/data"]
        options = ["--auth=trust", "--username=postgres", "--no-sync", "-E", "UTF8"]
        self.run("initdb", *options, *data)
        settings = ["listen_addresses=127.0.0.1", f"unix_socket_directories={folder}", "fsync=off"]
        self.words = [*data, "-p", str(self.port)]
        self.words += [word for setting in settings for word in ("-c", setting)]
        self.start()

    @staticmethod
    def program(name: str) -> str:
        """The newest that Debian installed, or the one on the search path."""
        found = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
        return str(max(found, default=name))

    def run(self, name: str, *words: str) -> str:
        ran = subprocess.run(
            [self.program(name), *words],
            **self.user, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True,
        )  # fmt: skip
        if ran.returncode:
            raise RuntimeError(f"{name}: {ran.stderr}")
        return ran.stdout

    def start(self) -> None:
        log = (self.folder.parent / "postgres.log").open("a")
        self.process = subprocess.Popen(
            [self.program("postgres"), *self.words],
            **self.user, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while True:
            try:
                self.ask("SELECT 1")
                return
            except RuntimeError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def ask(self, sql: str) -> str:
        """What psql prints: a line a row, commas between columns."""
        words = ["-X", "-q", "-A", "-t", "-F,", "-v", "ON_ERROR_STOP=1", "-c", sql]
        place = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-d", "postgres"]
        return self.run("psql", *words, *place)

    def pause_postgres(self, seconds: float) -> None:
        pause(self.process.pid, seconds)

    def restart_postgres(self, _seconds: float) -> None:
        """As after a crash."""
        self.end()
        self.start()

    def end(self) -> None:
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()


class Disk:
    """A file system of its own for a folder, in memory, that can be full."""

    SIZE = 1 << 30

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        mount = ["mount", "-t", "tmpfs", "-o", f"size={self.SIZE}", "tmpfs", folder]
        self.mounted = os.getuid() == 0 and self.succeeds(mount)
        if not self.mounted:
            print("files: no disk becomes full: only root may mount one", flush=True)
        self.outages = [self.fill_disk] if self.mounted else []

    @staticmethod
    def succeeds(words: list) -> bool:
        return subprocess.run(words, capture_output=True).returncode == 0

    def resize(self, size: int) -> bool:
        return self.succeeds(["mount", "-o", f"remount,size={size}", self.folder])

    def fill_disk(self, seconds: float) -> None:
        used = os.statvfs(self.folder)
        size = (used.f_blocks - used.f_bfree) * used.f_frsize
        # Jobs go on while it shrinks.
        while not self.resize(size):
            size += 1 << 16
        time.sleep(seconds)
        self.resize(self.SIZE)

    def end(self) -> None:
        """What is in it stays."""
        if self.mounted:
            kept = self.folder.with_suffix(".kept")
            subprocess.run(["cp", "-r", self.folder, kept], check=True)
            subprocess.run(["umount", self.folder], check=True)
            self.folder.rmdir()
            kept.rename(self.folder)
