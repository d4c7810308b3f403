"""The function's own metrics, in the host's registry."""

from .bindings import metrics as wire


def counter(name: str, add: int = 1) -> None:
    wire.counter(name, add)


def gauge(name: str, value: float) -> None:
    wire.gauge(name, value)


def histogram(name: str, value: float) -> None:
    wire.histogram(name, value)
