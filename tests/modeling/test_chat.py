"""Chat templates: prompts are the template's own tokens, tuning teaches what the template writes, turns end there.

The templates below were written for these tests; each does what the templates of one family do.
"""

from __future__ import annotations

import datetime
import json
import shlex
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from harness.commands.eval import command
from harness.config import Settings
from harness.decoding.generate import generate, token_limit
from harness.errors import UsageError
from harness.evaluation import provenance
from harness.evaluation.plan import resolve, with_chat_settings
from harness.evaluation.reading import in_chat, reader
from harness.evaluation.request import Request
from harness.evaluation.runs import run_id
from harness.modeling import base as model
from harness.modeling.base import Base
from harness.modeling.chat import DATE, Chat, template_of
from harness.modeling.prompts import PromptBuilder
from harness.plugin import PREAMBLE, Task
from harness.plugin_system.registry import Registry
from harness.ranking.rows import group_key, row_labels
from harness.records import ModelSpec, Problem, Row, Run, Sampling, digest, from_json, to_json
from harness.studies.study import Cell
from harness.tuning import train
from tests import warm

SPECIAL = [
    *("<s>", "</s>", "<|im_start|>", "<|im_end|>", "<start_of_turn>", "<end_of_turn>", "<|begin_of_text|>"),
    *("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|user|>", "<|assistant|>", "<|end|>", "[INST]"),
    *("[/INST]", "<|start|>", "<|channel|>", "<|message|>", "<|return|>", "[THINK]", "[/THINK]", "<bos>"),
    *("<|START_THINKING|>", "<|END_THINKING|>"),
]
WORDS = ["<think>", "</think>"]

CHATML = (
    "{% for m in messages %}{% if loop.first and m.role != 'system' %}<|im_start|>system\nYou help.<|im_end|>\n"
    "{% endif %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
ALTERNATE = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}"
)

GEMMA = (
    "{{ bos_token }}" + ALTERNATE + "<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n"
    "{{ m.content | trim }}<end_of_turn>\n{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}" + ALTERNATE + "{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]"
    "{% else %} {{ m.content }}</s>{% endif %}{% endfor %}"
)
LLAMA = (
    "{% if not date_string is defined %}{% if strftime_now is defined %}"
    "{% set date_string = strftime_now('%d %b %Y') %}"
    "{% else %}{% set date_string = '26 Jul 2024' %}{% endif %}{% endif %}<|begin_of_text|>"
    "<|start_header_id|>system<|end_header_id|>\n\nToday Date: {{ date_string }}\n\n<|eot_id|>{% for m in messages %}"
    "<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n{{ m.content | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
QWEN3 = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' and loop.last %}<think>\n"
    "{{ (m.reasoning_content or '') | trim }}\n</think>\n\n{% endif %}{{ m.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
THINKS_ALWAYS = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}<|user|>{{ m.content }}{% else %}<|assistant|>"
    "{{ m.content.split('</think>')[-1] }}</s>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|><think>\n{% endif %}"
)
MAGISTRAL = THINKS_ALWAYS.replace("<think>\n", "[THINK]")
COMMAND = (
    "{{ bos_token }}{% for m in messages %}<|start|>{{ m.role }}{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant{% if reasoning is defined and not reasoning %}"
    "<|START_THINKING|><|END_THINKING|>{% else %}<|START_THINKING|>{% endif %}{% endif %}"
)
CHANNELS = (
    "{% macro today() %}{{ strftime_now('%Y-%m-%d') }}{% endmacro %}<|start|>system<|message|>{{ today() }}<|end|>"
    "{% for m in messages %}{% if m.role == 'assistant' %}{% if loop.last and m.thinking is defined %}"
    "<|start|>assistant<|channel|>analysis<|message|>{{ m.thinking }}<|end|>{% endif %}"
    "<|start|>assistant<|channel|>final<|message|>"
    "{{ m.content }}{{ '<|return|>' if loop.last else '<|end|>' }}"
    "{% else %}<|start|>user<|message|>{{ m.content }}<|end|>"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}<|start|>assistant{% endif %}"
)
NO_HEADER = CHATML.partition("{% if add_generation_prompt %}")[0]
GLM = (
    "<s>{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
PHI = (
    "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% else %}</s>{% endif %}"
)
PLAIN = (
    "{% for m in messages %}{{ 'Question: ' if m.role == 'user' else 'Answer: ' }}{{ m.content }}\n\n{% endfor %}"
    "{% if add_generation_prompt %}Answer:{% endif %}"
)
PARTS = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% for part in m.content %}{% if part.type == 'text' %}"
    "{{ part.text }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
