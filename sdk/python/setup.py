"""Puts the contract's files into the package: from the repository, or from a source distribution."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = Path(__file__).resolve().parent


def copy_contract(package: Path) -> None:
    """Copies the .wit files into the folder `wit` of a package's folder."""
    folders = [HERE / "wasmill_sdk" / "wit", HERE.parents[1] / "wit"]
    source = next((folder for folder in folders if (folder / "world.wit").is_file()), None)
    if source is None:
        raise SystemExit("error: build wasmill_sdk inside of its repository, which has `wit`")
    target = package / "wit"
    if source != target:
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.txt"))


class BuildWithContract(build_py):
    def run(self):
        super().run()
        if not self.editable_mode:
            copy_contract(Path(self.build_lib) / "wasmill_sdk")


class SdistWithContract(sdist):
    def make_release_tree(self, base_dir, files):
        super().make_release_tree(base_dir, files)
        copy_contract(Path(base_dir) / "wasmill_sdk")


setup(cmdclass={"build_py": BuildWithContract, "sdist": SdistWithContract})
