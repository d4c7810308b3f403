"""What is handed to componentize-py."""

import tempfile
import unittest
from pathlib import Path

from wasmill_sdk import build


class Build(unittest.TestCase):
    def test_the_contract_s_version_is_in_the_names_of_interfaces(self):
        called = build.command(build.contract(), Path("/f"), Path("/p/x.py"), Path("x.wasm"), ["/more"])
        names = [called[place + 1] for place, part in enumerate(called) if part.endswith("interface-name")]
        self.assertEqual(len(names), 4)
        self.assertRegex(names[0], r"^wasmill:udf/scalar@\d+\.\d+\.\d+=wasmill_scalar$")
        paths = [called[place + 1] for place, part in enumerate(called) if part == "--python-path"]
        self.assertEqual(paths, ["/f", "/p", "/more"])

    def test_the_modules_around_a_plugin(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            build.write_component(folder, "greet")
            self.assertIn("import greet ", (folder / "wasmill_component.py").read_text())
            module = (folder / "wasmill_aggregate.py").read_text()
            self.assertIn("OpenedAccumulators as Accumulators", module)
            self.assertTrue((folder / "wasmill_sdk" / "exports.py").is_file())

    def test_what_is_no_module_is_refused(self):
        with self.assertRaisesRegex(SystemExit, "`no-module.py` is no module of Python"):
            build.build(Path("no-module.py"), Path("x.wasm"), [])


if __name__ == "__main__":
    unittest.main()