FAMILIES = {
    "chatml": (CHATML, "<|im_end|>"),
    "gemma": (GEMMA, "<end_of_turn>"),
    "mistral": (MISTRAL, "</s>"),
    "llama": (LLAMA, "<|eot_id|>"),
    "qwen3": (QWEN3, "<|im_end|>"),
    "thinks-always": (THINKS_ALWAYS, "</s>"),
    "magistral": (MAGISTRAL, "</s>"),
    "command": (COMMAND, "<|end|>"),
    "channels": (CHANNELS, "<|return|>"),
    "no-header": (NO_HEADER, "<|im_end|>"),
    "glm": (GLM, "<|user|>"),
    "phi": (PHI, "<|end|>"),
    "plain": (PLAIN, None),
    "parts": (PARTS, "<|im_end|>"),
}
QUESTION, ANSWER = Problem("q", "Reverse `s`", ("s[::-1]",)), "s[::-1]"
EXAMPLE = Problem("e", "Sort `xs`", ("  xs.sort()\nxs",))


@pytest.fixture(scope="session")
def chat_folder(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The tiny model with the special tokens of all families and a chat template."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    ready = tmp_path_factory.mktemp("chat") / "base"
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    tokenizer.add_special_tokens({"additional_special_tokens": SPECIAL, "bos_token": "<bos>"})
    tokenizer.add_tokens(WORDS)
    tokenizer.save_pretrained(ready)
    weights = AutoModelForCausalLM.from_pretrained(tiny_model)
    weights.resize_token_embeddings(len(tokenizer))
    weights.save_pretrained(ready)

    def make(template: str) -> Path:
        folder = tmp_path_factory.mktemp("family") / "model"
        shutil.copytree(ready, folder)
        (folder / "chat_template.jinja").write_text(template, "utf-8")
        return folder

    return make


def loaded(folder: Path, **how: Any) -> Base:
    return model.load(ModelSpec(str(folder), chat=True, **how), {})


def turns(*problems: Problem, answer: str | None = None, parts: bool = False) -> list[dict[str, Any]]:
    """The messages that a layout of the task makes of examples and a problem, for transformers itself."""
    found: list[tuple[str, str]] = []
    for one in problems[:-1]:
        found += [("user", Task().request(one)), ("assistant", one.reference)]
    found.append(("user", Task().request(problems[-1])))
    found += [("assistant", answer)] if answer is not None else []
    return [{"role": r, "content": [{"type": "text", "text": t}] if parts else t} for r, t in found]


@pytest.mark.parametrize("family", [name for name in FAMILIES if name not in ("llama", "channels")])
def test_prompts_are_the_tokens_that_the_template_itself_gives(family: str, chat_folder: Callable[[str], Path]) -> None:
    template, _ = FAMILIES[family]
    base = loaded(chat_folder(template), thinking=False if family in ("qwen3", "command") else None)
    pinned = {"enable_thinking": False, "reasoning": False} if base.spec.thinking is False else {}
    for examples in ((), (EXAMPLE,)):
        prompt = PromptBuilder(Task(), base).prompt(QUESTION, examples)
        messages = turns(*examples, QUESTION, parts=family == "parts")
        expected = base.tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=True, return_dict=False, **pinned
        )
        header = base.tokenizer("<|im_start|>assistant\n", add_special_tokens=False)["input_ids"]
        assert list(prompt.tokens) == [*expected, *(header if family == "no-header" else [])]
        assert list(prompt.tokens).count(base.tokenizer.bos_token_id) == template.count("bos_token")


