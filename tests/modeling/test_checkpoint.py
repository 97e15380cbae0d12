"""What a model's folder is, whatever its path is written like, and what it carries beside weights."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.config import Settings
from harness.decoding.generate import generate
from harness.errors import ModelError
from harness.evaluation.plan import resolve
from harness.evaluation.request import Request
from harness.evaluation.runs import run_id
from harness.modeling import base as model
from harness.modeling.checkpoint import BUILTIN, identity, ignored, ignored_note
from harness.modeling.prompts import PromptBuilder
from harness.plugin import Task
from harness.plugin_system.registry import Registry
from harness.records import ModelSpec, Problem, Sampling

CARRIED = {
    "repetition_penalty": 1.8,
    "no_repeat_ngram_size": 2,
    "suppress_tokens": [66, 67, 68],
    "begin_suppress_tokens": [70],
    "bad_words_ids": [[71], [72]],
    "forced_bos_token_id": 75,
    "forced_eos_token_id": 76,
    "min_length": 40,
    "length_penalty": 3.0,
    "num_beams": 7,
    "temperature": 0.3,
    "top_k": 3,
    "cache_implementation": "static",
    "penalty_alpha": 0.6,
    "max_time": 0.001,
    "stop_strings": ["a"],
}


@pytest.fixture
def folder(model_of: Callable[[str], Path], tmp_path: Path) -> Path:
    """A copy of a tiny model that a test may change."""
    return Path(shutil.copytree(model_of("llama"), tmp_path / "model"))


def change(file: Path, **values: Any) -> None:
    found = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps({**found, **values}))


def runs(name: str) -> str:
    request = Request("zero-shot", "conala", model=name, data=None)
    data = Path(harness.__file__).parent / "builtin" / "sample" / "conala"
    return run_id(resolve(Request(**{**vars_of(request), "data": data}), Registry(), Settings(())).run)


def vars_of(request: Request) -> dict[str, Any]:
    return {name: getattr(request, name) for name in Request.__dataclass_fields__}


def test_a_folder_has_one_run_however_its_path_is_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder.parent / "link").symlink_to(folder)
    monkeypatch.chdir(folder.parent)
    monkeypatch.setenv("HOME", str(folder.parent))
    spellings = ("model", "./model", "model/", str(folder), "link", "~/model", f"{folder}/../model", "model/.")
    assert len({runs(name) for name in spellings}) == 1
    assert {identity(name) for name in spellings} == {"~/model"}


def test_a_hub_id_and_the_built_in_model_keep_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert [identity(name) for name in ("org/model", BUILTIN, "gpt2")] == ["org/model", BUILTIN, "gpt2"]


def test_a_folder_has_a_name_where_there_is_no_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/nowhere")
    assert identity(f"{folder}/") == str(folder)


@pytest.mark.parametrize("temperature", [0.0, 0.8], ids=["beams", "sampled"])
@pytest.mark.parametrize("file", ["generation_config.json", "config.json"])
@pytest.mark.parametrize("family", ["llama", "t5"])
def test_settings_of_generation_that_a_folder_carries_change_nothing_and_are_named(
    family: str,
    file: str,
    temperature: float,
    model_of: Callable[[str], Path],
    tmp_path: Path,
    toy: Task,
    problems: list[Problem],
) -> None:
    plain, changed = model_of(family), Path(shutil.copytree(model_of(family), tmp_path / family))
    if file == "config.json":  # as older models carry them
        (changed / "generation_config.json").unlink()
    change(changed / file, **CARRIED)
    sampling = Sampling(candidates=2, max_new_tokens=12, temperature=temperature)
    texts = []
    for path in (plain, changed):
        base = model.load(ModelSpec(str(path)), {})
        prompts = [PromptBuilder(toy, base, max_new_tokens=12).prompt(problem) for problem in problems[:3]]
        texts.append([c.written for _, found in generate(base, prompts, sampling, 42, batch=3) for c in found])
    assert texts[0] == texts[1]
    assert {word.partition("=")[0] for word in ignored(ModelSpec(str(changed)))} == set(CARRIED)
    assert ignored_note(ModelSpec(str(plain))) == ()


def test_end_tokens_that_a_folder_carries_end_a_text(folder: Path, toy: Task, problems: list[Problem]) -> None:
    sampling = Sampling(candidates=1, max_new_tokens=12)

    def written() -> str:
        base = model.load(ModelSpec(str(folder)), {})
        prompt = PromptBuilder(toy, base, max_new_tokens=12).prompt(problems[0])
        ((_, found),) = generate(base, [prompt], sampling, 42, batch=1)
        return found[0].written

    whole = written()
    base = model.load(ModelSpec(str(folder)), {})
    letter = next(one for one in whole[1:] if one.isascii())
    change(folder / "generation_config.json", eos_token_id=[0, *base.tokenizer.encode(letter)])
    assert written() == whole.partition(letter)[0]


def test_a_folder_that_is_no_model_says_what_to_name(folder: Path, tmp_path: Path) -> None:
    adapter, gguf, hub = (tmp_path / name for name in ("adapter", "gguf", "hub"))
    for made in (adapter, gguf, hub / "snapshots" / "abc"):
        made.mkdir(parents=True)
    change(adapter / "adapter_config.json", base_model_name_or_path="org/base")
    (gguf / "model-q4.gguf").write_bytes(b"GGUF")
    change(hub / "snapshots" / "abc" / "config.json", model_type="llama")
    for path, words in (
        (adapter, "an adapter of org/base, not a model.*name org/base"),
        (gguf, "GGUF weights.*gguf_file='model-q4.gguf'"),
        (gguf / "model-q4.gguf", "GGUF weights"),
        (hub, "name the folder .*snapshots/abc"),
        (tmp_path / "none", "no such folder"),
    ):
        with pytest.raises(ModelError, match=words) as refused:
            runs(str(path))
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"quant_method": "gptq", "bits": 4, "group_size": 128}, r"quantised \(gptq\).*(optimum|gptqmodel|GPU)"),
        ({"quant_method": "awq", "bits": 4}, r"quantised \(awq\).*gptqmodel"),
        ({"quant_method": "compressed-tensors"}, r"quantised \(compressed-tensors\).*compressed-tensors"),
        ({"quant_method": "new-thing"}, "new-thing.*name the model they were made from"),
        ({"group_size": 64, "bits": 4}, "without a quant_method"),
    ],
)
def test_quantised_weights_that_cannot_be_read_say_what_is_missing(
    settings: dict[str, Any], words: str, folder: Path
) -> None:
    change(folder / "config.json", quantization_config=settings)
    with pytest.raises(ModelError, match=words) as refused:
        model.load(ModelSpec(str(folder)), {})
    assert "\n" not in str(refused.value)


def test_quantised_weights_are_read_are_tuned_beside_and_are_not_quantised_again(folder: Path, tmp_path: Path) -> None:
    registry = Registry()
    config = registry.method("qlora-4bit").plugin.Config()
    options = registry.method("qlora-4bit").plugin.load_options(config)
    model.load(ModelSpec(str(folder)), options).model.save_pretrained(tmp_path / "four")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(folder / name, tmp_path / "four" / name)
    spec = ModelSpec(str(tmp_path / "four"))
    lora = registry.method("lora").plugin
    assert lora.adapt(model.load(spec, {}), lora.Config()).model.get_nb_trainable_parameters()[0] > 0
    with pytest.raises(ModelError, match=r"quantised already \(bitsandbytes\).*lora"):
        model.load(spec, options)
    full = registry.method("full-ft").plugin
    with pytest.raises(ModelError, match=r"quantised.*lora"):
        full.adapt(model.load(spec, full.load_options(full.Config())), full.Config())


def test_a_checkpoint_that_lacks_weights_is_refused(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    weights.pop("model.layers.1.mlp.up_proj.weight")
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=r"1 of its weights are missing \(first: .*up_proj"):
        model.load(ModelSpec(str(folder)), {})


def test_a_hub_model_is_identified_by_the_commit_that_its_revision_stands_for(
    model_of: Callable[[str], Path], tmp_path: Path
) -> None:
    commit, cache = "0123456789abcdef0123456789abcdef01234567", tmp_path / "hub" / "models--someone--tiny"
    shutil.copytree(model_of("llama"), cache / "snapshots" / commit)
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text(commit)
    program = """
from harness.modeling.base import model_digest
from harness.records import ModelSpec
print(model_digest(ModelSpec("someone/tiny")), model_digest(ModelSpec("someone/tiny", "main")))
try:
    model_digest(ModelSpec("someone/other"))
except Exception as error:
    print(type(error).__name__)
"""
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "HF_HUB_CACHE": str(tmp_path / "hub")}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=env, check=False)
    assert done.stdout.split() == [commit, commit, "ModelError"], done.stderr
