"""The contracts: our own built-ins keep them, and a plugin that breaks one is told which and how."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import discovery
from harness.registry import Registry
from harness.testing import Finding, contract_for, examine

_BUILT_IN = Registry()
METHODS = [o.name for o in _BUILT_IN.offers("method").values() if o.origin.distribution == "codetune-harness"]
QUICK = {"lora", "icl", "zero-shot"}


def broken(findings: list[Finding]) -> list[str]:
    return [f"{finding.words}: {finding.reason}" for finding in findings if finding.verdict == "broken"]


@pytest.mark.parametrize("name", [o.name for o in _BUILT_IN.offers("metric").values()])
def test_a_built_in_metric_keeps_its_contract(name: str) -> None:
    findings = list(examine(contract_for("metric", name, {})))
    assert broken(findings) == []
    assert sum(finding.verdict == "kept" for finding in findings) >= 10


@pytest.mark.parametrize("name", [o.name for o in _BUILT_IN.offers("task").values()])
def test_a_built_in_task_keeps_its_contract_on_the_sample(name: str) -> None:
    findings = list(examine(contract_for("task", name, {})))
    assert broken(findings) == []
    assert sum(finding.verdict == "kept" for finding in findings) >= 11


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in METHODS]
)
def test_a_built_in_method_keeps_its_contract(name: str) -> None:
    plugin = _BUILT_IN.offers("method")[name].plugin
    asked = f"{name}:lora" if plugin.variants() else name
    findings = list(examine(contract_for("method", asked, {})))
    assert broken(findings) == []


SINNERS = '''
import dataclasses, math, random
from harness import hookimpl
from harness.data import rows
from harness.plugin import Backend, Method, Metric, Task, option
from harness.records import Completion, Problem, Sampling, Score, StdinTests, Tuning

class Base(Metric):
    """A metric that is wrong."""
    def score(self, problem, completions, executions, ks, config):
        return Score(self.name, values={"hit": self.value(problem, completions)})
    def value(self, problem, completions):
        return float(completions[0].text == problem.reference)
class Big(Base):
    name = "big"
    value = lambda self, p, c: 2.0
class Rolls(Base):
    name = "rolls"
    value = lambda self, p, c: random.random()
class Hashes(Base):
    name = "hashes"
    value = lambda self, p, c: float(hash(c[0].text) % 1000 / 1000)
class Counts(Base):
    name = "counts"
    seen = 0
    def value(self, p, c):
        self.seen += 1
        return float(self.seen % 2)
class Blind(Base):
    name = "blind"
    needs = "executions"
class Upside(Base):
    name = "upside"
    value = lambda self, p, c: float(c[0].text != p.reference)
class Misnamed(Base):
    name = "misnamed"
    def score(self, *a): return dataclasses.replace(super().score(*a), metric="other")
class Scalar(Base):
    name = "scalar"
    def combine(self, totals, n): return {"hit": math.sqrt(totals["hit"] / n)}
class Lost(Base):
    name = "lost"
    def primary(self, ks): return "nowhere"
class Silent(Base):
    name = "silent"
for c in Base.__subclasses__():
    c.__doc__ = None if c is Silent else "Wrong in one way."


@dataclasses.dataclass
class Loose:
    api_key: str = "none"
    depth: int = option(3, "how deep")
class Leaky(Base):
    """Holds a key."""
    name = "leaky"
    Config = Loose

class Fine(Task):
    """A task that is right but for one thing."""
    name = "fine"
    metrics = ("exact_match",)
    def sampling(self): return Sampling(1, 8)
    def default_ks(self): return (1,)
    def load(self, source, config):
        return {s: [self.problem(r) for f in files for r in rows(f)] for s, files in source.splits().items()}
    def problem(self, row):
        n = row.get("n", int)
        return Problem(str(n), f"print {n} and no more", (f"print({n})",), StdinTests((("", f"{n}\\n"),)))
class Spaced(Fine):
    "Adds a space."
    name = "spaced"
    def template(self, problem): return super().template(problem) + " "
class Cut(Fine):
    "Cuts its answers."
    name = "cut"
    def sampling(self): return Sampling(1, 8, stop=("(",))
class Shuffled(Fine):
    "Has other ids every time."
    name = "shuffled"
    def problem(self, row): return dataclasses.replace(super().problem(row), id=str(random.random()))
class Unanswered(Fine):
    "Has wrong references."
    name = "unanswered"
    def problem(self, row): return dataclasses.replace(super().problem(row), references=("print('?')",))
class Credulous(Fine):
    "Reads anything."
    name = "credulous"
    def load(self, source, config):
        import json
        found = {}
        for split, files in source.splits().items():
            found[split] = []
            for number, line in enumerate(files[0].read_text().splitlines()):
                try: found[split].append(Problem(split + str(number), line, ("x",)))
                except ValueError: pass
        return found
class Repeats(Fine):
    "Repeats a problem."
    name = "repeats"
    def load(self, source, config):
        found = dict(super().load(source, config))
        return {**found, "test": [*found["test"], found["train"][0]]}

class Lazy(Method):
    """Says that it tunes."""
    name = "lazy"
    tunes = True
    def tuning(self, config): return Tuning(learning_rate=1e-3)
    def adapt(self, base, config):
        base.model.requires_grad_(False)
        return base
class Sly(Method):
    """Says that it tunes nothing, and changes the model."""
    name = "sly"
    def adapt(self, base, config):
        next(base.model.parameters()).data.add_(1.0)
        return base
class Gossip(Method):
    """Shows the problem itself."""
    name = "gossip"
    prompts = True
    def examples(self, problems, pool, config): return [pool.problems[:len(problems)] for _ in problems]
class Mute(Backend):
    """Answers nothing."""
    name = "mute"
    def generate(self, model, prompts, sampling, seed, config):
        yield "stranger", ()

@hookimpl
def harness_metrics(): return [c() for c in Base.__subclasses__()]
@hookimpl
def harness_tasks(): return [Fine(), *(c() for c in Fine.__subclasses__())]
@hookimpl
def harness_methods(): return [Lazy(), Sly(), Gossip()]
@hookimpl
def harness_backends(): return [Mute()]
@hookimpl
def harness_commands(cli):
    import click
    cli.add_command(click.Command("wordless", params=[click.Option(["--deep"])]))
'''

# (kind, name) -> a part of the one reason that is given
SINS = {
    ("metric", "big"): ["hit is 2.0, outside [0.0, 1.0]"],
    ("metric", "hashes"): ["another process answers otherwise"],
    ("metric", "blind"): ["a sandbox failure was scored"],
    ("metric", "upside"): ["right answers score 0.0, wrong ones 1.0"],
    ("metric", "misnamed"): ["the score says it is of 'other'"],
    ("metric", "scalar"): ["TypeError"],
    ("metric", "lost"): ["primary() names 'nowhere'"],
    ("metric", "silent"): ["has no docstring"],
    ("metric", "leaky"): ["Config is not frozen", "option api_key looks like a secret"],
    ("task", "fine"): [],
    ("task", "spaced"): ["the prompt ends with a space"],
    ("task", "cut"): ["its answer is cut by a stop string to 'print'", "its reference does not equal itself"],
    ("task", "shuffled"): ["loaded a second time, the problems are others"],
    ("task", "unanswered"): ["its reference passes 0 of 1"],
    ("task", "credulous"): ["the file cut in half: it was read as if nothing were wrong"],
    ("task", "repeats"): ["problem '0' of train is in test as well"],
    ("backend", "mute"): ["asked for p0, p1, p2, answered stranger", "stranger: 0 in place of 1"],
    ("command", "wordless"): ["has no docstring", "no help for --deep"],
}


@pytest.fixture(scope="module")
def sinners(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A package on the path of this process and of those that it starts, whose plugins each break something."""
    folder = tmp_path_factory.mktemp("sinners")
    (folder / "plugin_sinners.py").write_text(SINNERS, "utf-8")
    (folder / "sinners-1.0.dist-info").mkdir()
    (folder / "sinners-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: sinners\nVersion: 1.0\n")
    (folder / "sinners-1.0.dist-info" / "entry_points.txt").write_text("[harness]\nsinners = plugin_sinners\n")
    data = folder / "numbers"
    data.mkdir()
    for split, first in (("train", 0), ("validation", 10), ("test", 20)):
        (data / f"{split}.jsonl").write_text("".join(json.dumps({"n": n}) + "\n" for n in range(first, first + 4)))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.setenv("PYTHONPATH", str(folder))
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.delenv(discovery.SWITCH, raising=False)
        yield folder
    del sys.modules["plugin_sinners"]