def test_a_user_says_the_instruction_without_headings_and_once_what_the_answer_looks_like(
    chat_folder: Callable[[str], Path],
) -> None:
    class OneLine(Task):
        form = "Answer with one line."

    base = loaded(chat_folder(CHATML))
    asked = PromptBuilder(OneLine(), base, PREAMBLE).text(QUESTION, (EXAMPLE,))
    assert "###" not in asked
    first = f"<|im_start|>user\n{PREAMBLE} Answer with one line.\n\n{EXAMPLE.instruction}<|im_end|>"
    assert first in asked
    assert f"<|im_start|>user\n{QUESTION.instruction}<|im_end|>" in asked
    assert f"<|im_start|>user\n{QUESTION.instruction}<|im_end|>" in PromptBuilder(OneLine(), base).text(QUESTION, ())
    plain = PromptBuilder(OneLine(), replace(base, spec=replace(base.spec, chat=False)), PREAMBLE).text(QUESTION, ())
    assert plain == f"{PREAMBLE}\n\n### Instruction:\n{QUESTION.instruction}\n### Response:\n"


def test_a_task_with_a_template_of_its_own_is_asked_in_its_words() -> None:
    class Own(Task):
        def template(self, problem: Problem) -> str:
            return f"Question: {problem.instruction}\nAnswer:"

    assert Own().request(QUESTION) == f"Question: {QUESTION.instruction}\nAnswer:"


def test_the_text_at_which_an_answer_is_over_is_known_without_a_token_too(
    chat_folder: Callable[[str], Path],
) -> None:
    bare = CHATML.replace("<|im_", "<|turn_")  # its markers are no tokens of this tokenizer
    marked = {GEMMA: "<end_of_turn>", GLM: "<|user|>", PLAIN: "Question:", bare: "<|turn_end|>"}
    for template, marker in marked.items():
        chat = loaded(chat_folder(template)).chat
        assert chat is not None
        assert chat.stop_marker == marker
    base = loaded(chat_folder(bare))
    layout = PromptBuilder(Task(), base)
    answer = layout.encode_answer(layout.prompt(QUESTION), ANSWER)
    assert base.tokenizer.decode(answer) == f"{ANSWER}<|turn_end|><|endoftext|>"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("reference", ["s[::-1]", "  def f():\n    return 1\n", "\nx", "x  "])
def test_tuning_teaches_what_the_template_writes_up_to_the_end_of_the_turn(
    family: str, reference: str, chat_folder: Callable[[str], Path]
) -> None:
    template, end = FAMILIES[family]
    base = loaded(chat_folder(template), thinking=False if "think" in template.lower() else None)
    layout = PromptBuilder(Task(), base)
    problem = replace(QUESTION, references=(reference,))
    prompt = layout.prompt(problem, [EXAMPLE])
    (row,), _ = train.rows(layout, [(prompt, problem)], 4096)
    learnt = [token for token, label in zip(row["input_ids"], row["labels"], strict=True) if label != -100]
    assert row["input_ids"][: len(prompt.tokens)] == list(prompt.tokens)
    assert row["input_ids"][-1] == (base.tokenizer.convert_tokens_to_ids(end) if end else base.tokenizer.eos_token_id)
    assert reference.strip() in base.tokenizer.decode(learnt)
    written = base.tokenizer.decode(row["input_ids"])
    if family not in ("thinks-always", "magistral", "command"):  # those write no reasoning into an answer that is over
        chat = base.chat
        assert chat is not None
        messages = turns(EXAMPLE, problem, answer=reference, parts=family == "parts")
        whole = chat._apply(messages, False, base.spec.thinking)
        assert whole.startswith(written.removesuffix("<|endoftext|>").removesuffix("<|user|>"))


@pytest.mark.parametrize("family", [name for name, (_, end) in FAMILIES.items() if end])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_generation_ends_with_the_turn(family: str, temperature: float, chat_folder: Callable[[str], Path]) -> None:
    import torch

    template, end = FAMILIES[family]
    base = loaded(chat_folder(template))
    token = base.tokenizer.convert_tokens_to_ids(end)
    head = torch.nn.Linear(base.model.config.hidden_size, base.model.config.vocab_size)
    torch.nn.init.zeros_(head.weight)
    head.bias.data.fill_(-100.0)
    head.bias.data[token] = 0.0  # it says nothing but the end of the turn
    base.model.lm_head = head
    prompt = PromptBuilder(Task(), base, max_new_tokens=8).prompt(QUESTION)
    sampling = Sampling(candidates=1, max_new_tokens=8, temperature=temperature)
    ((_, (completion,)),) = generate(base, [prompt], sampling, 42, batch=1)
    assert (completion.text, completion.finish) == ("", "stop")
    assert completion.tokens == 1


