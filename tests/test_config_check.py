"""What the file and the environment say is read or refused; the page of keys and variables says what is true."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import click
import pytest

from harness.command_config import command_variables, file_defaults, options, set_variables
from harness.commands.eval import command as eval_command
from harness.config import Settings
from harness.config_check import VARIABLES, check_layers, check_variables
from harness.errors import UsageError
from harness.plugin_system.registry import Registry


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry()


def _check(text: str, registry: Registry, folder: Path, environ: Mapping[str, str] | None = None) -> None:
    file = folder / "harness.toml"
    file.write_text(text, "utf-8")
    file_defaults(eval_command, file)
    check_layers(Settings(environ=environ or {}, file=file), registry)


MISSPELT_KEYS = {
    "[eval]\ntaks = 'conala'": "'task'",
    "[eval]\nmetod = 'lora'": "'method'",
    "[eval]\nmax-new-tokens = 4": "'max_new_tokens'",
    "[eval]\nsed = 7": "'seed'",
    "[eval]\ntempratur = 0": "'temperature'",
    "[eval]\ncandidate = 3": "'candidates'",
    "[evl]\nseed = 7": "'eval'",
    "[lroa]\nr = 4": "'lora'",
    "[lora]\nlearningrate = 1": "'learning_rate'",
    "[lora]\nbatchsize = 4": "'batch_size'",
    "[ia3]\nepoch = 2": "'epochs'",
    "[prompt_tunning]\nepochs = 2": "'prompt-tuning'",
    "[codeblue]\nprofile = 'paper'": "'codebleu'",
    "[my]\ninstrution = 'prompt'": "'instruction'",
}
MISSPELT_VARIABLES = {
    "HARNESS_EVAL_TAKS": "'HARNESS_EVAL_TASK'",
    "HARNESS_EVAL_METHODS": "'HARNESS_EVAL_METHOD'",
    "HARNESS_EVL_SEED": "'HARNESS_EVAL_SEED'",
    "HARNESS_LORA_R": "'HARNESS_LORA__R'",
    "HARNESS_LORA__EPOCH": "'HARNESS_LORA__EPOCHS'",
    "HARNESS_PROMPT_TUNING_VIRTUAL_TOKENS": "'HARNESS_PROMPT_TUNING__VIRTUAL_TOKENS'",
    "HARNESS_PLUGIN": "'HARNESS_PLUGINS'",
    "HARNESS_TRACEPLUGINS": "'HARNESS_TRACE_PLUGINS'",
    "HARNESS_LEADERBOARD_SROT": "'HARNESS_LEADERBOARD_SORT'",
    "HARNESS_STUDY_RUN_MODL": "'HARNESS_STUDY_RUN_MODEL'",
}


@pytest.mark.parametrize(("text", "meant"), MISSPELT_KEYS.items())
def test_a_misspelt_key_or_section_is_refused_with_the_nearest(
    text: str, meant: str, registry: Registry, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=re.escape(f"Did you mean {meant}?")) as caught:
        _check(text, registry, tmp_path)
    line = len(text.splitlines()) if "option of" in str(caught.value) else 1
    assert str(caught.value).startswith(f"{tmp_path / 'harness.toml'}, line {line}: no ")


@pytest.mark.parametrize(("name", "meant"), MISSPELT_VARIABLES.items())
def test_a_misspelt_variable_is_refused_with_the_nearest(name: str, meant: str, registry: Registry) -> None:
    with pytest.raises(UsageError, match=re.escape(f"{name!r}. Did you mean {meant}?")):
        check_variables({name: "1"}, registry)


def test_a_variable_of_an_option_of_no_plugin_is_refused_even_if_it_is_like_none(registry: Registry) -> None:
    with pytest.raises(UsageError, match="no environment variable 'HARNESS_ZZZZZ__Q'"):
        check_variables({"HARNESS_ZZZZZ__Q": "1"}, registry)


def test_variables_of_another_program_are_left_alone(registry: Registry) -> None:
    check_variables({"HARNESS_ACCOUNT_ID": "1", "HARNESS_PIPELINE_ID": "2", "HARNESSING": "3"}, registry)


WRONG_VALUES = {
    "[eval]\nlimit = 0": "eval.limit: 0 is not in the range",
    "[eval]\nlimit = 1.5": "eval.limit: '1.5' is not a valid integer",
    "[eval]\nchat = 'yes'": "eval.chat: 'yes' is neither true nor false",
    "[eval]\nseed = ['a']": "eval.seed: 'a' is not a list of whole numbers",
    "[eval]\ntask = ['conala', 'apps']": "eval.task: a list does not do here",
    "[eval]\nset = ['lora.r=3']": "eval.set: write the option below its plugin's section",
    "[eval]\ntrust_remote_code = true": "eval.trust_remote_code: it is consent",
    "[eval]\ni_accept_unsafe_execution = true": "eval.i_accept_unsafe_execution: it is consent",
    "eval = 3": "[eval] must be a table of options",
    "seed = 7": "seed stands in no section",
    "[lora]\nr = 0": "lora.r: 0 does not do",
    "[lora]\nr = 'many'": "lora.r: 'many' is not a whole number",
}


@pytest.mark.parametrize(("text", "words"), WRONG_VALUES.items())
def test_a_value_that_does_not_fit_is_refused_with_its_place(
    text: str, words: str, registry: Registry, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=re.escape(words)) as caught:
        _check(text, registry, tmp_path)
    assert str(tmp_path / "harness.toml") in str(caught.value)


PAGE = (Path(__file__).parents[1] / "docs" / "configuration.md").read_text("utf-8")


def test_the_files_of_the_page_are_read_without_a_word(registry: Registry, tmp_path: Path) -> None:
    files = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert files
    for text in files:
        _check(text, registry, tmp_path)


def test_the_page_has_every_key_of_the_section_and_no_other() -> None:
    section = PAGE.split("\n## The section [eval]\n", 1)[1].split("\n## ", 1)[0]
    listed = re.findall(r"^\| `(\w+)` \| `(--?[\w-]+)[^`]*` \| `(HARNESS_\w+)`", section, re.MULTILINE)
    set_variables(eval_command, "eval")
    known = {
        (max(one.opts, key=len).lstrip("-").replace("-", "_"), max(one.opts, key=len), one.envvar)
        for one in options(eval_command)
        if one.name != "sets"
    }
    assert set(listed) == {one for one in known if one[0] not in ("trust_remote_code", "i_accept_unsafe_execution")}


def test_the_page_has_every_other_variable(registry: Registry) -> None:
    named = set(re.findall(r"HARNESS_[A-Z0-9_]+", PAGE)) - {"HARNESS_NAME__OPTION", "HARNESS_"}
    assert set(VARIABLES) <= named
    check_variables(dict.fromkeys(named, "1"), registry)


def test_each_option_has_one_variable_of_its_own() -> None:
    names = list(command_variables())
    assert len(names) == len(set(names)) > 50


def test_the_file_is_used_where_the_command_line_and_the_environment_are_silent(tmp_path: Path) -> None:
    file = tmp_path / "harness.toml"
    file.write_text("[eval]\nlimit = 3\nseed = [1, 2]\nchat = false\ndata = 'rows.jsonl'\nmethod = ['lora', 'ia3']\n")
    found = file_defaults(eval_command, file)
    context = click.Context(eval_command, default_map=found)
    values = {one.name: one.consume_value(context, {})[0] for one in options(eval_command)}
    assert values["limit"] == "3" and values["seeds"] == ["1", "2"] and values["chat"] is False
    assert values["methods"] == ["lora", "ia3"]
