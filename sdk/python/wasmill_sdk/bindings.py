"""The contract's imports: those of the component, or in-memory ones outside of it."""

import sys

if sys.platform == "wasi":
    from componentize_py_types import Err
    from wit_world.exports.wasmill_process import Output as WireOutput
    from wit_world.exports.wasmill_process import SideOutput as WireSideOutput
    from wit_world.exports.wasmill_table import Expansion
    from wit_world.imports import columns, inference, log, metrics, state, types
else:
    from . import native
    from .native import Err, Expansion
    from .native import Output as WireOutput
    from .native import SideOutput as WireSideOutput

    columns = inference = log = metrics = state = types = native

__all__ = [
    "Err",
    "Expansion",
    "WireOutput",
    "WireSideOutput",
    "columns",
    "inference",
    "log",
    "metrics",
    "state",
    "types",
]
