"""What is printed calls methods, tasks and measures what papers call them: their plugins say how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import pytest

from harness.plugin import NoConfig, PromptingMethod
from harness.plugin_system.registry import Registry
from harness.plugins.methods.lora import Lora
from harness.ranking import latex, tables
from harness.ranking.boards import Board
from harness.ranking.display_names import DisplayNames
from harness.report.exhibits import Exhibit, Line, Value, with_display_names


@pytest.fixture(scope="module")
def names() -> DisplayNames:
    return DisplayNames(Registry(warn=lambda _: None))


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("lora", "LoRA"),
        ("lora+rag (n=4)", "LoRA+RAG (n=4)"),
        ("qlora-4bit (1 seed)", "QLoRA 4-bit (1 seed)"),
        ("zero-shot", "zero-shot"),
        ("peft:dora", "peft:dora"),
        ("my-lora-model", "my-lora-model"),
        ("lora (lora.r=8)", "LoRA (lora.r=8)"),
        ("a-method-of-somebody <b>", "a-method-of-somebody <b>"),
        ("", ""),
    ],
)
def test_a_method_is_called_what_papers_call_it_and_its_options_as_one_types_them(
    names: DisplayNames, typed: str, written: str
) -> None:
    assert names.method(typed) == written


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("em@10/paper", "EM@10/paper"),
        ("em@1/literal", "EM@1/literal"),
        ("em@1 *", "EM@1 *"),
        ("introductory tests_passed", "introductory tests passed"),
        ("codebleu", "CodeBLEU"),
        ("pass@5", "pass@5"),
        ("tokens/request", "tokens/request"),
        ("peak GB", "peak GB"),
        ("emu@3", "emu@3"),
        ("@", "@"),
    ],
)
def test_a_measure_keeps_its_k_and_no_other_word_is_changed(names: DisplayNames, typed: str, written: str) -> None:
    assert names.measure(typed) == written


def test_a_task_that_is_not_installed_keeps_its_name(names: DisplayNames) -> None:
    assert [names.task(name) for name in ("conala", "somebodys-task")] == ["CoNaLa", "somebodys-task"]


def test_a_method_that_extends_another_is_not_called_like_it() -> None:
    class Plus(Lora):
        """LoRA with something more."""

        name = "lora-plus"

    class Named(Lora):
        """LoRA with something more, and a name for it."""

        name, display_name = "lora-named", "LoRA++"

    @dataclass(frozen=True)
    class Other(NoConfig):
        """Options."""

        much: int = 1

    class Same(Lora):
        """LoRA with other options, under its own name."""

        Config = Other

    class Plain(PromptingMethod):
        """A method without a display name."""

        name = "plain-shots"

    registry = Registry(warn=lambda _: None)
    for plugin in (Plus(), Named(), Plain()):
        registry.add(plugin)
    names = DisplayNames(registry)
    assert [names.method(one) for one in ("lora-plus", "lora-named", "plain-shots")] == [
        "lora-plus",
        "LoRA++",
        "plain-shots",
    ]
    from harness.ranking.display_names import own_display_name

    assert own_display_name(Same()) == "LoRA"


def test_latex_has_the_names_of_papers_and_commands_as_one_types_them(
    names: DisplayNames,
    board_of: Callable[..., Board],
    synthetic: ModuleType,
    compile_tex: Callable[..., str],
) -> None:
    board = board_of(("b/coder", "lora"), ("b/coder", "ia3"), problems=8)
    text = latex.latex([board], None, names)
    assert "LoRA (1 seed)" in text and "(IA)³ (1 seed)" in text and "ranks by EM@" in text
    assert "\\caption{CoNaLa (version" in text and "lora" not in text
    compile_tex(text)
    typed = tables.markdown([board])
    assert "lora (1 seed)" in typed and "LoRA" not in typed, "what one looks up by is called as one types it"


def test_an_exhibit_has_the_names_of_papers_in_its_lines_columns_and_units(names: DisplayNames) -> None:
    line = Line(("conala", "org/lora", "lora", "lora"), (Value(1.0, None),))
    exhibit = Exhibit("x", "X", ("task", "model", "method", "what"), ("conala em@1",), (line,), "bars")
    shown = with_display_names(exhibit, names)
    assert shown.lines[0].names == ("CoNaLa", "org/lora", "LoRA", "lora") and shown.columns == ("CoNaLa EM@1",)
    memory = Exhibit("x", "X", ("method",), ("em@1",), (), "bars", units={"em@1": ""})
    assert with_display_names(memory, names).units == {"EM@1": ""}
