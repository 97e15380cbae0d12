"""The ground that faults are tried on: a tiny model, a few problems, and harness commands in forked processes.

A command in a fork of this process, which has imported torch already, takes a second; one in a process of its own
takes five.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LIBRARIES = ("torch", "transformers", "peft", "transformers.models.llama.modeling_llama", "peft.tuners.lora", "scipy")
TRAINING, TESTS = 8, 6


@dataclass(frozen=True)
class Ground:
    """Where the model, the data and the completions lie; `words` are the words of a command that makes a run."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "apps"

    @property
    def study(self) -> Path:
        return self.folder / "both.toml"

    @property
    def completions(self) -> Path:
        return self.folder / "mine.jsonl"

    def words(self, method: str, runs: Path) -> list[str]:
        given = ["eval", "--method", method, "--task", "apps", "--data", str(self.data)]
        given += ["--model", str(self.folder / "tiny-llama"), "--candidates", "2", "--max-new-tokens", "8", "-k", "1,2"]
        return [*given, "--json", "--runs", str(runs)]

    def study_words(self, runs: Path) -> list[str]:
        """A study of two cells that share their base."""
        return ["study", "run", str(self.study), "--data", f"apps={self.data}", "--json", "--runs", str(runs)]

    def scoring(self, runs: Path) -> list[str]:
        given = ["score", "--task", "apps", "--data", str(self.data), "--completions", str(self.completions)]
        return [*given, "-k", "1,2", "--json", "--runs", str(runs)]


def prepare(folder: Path) -> Ground:
    """Make the model and the data in `folder`, in a child: the parent must not have used torch when it forks."""
    ground = Ground(folder)
    in_child(lambda: _make(ground))
    return ground


def warm_up() -> None:
    """Import what commands import, so that forks need not."""
    from harness.modeling.quirks import prepare_process

    prepare_process()
    for name in LIBRARIES:
        importlib.import_module(name)


def _make(ground: Ground) -> None:
    from tests.conftest import save_tiny_model

    save_tiny_model(ground.folder / "tiny-llama")
    ground.data.mkdir()
    for split, numbers in (("train", range(TRAINING)), ("test", range(TRAINING, TRAINING + TESTS))):
        rows = [
            {
                "problem_id": i,
                "question": f"Print {i}.",
                "difficulty": ["introductory", "interview"][i % 2],
                "solutions": json.dumps([f"print({i})"]),
                "input_output": json.dumps({"inputs": [""] * 2, "outputs": [f"{i}\n"] * 2}),
            }
            for i in numbers
        ]
        (ground.data / f"{split}.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    lines = [
        {"id": str(i), "completions": [f"print({i if i % 2 else 0})", "x"]} for i in range(TRAINING, TRAINING + TESTS)
    ]
    ground.completions.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    model = json.dumps(str(ground.folder / "tiny-llama"))
    settings = f"model = [{model}]\nmethod = ['lora', 'zero-shot']\ncandidates = 2\nmax_new_tokens = 8\nk = [1, 2]\n"
    ground.study.write_text(f"title = 'Both'\n[[grid]]\ntask = ['apps']\n{settings}", "utf-8")


@dataclass(frozen=True)
class Said:
    """How a command ended: its exit status, what it said, and whether that is a traceback."""

    status: int
    out: str
    err: str

    @property
    def traceback(self) -> bool:
        return "Traceback (most recent call last)" in self.err


def invoke(words: list[str]) -> Said:
    """A command in this process, as its entry point runs it."""
    from harness import cli

    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    before = sys.argv
    sys.argv = ["harness", *words]
    status = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            cli.main()
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:  # noqa: BLE001 - whatever comes out of a command is what is looked for
        status = 1
        err.write(traceback.format_exc())
    finally:
        sys.argv = before
    texts = [stream.buffer.getvalue().decode("utf-8", "replace") for stream in (out, err)]  # type: ignore[attr-defined]
    return Said(status, *texts)


class ChildEnded(Exception):
    """A forked process ended without a result; `signal` is the one that ended it, or 0."""

    def __init__(self, status: int) -> None:
        self.signal = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        super().__init__(f"a forked process ended with status {status}")


def _begin_fork() -> None:
    """Make a fork like a process that a shell starts, whatever its parent did with signals before.

    Threads that torch has started in the parent are not in a fork of it.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.environ.update(OMP_NUM_THREADS="1", HARNESS_PLUGINS="", TOKENIZERS_PARALLELISM="false")
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(1)


def in_child(work: Callable[[], Any]) -> Any:
    """What `work` returns (as JSON), done in a fork of this process."""
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        status = 1
        try:
            _begin_fork()
            with os.fdopen(writer, "w") as file:
                json.dump(work(), file)
            status = 0
        except BaseException:  # noqa: BLE001 - the child must not go on as its parent
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader) as file:
        text = file.read()
    _, status = os.waitpid(child, 0)
    if status:
        raise ChildEnded(status)
    return json.loads(text)


def run(words: list[str]) -> Said:
    """A command in a fork of this process."""

    def work() -> list[Any]:
        said = invoke(words)
        return [said.status, said.out, said.err]

    return Said(*in_child(work))


def spawn(words: list[str], log: Path, before: Callable[[], None] = lambda: None) -> int:
    """Start a command in a fork that leads a process group of its own; its process id. It writes to `log`.

    `before` is called in the child first.
    """
    if child := os.fork():
        return child
    status = 1
    try:
        os.setpgid(0, 0)
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
        sys.argv = ["harness", *words]
        _begin_fork()
        before()
        from harness import cli

        cli.main()
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:  # noqa: BLE001 - as Python ends a program
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


@contextlib.contextmanager
def copy_of(folder: Path, place: Path) -> Iterator[Path]:
    """A copy of `folder` at `place` for the block, links and missing rights included."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(folder, place, symlinks=True)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def result_of(root: Path) -> str:
    """The results and the records of the runs below `root`, without what clocks and meters wrote; "" without one."""
    found = sorted(path for path in root.glob("*/result.json") if path.is_file())
    return json.dumps([_result(path) for path in found], sort_keys=True) if found else ""


def _result(path: Path) -> list[Any]:
    row = json.loads(path.read_text("utf-8"))["row"]
    del row["costs"]
    records = [json.loads(line) for line in (path.parent / "records.jsonl").read_text("utf-8").splitlines()]
    for record in records:
        for execution in record["executions"]:
            del execution["seconds"]
    return [row, records]


def leftovers(root: Path) -> list[str]:
    """What is below `root` that a finished run does not have: drafts, checkpoints, lines of unfinished phases."""
    wild = (".writing.*", ".adapter.*", "checkpoints", "completions.jsonl", "executions.jsonl", "together-*")
    return sorted(str(path.relative_to(root)) for name in wild for path in root.rglob(name))
