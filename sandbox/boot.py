"""Starts one module of the sandbox in a bare interpreter: `python -I -S -B boot.py MODULE ARGUMENT…`.

MODULE is named from the sandbox's folder: `guest.guest`. The launcher and the guest run without site-packages and, in
the jail, without the rest of harness. This makes `harness.sandbox` importable from the folder of this file alone.
"""

import os
import sys
from types import ModuleType

if __name__ == "__main__":
    here = os.path.dirname(__file__)  # noqa: PTH120 - pathlib is large, and process 1 small
    for name, folders in (("harness", []), ("harness.sandbox", [here])):
        package = ModuleType(name)
        package.__path__ = folders
        sys.modules[name] = package
    # What modules want to run in every forked child touches 130 pages (threading) or reads random bytes (random). The
    # guest's children are single-threaded copies that need neither; it is registered when one of them forks.
    hooks: list[dict[str, object]] = []
    vars(sys.modules["harness.sandbox"])["at_fork"] = hooks
    register = os.register_at_fork
    vars(os)["register_at_fork"] = lambda **hook: hooks.append(hook)
    module = __import__(f"harness.sandbox.{sys.argv[1]}", fromlist=["main"])
    vars(os)["register_at_fork"] = register
    module.main(sys.argv[2:])
