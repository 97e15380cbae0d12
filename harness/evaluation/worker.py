"""A process of a command that is not the first: it does the parts that it is handed, and is silent."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from harness import processes
from harness.errors import HarnessError
from harness.modeling import memory
from harness.modeling.bases import LoadedBases


def serve() -> None:
    """Do part after part until the first process says that all is done.

    Raises:
        HarnessError: a part failed here and not in all processes, or another one ended.
    """
    bases = LoadedBases()
    with contextlib.ExitStack() as stack:
        nowhere = stack.enter_context(Path(os.devnull).open("w"))
        stack.enter_context(contextlib.redirect_stdout(nowhere))
        stack.enter_context(contextlib.redirect_stderr(nowhere))
        while (part := processes.next_part()) is not None:
            try:
                with processes.others_named():
                    part.run(bases)
            except HarnessError as error:
                if not processes.failed_in_all(error):
                    raise
                bases = LoadedBases()  # one may carry half an adapter now
            memory.release()
