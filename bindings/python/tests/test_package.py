"""pip install ./bindings/python without a network, and what CMake installs."""
import importlib.util
import logging
import os
import pydoc
import shutil
import subprocess
import sys
import sysconfig
import unittest

import weir
from support import Case

ROOT = os.environ.get("WEIR_SOURCE_DIR") or os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
SMOKE = """
import sys, weir
assert weir.__file__.startswith(sys.argv[2]), weir.__file__
with weir.open(sys.argv[1]) as db:
    t = db.table("x", {"i": int, "s": str})
    t.append(1, "one")
    t.append_columns(range(2, 1000), ["more"] * 998)
    assert db.sync("applied", 30)
    print(weir.__version__, db.stats()["rows_applied"])
"""


class Package(Case):
    def run_all(self, *command, **options):
        done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              **options)
        self.assertEqual(done.returncode, 0, f"{command}:\n{done.stdout}")
        return done.stdout

    def environment(self, **more):
        """Without the package of the build tree, and without a network for pip."""
        kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
        return {**kept, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", **more}

    def smoke(self, python, below, **environment):
        out = self.run_all(python, "-c", SMOKE, self.path, below, cwd=self.folder,
                           env=self.environment(**environment))
        self.assertEqual(out.split(), [weir.__version__, "999"])
        self.assertEqual(self.rows("SELECT count(*), max(i) FROM x"), [(999, 999)])

    def test_pip_in_a_new_venv(self):
        if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
            self.skipTest("venv or ensurepip is missing (python3-venv)")
        venv = os.path.join(self.folder, "venv")
        self.run_all(sys.executable, "-m", "venv", venv)
        python = os.path.join(venv, "bin", "python")
        self.run_all(python, "-m", "pip", "install", os.path.join(ROOT, "bindings", "python"),
                     cwd=self.folder, env=self.environment())
        self.smoke(python, venv)
        files = self.run_all(python, "-m", "pip", "show", "-f", "weir", env=self.environment())
        for name in ("weir/py.typed", "weir/_weir.pyi", "weir/manager.py", "LICENSE"):
            self.assertIn(name, files)
        self.run_all(python, "-m", "pip", "uninstall", "-y", "weir", env=self.environment())
        self.assertNotEqual(subprocess.run([python, "-c", "import weir"], capture_output=True,
                                           cwd=self.folder, env=self.environment()).returncode, 0)

    def test_cmake_install(self):
        build = os.path.dirname(os.path.dirname(weir.__file__))
        script = os.path.join(build, "cmake_install.cmake")
        self.assertTrue(os.path.exists(script), "the tests use the package of a build tree")
        prefix = os.path.join(self.folder, "prefix")
        self.run_all("cmake", f"-DCMAKE_INSTALL_PREFIX={prefix}", "-P", script)
        [package] = [os.path.join(at, "weir") for at, folders, _ in os.walk(prefix)
                     if "weir" in folders]
        self.assertEqual(os.path.basename(os.path.dirname(package))[-9:], "-packages")
        self.assertTrue(os.path.exists(os.path.join(package, "py.typed")))
        self.smoke(sys.executable, prefix, PYTHONPATH=os.path.dirname(package))

    @unittest.skipUnless(shutil.which("nm") and shutil.which("readelf"), "nm or readelf is missing")
    def test_the_module_is_on_its_own(self):
        module = weir._weir.__file__
        needed = self.run_all("readelf", "-d", module)
        self.assertNotIn("libweir", needed)
        self.assertNotIn("libpython", needed)
        self.assertIn("libsqlite3.so.0", needed)
        defined = self.run_all("nm", "-D", "--defined-only", module).split()[2::3]
        self.assertEqual(defined, ["PyInit__weir"])
        if sys.version_info >= (3, 11):
            self.assertTrue(module.endswith(".abi3.so"), module)

    def test_it_explains_itself(self):
        for name in weir.__all__:
            with self.subTest(name=name):
                thing = getattr(weir, name)
                if name not in ("Ticket", "KEY"):  # an alias and a constant
                    self.assertTrue(thing.__doc__ and len(thing.__doc__) > 20)
        for cls in (weir.Database, weir.Table, weir.LogHandler, weir.DBManager):
            for name in dir(cls):
                if not name.startswith("_") and name not in dir(logging.Handler) and callable(getattr(cls, name)):
                    with self.subTest(name=name):
                        self.assertTrue(getattr(cls, name).__doc__, f"{cls.__name__}.{name}")
        text = pydoc.render_doc(weir.Table, renderer=pydoc.plaintext)
        self.assertIn("append(*values)", text.replace("self, /, ", ""))
        self.assertIn("it survives the death of the process", text)


if __name__ == "__main__":
    unittest.main()