@pytest.mark.parametrize(("kind", "name"), SINS)
def test_a_plugin_that_breaks_its_contract_is_told_what(sinners: Path, kind: str, name: str) -> None:
    attributes = {"task": {"data": sinners / "numbers"}, "backend": {"model": "m"}}.get(kind, {})
    reasons = broken(list(examine(contract_for(kind, name, attributes))))
    for words in SINS[kind, name]:
        assert any(words in reason for reason in reasons), (words, reasons)
    if (kind == "task" and name != "credulous") or name in ("silent", "misnamed"):
        assert len(reasons) == len(SINS[kind, name]), reasons


@pytest.mark.parametrize(
    ("name", "words"),
    [("rolls", "asked a second time, in another order, it answers otherwise"), ("counts", "asked a second time")],
)
def test_a_metric_that_is_not_pure_is_told_so(sinners: Path, name: str, words: str) -> None:
    assert any(words in reason for reason in broken(list(examine(contract_for("metric", name, {})))))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lazy", "it says that it tunes, and nothing is trainable"),
        ("sly", "it says that it tunes nothing, and adapt() changes the model"),
        ("gossip", "is shown, which gives the answer away"),
    ],
)
def test_a_method_that_breaks_its_contract_is_told_what(sinners: Path, name: str, words: str) -> None:
    reasons = broken(list(examine(contract_for("method", name, {}))))
    assert any(words in reason for reason in reasons), reasons


def test_check_prints_what_is_kept_and_what_not_and_exits_accordingly(sinners: Path) -> None:
    def check(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", "harness", "plugin", "check", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    bad = check("misnamed")
    assert bad.returncode == 1
    assert "FAIL  scores survive being written" in bad.stdout
    assert bad.stdout.splitlines()[0] == "metric misnamed (sinners 1.0)"
    assert bad.stdout.splitlines()[-1].endswith("kept, 1 broken, 1 do not apply")
    good = check("fine", "--data", str(sinners / "numbers"), "--json")
    assert good.returncode == 0, good.stdout
    assert {finding["verdict"] for finding in json.loads(good.stdout)["findings"]} == {"kept"}
    assert "Did you mean 'misnamed'?" in check("misnmed").stderr
    assert "only a task has data" in check("misnamed", "--data", str(sinners)).stderr
