"""Lines in the host's log, with the function's name beside them. What is printed gets there too."""

from .bindings import log as wire

Level = wire.Level


def log(level: Level, message: str) -> None:
    wire.log(level, message)
