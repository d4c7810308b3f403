#!/usr/bin/env python3
"""Fills the answers of the real Flink into a file of expressions.

    pip install apache-flink==2.3.0        (Python 3.11, Java 17)
    python answers.py functions.txt        (some minutes)

A line `EXPRESSION => TYPE: VALUE` gets TYPE and VALUE anew, a line `EXPRESSION` gets them for the
first time. TYPE is what TYPEOF says, VALUE what CAST(… AS STRING) does, `error` stands where Flink
refuses the expression or fails. Lines that begin with `#`, and what stands behind ` <> `, stay. The
time zone is UTC, or that of a second argument.
"""

import sys

from pyflink.table import EnvironmentSettings, TableEnvironment

flink = TableEnvironment.create(EnvironmentSettings.in_batch_mode())
zone = sys.argv[2] if len(sys.argv) > 2 else "UTC"
flink.get_config().set("table.local-time-zone", zone)
flink.get_config().set("parallelism.default", "1")


def columns(expression):
    return f"TYPEOF({expression}), CAST({expression} AS STRING)"


def is_planned(expression):
    try:
        flink.sql_query(f"SELECT {columns(expression)}")
        return True
    except Exception:
        return False


def answers(expressions):
    """One job for many expressions; of those that fail, halves, until it is clear which."""
    if not expressions:
        return []
    try:
        query = ", ".join(map(columns, expressions))
        with flink.execute_sql(f"SELECT {query}").collect() as rows:
            (row,) = list(rows)
        values = list(row)
        return list(zip(values[::2], values[1::2]))
    except Exception:
        if len(expressions) == 1:
            return [None]
        half = len(expressions) // 2
        return answers(expressions[:half]) + answers(expressions[half:])


def main(path):
    with open(path, encoding="utf-8") as file:
        lines = [line.rstrip("\n") for line in file]
    ours = {line.split(" => ")[0]: line.partition(" <> ")[2] for line in lines}
    lines = [line if line.startswith("#") else line.split(" => ")[0] for line in lines]
    expressions = [line for line in lines if line and not line.startswith("#")]
    planned = [expression for expression in expressions if is_planned(expression)]
    found = {}
    for start in range(0, len(planned), 40):
        part = planned[start : start + 40]
        found.update(zip(part, answers(part)))
        print(start + len(part), "of", len(planned), file=sys.stderr, flush=True)
    with open(path, "w", encoding="utf-8") as file:
        for line in lines:
            if line in expressions:
                expression, answer = line, found.get(line)
                if answer is None:
                    line += " => error"
                else:
                    kind, value = answer
                    value = "NULL" if value is None else value.replace("\\", "\\\\").replace("\n", "\\n")
                    line += f" => {kind.removesuffix(' NOT NULL')}: {value}"
                if ours[expression]:
                    line += f" <> {ours[expression]}"
            file.write(line.rstrip() + "\n")


main(sys.argv[1])
