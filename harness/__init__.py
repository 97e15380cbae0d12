"""harness: which way of adapting a code model is worth it, for your task, your data and your GPU?"""

from pathlib import Path

from harness.hookspecs import hookimpl

# setup.cfg installs plugins/ and sandbox/ inside this package; a checkout keeps them beside it.
if not (Path(__file__).parent / "plugins").is_dir():
    __path__.append(str(Path(__file__).parents[1]))

__all__ = ["__version__", "hookimpl"]
__version__ = "0.1.0"
