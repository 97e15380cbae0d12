"""Run folders through the real types, with numbers from a seed: for measuring and testing what reads many runs."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

from harness import files
from harness.evaluation import runs
from harness.evaluation.runs import RECORDS, RESULT, RUN
from harness.plugins.metrics.exact_match import ExactMatch
from harness.records import (
    SCHEMA,
    Completion,
    Cost,
    Execution,
    ModelSpec,
    Outcome,
    Record,
    Row,
    Run,
    Sampling,
    Score,
    Tuning,
    to_json,
)
from harness.stats.estimates import estimate

METHODS = ("lora", "ia3", "prompt-tuning", "prefix-tuning", "qlora-8bit", "qlora-4bit", "zero-shot", "icl", "rag")
TUNED = METHODS[:6]


def run_spec(method: str, seed: int, model: str = "example/coder", *, builtin: bool = False, examples: int = 3) -> Run:
    """What was asked."""
    options = {"conala": {}, "exact_match": {"normalisation": "paper"}, method: {"r": 16, "alpha": 32}}
    if method in ("icl", "rag"):
        options[method] = {"n": examples}
    return Run(
        task="conala",
        task_version="1-sample" if builtin else "1",
        method=method,
        model=ModelSpec(model),
        metrics=("exact_match",),
        sampling=Sampling(10, 64, stop=("\n",)),
        tuning=Tuning(3e-4) if method in TUNED else None,
        options=options,
        data_digest="d" * 64,
        model_digest="m" * 64,
        limit=None,
        ks=(1, 10),
        seed=seed,
        builtin_data=builtin,
    )


def records(
    rng: random.Random, skill: float, problems: int, slices: tuple[str, ...] = (), examples: int = 0
) -> Iterator[Record]:
    """Records of a run that solves a problem with about the chance `skill`; some problems are harder for all."""
    for i in range(problems):
        ease = random.Random(i).random() * 2 * skill
        first = next((k for k in range(1, 11) if rng.random() < ease / 5), None)
        texts = [f"answer_{i}({k})" if k == first else f"guess_{rng.randrange(99)}({k})" for k in range(1, 11)]
        values = {f"em@{k}": float(first is not None and first <= k) for k in (1, 10)}
        values |= {f"{name}/literal": value for name, value in values.items()}
        yield Record(
            id=str(i),
            slice=slices[i % len(slices)] if slices else None,
            prompt_digest="p" * 64,
            prompt_tokens=40,
            examples=tuple(f"train-{k}" for k in range(examples)),
            dropped=0,
            completions=tuple(Completion(text, 12) for text in texts),
            executions=tuple(Execution(_outcome(rng, k == first), int(k == first), 1) for k in range(1, 11)),
            scores=(Score("exact_match", values),),
        )


def _outcome(rng: random.Random, passed: bool) -> Outcome:
    wrong = (Outcome.FAILED, Outcome.FAILED, Outcome.RAISED, Outcome.TIMED_OUT, Outcome.NO_CODE)
    return Outcome.PASSED if passed else rng.choice(wrong)


def row(run: Run, found: list[Record], rng: random.Random) -> Row:
    """The row that `found` gives."""
    metric = ExactMatch()
    estimates = list(estimate(metric, [s for r in found for s in r.scores]))
    for name in dict.fromkeys(r.slice for r in found if r.slice):
        estimates += estimate(metric, [s for r in found if r.slice == name for s in r.scores], slice=name)
    outcomes: dict[str, int] = {}
    for execution in (e for r in found for e in r.executions):
        outcomes[execution.outcome.value] = outcomes.get(execution.outcome.value, 0) + 1
    costs = [
        Cost("load", 3.2, 2 << 30, 14 << 30),
        Cost("generate", 300 + rng.random(), 2 << 30, 15 << 30, 21720, 65160),
    ]
    if run.tuning:
        costs.insert(1, Cost("tune", 1800 * (0.5 + rng.random()), 3 << 30, 19 << 30, 900_000, 0, 4.1e5))
    trainable = 12_500_000 if run.tuning else 0
    shown = len(found[0].examples)
    return Row(
        runs.run_id(run), run, tuple(estimates), tuple(costs), outcomes, trainable, 6_738_000_000, examples=shown
    )


def write(root: Path, one: Row, found: list[Record] | None = None) -> Path:
    """One finished run folder (not synced: nothing here is worth keeping)."""
    folder = root / one.run_id
    folder.mkdir(parents=True)
    command = f"harness eval --method {one.run.method} --task conala --model {one.run.model.id} --seed {one.run.seed}"
    about = {
        "schema": SCHEMA,
        "run": to_json(one.run),
        "command": command,
        "reproduce": command,
        "data": {"source": "example/data@1", "digest": one.run.data_digest},
        "versions": {"python": "3.11.7", "torch": "2.13.0", "transformers": "5.23.0", "peft": "0.21.2"},
        "machine": {"gpu": None, "cores": 2},
        "plugins": {},
    }
    (folder / RUN).write_text(json.dumps(about, indent=2))
    (folder / RESULT).write_text(json.dumps({"schema": SCHEMA, "row": to_json(one)}, indent=2))
    if found is not None:
        (folder / RECORDS).write_text("".join(files.line(record) for record in found))
    return folder


def many(root: Path, count: int) -> None:
    """`count` rows without records: one real row's numbers under `count` seeds and a hundred models."""
    rng = random.Random(0)
    made = {m: row(run_spec(m, 0), list(records(rng, rng.random(), 100)), rng) for m in METHODS}
    for i in range(count):
        method = METHODS[i % len(METHODS)]
        run = run_spec(method, i, f"example/coder-{i % 100}")
        base = made[method]
        write(root, Row(runs.run_id(run), run, base.estimates, base.costs, base.outcomes, base.trainable_parameters, 1))
