"""`harness plugin new`: a whole plugin package from the templates beside this file, ready to install and test."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from harness.disk import file_errors
from harness.errors import UsageError

TEMPLATES = Path(__file__).parent / "templates"
KINDS = {
    "method": "A method for harness: low-rank updates beside the feed-forward layers.",
    "task": "A task for harness: small functions, judged by assertions.",
    "metric": "A metric for harness: shared words.",
    "backend": "A backend for harness: writes completions in place of the local loop.",
    "decoder": "A decoder for harness: the answer that most candidates give.",
    "study": "A study for harness: examples in the prompt against none.",
    "command": "A command for harness: completions of each run.",
}
PROMPTING = "prompting"
"""The template of a method that chooses examples, in place of one that tunes."""
_ABOUT = {**KINDS, PROMPTING: "A method for harness: examples that share words with the problem."}
_USES = {
    "method": "harness eval --method {name} --task conala --limit 8",
    PROMPTING: "harness eval --method {name} --task conala --limit 8",
    "task": "harness eval --method zero-shot --task {name} --data tests/data",
    "metric": "harness eval --method zero-shot --task conala --limit 8 --metric {name}",
    "backend": "harness eval --method zero-shot --task conala --backend {name} --model any --data tests/data",
    "decoder": "harness eval --method zero-shot --task conala --limit 8 --decoder {name} --temperature 0.8",
    "study": "harness study run {name} --builtin",
    "command": "harness {name}",
}


@dataclass(frozen=True)
class Names:
    """What a plugin is called in the places that need a name: `my-metric`, `harness-my-metric`, `MyMetric`."""

    name: str

    @property
    def distribution(self) -> str:
        """What `pip install` is given."""
        return f"harness-{self.name.replace('_', '-')}"

    @property
    def package(self) -> str:
        """What Python imports."""
        return self.distribution.replace("-", "_")

    @property
    def class_name(self) -> str:
        """The plugin's class."""
        return "".join(part.capitalize() for part in re.split("[-_]", self.name))


def write_package(name: str, kind: str, parent: Path, *, prompting: bool = False) -> Path:
    """Write the package of a new plugin to `parent/harness-NAME`, and return that folder.

    A method tunes, or with `prompting` it chooses examples.

    Raises:
        UsageError: the name does not do, the folder is there already, or what prompts is no method.
    """
    if prompting and kind != "method":
        raise UsageError(f"--prompting: a {kind} does not prompt; only a method does")
    plain = name.removeprefix("harness-")
    names = Names(plain.replace("-", "_") if kind == "metric" and plain != name else plain)
    joint, word = ("_", "underscores") if kind == "metric" else ("-", "dashes")
    if not re.fullmatch(rf"[a-z][a-z0-9]*({joint}[a-z0-9]+)*", names.name):
        parts = re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).lower())
        example = joint.join(parts) if parts and parts[0][0].isalpha() else f"my{joint}{kind}"
        raise UsageError(
            f"{name!r} is no name of a {kind}; write small letters and digits with single {word}: {example}"
        )
    folder = parent / names.distribution
    if folder.exists():
        raise UsageError(f"{folder} is there already; choose another name or folder")
    for path, text in _files(names, PROMPTING if prompting else kind).items():
        with file_errors(folder / path):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, "utf-8")
    return folder


def _files(names: Names, kind: str) -> dict[str, str]:
    words = {
        "name": names.name,
        "distribution": names.distribution,
        "package": names.package,
        "Class": names.class_name,
        "summary": _ABOUT[kind],
        "use": _USES[kind].format(name=names.name),
        "check": " --data tests/data" if kind == "task" else "",
    }
    templates = {
        "pyproject.toml": "common/pyproject.toml.txt",
        "README.md": "common/README.md.txt",
        ".gitignore": "common/gitignore.txt",
        ".github/workflows/test.yml": "common/test.yml.txt",
        "tests/conftest.py": "common/conftest.py.txt",
        f"{names.package}/__init__.py": f"{kind}/plugin.py.txt",
        f"tests/test_{names.package}.py": f"{kind}/test_plugin.py.txt",
    }
    found = {path: _filled(TEMPLATES / template, words) for path, template in templates.items()}
    data = {"task": _problems, "backend": _questions}
    return found | (data[kind]() if kind in data else {})


def _filled(template: Path, words: dict[str, str]) -> str:
    text = template.read_text("utf-8")
    for word, value in words.items():
        text = text.replace("{{" + word + "}}", value)
    return text


def _questions() -> dict[str, str]:
    """What a new backend is asked first, in the form of CoNaLa's files."""
    words = ("sort", "reverse", "count", "join")
    rows = [{"question_id": word, "nl": f"{word} the items of x", "cmd": f"{word}(x)"} for word in words]
    return {"tests/data/test.json": json.dumps(rows, indent=1) + "\n"}


def _problems() -> dict[str, str]:
    """Data of a new task: functions that multiply, different ones in each split."""
    found = {}
    for split, factors in (("train", range(2, 10)), ("validation", range(10, 13)), ("test", range(13, 17))):
        rows = [
            {
                "id": str(factor),
                "question": f"Write a function times(x) that returns {factor} times x.",
                "answer": f"def times(x):\n    return {factor} * x",
                "test": f"assert times(1) == {factor}\nassert times(-2) == {-2 * factor}",
            }
            for factor in factors
        ]
        found[f"tests/data/{split}.jsonl"] = "".join(json.dumps(row) + "\n" for row in rows)
    return found