@pytest.mark.parametrize("template", [LLAMA, CHANNELS])
def test_a_template_that_asks_for_the_date_is_told_that_of_the_run(
    template: str, chat_folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers.utils import chat_template_utils

    class Another(datetime.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Another:  # noqa: ARG003 - the signature of datetime.now
            return cls(2031, 1, 2)

    monkeypatch.setattr(chat_template_utils, "datetime", Another)
    base = loaded(chat_folder(template))
    assert base.chat is not None
    assert base.chat.writes_date
    text = PromptBuilder(Task(), base).prompt(QUESTION).text
    assert "2031" not in text
    assert ("26 Jul 2024" if template is LLAMA else DATE) in text
    expected = base.tokenizer.apply_chat_template(turns(QUESTION), tokenize=False, add_generation_prompt=True)
    expected = expected.replace("02 Jan 2031", "26 Jul 2024").replace("2031-01-02", DATE)
    assert text.startswith(expected)


@pytest.mark.parametrize("format", ["%d %B %Y", "%-d/%m/%y", "%A %e %b", "%Y-%m-%dT%H:%M:%S", "%I %p", "100%% %j"])
def test_every_way_to_write_the_date_is_that_of_the_clock(format: str, chat_folder: Callable[[str], Path]) -> None:
    base = loaded(chat_folder("{{ strftime_now('" + format + "') }}|" + CHATML), date="1999-03-04")
    text = PromptBuilder(Task(), base).prompt(QUESTION).text
    assert text.partition("|")[0] == datetime.datetime(1999, 3, 4).strftime(format)


def test_reasoning_is_switched_off_on_or_left_to_the_template(chat_folder: Callable[[str], Path]) -> None:
    ends = {
        (QWEN3, None): "assistant\n",
        (QWEN3, False): "assistant\n<think>\n\n</think>\n\n",
        (QWEN3, True): "assistant\n",
        (THINKS_ALWAYS, None): "<|assistant|><think>\n",
        (THINKS_ALWAYS, True): "<|assistant|><think>\n",
        (THINKS_ALWAYS, False): "<|assistant|><think>\n\n</think>\n\n",
        (MAGISTRAL, False): "<|assistant|>[THINK]\n[/THINK]\n\n",
        (COMMAND, True): "<|START_THINKING|>",
        (COMMAND, False): "<|START_THINKING|><|END_THINKING|>",
        (CHANNELS, True): "<|start|>assistant",
        (CHANNELS, False): "<|start|>assistant<|channel|>final<|message|>",
    }
    for (template, thinking), end in ends.items():
        base = loaded(chat_folder(template), thinking=thinking)
        assert base.chat is not None
        assert base.chat.supports_reasoning
        assert PromptBuilder(Task(), base).prompt(QUESTION).text.endswith(end), (template, thinking)


@pytest.mark.parametrize("family", ["chatml", "gemma", "mistral", "llama", "no-header", "glm", "plain", "parts"])
def test_a_template_without_reasoning_is_known_as_one(family: str, chat_folder: Callable[[str], Path]) -> None:
    chat = loaded(chat_folder(FAMILIES[family][0])).chat
    assert chat is not None
    assert not chat.supports_reasoning
    assert chat.opened_reasoning == ""
    assert chat.writes_date == (family == "llama")


def test_a_reasoning_that_the_prompt_opened_is_no_answer(chat_folder: Callable[[str], Path]) -> None:
    base = loaded(chat_folder(THINKS_ALWAYS), thinking=True)
    assert base.chat is not None
    plain = reader(Task(), QUESTION, ("\n",))
    thoughtful = in_chat(plain, base.chat)
    assert plain.extract("x = 1\ny = 2").text == "x = 1"
    assert thoughtful.extract("x = 1\ny = 2").text == ""
    assert not thoughtful.is_complete("x = 1\ny = 2")
    assert thoughtful.extract("x = 1\ny = 2\n</think>\n\nz = 3\n").text == "z = 3"
    prompt = PromptBuilder(Task(), base, max_new_tokens=4).prompt(QUESTION)
    ((_, (completion,)),) = generate(base, [prompt], Sampling(1, 4), 42, batch=1, extractors={"q": thoughtful})
    assert completion.text == ""


def test_a_turn_of_a_template_without_tokens_of_its_own_ends_an_answer(chat_folder: Callable[[str], Path]) -> None:
    chat = loaded(chat_folder(PLAIN)).chat
    assert chat is not None
    found = in_chat(reader(Task(), QUESTION, ()), chat)
    assert found.markers == ("### Instruction:", "Question:", "### Response:")
    assert found.extract("x = 1\n\nQuestion: and y?\n\nAnswer: y = 2").text == "x = 1"
    tokened = loaded(chat_folder(CHATML)).chat
    assert tokened is not None
    assert in_chat(reader(Task(), QUESTION, ()), tokened).markers == ("### Instruction:", "### Response:")


@pytest.mark.parametrize(
    ("template", "closing"),
    [
        (QWEN3, "</think>"),
        (THINKS_ALWAYS, "</think>"),
        (MAGISTRAL, "[/THINK]"),
        (COMMAND, "<|END_THINKING|>"),
        (CHANNELS, "<|end|><|start|>assistant<|channel|>final<|message|>"),
        (CHATML, ""),
    ],
)
def test_an_answer_has_its_own_room_behind_a_reasoning(
    template: str, closing: str, chat_folder: Callable[[str], Path]
) -> None:
    chat = loaded(chat_folder(template), thinking=True if closing else None).chat
    assert chat is not None
    assert chat.reasoning_end == closing
    assert (
        chat.truncate_answer(f"long thoughts{closing}\n\nanswer", 8) == f"long thoughts{closing}\n\nanswer"
        or not closing
    )
    assert chat.truncate_answer(f"long thoughts{closing}\n\nanswer", 5) == (
        f"long thoughts{closing}\n\nans" if closing else "long "
    )
    if closing:
        assert chat.truncate_answer("thoughts without an end", 5) == "thoughts without an end"


def test_named_templates_are_used_by_their_default_and_two_without_one_are_refused(
    chat_folder: Callable[[str], Path],
) -> None:
    base = loaded(chat_folder(CHATML))
    base.tokenizer.chat_template = {"default": GEMMA, "tool_use": CHATML}
    assert template_of(base.tokenizer, "m") == GEMMA
    base.tokenizer.chat_template = {"only": GEMMA}
    assert Chat(base.tokenizer, "m").end.text == "<end_of_turn>"
    base.tokenizer.chat_template = {"a": GEMMA, "b": CHATML}
    with pytest.raises(UsageError, match=r"several chat templates \(a, b\)"):
        Chat(base.tokenizer, "m")


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{ raise_exception('only tools') }}", "only tools"),
        ("{{ messages.nothing.at_all }}", "fails"),
        ("{% for %}", "fails"),
        ("always the same", "leaves out"),
        ("{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% endif %}{% endfor %}", "leaves out"),
    ],
)
def test_a_template_that_cannot_be_used_is_one_line(
    template: str, words: str, chat_folder: Callable[[str], Path]
) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        _ = loaded(chat_folder(template)).chat
    assert "\n" not in str(caught.value)


