"""Successive halving: settings of a sweep that cannot win end early (`--stop-losers`).

After a quarter and after half of the steps the settings of a method are compared, each with the weights that had its
lowest validation loss so far, over all seeds. A setting ends if it is in the worse half, and its validation rows are
worse than those of the best setting beyond chance (paired t test, p < 0.05). The others go on where they were.
(Jamieson and Talwalkar, AISTATS 2016, arXiv:1502.07943, where all of the worse half end.)

    tunings/halving-<digest>/halving.json       each comparison: steps, losses, p values, and which settings ended
"""

from __future__ import annotations

import math
import shutil
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import files, processes
from harness.errors import RunError, UsageError
from harness.evaluation.plan import RunPlan
from harness.evaluation.runs import TUNING, TUNINGS
from harness.evaluation.tune import Notify, PartialTuning, nobody, tuning_folder
from harness.evaluation.tunings import tune_all, tune_all_until, tuning_id
from harness.modeling.bases import LoadedBases
from harness.records import SCHEMA, digest, from_json, to_json
from harness.tuning.schedule import Schedule

RUNGS = (0.25, 0.5)
"""Shares of the steps after which settings are compared."""
_CHANCE = 0.05
HALVING = "halving.json"
PlansBySetting = Mapping[tuple[str, ...], Sequence[RunPlan]]
"""The settings of a method as texts like `lora.r=32`, each with a plan for every seed."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A setting in one comparison: after how many of its steps, and whether it ended there.

    `setting` are those of its options that not all have. `losses` is the lowest validation loss of each of its tunings,
    by the tuning's name. `p` is the chance of such a difference to the best setting if there were none; None for the
    better half.
    """

    setting: str
    losses: Mapping[str, float]
    steps: int
    p: float | None
    stopped: bool


@dataclass(frozen=True, slots=True)
class Rung:
    """One comparison, after this share of the steps."""

    share: float
    standings: tuple[Standing, ...]


def tune_settings(settings: PlansBySetting, root: Path, bases: LoadedBases, notify: Notify = nobody) -> None:
    """Make the tunings of every setting that are not there yet; with `stop_losers`, of those that do not end early.

    Raises:
        HarnessError: a tuning failed.
        UsageError: settings would end early, and several processes share a tuning.
    """
    plans = [plan for some in settings.values() for plan in some]
    if not _is_halved(settings):
        tune_all(plans, root, bases, notify)
        return
    if processes.count() > 1:
        raise UsageError("--stop-losers: not where several processes share each tuning; leave it out")
    with files.locked(halving_folder(settings, root), wait_for="this sweep" if plans[0].wait else ""):
        rungs = list(read_rungs(settings, root))
        for share in RUNGS:
            going = _going(settings, rungs)
            if share not in {rung.share for rung in rungs} and all(_rung_step(plan, share) for plan in plans):
                rungs.append(_compare(going, share, root, bases, notify))
                record = {"schema": SCHEMA, "rungs": to_json(rungs)}
                files.write_sealed(halving_folder(settings, root) / HALVING, record)
                _say(rungs[-1], going)
        _remove_stopped(rungs, root)
        tune_all([plan for some in _going(settings, rungs).values() for plan in some], root, bases, notify)


def going_settings(settings: PlansBySetting, root: Path) -> PlansBySetting:
    """The settings that have not ended early."""
    return _going(settings, read_rungs(settings, root))


def read_rungs(settings: PlansBySetting, root: Path) -> Sequence[Rung]:
    """The comparisons that were made of `settings`, none where none ends early.

    Raises:
        RunError: the record of them is torn or altered; names it.
    """
    path = halving_folder(settings, root) / HALVING
    if not _is_halved(settings) or not path.is_file():
        return ()
    try:
        rungs: tuple[Rung, ...] = from_json(tuple[Rung, ...], files.read_json(path)["rungs"])
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path}: {error}; delete it to compare the settings again") from None
    return rungs


def ended_early(settings: PlansBySetting, rungs: Sequence[Rung]) -> dict[tuple[str, ...], Standing]:
    """The settings that ended early, each as it stood then."""
    ended = {frozenset(one.losses): one for rung in rungs for one in rung.standings if one.stopped}
    if not ended:
        return {}
    names = {setting: frozenset(_tuning(plan) for plan in plans) for setting, plans in settings.items()}
    return {setting: ended[some] for setting, some in names.items() if some in ended}


def saved_share(settings: PlansBySetting, rungs: Sequence[Rung]) -> float:
    """The share of the steps of all settings that was not taken, since settings ended early."""
    steps = {setting: _schedule(plans[0]).steps for setting, plans in settings.items()}
    ended = ended_early(settings, rungs)
    return sum(steps[setting] - one.steps for setting, one in ended.items()) / sum(steps.values())


