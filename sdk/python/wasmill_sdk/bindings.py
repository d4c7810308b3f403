"""The contract's imports: those of the component, or in-memory ones outside of it."""

import sys

if sys.platform == "wasi":
    from componentize_py_types import Err
    from wit_world.exports.wasmill_table import Expansion
    from wit_world.imports import columns, inference, log, metrics, types
else:
    from . import native
    from .native import Err, Expansion

    columns = inference = log = metrics = types = native

__all__ = ["Err", "Expansion", "columns", "inference", "log", "metrics", "types"]
