"""harness from Python: run, load, compare and rank, as the command line does.

    import harness
    row = harness.run(method="lora", task="apps", options={"lora.r": 32})
    print(harness.leaderboard())

The commands `eval`, `compare` and `leaderboard` are thin layers over this module. Every expected failure is a
`harness.errors.HarnessError` whose text is one line. What is stable is said in `docs/api.md`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

from harness.config import Settings, option_text
from harness.config_check import check_layers
from harness.errors import UsageError, nearest
from harness.evaluation import runs as run_folders
from harness.evaluation.halving import tune_settings
from harness.evaluation.plan import RunPlan, check_watched, resolve
from harness.evaluation.request import Request
from harness.evaluation.sweep import Trial, build_trials, check_swept, settings_with_plans, write_choice
from harness.live_table import shown_live
from harness.plugin_system.registry import Registry
from harness.records import Record, Row

if TYPE_CHECKING:
    from harness.ranking.boards import Board
    from harness.ranking.rows import CollectedRuns
    from harness.stats.paired_comparison import PairedComparison

Format = Literal["table", "markdown", "csv", "json", "latex", "html"]
RUNS = Path("runs")
"""Where runs are kept unless another folder is named."""


class Session:
    """What several runs share: the plugins of this environment, and the base model that is loaded.

    Pass one to `run` so that a second method does not load the same model again, or to use a plugin that is not
    installed: `session.registry.add(MyMethod())`.
    """

    def __init__(self, registry: Registry | None = None) -> None:
        from harness.modeling.quirks import prepare_process

        prepare_process()
        from harness.modeling.bases import LoadedBases

        self.registry = registry or Registry()
        self._bases = LoadedBases()

    def plans(
        self, methods: Iterable[str], request: Request, options: Mapping[str, Any] | Sequence[str] = ()
    ) -> list[RunPlan]:
        """`request` with each of `methods`, every name and value checked; nothing heavy is loaded.

        `options` are those of plugins: a mapping like `{"lora.r": 32}`, or texts like `"lora.r=32"`.

        Raises:
            HarnessError: something does not exist or does not fit, or an option's plugin takes no part.
        """
        check_swept(request, {})
        settings = Settings(_option_texts(options))
        plans = [resolve(replace(request, method=method), self.registry, settings) for method in methods]
        check_watched(request, plans)
        settings.check_claimed()
        check_layers(settings, self.registry)
        return plans

    def trials(
        self,
        methods: Iterable[str],
        request: Request,
        options: Mapping[str, Any] | Sequence[str] = (),
        *,
        seeds: Sequence[int] = (),
        sweep: Mapping[str, Sequence[str]] | None = None,
        runs: Path = RUNS,
        sources: Mapping[str, str] | None = None,
    ) -> list[list[Trial]]:
        """For each method every setting in `sweep` (values of options by name), each with a plan for every seed.

        Options of `sweep` that belong to other methods are left out of a method's settings. `request.select` names the
        metric on the validation problems by which one is chosen, in place of the validation loss. `sources` says where
        fields of `request` were read, for the records.

        Raises:
            HarnessError: as `plans`; a method that tunes nothing is swept by validation loss; a metric is to choose
                and nothing is swept, or the validation problems lack what it needs.
        """
        check_swept(request, sweep or {})
        texts = _option_texts(options)
        settings = Settings(texts, request_sources=sources)
        seeded = [replace(request, seed=seed) for seed in dict.fromkeys(seeds or [request.seed])]
        methods_trials = [
            build_trials(
                [replace(one, method=method) for one in seeded], texts, sweep or {}, self.registry, settings, runs
            )
            for method in methods
        ]
        check_watched(request, [plan for trials in methods_trials for trial in trials for plan in trial.plans])
        settings.check_claimed()
        check_layers(settings, self.registry)
        return methods_trials

    def run_trials(self, methods: Sequence[Sequence[Trial]], runs: Path = RUNS) -> list[Row]:
        """The rows of several methods, in their order: a row for every seed of the setting that validation chose.

        All tunings are made first, as many at once as can share a base, and what a metric needs to choose; then runs
        that load the same base model are made one after another.

        Raises:
            HarnessError: a tuning or a run failed. What was made before it is on disk.
        """
        from harness.making import make_choices, make_rows, tell

        tell(methods)
        runs_asked = [plan.run for trials in methods for plan in trials[0].plans]
        with shown_live([f"{run.method}, seed {run.seed}" for run in runs_asked]) as table:
            for trials in methods:
                tune_settings(settings_with_plans(trials), runs, self._bases, self.registry.notify)
            chosen = make_choices(methods, runs, self.registry, self._bases)
            plans = {job: plan for trial in chosen for job, plan in trial.jobs.items()}
            rows = make_rows(plans, self.registry, self._bases, table)
        for trials, trial in zip(methods, chosen, strict=True):
            write_choice(trials, trial, runs)
        return [row for job in plans if (row := rows[job]) is not None]

    def run(self, plan: RunPlan, runs: Path = RUNS) -> Row:
        """The row of `plan`, whose run is kept below `runs`; a finished run is read, a broken one continued."""
        from harness.evaluation.evaluate import evaluate
        from harness.making import print_notes

        print_notes(plan, set())
        return evaluate(plan, self.registry, runs, self._bases)


class RunSettings(TypedDict, total=False):
    """What `run` takes by name beside method, task and model: the options of `harness eval`, at their defaults else.

    revision: the hub commit of the model.
    backend: who writes in place of this machine; `model` then names one of its models.
    data: the task's files, or OWNER/NAME on the hub; else the built-in sample (built-in model) or the task's own.
    metrics: metrics in place of the task's own.
    ks: values of k for measures like pass@k.
    candidates, max_new_tokens, temperature: how answers are drawn, beam search at temperature 0; else the study's way.
    decoder: the decoding strategy: "beam-search", "greedy", "sampling", or one of an installed package.
    protocol: "study" for the prompts and rules of the study's scripts, in place of the task's own.
    limit: at most so many problems of each split.
    seed: of training and sampling; 42 by default.
    chat, thinking, thinking_tokens: how a model with a chat template is talked to.
    trust_remote_code: let the model bring code of its own; off by default.
    accept_unsafe: run programs where nothing isolates them; off by default.
    """

    revision: str | None
    backend: str | None
    data: str | Path | None
    metrics: Sequence[str]
    ks: Sequence[int]
    candidates: int | None
    max_new_tokens: int | None
    temperature: float | None
    decoder: str | None
    protocol: str | None
    limit: int | None
    seed: int
    chat: bool | None
    thinking: bool | None
    thinking_tokens: int | None
    trust_remote_code: bool
    accept_unsafe: bool


def run(
    method: str,
    task: str,
    model: str | None = None,
    *,
    options: Mapping[str, Any] | None = None,
    runs: str | Path = RUNS,
    session: Session | None = None,
    **settings: Unpack[RunSettings],
) -> Row:
    """Adapt a model to a task, let it write, judge and score: `harness eval` for one method.

    The same call again continues a run that was broken off, and returns the row of one that is finished.

    Args:
        method: "lora", "zero-shot", "lora+rag", …
        task: "conala", "codealpacapy", "apps", or a task of an installed package.
        model: a hub id or a folder; None for the built-in model.
        options: options of plugins by name, `{"lora.r": 32}`; a tuple for an option that takes several values.
        runs: the folder of runs.
        session: plugins and a loaded model shared with other runs.
        settings: data, metrics, seed, limit and whatever else the command takes: each is in `harness.RunSettings`.

    Returns:
        The leaderboard's row: estimates with 95 % intervals as fractions of 1, costs in seconds, bytes and joules.

    Raises:
        HarnessError: an expected failure, in one line; what was finished is on disk.
        TypeError: `settings` has a name that is none of theirs.
    """
    session = session or Session()
    (plan,) = session.plans([method], _request(method, task, model, settings), options or {})
    return session.run(plan, Path(runs))


def _request(method: str, task: str, model: str | None, settings: RunSettings) -> Request:
    for name in settings.keys() - RunSettings.__annotations__.keys():
        close = nearest(name, RunSettings.__annotations__)
        raise TypeError(f"run() has no parameter {name!r}." + (f" Did you mean {close!r}?" if close else ""))
    asked: dict[str, Any] = dict(settings)
    if asked.get("data") is not None:
        asked["data"] = Path(asked["data"])
    if "metrics" in asked:
        asked["metrics"] = _names("metrics", asked["metrics"])
    if "ks" in asked:
        asked["ks"] = tuple(asked["ks"])
    return Request(method, task, model, **asked)


@dataclass(frozen=True)
class FinishedRun:
    """A run that is on disk: its folder, its row, and one record for each problem."""

    folder: Path
    row: Row

    @cached_property
    def records(self) -> tuple[Record, ...]:
        """What was asked, answered, executed and scored, problem by problem in the order of the data.

        Raises:
            RunError: the records are torn, or not those of the row.
        """
        run_folders.check_records(self.folder)
        return tuple(run_folders.read_records(self.folder))


def load(path: str | Path) -> FinishedRun:
    """The finished run in the folder `path`; its records are read when they are asked for.

    Raises:
        RunError: there is no finished run, or it is of another schema.
    """
    folder = Path(path)
    return FinishedRun(folder, run_folders.read_row(folder))


@dataclass(frozen=True)
class RunComparison:
    """Side A against side B on the same problems, measure by measure; printed, it is the text of `harness compare`."""

    a: tuple[Path, ...]
    b: tuple[Path, ...]
    measures: tuple[PairedComparison, ...]
    """One paired test for each measure that all runs have."""

    def __str__(self) -> str:
        from harness.ranking.comparison import extraction_notes, leak_notes, settings_that_differ
        from harness.stats.paired_comparison import describe

        names = [f"{letter}  {path.name}" for letter, side in (("A", self.a), ("B", self.b)) for path in side]
        head = [*names, f"settings that differ: {settings_that_differ(self.a, self.b)}"]
        head += [*extraction_notes(self.a, self.b), *leak_notes(self.a, self.b)]
        return "\n".join(head) + "".join("\n\n" + "\n".join(describe(one)) for one in self.measures)


Side = Row | FinishedRun | str | Path
"""A run: what `run` or `load` returned, or its folder."""


def compare(
    a: Side | Sequence[Side],
    b: Side | Sequence[Side],
    *,
    everything: bool = False,
    runs: str | Path = RUNS,
) -> RunComparison:
    """Is the difference between two sides real? Paired tests of A and B on the same problems, with intervals.

    Args:
        a, b: what `run` or `load` returned, or the folder of a run; or a list of them, the seeds of one method.
        everything: variants and parts of measures too.
        runs: where the run of a `Row` is kept.

    Raises:
        UsageError: the runs are not on the same problems, or those of a side are not one method's seeds.
        RunError: a run is not finished, or its records do not give its result.
    """
    from harness.ranking.comparison import compare_runs

    sides: list[Sequence[Side]] = [[one] if isinstance(one, Side) else one for one in (a, b)]
    first, second = (tuple(_folder(one, Path(runs)) for one in side) for side in sides)
    return RunComparison(first, second, tuple(compare_runs(first, second, everything=everything)))


@dataclass(frozen=True)
class Leaderboard:
    """Boards of finished runs, one for each task, data and protocol; printed, the text of `harness leaderboard`."""

    boards: tuple[Board, ...]
    left_out: tuple[str, ...]
    """A line for each run that could not be read or believed."""
    collected: CollectedRuns

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows of all boards, best first in each."""
        return tuple(row for board in self.boards for row in board.rows)

    def render(self, form: Format = "table", *, width: int | None = None, top: int | None = None) -> str:
        """The boards as text: "table", "markdown", "csv", "json" (one line a row), "latex", or a page in "html".

        A table leaves out columns that do not fit into `width`, and rows below the first `top`; it has all without.
        """
        from harness.ranking import latex, tables, terminal
        from harness.ranking.display_names import DisplayNames

        if form == "html":
            from harness.report import page

            return page.render(self.boards, self.collected.folders, left_out=self.left_out)
        if form == "json":
            return "\n".join(tables.json_lines(self.boards, self.collected.folders, self.collected.json))
        if form == "table":
            return terminal.text(self.boards, self.collected.folders, width=width, top=top)
        if form == "latex":
            return latex.latex(self.boards, self.collected.folders, DisplayNames(Registry()))
        forms = {"markdown": tables.markdown, "csv": tables.csv}
        if form not in forms:
            raise UsageError(f"no format {form!r}; there are table, {', '.join([*forms, 'latex', 'json', 'html'])}")
        return forms[form](self.boards, self.collected.folders)

    def __str__(self) -> str:
        return self.render()

    def _repr_markdown_(self) -> str:
        """What a notebook shows."""
        return self.render("markdown")