def test_the_template_in_a_processors_own_file_is_used(chat_folder: Callable[[str], Path]) -> None:
    folder = chat_folder(CHATML)
    (folder / "chat_template.jinja").unlink()
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": GEMMA}), "utf-8")
    chat = loaded(folder).chat
    assert chat is not None
    assert chat.end.text == "<end_of_turn>"


def dry(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    asked = ["--method", "zero-shot", "--task", "conala", "--data", str(written(folder)), "--model", "model"]
    return warm.harness("eval", *asked, "--dry-run", *words, cwd=folder)


def written(folder: Path) -> Path:
    """A folder with four problems of CoNaLa's form in each split."""
    rows = [{"nl": "x", "cmd": "y", "question_id": f"{i}-1"} for i in range(4)]
    (folder / "data").mkdir(exist_ok=True)
    for split in ("train", "test"):
        (folder / "data" / f"{split}.json").write_text(json.dumps(rows), "utf-8")
    return folder / "data"


@pytest.mark.parametrize(
    ("template", "words", "line"),
    [
        (None, ["--chat"], "/model has no chat template"),
        (None, ["--thinking"], "no chat template in use"),
        (CHATML, ["--thinking", "--no-chat"], "no chat template in use"),
        (CHATML, ["--thinking"], "no reasoning in its chat template"),
        (QWEN3, ["--thinking-tokens", "9"], "they are for --thinking"),
        (QWEN3, ["--thinking", "--method", "lora"], "lora teaches answers without reasoning"),
        (
            "{{ raise_exception('only tools') }}",
            [],
            "its chat template fails (only tools); go without it with --no-chat",
        ),
    ],
)
def test_what_a_template_cannot_do_is_one_line_before_any_weights_are_read(
    template: str | None, words: list[str], line: str, chat_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = chat_folder(template or CHATML)
    if template is None:
        (folder / "chat_template.jinja").unlink()
    for weights in folder.glob("*.safetensors"):
        weights.write_bytes(b"not weights")
    folder.rename(tmp_path / "model")
    done = dry(tmp_path, *words)
    assert done.returncode == 2, done.stderr
    assert line in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_the_record_says_how_the_model_was_talked_to(chat_folder: Callable[[str], Path]) -> None:
    def spec(template: str, **asked: Any) -> ModelSpec:
        request = Request("zero-shot", "conala", **asked)
        return with_chat_settings(ModelSpec(str(chat_folder(template))), request, None)

    def said(one: ModelSpec) -> tuple[Any, ...]:
        return one.chat, one.thinking, one.date

    assert said(spec(CHATML)) == (True, None, None)
    assert said(spec(CHATML, chat=False)) == (False, None, None)
    assert said(spec(LLAMA)) == (True, None, DATE)
    assert said(spec(QWEN3)) == (True, False, None)
    assert said(spec(QWEN3, thinking=True)) == (True, True, None)
    assert said(spec(CHATML, thinking=False)) == (True, None, None)
    assert said(spec(CHANNELS, thinking=True)) == (True, True, DATE)


def test_a_model_without_a_template_keeps_its_identity(chat_folder: Callable[[str], Path]) -> None:
    folder = chat_folder(CHATML)
    (folder / "chat_template.jinja").unlink()
    spec = with_chat_settings(ModelSpec(str(folder)), Request("zero-shot", "conala"), None)
    assert to_json(spec) == {"id": str(folder), "revision": None, "trust_remote_code": False, "chat": False}


def test_room_for_reasoning_stands_beside_the_room_for_the_answer(
    chat_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    chat_folder(QWEN3).rename(tmp_path / "model")
    done = dry(tmp_path, "--thinking", "--thinking-tokens", "200", "--max-new-tokens", "50", "--json")
    (plan,) = json.loads(done.stdout)
    sampling = from_json(Run, plan["run"]).sampling
    assert (sampling.max_new_tokens, sampling.thinking_tokens, sampling.longest) == (50, 200, 250)
    base = loaded(tmp_path / "model", thinking=True)
    assert token_limit(base, PromptBuilder(Task(), base).prompt(QUESTION), sampling) == 250


def test_smollm2_is_asked_taught_and_ended_by_its_own_template(smollm2: Path) -> None:
    spec = with_chat_settings(ModelSpec(str(smollm2)), Request("zero-shot", "conala"), None)
    assert (spec.chat, spec.thinking, spec.date) == (True, None, None)
    base = model.load(spec, {})
    layout = PromptBuilder(Task(), base, max_new_tokens=24)
    prompt = layout.prompt(QUESTION, [EXAMPLE])
    messages = turns(EXAMPLE, QUESTION)
    assert list(prompt.tokens) == base.tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, tokenize=True, return_dict=False
    )
    (row,), _ = train.rows(layout, [(prompt, QUESTION)], 4096)
    whole = base.tokenizer.apply_chat_template(
        turns(EXAMPLE, QUESTION, answer=ANSWER), tokenize=True, return_dict=False
    )
    assert row["input_ids"] == whole[:-1]  # the line end behind <|im_end|> is not the model's to write
    assert base.tokenizer.decode(row["input_ids"][len(prompt.tokens) :]) == f"{ANSWER}<|im_end|>"


def spaced(folder: Path, template: str) -> Path:
    """The folder with a tokenizer that marks words by the space before them, and puts one before a text's first."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = ["<bos>", "<|endoftext|>", "<unk>", "▁", "\n", "\n\n", *map(chr, range(33, 127))]
    vocabulary = {letter: i for i, letter in enumerate(letters)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[("\n", "\n")], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    (folder / "chat_template.jinja").unlink()
    found = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<bos>", eos_token="<|endoftext|>", unk_token="<unk>"
    )
    found.add_special_tokens({"additional_special_tokens": SPECIAL[:20]})
    found.chat_template = template
    found.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("template", [MISTRAL, CHATML, PLAIN])
@pytest.mark.parametrize("reference", ["s[::-1]", "\nx", "  x"])
def test_an_answer_begins_as_it_does_behind_its_prompt_whatever_the_tokenizer_puts_before_a_text(
    template: str, reference: str, chat_folder: Callable[[str], Path]
) -> None:
    base = loaded(spaced(chat_folder(CHATML), template))
    assert base.chat is not None
    layout = PromptBuilder(Task(), base)
    prompt = layout.prompt(QUESTION)
    answer = layout.encode_answer(prompt, reference)
    written = base.chat.answer(reference)
    ends = [] if base.chat.end.token is not None else [base.tokenizer.eos_token_id]
    whole = base.tokenizer(prompt.text + written, add_special_tokens=False)["input_ids"] + ends
    merged = whole[: len(prompt.tokens)] != list(prompt.tokens)
    assert merged == (prompt.text.endswith("\n") and reference.startswith("\n"))
    if not merged:
        assert [*prompt.tokens, *answer] == whole
    pieces = base.tokenizer.convert_ids_to_tokens([*prompt.tokens, *answer])
    text = "".join(pieces).replace("▁", " ").removesuffix("<|endoftext|>" if ends else "").removeprefix(" ")
    assert text == prompt.text + written


def test_two_runs_that_differ_in_how_the_model_was_talked_to_are_told_apart_in_a_table() -> None:
    run = Run("toy", "1", "zero-shot", ModelSpec("m"), (), Sampling(1, 8), None, {}, "data", "weights", None, (1,), 42)
    thinking = replace(run, model=ModelSpec("m", chat=True, thinking=True), sampling=Sampling(1, 8, thinking_tokens=64))
    rows = [Row(name, one, (), (), {}, 0, 0) for name, one in (("a", run), ("b", thinking))]
    plain, other = row_labels(rows)
    assert plain == "zero-shot (chat=False, thinking=None, thinking_tokens=0)"
    assert other == "zero-shot (chat=True, thinking=True, thinking_tokens=64)"
    assert group_key(rows[0]) == group_key(rows[1])


def test_a_study_names_what_its_cells_were_named_before_models_decided_about_their_template() -> None:
    request = Request("zero-shot", "conala")
    names = [Cell(replace(request, chat=chat), ()).id for chat in (None, True, False)]
    before = {f.name: getattr(request, f.name) for f in fields(request) if not f.metadata.get("added")}
    assert names[:2] == [digest([{**before, "chat": chat}, ()])[:12] for chat in (False, True)]
    assert len(set(names)) == 3


def test_a_run_is_made_again_by_a_command_that_says_how_the_model_was_talked_to(
    chat_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    for template, asked, words in (
        (QWEN3, {}, "--chat --no-thinking"),
        (QWEN3, {"thinking": True, "thinking_tokens": 64}, "--thinking-tokens 64"),
        (CHATML, {"chat": False}, "--no-chat"),
        (CHATML, {}, "--chat"),
    ):
        request = Request("zero-shot", "conala", str(chat_folder(template)), data=written(tmp_path), **asked)
        again = shlex.split(provenance.reproduce_command(resolve(request, Registry(), Settings(environ={}))))
        assert words in shlex.join(again)
        context = command.make_context("eval", again[2:])
        names = ("chat", "thinking", "thinking_tokens")
        repeated = replace(request, **{name: context.params[name] for name in names})
        plans = [resolve(one, Registry(), Settings(environ={})) for one in (request, repeated)]
        assert run_id(plans[0].run) == run_id(plans[1].run)
