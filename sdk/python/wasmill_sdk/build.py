"""`python -m wasmill_sdk.build plugin.py -o plugin.wasm`: makes a component of a plugin's module."""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent

# The interfaces that a component exports: the module that componentize-py looks for, and the classes of
# `wasmill_sdk.exports` for their resources.
EXPORTS = {
    "scalar": {"ScalarFunction": "OpenedScalar"},
    "table": {"TableFunction": "OpenedTable"},
    "aggregate": {"AggregateFunction": "OpenedAggregate", "Accumulators": "OpenedAccumulators"},
    "process": {"ProcessFunction": "OpenedProcess"},
}
COMPONENT = "wasmill_component"


def contract() -> Path:
    """The folder of the contract's files: the package's, or that of the repository around it."""
    for folder in (PACKAGE / "wit", PACKAGE.parents[2] / "wit"):
        if (folder / "world.wit").is_file():
            return folder
    raise SystemExit("error: this installation of wasmill_sdk lacks the folder `wit`: install it anew")


def write_component(folder: Path, plugin: str) -> None:
    """The modules that componentize-py asks for, around the plugin's."""
    lines = [f"import {plugin}  # noqa: F401"]
    for interface, resources in EXPORTS.items():
        exported = interface.capitalize()
        lines.append(f"from wasmill_sdk.exports import {exported} as Wasmill{exported}")
        names = [f"{made} as {resource}" for resource, made in resources.items()]
        module = folder / f"wasmill_{interface}.py"
        module.write_text(f"from wasmill_sdk.exports import {', '.join(names)}\n")
    (folder / f"{COMPONENT}.py").write_text("\n".join(lines) + "\n")
    without_tools = shutil.ignore_patterns("wit", "build.py", "native.py", "__pycache__")
    shutil.copytree(PACKAGE, folder / "wasmill_sdk", ignore=without_tools)


def command(wit: Path, folder: Path, plugin: Path, output: Path, more: list[str]) -> list[str]:
    """The call of componentize-py, by the Python that runs this."""
    package = re.search(r"package (\S+?)@(\S+);", (wit / "world.wit").read_text())
    name, version = package.groups()
    called = [sys.executable, "-c", "from componentize_py import script; script()"]
    called += ["--wit-path", str(wit), "--world", "plugin"]
    for interface in EXPORTS:
        named = f"{name}/{interface}@{version}=wasmill_{interface}"
        called += ["--export-interface-name", named]
    called += ["componentize", COMPONENT, "--output", str(output)]
    for path in [str(folder), str(plugin.parent), *more]:
        called += ["--python-path", path]
    return called


def build(plugin: Path, output: Path, more: list[str]) -> int:
    """Makes the component; `more` are folders of modules that the plugin imports. Returns the exit code
    of componentize-py, whose messages go to stderr."""
    if not plugin.is_file() or not plugin.stem.isidentifier():
        raise SystemExit(f"error: `{plugin}` is no module of Python")
    try:
        import componentize_py  # noqa: F401
    except ModuleNotFoundError:
        hint = "hint: pip install componentize-py==0.25.1"
        raise SystemExit(f"error: componentize-py is missing\n\n{hint}") from None
    with tempfile.TemporaryDirectory() as folder:
        write_component(Path(folder), plugin.stem)
        called = command(contract(), Path(folder), plugin.resolve(), output.resolve(), more)
        # componentize-py's own stack says nothing about the plugin.
        environment = {**os.environ, "RUST_BACKTRACE": "0"}
        if sys.prefix != sys.base_prefix:
            # Packages are looked for there, also where the environment is not activated.
            environment["VIRTUAL_ENV"] = sys.prefix
        return subprocess.run(called, env=environment).returncode


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m wasmill_sdk.build", description=__doc__)
    parser.add_argument("plugin", type=Path, help="the plugin's module, a .py file")
    parser.add_argument("-o", "--output", type=Path, help="by default beside it, with .wasm")
    parser.add_argument(
        "-p",
        "--python-path",
        action="append",
        default=[],
        help="a folder of modules that the plugin imports, beside its own and site-packages",
    )
    given = parser.parse_args(arguments)
    output = given.output or given.plugin.with_suffix(".wasm")
    return build(given.plugin, output, given.python_path)


if __name__ == "__main__":
    sys.exit(main())
