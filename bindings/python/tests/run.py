"""run.py FILE: run a file's tests as unittest does, and say on a line of its own what was skipped,
as the other tests of the suite do."""
import importlib
import os
import sys
import unittest


def main():
    name = os.path.splitext(os.path.basename(sys.argv[1]))[0]
    sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv[1])))
    suite = unittest.defaultTestLoader.loadTestsFromModule(importlib.import_module(name))
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    if result.skipped:
        reasons = sorted({why for _, why in result.skipped})
        print(f"[  SKIPPED ] python_{name[5:]}: {len(result.skipped)} tests: {'; '.join(reasons)}")
    if not result.testsRun:
        print("there is no test in it")
    return not (result.wasSuccessful() and result.testsRun)


if __name__ == "__main__":  # a spawned process imports this file
    sys.exit(main())
