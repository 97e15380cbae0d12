"""Starts one module of the sandbox in a bare interpreter: `python -I -S -B boot.py MODULE ARGUMENT…`.

The launcher and the guest run without site-packages and, in the jail, without the rest of harness. This makes
`harness.sandbox` importable from the folder of this file alone.
"""

import importlib
import sys
from pathlib import Path
from types import ModuleType

if __name__ == "__main__":
    for name, folders in (("harness", []), ("harness.sandbox", [str(Path(__file__).parent)])):
        package = ModuleType(name)
        package.__path__ = folders
        sys.modules[name] = package
    importlib.import_module(f"harness.sandbox.{sys.argv[1]}").main(sys.argv[2:])
