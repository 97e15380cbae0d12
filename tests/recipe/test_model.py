"""The built-in model: its files, its tokenizer, its card and the generators of its corpus."""

from __future__ import annotations

import ast
import hashlib
import json
import random
import re
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipe.model import functions, idioms, programs
from recipe.model.contamination import Blocklist
from recipe.model.documents import documents
from recipe.model.prepare import blocklist, docstring_pairs

BUILTIN = Path(__file__).parents[2] / "harness/builtin"
MODEL = BUILTIN / "model"
TESTS = [BUILTIN / "sample" / name for name in ("conala/test.json", "codealpacapy/test.json", "apps/test.jsonl")]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """The built-in tokenizer as anyone loads it."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(MODEL)


@pytest.fixture(scope="module")
def blocked() -> Blocklist:
    """The test problems of the built-in sample."""
    return blocklist(TESTS)


@settings(deadline=None, max_examples=200)
@given(st.text())
def test_the_tokenizer_gives_back_any_text(tokenizer: Any, text: str) -> None:
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    if "<|" not in text:
        assert tokenizer.decode(ids) == text


def test_the_tokenizer_gives_back_real_source_files(tokenizer: Any) -> None:
    for path in [Path(ast.__file__), Path(json.__file__), Path(__file__), Path(idioms.__file__)]:
        text = path.read_text(encoding="utf-8")
        assert tokenizer.decode(tokenizer(text, verbose=False)["input_ids"]) == text


def test_the_tokenizer_has_distinct_end_and_padding_tokens(tokenizer: Any) -> None:
    assert tokenizer.eos_token == "<|endoftext|>"
    assert tokenizer.pad_token_id not in (None, tokenizer.eos_token_id)
    assert tokenizer("x = 1<|endoftext|>")["input_ids"][-1] == tokenizer.eos_token_id


@pytest.mark.slow
def test_the_weights_load_offline_in_plain_transformers_and_write_code() -> None:
    code = (
        "import torch\nfrom transformers import AutoModelForCausalLM, AutoTokenizer\n"
        f"m = AutoModelForCausalLM.from_pretrained({str(MODEL)!r}, dtype=torch.float32)\n"
        f"t = AutoTokenizer.from_pretrained({str(MODEL)!r})\n"
        "p = t('# reverse list `items`\\n', return_tensors='pt', return_token_type_ids=False)\n"
        "print(t.decode(m.generate(**p, max_new_tokens=12, do_sample=False)[0]))\n"
    )
    env = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"items\[::-1\]|reversed\(items\)|items\.reverse\(\)", done.stdout), done.stdout


def test_the_model_is_small_enough_to_ship() -> None:
    assert (MODEL / "model.safetensors").stat().st_size <= 26_000_000


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_the_card_states_the_digest_of_the_file(name: str) -> None:
    digest = hashlib.sha256((MODEL / name).read_bytes()).hexdigest()
    assert f"| sha256 of `{name}` | `{digest}` |" in (MODEL / "README.md").read_text(encoding="utf-8")


def test_the_card_lists_only_permissive_licences() -> None:
    from recipe.model.corpus import is_permissive

    card = (MODEL / "README.md").read_text(encoding="utf-8")
    table = card.split("### Sources and their licences")[1].split("## Losses")[0]
    licences = [line.split(" | ")[2] for line in table.splitlines() if line.startswith("| ") and line[2:5] != "---"][1:]
    assert len(licences) > 20
    assert [licence for licence in licences if not is_permissive(licence)] == []


def test_the_same_seed_gives_the_same_documents() -> None:
    first, second, other = (list(islice(documents(seed, Blocklist()), 40)) for seed in (5, 5, 6))
    assert first == second
    assert first != other


@pytest.mark.parametrize("source", [idioms.pairs, functions.pairs])
def test_generated_code_is_python(source: Any) -> None:
    for pair in islice(source(random.Random(8)), 1_500):
        assert pair.intent.strip()
        ast.parse(pair.code)


def test_a_generated_program_prints_the_answer_of_its_example(capsys: pytest.CaptureFixture[str]) -> None:
    rng = random.Random(4)
    tried = 0
    while tried < 80:
        pair = programs.as_program(rng)
        if not re.search(r"(Examples?|Sample)-*\n+Input\n", pair.intent):
            continue
        given_lines, expected = pair.intent.rsplit("\nInput\n", 1)[1].split("\n\nOutput\n")
        lines = iter(given_lines.split("\n"))
        exec(pair.code, {"input": lambda lines=lines: next(lines)})
        assert capsys.readouterr().out.split() == expected.split(), pair
        tried += 1


def test_no_document_holds_the_template_that_harness_prompts_with() -> None:
    texts = list(islice(documents(2, Blocklist()), 600))
    assert not any("### Instruction" in text or "### Response" in text for text in texts)


def test_the_filter_finds_a_test_problem_and_its_near_copies(blocked: Blocklist) -> None:
    row = json.loads(TESTS[0].read_text(encoding="utf-8"))[0]
    assert blocked.contains(row["nl"], row["cmd"])
    assert blocked.contains(row["nl"].upper(), "pass")
    assert blocked.contains(f"please {row['nl']} now", row["cmd"])
    assert not blocked.contains("open the window of the third room in the old house", "window.open(3)")


def test_generated_documents_hold_no_sample_test_problem(blocked: Blocklist) -> None:
    for pairs in (idioms.pairs(random.Random(3)), functions.pairs(random.Random(3))):
        kept = [pair for pair in islice(pairs, 2_000) if not blocked.contains(pair.intent, pair.code)]
        assert len(kept) > 1_900
    exact = {(row["nl"], row["cmd"]) for row in json.loads(TESTS[0].read_text(encoding="utf-8"))}
    text = "\n".join(islice(documents(3, blocked), 500))
    assert not any(f"{ask}\n{code}\n" in text for ask, code in exact)


def test_a_docstring_becomes_an_instruction_and_the_rest_the_answer() -> None:
    source = 'def double(x):\n    """Return x times two."""\n    return x * 2\n'
    assert [(p.intent, p.code) for p in docstring_pairs(source)] == [
        ("Return x times two.", "x * 2"),
        ("Return x times two.", "def double(x):\n    return x * 2"),
    ]