def _is_halved(settings: PlansBySetting) -> bool:
    plans = [plan for some in settings.values() for plan in some]
    return len(settings) > 1 and all(plan.stop_losers and plan.tuner is not None for plan in plans)


def halving_folder(settings: PlansBySetting, root: Path) -> Path:
    """Where the record of the comparisons of `settings` is kept."""
    ids = sorted(tuning_id(plan) for plans in settings.values() for plan in plans)
    return root / TUNINGS / f"halving-{digest(ids)[:12]}"


def _going(settings: PlansBySetting, rungs: Sequence[Rung]) -> PlansBySetting:
    ended = ended_early(settings, rungs)
    return {setting: plans for setting, plans in settings.items() if setting not in ended}


def _tuning(plan: RunPlan) -> str:
    return tuning_folder(plan, Path()).name


def _schedule(plan: RunPlan) -> Schedule:
    assert plan.run.tuning is not None
    return Schedule.of(plan.run.tuning, sum(bool(plan.task.plugin.answer(p)) for p in plan.splits["train"]))


def _rung_step(plan: RunPlan, share: float) -> int | None:
    """The last validated step until `share` of all steps; None where there is none, or it is the end."""
    schedule = _schedule(plan)
    step = math.floor(schedule.steps * share / schedule.validate_every) * schedule.validate_every
    return step if 0 < step < schedule.steps else None


def _compare(settings: PlansBySetting, share: float, root: Path, bases: LoadedBases, notify: Notify) -> Rung:
    """Tune all settings until `share` of their steps, and compare them. One that is tuned to its end goes on."""
    plans = [plan for some in settings.values() for plan in some]
    found = tune_all_until(plans, root, bases, lambda plan: _rung_step(plan, share) or 0, notify)
    partial = {
        setting: [found[tuning_id(plan)] for plan in some]
        for setting, some in settings.items()
        if all(tuning_id(plan) in found for plan in some)
    }
    ranked = sorted(partial, key=lambda setting: _mean_loss(partial[setting]))
    better = math.ceil(len(ranked) / 2)
    standings = []
    for place, setting in enumerate(ranked):
        p = None if place < better else _p_value(partial[setting], partial[ranked[0]])
        losses = {_tuning(plan): one.loss for plan, one in zip(settings[setting], partial[setting], strict=True)}
        step = _rung_step(settings[setting][0], share) or 0
        stopped = p is not None and p < _CHANCE
        standings.append(Standing(_words(setting, settings), losses, step, p, stopped))
    return Rung(share, tuple(standings))


def _mean_loss(partial: Sequence[PartialTuning]) -> float:
    return statistics.fmean(one.loss for one in partial)


def _p_value(worse: Sequence[PartialTuning], best: Sequence[PartialTuning]) -> float:
    """One-sided paired t test over validation rows, whose losses are means over the seeds."""
    from scipy.stats import ttest_1samp

    rows = [
        [statistics.fmean(row) for row in zip(*(one.row_losses for one in side), strict=True)] for side in (worse, best)
    ]
    gaps = [mine - theirs for mine, theirs in zip(*rows, strict=True)]
    if len(gaps) < 2 or min(gaps) == max(gaps):
        return 1.0
    return float(ttest_1samp(gaps, 0.0, alternative="greater").pvalue)


def _say(rung: Rung, settings: PlansBySetting) -> None:
    stopped = [one for one in rung.standings if one.stopped]
    if not stopped:
        return
    method = next(iter(settings.values()))[0].run.method
    ended = ", ".join(f"{one.setting} ({_loss(one):.3f})" for one in stopped)
    best = rung.standings[0]
    print(
        f"note: {method}: after {rung.share:.0%} of the steps {len(stopped)} of {len(settings)} settings cannot win and"
        f" end: {ended}; the best so far is {best.setting} ({_loss(best):.3f})",
        file=sys.stderr,
    )


def _loss(standing: Standing) -> float:
    return statistics.fmean(standing.losses.values())


def _words(setting: tuple[str, ...], settings: PlansBySetting) -> str:
    """What a setting has and not all have."""
    common = set.intersection(*(set(other) for other in settings))
    return " ".join(text for text in setting if text not in common)


def _remove_stopped(rungs: Sequence[Rung], root: Path) -> None:
    """Delete what the settings that ended have of unfinished tunings."""
    names = [name for rung in rungs for one in rung.standings if one.stopped for name in one.losses]
    for folder in (root / TUNINGS / name for name in names):
        if folder.is_dir() and not (folder / TUNING).exists():
            with files.locked(folder):
                shutil.rmtree(folder)
