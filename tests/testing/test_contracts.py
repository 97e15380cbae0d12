"""The contracts: our own built-ins keep them, and a plugin that breaks one is told which and how."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import builtin
from harness.plugin_system import discovery
from harness.plugin_system.registry import Registry
from harness.testing import (
    BackendContract,
    CheckResult,
    CommandContract,
    Contract,
    DecoderContract,
    MethodContract,
    MetricContract,
    PluginContract,
    StudyContract,
    TaskContract,
    contract_for,
    examine,
)
from harness.testing.checks import examine_one
from tests import warm

_BUILT_IN = Registry()
METHODS = [o.name for o in _BUILT_IN.entries("method").values() if o.origin.distribution == "codetune-harness"]
QUICK = {"lora", "icl", "zero-shot"}
ALIKE = {"qlora-8bit", "qlora-4bit", "prefix-tuning", "prompt-tuning", "ia3", "full-ft", "peft"}
"""Methods whose contract costs half a minute each, and finds what that of others finds."""


def broken(findings: list[CheckResult]) -> list[str]:
    return [f"{finding.description}: {finding.reason}" for finding in findings if finding.verdict == "broken"]


@pytest.mark.parametrize("name", [o.name for o in _BUILT_IN.entries("metric").values()])
def test_a_built_in_metric_keeps_its_contract(name: str) -> None:
    findings = list(examine(contract_for("metric", name, {})))
    assert broken(findings) == []
    assert sum(finding.verdict == "kept" for finding in findings) >= 10


SAMPLED = [path.name for path in sorted(Path(builtin.__file__).parent.joinpath("sample").iterdir()) if path.is_dir()]


def test_a_task_of_one_s_own_rows_keeps_its_contract() -> None:
    rows = Path(__file__).parents[2] / "examples" / "own-data" / "rows.jsonl"
    findings = list(examine(contract_for("task", "my", {"data": str(rows)})))
    assert broken(findings) == []
    assert sum(finding.verdict == "kept" for finding in findings) >= 11


@pytest.mark.parametrize("name", SAMPLED)
def test_a_built_in_task_keeps_its_contract_on_the_sample(name: str) -> None:
    findings = list(examine(contract_for("task", name, {})))
    assert broken(findings) == []
    assert sum(finding.verdict == "kept" for finding in findings) >= 11


@pytest.mark.parametrize(
    "name",
    [
        name if name in QUICK else pytest.param(name, marks=pytest.mark.long if name in ALIKE else pytest.mark.slow)
        for name in METHODS
    ],
)
def test_a_built_in_method_keeps_its_contract(name: str) -> None:
    plugin = _BUILT_IN.entries("method")[name].plugin
    asked = f"{name}:lora" if plugin.variants() else name
    findings = list(examine(contract_for("method", asked, {})))
    assert broken(findings) == []


@pytest.mark.parametrize("name", [o.name for o in _BUILT_IN.entries("study").values()])
def test_a_built_in_study_keeps_its_contract(name: str) -> None:
    findings = list(examine(contract_for("study", name, {})))
    assert broken(findings) == []
    assert sum(finding.verdict == "kept" for finding in findings) >= 7


SINNERS = '''
import dataclasses, math, os, random
from harness import hookimpl
from harness.data.sources import rows
from harness.plugin import Backend, Decoder, Method, Metric, PromptingMethod, Study, Task, TuningMethod, option
from harness.records import Completion, Execution, Outcome, Problem, Sampling, Score, StdinTests, Tuning

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
class Wordy(Base):
    """A metric whose measure has a name of two lines."""
    name = "wordy"
    display_measures = {"hit": "Hits\\nof two lines"}
class Hits(Base):
    name = "hits"
class Needy(Base):
    name = "needy"
    needs = "reference"
class Writes(Base):
    name = "writes"
    def value(self, p, c):
        with open(os.devnull, "a") as file:
            print(c[0].text, file=file)
        return super().value(p, c)
class Ordered(Base):
    name = "ordered"
    before = ""
    def value(self, p, c):
        before, self.before = self.before, p.id
        return float(before < p.id)
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
class Telltale(Fine):
    "Shows a short answer."
    name = "telltale"
    def template(self, problem): return f"{problem.instruction}, like {problem.reference}\\n### Response:\\n"
class Begun(Fine):
    "Has the beginning of the answer in its prompt."
    name = "begun"
    def template(self, problem): return super().template(problem) + "print("
class Echo(Fine):
    "Has the prompt in its answer."
    name = "echo"
    def answer(self, problem): return self.template(problem) + problem.reference
    def code(self, completion): return completion.rpartition("### Response:\\n")[2]
class Glued(Fine):
    "Lets prompt and answer run together."
    name = "glued"
    def template(self, problem): return f"{problem.instruction}\\nAnswer"
class Moody(Fine):
    "Asks otherwise every time."
    name = "moody"
    def template(self, problem): return f"{problem.instruction} {random.random()}\\n"
class Hashed(Fine):
    "Asks otherwise in every process."
    name = "hashed"
    def template(self, problem): return f"{problem.instruction} {hash(problem.instruction)}\\n"
class Backwards(Fine):
    "Judges in another order."
    name = "backwards"
    def judge(self, jobs, **more): return reversed(list(super().judge(jobs, **more)))
class Generous(Fine):
    "Lets everything pass."
    name = "generous"
    def judge(self, jobs, **more): return (Execution(Outcome.PASSED, 1, 1) for _ in jobs)
class Greedy(Fine):
    "Reports more than is written."
    name = "greedy"
    def default_ks(self): return (1, 10)
class Numbered(Fine):
    "Has numbers for ids."
    name = "numbered"
    def problem(self, row): return dataclasses.replace(super().problem(row), id=row.get("n", int))
class Strange(Fine):
    "Has tests that nothing can run."
    name = "strange"
    def problem(self, row): return dataclasses.replace(super().problem(row), tests="print", references=())
class Training(Fine):
    "Has a split of its own."
    name = "training"
    def load(self, source, config): return {"training": super().load(source, config)["train"]}
class Repeats(Fine):
    "Repeats a problem."
    name = "repeats"
    def load(self, source, config):
        found = dict(super().load(source, config))
        return {**found, "test": [*found["test"], found["train"][0]]}

class Lazy(TuningMethod):
    """Says that it tunes."""
    name = "lazy"
    def tuning(self, config): return Tuning(learning_rate=1e-3)
    def adapt(self, base, config):
        base.model.requires_grad_(False)
        return base
class Sly(Method):
    """Is no tuning method, and has what one has."""
    name = "sly"
    def adapt(self, base, config):
        next(base.model.parameters()).data.add_(1.0)
        return base
class Fickle(PromptingMethod):
    """Shows other examples every time."""
    name = "fickle"
    def examples(self, problems, pool, config): return [random.sample(list(pool.problems), 1) for _ in problems]

@dataclasses.dataclass(frozen=True)
class Rate:
    learning_rate: float = option(3e-3, "peak learning rate")
class Twisted(TuningMethod):
    """LoRA, and one thing more."""
    Config = Rate
    def tuning(self, config): return Tuning(learning_rate=config.learning_rate)
    def adapt(self, base, config):
        import peft, torch
        from harness.modeling.targets import attention, wrap
        adapted = wrap(base, peft.LoraConfig(r=4, lora_alpha=8, target_modules=attention(base.model)))
        with torch.no_grad():
            self.twist(adapted.model, torch)
        return adapted
    def at_the_input(self, model, hook):
        model.get_input_embeddings().register_forward_hook(lambda module, _, found: hook(module, found))
class Straight(Twisted):
    """Nothing more."""
    name = "straight"
    def twist(self, model, torch): pass
class Dirty(Twisted):
    name = "dirty"
    def twist(self, model, torch):
        # One number alone: a weight that is rewritten as a whole is noticed by harness itself.
        next(p for n, p in model.named_parameters() if "base_layer" in n).view(-1)[1] += 1.0
class Unseeded(Twisted):
    name = "unseeded"
    def twist(self, model, torch):
        seed = torch.Generator().manual_seed(int.from_bytes(os.urandom(4)))
        for n, p in model.named_parameters():
            if "lora_B" in n: p.copy_(torch.randn(p.shape, generator=seed) * 0.01)
class Forgetful(Twisted):
    name = "forgetful"
    steps = 0
    def twist(self, model, torch):
        def fade(module, found):
            self.steps += module.training
            return found * (1 + 0.5 / self.steps) if module.training else found
        self.steps = 0
        self.at_the_input(model, fade)
class Unsaved(Twisted):
    name = "unsaved"
    def twist(self, model, torch): self.at_the_input(model, lambda _, found: found * 1.1)
class Sociable(Twisted):
    name = "sociable"
    def twist(self, model, torch): self.at_the_input(model, lambda _, found: found + found.mean(0, keepdim=True))
class Blurred(Twisted):
    name = "blurred"
    def twist(self, model, torch): self.at_the_input(model, lambda _, found: found + found.mean(1, keepdim=True))
class Narrow(Twisted):
    name = "narrow"
    def twist(self, model, torch): model.base_model.model.model.layers[0]

class Gossip(PromptingMethod):
    """Shows the problem itself."""
    name = "gossip"
    def examples(self, problems, pool, config): return [pool.problems[:len(problems)] for _ in problems]
class Mute(Backend):
    """Answers nothing."""
    name = "mute"
    def generate(self, model, prompts, sampling, seed, config):
        yield "stranger", ()
class Plain(Backend):
    """Answers everything."""
    name = "plain"
    def generate(self, model, prompts, sampling, seed, config):
        for name, _ in prompts:
            yield name, tuple(Completion("pass", 1) for _ in range(sampling.candidates))
class Chatty(Backend):
    """Writes more than it was asked for, and nothing that can be read again."""
    name = "chatty"
    def generate(self, model, prompts, sampling, seed, config):
        for name, _ in prompts:
            yield name, tuple(Completion(None, 99) for _ in range(sampling.candidates))

@hookimpl
def harness_metrics(): return [c() for c in Base.__subclasses__()]
@hookimpl
def harness_tasks(): return [Fine(), *(c() for c in Fine.__subclasses__())]
@hookimpl
def harness_methods(): return [Lazy(), Sly(), Gossip(), Fickle(), *(c() for c in Twisted.__subclasses__())]
class Sound(Study):
    """A study that keeps what it has to."""
    name = "sound"
    about, option, names, source = "about = 'Ranks.'", "lora.r", ("lora", "r=8"), "a paper"
    def text(self):
        return f"""
            title = "Which rank?"
            {self.about}
            shows = ["t-{self.name}"]
            [[grid]]
            task = ["conala"]
            method = ["lora", "zero-shot"]
            [grid.options]
            "{self.option}" = [8, 16]
        """
    def exhibits(self):
        return {f"t-{self.name}": self.made}
    def made(self, results):
        from harness.report.exhibits import Exhibit, Line, Value
        line = Line(self.names, (Value(None, 12.5, "not run"),))
        heads = ("method", "rank")
        return Exhibit("t", "Table 1: ranks", heads, ("em@1",), (line,), "table", source=self.source)
class Untold(Sound):
    """It does not say what it asks."""
    name, about = "untold", ""
class Mistaken(Sound):
    """It asks for an option that there is not."""
    name, option = "mistaken", "lora.rank"
class Sourceless(Sound):
    """Nobody knows who published its numbers."""
    name, source = "sourceless", ""
class Ragged(Sound):
    """Its lines do not fit its heads."""
    name, names = "ragged", ("lora",)
@hookimpl
def harness_studies(): return [Sound(), *(c() for c in Sound.__subclasses__())]
class Reads(Decoder):
    """Chooses between candidates."""
    name = "reads"
    def kept(self, candidates, config): return 1
    def select(self, instruction, completions, config): return [0]
class Flat(Reads):
    """Loses the vocabulary."""
    name = "flat"
    def process_logits(self, logits, config): return logits[:, 0]
class Strict(Reads):
    """Excludes everything."""
    name = "strict"
    def process_logits(self, logits, config): return logits - math.inf
class Mixed(Reads):
    """Looks at other rows."""
    name = "mixed"
    def process_logits(self, logits, config): return logits - logits.mean()
class Twice(Reads):
    """Selects one twice."""
    name = "twice"
    def select(self, instruction, completions, config): return [0, 0]
class Beyond(Reads):
    """Selects what is not there."""
    name = "beyond"
    def select(self, instruction, completions, config): return [len(completions)]
class Fitful(Reads):
    """Selects another each time."""
    name = "fitful"
    def select(self, instruction, completions, config):
        self.seen = getattr(self, "seen", 0) + 1
        return [self.seen % len(completions)]
class Grasping(Reads):
    """Keeps more than there are."""
    name = "grasping"
    def kept(self, candidates, config): return candidates + 1
class Mum(Decoder):
    """Keeps fewer, and does not say which."""
    name = "mum"
    def kept(self, candidates, config): return min(candidates, 2)

@hookimpl
def harness_decoders(): return [Reads(), *(c() for c in Reads.__subclasses__()), Mum()]
@hookimpl
def harness_backends(): return [Mute(), Plain(), Chatty()]
@hookimpl
def harness_commands(cli):
    import click
    class Unhelpful(click.Command):
        def get_help(self, ctx): raise RuntimeError("no help")
    @cli.command("greet")
    @click.argument("name")
    @click.option("--loud", is_flag=True, help="Shout.")
    def greet(name, loud):
        """Greet NAME."""
    cli.add_command(Unhelpful("wordless", params=[click.Option(["--deep"])]))
'''
HEAVY = '''
import tensorflow
from harness import hookimpl
from harness.plugin import Method
class Heavy(Method):
    """Imports too much."""
    name = "heavy"
@hookimpl
def harness_methods(): return [Heavy()]
@hookimpl
def harness_commands(cli):
    import click
    cli.add_command(click.Command("heavily", help="Lift."))
'''

# (kind, name) -> what it breaks, and nothing else: check -> a part of the reason
SINS: dict[tuple[str, str], dict[str, str]] = {
    ("metric", "hits"): {},
    ("task", "fine"): {},
    ("backend", "plain"): {},
    ("command", "greet"): {},
    ("metric", "silent"): {"it_is_described": "has no docstring"},
    ("metric", "wordy"): {"its_names_in_print_are_short_lines": "is no name for a figure"},
    ("metric", "leaky"): {
        "its_options_are_described_and_can_be_set": "Config is not frozen",
        "no_option_holds_a_secret": "option api_key looks like a secret",
    },
    ("metric", "needy"): {"it_says_what_it_needs": "`needs` is 'reference'"},
    ("metric", "big"): {
        "values_are_within_the_declared_bounds": "hit is 2.0, outside [0.0, 1.0]",
        "a_right_answer_scores_best": "right answers score 2.0, wrong ones 2.0",
    },
    ("metric", "upside"): {"a_right_answer_scores_best": "right answers score 0.0, wrong ones 1.0"},
    ("metric", "ordered"): {
        "the_order_of_problems_does_not_matter": "hit: ",
        "it_is_pure": "asked a second time, in another order, it answers otherwise",
    },
    ("metric", "rolls"): {"it_is_pure": "asked a second time, in another order, it answers otherwise"},
    ("metric", "counts"): {"it_is_pure": "asked a second time, in another order, it answers otherwise"},
    ("metric", "hashes"): {"it_is_pure": "another process answers otherwise"},
    ("metric", "writes"): {"it_is_pure": "while it scores it writes to /dev/null; a metric only computes"},
    ("metric", "blind"): {"what_could_not_be_measured_is_not_wrong": "a sandbox failure was scored"},
    ("metric", "misnamed"): {"scores_survive_being_written_down": "the score says it is of 'other'"},
    ("metric", "scalar"): {"intervals_can_be_computed": "TypeError"},
    ("metric", "lost"): {
        "the_first_measure_is_one_of_its_measures": "primary() names 'nowhere'",
        "a_right_answer_scores_best": "primary() names 'nowhere'",
    },
    ("task", "training"): {"there_are_problems_in_known_splits": "there is no split called training"},
    ("task", "shuffled"): {"ids_are_texts_that_stay": "loaded a second time, the problems are others"},
    ("task", "moody"): {
        "ids_are_texts_that_stay": "asked a second time, the prompts or answers are others",
        "the_prompt_ends_where_the_answer_begins": "the answer stands in the prompt",
    },
    ("task", "hashed"): {"ids_are_texts_that_stay": "in another process the prompts or answers are others"},
    ("task", "numbered"): {"problems_survive_being_written_down": "Problem.id"},
    ("task", "repeats"): {"splits_share_nothing": "problem '0' of train is in test as well"},
    ("task", "spaced"): {"the_prompt_ends_where_the_answer_begins": "the prompt ends with a space"},
    ("task", "telltale"): {"the_prompt_ends_where_the_answer_begins": "the answer stands in the prompt"},
    ("task", "begun"): {"the_prompt_ends_where_the_answer_begins": "begins with 'print(', which the prompt ends with"},
    ("task", "echo"): {
        "the_prompt_ends_where_the_answer_begins": "the answer repeats the prompt",
        "the_answer_can_be_written": "its answer is read as 'print(20)'",
    },
    ("task", "glued"): {"the_prompt_ends_where_the_answer_begins": "nAnswer' runs into 'print("},
    ("task", "cut"): {
        "the_answer_can_be_written": "its answer is read as 'print'",
        "references_score_one_in_exact_match": "its reference does not equal itself",
    },
    ("task", "unanswered"): {
        "references_pass_their_tests_and_an_empty_answer_does_not": "its reference passes 0 of 1",
    },
    ("task", "backwards"): {
        "references_pass_their_tests_and_an_empty_answer_does_not": "its reference passes 0 of 1, no-code",
    },
    ("task", "generous"): {
        "references_pass_their_tests_and_an_empty_answer_does_not": "an empty answer passes its tests",
    },
    ("task", "greedy"): {"its_defaults_fit_together": "a default k is 10, and 1 candidates are written"},
    ("task", "strange"): {
        "tests_are_of_a_known_kind": "tests of the type str",
        "problems_survive_being_written_down": "Problem.tests",
    },
    ("task", "credulous"): {"bad_data_is_refused": "the file cut in half: it was read as if nothing were wrong"},
    ("backend", "mute"): {
        "every_problem_is_answered": "asked for p0, p1, p2, answered stranger",
        "there_are_as_many_completions_as_asked_for": "stranger: 0 in place of 1",
        "nothing_to_write_is_nothing_to_do": "1 problems are answered",
    },
    ("backend", "chatty"): {
        "there_are_as_many_completions_as_asked_for": "99 tokens, at most 32",
        "completions_survive_being_written_down": "Completion.text",
    },
    ("decoder", "reads"): {},
    ("decoder", "flat"): {"logits_keep_their_shape": "it returns (6,)"},
    ("decoder", "strict"): {"some_token_is_left": "it excludes all tokens of a row"},
    ("decoder", "mixed"): {"a_row_does_not_depend_on_others": "a row is processed otherwise beside others"},
    ("decoder", "twice"): {
        "it_selects_candidates_that_there_are": "of 1 candidates it keeps 1, and selects [0, 0]",
    },
    ("decoder", "beyond"): {"it_selects_candidates_that_there_are": "there are 1 candidates; it selects [1]"},
    ("decoder", "fitful"): {"it_selects_candidates_that_there_are": "of the same candidates"},
    ("decoder", "grasping"): {"it_selects_candidates_that_there_are": "of 1 candidates it keeps 2"},
    ("decoder", "mum"): {"it_selects_candidates_that_there_are": "of 3 candidates it keeps 2, and has no `select`"},
    ("study", "sound"): {},
    ("study", "untold"): {"it_says_what_it_asks": "its file has no `about`"},
    ("study", "mistaken"): {"every_run_can_be_asked_for": "no option of lora 'rank'"},
    ("study", "sourceless"): {
        "its_exhibits_can_be_made_before_anything_was_run": "t-sourceless has published values and no `source`",
    },
    ("study", "ragged"): {
        "its_exhibits_can_be_made_before_anything_was_run": "a line has 1 names and 1 values for 2 heads and 1 columns",
    },
    ("command", "wordless"): {
        "it_is_described": "has no docstring",
        "its_options_are_described": "no help for --deep",
        "its_help_can_be_printed": "RuntimeError('no help')",
    },
    ("command", "heavily"): {"it_is_found_without_heavy_imports": "finding it imports tensorflow"},
}
CHANCE = {"rolls", "counts", "hashes", "scalar"}
"""They break other checks as well, by chance or on the way."""

# method -> the check that it breaks, and a part of the reason; a whole contract for each would take minutes
METHOD_SINS = {
    "heavy": ("it_is_found_without_heavy_imports", "finding it imports tensorflow"),
    "narrow": ("it_works_on_each_kind_of_model_or_says_that_it_does_not", "AttributeError"),
    "lazy": ("something_is_trainable_when_it_tunes_and_only_then", "it tunes, and nothing is trainable"),
    "sly": ("something_is_trainable_when_it_tunes_and_only_then", "adapt(), which is for a TuningMethod"),
    "dirty": ("the_next_method_finds_the_base_as_it_was", "the base's own weights are others than before"),
    "unseeded": ("the_same_seed_tunes_the_same", "other weights though the seed is the same"),
    "forgetful": ("a_killed_tuning_ends_as_an_undisturbed_one", "the continued tuning ends with other weights"),
    "unsaved": ("what_was_saved_writes_the_same_in_a_fresh_process", "loaded again, it writes otherwise"),
    "sociable": ("a_completion_does_not_depend_on_its_batch", "w20"),
    "blurred": ("a_completion_does_not_depend_on_its_batch", "w20"),
    "fickle": ("examples_are_chosen_the_same_whoever_else_asks", "other examples when it is asked for alone"),
    "gossip": ("a_problem_is_never_its_own_example", "is shown, which gives the answer away"),
}
CONTRACTS: dict[str, type[Contract]] = {
    "method": MethodContract,
    "task": TaskContract,
    "metric": MetricContract,
    "backend": BackendContract,
    "decoder": DecoderContract,
    "study": StudyContract,
    "command": CommandContract,
}


@pytest.fixture(scope="module")
def sinners(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A package on the path of this process and of those that it starts, whose plugins each break something."""
    folder = tmp_path_factory.mktemp("sinners")
    for name, source in (("sinners", SINNERS), ("heavy", HEAVY)):
        (folder / f"plugin_{name}.py").write_text(source, "utf-8")
        about = folder / f"{name}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(f"[harness]\n{name} = plugin_{name}\n")
    (folder / "tensorflow.py").touch()
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
    for name in ("plugin_sinners", "plugin_heavy", "tensorflow"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(("kind", "name"), SINS)
def test_a_plugin_that_breaks_its_contract_is_told_what(sinners: Path, kind: str, name: str) -> None:
    attributes = {"task": {"data": sinners / "numbers"}, "backend": {"model": "m"}}.get(kind, {})
    findings = examine(contract_for(kind, name, attributes))
    reasons = {f.check.removeprefix("test_"): f.reason for f in findings if f.verdict == "broken"}
    for check, words in SINS[kind, name].items():
        assert words in reasons.get(check, "kept"), reasons
    assert name in CHANCE or set(reasons) == set(SINS[kind, name]), reasons


@pytest.mark.parametrize("name", METHOD_SINS)
def test_a_method_that_breaks_its_contract_is_told_what(sinners: Path, name: str) -> None:
    check, words = METHOD_SINS[name]
    finding = examine_one(contract_for("method", name, {}), f"test_{check}")
    assert finding.verdict == "broken"
    assert words in finding.reason


@pytest.mark.slow
def test_a_method_with_what_those_have_in_common_keeps_its_contract(sinners: Path) -> None:
    """So it was the sin that was told, and not what the sinners are made of."""
    assert broken(list(examine(contract_for("method", "straight", {})))) == []


def test_no_two_sinners_are_of_one_name() -> None:
    """Nothing would hold the first but garbage, and its check would fail now and then."""
    names = [one.name for one in ast.parse(SINNERS).body if isinstance(one, ast.ClassDef)]
    assert len(names) == len(set(names))


def test_every_check_of_every_contract_is_broken_by_a_plugin_above() -> None:
    """A check that nothing fails would be none. What all kinds share has to be broken by one of any kind."""
    told = {(kind, f"test_{check}") for (kind, _), sins in SINS.items() for check in sins}
    told |= {("method", f"test_{check}") for check, _ in METHOD_SINS.values()}
    shared = {check for check in vars(PluginContract) if check.startswith("test_")}
    for kind, contract in CONTRACTS.items():
        checks = {check for check in dir(contract) if check.startswith("test_")}
        caught = {check for one, check in told if one == kind or check in shared}
        assert checks - caught == set(), kind
        assert {check for one, check in told if one == kind} <= checks, kind


def test_check_prints_what_is_kept_and_what_not_and_exits_accordingly(sinners: Path) -> None:
    def check(*words: str) -> subprocess.CompletedProcess[str]:
        return warm.harness("plugin", "check", *words)

    bad = check("misnamed")
    assert bad.returncode == 1
    assert "FAIL  scores survive being written" in bad.stdout
    assert bad.stdout.splitlines()[0] == "metric misnamed (sinners 1.0)"
    *_, count, skipped = bad.stdout.splitlines()
    assert count.endswith("kept, 1 broken, 1 NOT CHECKED")
    assert skipped.startswith("  NOT CHECKED: ") and skipped.endswith(", because it needs no executions")
    good = check("fine", "--data", str(sinners / "numbers"), "--json")
    assert good.returncode == 0, good.stdout
    assert {finding["verdict"] for finding in json.loads(good.stdout)["findings"]} == {"kept"}
    assert "Did you mean 'misnamed'?" in check("misnmed").stderr
    assert "only a task has data" in check("misnamed", "--data", str(sinners)).stderr