def leaderboard(
    *paths: str | Path,
    tasks: Sequence[str] = (),
    methods: Sequence[str] = (),
    models: Sequence[str] = (),
    metric: str | None = None,
    sort: str | None = None,
    seeds: bool = False,
) -> Leaderboard:
    """Finished runs, best first, with ranks from paired tests.

    Args:
        paths: folders of runs, or of one run each; "runs" where none is named.
        tasks, methods, models: only these; all where none is named.
        metric: rank by this metric or measure ("em@10"), and show no other.
        sort: order by a measure or a cost.
        seeds: a row for each seed; without it the seeds of a method are one row.

    Raises:
        RunError: a path does not exist.
        UsageError: no run has a name that was given.
    """
    from harness.ranking.boards import rank_boards
    from harness.ranking.rows import collect, select

    found = collect([Path(path) for path in paths] or [RUNS])
    chosen = [_names(what, one) for what, one in (("tasks", tasks), ("methods", methods), ("models", models))]
    left_out = list(found.left_out)
    rows = select(found.rows, *chosen)
    boards = rank_boards(rows, found.folders, metric=metric, sort=sort, left_out=left_out, separate_seeds=seeds)
    return Leaderboard(tuple(boards), tuple(left_out), found)


def _option_texts(options: Mapping[str, Any] | Sequence[str]) -> list[str]:
    """Options as `--set` writes them."""
    if isinstance(options, Mapping):
        return [f"{name}={option_text(value)}" for name, value in options.items()]
    return list(options)


def _names(what: str, names: Sequence[str]) -> tuple[str, ...]:
    """A list of names; one text would be taken for a list of letters."""
    if isinstance(names, str):
        raise UsageError(f"{what}={names!r}: give a list of names, [{names!r}]")
    return tuple(names)


def _folder(one: Row | FinishedRun | str | Path, runs: Path) -> Path:
    if isinstance(one, Row):
        return runs / one.run_id
    return one.folder if isinstance(one, FinishedRun) else Path(one)
