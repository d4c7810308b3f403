"""What is tried: for each kind of sink jobs from a source without end, and what they must write."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from jobs import PARTITIONS, FilesFeed, Feed, Job, KafkaFeed, Row, rows_of_folder, values
from servers import Disk, Kafka, Postgres

PLUGINS = Path(__file__).parents[2] / "target/plugins"

SETTINGS = """
CREATE FUNCTION words AS '{plugins}/words.wasm#words' LANGUAGE WASM;
CREATE FUNCTION mean AS '{plugins}/statistics.wasm#weighted_mean' LANGUAGE WASM;
SET 'execution.checkpointing.interval' = '{interval} ms';
SET 'restart-strategy.exponential-delay.initial-backoff' = '200 ms';
SET 'restart-strategy.exponential-delay.max-backoff' = '2 s';
CREATE TABLE numbers (id BIGINT, k BIGINT, ms BIGINT,
  ts AS TO_TIMESTAMP_MILLIS(ms), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)
  WITH ({numbers});
"""

PLAIN = """
CREATE TABLE once (id BIGINT) WITH ({once});
CREATE TABLE again (id BIGINT) WITH ({again});
EXECUTE STATEMENT SET BEGIN
  INSERT INTO once SELECT id FROM numbers;
  INSERT INTO again SELECT id FROM numbers;
END;
"""

WINDOWS = """
CREATE TABLE windows (start BIGINT, k BIGINT, n BIGINT, total BIGINT, by_mean BIGINT) WITH ({windows});
CREATE TABLE beside (id BIGINT) WITH ({beside});
EXECUTE STATEMENT SET BEGIN
  INSERT INTO windows SELECT TO_UNIXTIME(window_start), k, COUNT(*), SUM(id),
      CAST(ROUND(COUNT(*) * mean(id, 1)) AS BIGINT)
    FROM TABLE(TUMBLE(TABLE numbers, DESCRIPTOR(ts), INTERVAL '1' SECOND))
    GROUP BY window_start, window_end, k;
  INSERT INTO beside SELECT CAST(word AS BIGINT)
    FROM numbers, LATERAL TABLE(words(CAST(id AS STRING)));
END;
"""

# Every row of one side, with its partner if it has one; two of five have none.
JOIN = """
CREATE TABLE pairs (a BIGINT, b BIGINT) WITH ({pairs});
INSERT INTO pairs SELECT a.id, COALESCE(b.id, -1)
  FROM (SELECT * FROM numbers WHERE k >= 0 AND id % 3 = 0) AS a
  LEFT JOIN (SELECT * FROM numbers WHERE k >= 0 AND id % 15 = 10) AS b
  ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '0.020' SECOND AND a.ts + INTERVAL '0.040' SECOND;
"""

# The rows of each key, numbered; and a timer for each row.
KEYED = """
CREATE FUNCTION total AS '{plugins}/sessions.wasm#running_total' LANGUAGE WASM;
CREATE FUNCTION echo AS '{plugins}/conformance.wasm#timer_echo' LANGUAGE WASM;
CREATE TABLE numbered (k BIGINT, n BIGINT) WITH ({numbered});
CREATE TABLE fired (k BIGINT, id BIGINT, ms BIGINT) WITH ({fired});
CREATE VIEW amounts AS SELECT k, CAST(id AS DOUBLE) AS amount FROM numbers;
CREATE VIEW timers AS
  SELECT k, CAST(id AS STRING) AS name, ms AS at, 'event' AS clock, ts FROM numbers WHERE k >= 0;
EXECUTE STATEMENT SET BEGIN
  INSERT INTO numbered SELECT k, `rows` FROM total(input => TABLE amounts PARTITION BY k);
  INSERT INTO fired SELECT k, CAST(name AS BIGINT), at FROM echo(
    input => TABLE timers PARTITION BY k, on_time => DESCRIPTOR(ts));
