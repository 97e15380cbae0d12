"""Options are layered, typed, and never silently ignored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from harness.config import Settings, place
from harness.errors import UsageError
from harness.plugin import option


@dataclass(frozen=True)
class Options:
    """Stands for a plugin's."""

    r: int = option(16, "rank")
    rate: float = option(3e-4, "peak")
    bias: bool = option(False, "whether")
    targets: tuple[str, ...] = option((), "names")
    kind: Literal["a", "b"] = option("a", "which")
    top: int | None = option(None, "limit")


def _settings(*sets: str, environ: dict[str, str] | None = None, file: Path = Path("absent.toml")) -> Settings:
    return Settings(sets, environ=environ or {}, file=file)


def test_a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default(tmp_path: Path) -> None:
    file = tmp_path / "harness.toml"
    file.write_text('[my-method]\nr = 1\nrate = 0.5\nbias = true\ntargets = ["q", "v"]\n')
    settings = _settings(
        "my-method.r=3", environ={"HARNESS_MY_METHOD__R": "2", "HARNESS_MY_METHOD__RATE": "0.25"}, file=file
    )
    config, sources = settings.config("my-method", Options)
    assert config == Options(r=3, rate=0.25, bias=True, targets=("q", "v"))
    assert {name: s.source for name, s in sources.items()} == {
        "r": "--set",
        "rate": "HARNESS_MY_METHOD__RATE",
        "bias": str(file),
        "targets": str(file),
        "kind": "default",
        "top": "default",
    }


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("m.rank=3", "no option of m 'rank'"),
        ("m.r=many", "--set m.r: 'many' is not a whole number"),
        ("m.bias=perhaps", "neither true nor false"),
        ("m.kind=c", "no value for --set m.kind"),
    ],
)
def test_a_wrong_option_is_named(given: str, words: str) -> None:
    with pytest.raises(UsageError, match=words.replace(".", r"\.")):
        _settings(given).config("m", Options)


def test_a_malformed_set_says_how_to_write_it() -> None:
    with pytest.raises(UsageError, match=r"write NAME\.option=value"):
        _settings("lora.r")


def test_an_option_for_a_plugin_that_takes_no_part_is_refused() -> None:
    settings = _settings("lroa.r=3")
    settings.config("lora", Options)
    with pytest.raises(UsageError, match="Did you mean 'lora'"):
        settings.check_claimed()


def test_none_can_be_given_where_it_is_allowed() -> None:
    assert _settings("m.top=none").config("m", Options)[0].top is None
    assert _settings("m.top=4").config("m", Options)[0].top == 4


def test_a_broken_configuration_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "harness.toml"
    file.write_text("[lora\n")
    with pytest.raises(UsageError, match=r"harness\.toml: not TOML"):
        _settings(file=file)


@dataclass(frozen=True)
class Bounded:
    """Numbers with bounds."""

    r: int = option(16, "rank", least=1)
    share: float = option(0.1, "share", least=0, most=1)
    rate: float = option(3e-4, "peak", above=0)


OUTSIDE = [
    ("r", "0"),
    ("r", "-5"),
    ("share", "1.01"),
    ("share", "-0.1"),
    ("share", "nan"),
    ("rate", "0"),
    ("rate", "inf"),
]


@pytest.mark.parametrize(("name", "value"), OUTSIDE, ids=[f"{name}={value}" for name, value in OUTSIDE])
def test_a_number_out_of_bounds_is_refused_wherever_it_was_given(name: str, value: str, tmp_path: Path) -> None:
    file = tmp_path / "harness.toml"
    file.write_text(f"[m]\n{name} = {value}\n")
    layers = {
        f"--set m.{name}": _settings(f"m.{name}={value}"),
        f"HARNESS_M__{name.upper()}": _settings(environ={f"HARNESS_M__{name.upper()}": value}),
        f"{file}: m.{name}": _settings(file=file),
    }
    for where, settings in layers.items():
        with pytest.raises(UsageError, match="does not do; it must be a number") as caught:
            settings.config("m", Bounded)
        assert str(caught.value).startswith(f"{where}: ")


SHAPES = [
    "r = [1, 2]",
    "r = {a = 1}",
    'targets = {a = "q"}',
    'targets = [["q"]]',
    "targets = [{a = 1}]",
    "kind = ['a']",
]


@pytest.mark.parametrize("line", SHAPES)
def test_a_list_or_a_table_where_none_belongs_is_refused(line: str, tmp_path: Path) -> None:
    file = tmp_path / "harness.toml"
    file.write_text(f"[m]\n{line}\n")
    with pytest.raises(UsageError, match=f"^{file}: m.{line.partition(' ')[0]}: "):
        _settings(file=file).config("m", Options)


def test_the_line_of_a_slip_is_told_where_it_can_be_found(tmp_path: Path) -> None:
    file = tmp_path / "harness.toml"
    file.write_text('# [m]\n[eval]\nrr = 1\n\n["m"]  # mine\nr = 1\n"rr" = 2\n[inline]\na = {rr = 1}\n')
    assert [place(file, "m"), place(file, "m", "rr"), place(file, "eval", "rr")] == [
        f"{file}, line 5",
        f"{file}, line 7",
        f"{file}, line 3",
    ]
    assert place(file, "inline", "rr") == str(file)
    with pytest.raises(UsageError, match=f"^{file}, line 7: no option of m 'rr'. Known: bias, kind"):
        _settings(file=file).config("m", Options)


def test_a_list_without_brackets_is_told_how_to_write_one(tmp_path: Path) -> None:
    file = tmp_path / "harness.toml"
    file.write_text("[eval]\nseed = 1,2\n")
    with pytest.raises(UsageError, match=r"not TOML: .*line 2.*; write text in quotes and a list in brackets"):
        _settings(file=file)


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    file = tmp_path / "harness.toml"
    file.write_bytes("[m]\nr = 3\n".encode("utf-8-sig"))
    assert _settings(file=file).config("m", Options)[0].r == 3