END;
"""

# The last row of every ten.
RANK = """
CREATE TABLE latest (ten BIGINT, id BIGINT, PRIMARY KEY (ten) NOT ENFORCED) WITH ({latest});
INSERT INTO latest SELECT ten, id FROM (
  SELECT ten, id, ROW_NUMBER() OVER (PARTITION BY ten ORDER BY ts DESC) AS place
  FROM (SELECT id / 10 AS ten, id, ts FROM numbers)
) WHERE place = 1;
"""


@dataclass
class Sink:
    rows: Callable[[], list[Row]]
    at_least_once: bool = False


@dataclass
class Kind:
    name: str
    feed: Feed
    given: Callable[[], list[Row]]
    jobs: list[Job]
    sinks: dict[str, Sink]
    outages: list[Callable[[float], None]] = field(default_factory=list)


def expected(given: list[Row]) -> dict[str, Counter[Row]]:
    """What the sinks must hold, from the rows that were given."""
    windows: dict[Row, list[int]] = {}
    for number, key, ms in given:
        # The last rows only end the windows of the others.
        if key >= 0:
            windows.setdefault((ms // 1000, key), []).append(number)
    plain = Counter((number,) for number, _, _ in given)
    counted = Counter((*window, len(ids), sum(ids), sum(ids)) for window, ids in windows.items())
    return {
        "once": plain,
        "again": plain,
        "beside": plain,
        "windows": counted,
        "numbered": Counter(
            (key, number + 1)
            for key, count in Counter(key for _, key, _ in given).items()
            for number in range(count)
        ),
        "fired": Counter((key, number, ms) for number, key, ms in given if key >= 0),
        "pairs": pairs(given),
        "latest": Counter({number // 10: number for number, _, _ in sorted(given)}.items()),
    }


def pairs(given: list[Row]) -> Counter[Row]:
    by_time = {ms: (number, key) for number, key, ms in given if key >= 0}
    found: Counter[Row] = Counter()
    for ms, (a, key) in by_time.items():
        if a % 3 == 0:
            near = [by_time[at] for at in range(ms - 20, ms + 41) if at in by_time]
            partners = [b for b, of in near if of == key and b % 15 == 10]
            found.update((a, b) for b in partners or [-1])
    return found


def jobs(
    program: Path, folder: Path, random: Random, tables: dict[str, str], more: dict[str, str]
) -> list[Job]:
    names = {"plain": PLAIN, "windows": WINDOWS, **more}
    return [
        Job(
            program,
            folder / f"{name}.sql",
            (SETTINGS + sql).format(
                plugins=PLUGINS, interval=random.randint(100, 300), **tables
            ),
            folder.parent / f"{folder.name}-{name}.log",
        )
        for name, sql in names.items()
    ]


def csv(folder: Path, more: str = "") -> str:
    return f"'connector' = 'filesystem', 'format' = 'csv', 'path' = '{folder}'{more}"


def files(program: Path, folder: Path, random: Random, disk: Disk) -> Kind:
    feed = FilesFeed(folder / "in")
    here = disk.folder
    sinks = ["once", "again", "windows", "beside", "pairs", "numbered", "fired"]
    tables = {name: csv(here / name) for name in sinks}
    tables["numbers"] = csv(feed.folder, ", 'source.monitor-interval' = '50 ms'")
    return Kind(
        "files",
        feed,
        lambda: rows_of_folder(feed.folder),
        jobs(program, here, random, tables, {"join": JOIN, "keyed": KEYED}),
        {name: Sink(lambda name=name: rows_of_folder(here / name)) for name in sinks},
        disk.outages,
    )


def topic(server: Kafka, name: str, partitions: int, more: str = "") -> str:
    server.broker.create(name, partitions)
    return (
        f"'connector' = 'kafka', 'topic' = '{name}', 'format' = 'json', "
        f"'properties.bootstrap.servers' = 'localhost:{server.broker.port}'{more}"
    )


def rows_of_topic(server: Kafka, name: str) -> list[Row]:
    messages = server.broker.consume(name)
    return [tuple(json.loads(message["value"]).values()) for message in messages]


def kafka(program: Path, folder: Path, random: Random, broker: Kafka) -> Kind:
    exactly = ", 'sink.delivery-guarantee' = 'exactly-once', 'sink.transactional-id-prefix' = 'chaos'"
    numbers = "kafka-numbers"
    tables = {
        "numbers": topic(broker, numbers, PARTITIONS, ", 'scan.startup.mode' = 'earliest-offset'"),
        "once": topic(broker, "once", 2, exactly),
        "again": topic(broker, "again", 2),
        "windows": topic(broker, "windows", 2, exactly),
        "pairs": topic(broker, "pairs", 2, exactly),
        "numbered": topic(broker, "numbered", 2, exactly),
        "fired": topic(broker, "fired", 2, exactly),
        "beside": csv(folder / "beside"),
    }
    sinks = {
        name: Sink(lambda name=name: rows_of_topic(broker, name), name == "again")
        for name in ["once", "again", "windows", "pairs", "numbered", "fired"]
    }
    sinks["beside"] = Sink(lambda: rows_of_folder(folder / "beside"))
    return Kind(
        "kafka",
        KafkaFeed(broker.broker.port, numbers),
        lambda: rows_of_topic(broker, numbers),
        jobs(program, folder, random, tables, {"join": JOIN, "keyed": KEYED}),
        sinks,
        [broker.pause_kafka, broker.restart_kafka],
    )


def postgres(program: Path, folder: Path, random: Random, broker: Kafka, server: Postgres) -> Kind:
    server.ask("CREATE TABLE once (id bigint); CREATE TABLE again (id bigint)")
    server.ask("CREATE TABLE latest (ten bigint PRIMARY KEY, id bigint)")
    server.ask("CREATE TABLE windows (start bigint, k bigint, n bigint, total bigint, by_mean bigint)")

    def table(name: str, more: str = "") -> str:
        url = f"jdbc:postgresql://127.0.0.1:{server.port}/postgres"
        return (
            f"'connector' = 'jdbc', 'url' = '{url}', 'username' = 'postgres', "
            f"'table-name' = '{name}'{more}"
        )

    def rows(name: str) -> list[Row]:
        return [values(line) for line in server.ask(f"TABLE {name}").splitlines()]

    exactly = ", 'sink.delivery-guarantee' = 'exactly-once'"
    numbers = "postgres-numbers"
    tables = {
        "numbers": topic(broker, numbers, PARTITIONS, ", 'scan.startup.mode' = 'earliest-offset'"),
        "once": table("once", exactly),
        "again": table("again"),
        "windows": table("windows", exactly),
        "latest": table("latest"),
        "beside": csv(folder / "beside"),
    }
    sinks = {
        name: Sink(lambda name=name: rows(name), name == "again")
        for name in ["once", "again", "windows", "latest"]
    }
    sinks["beside"] = Sink(lambda: rows_of_folder(folder / "beside"))
    return Kind(
        "postgres",
        KafkaFeed(broker.broker.port, numbers),
        lambda: rows_of_topic(broker, numbers),
        jobs(program, folder, random, tables, {"rank": RANK}),
        sinks,
        [broker.pause_kafka, server.pause_postgres, server.restart_postgres],
    )
