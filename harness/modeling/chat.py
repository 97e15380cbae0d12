"""A model's chat template: how it renders a conversation, where an answer begins, and what ends it.

Templates are programs and differ between families: one adds a system turn or today's date, one rejects a system turn,
one begins the reasoning in the prompt, one omits the header of the answer. So there is no list of families here. Short
conversations are rendered by the template itself, and the text around known words tells how it works (transformers,
"Chat templates": `add_generation_prompt` is the template's own choice, and so is what ends a turn).

There is never a system turn, which some templates reject. Turns alternate and begin with the user, which some require.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from harness.disk import file_errors
from harness.errors import UsageError

Turns = Sequence[tuple[str, str]]
"""(role, text) of each turn; the roles are "user" and "assistant"."""

DATE = "2024-07-26"
"""What templates that write today's date are told the date is, so that a run is the same tomorrow."""
CHAT_PROMPT_VERSION = 2
"""The version of what the user says (`harness.records.ModelSpec.asked`); it is part of a run's identity."""
_QUESTION, _ANSWER, _NEXT_QUESTION, _REASONING_TEXT = "firstquestion", "firstanswer", "secondquestion", "firstthought"
_SWITCHES = ("enable_thinking", "thinking", "reasoning")
"""What templates call the switch of the reasoning: Qwen3, SmolLM3, GLM; DeepSeek, Granite; Command A."""
_MARKER = r"[<\[◁](?!/|\|?end)[^<>\[\]◁▷]*(?:think|thought|reason)[^<>\[\]◁▷]*[>\]▷]"
_REASONING = re.compile(_MARKER, re.IGNORECASE)
_OPEN = re.compile(_MARKER + r"\s*\Z", re.IGNORECASE)
_DIRECTIVES = "aAwdbBmyYHIpMSfzZjUWcxXGuVDTFR"


@dataclass(frozen=True, slots=True)
class End:
    """What the template writes after an answer, up to where the turn ends: `text`, and its last token's id.

    `token` is None where the turn ends with ordinary text or with nothing; the tokenizer's end token then follows.
    """

    text: str
    token: int | None


class Chat:
    """The chat template of `tokenizer`, with the reasoning switched on, off or (None) left to the template.

    Raises:
        UsageError: there is no template, or it cannot lay out a question and an answer; the line names `model`.
    """

    def __init__(self, tokenizer: Any, model: str, thinking: bool | None = None, date: str | None = None) -> None:
        self._tokenizer, self._model, self._thinking = tokenizer, model, thinking
        template = template_of(tokenizer, model)
        if template is None:
            raise UsageError(f"--chat: {model} has no chat template; leave --chat out")
        self._template = _date_macro(date or DATE) + template
        self._typed_parts = False
        if _QUESTION not in self._render([("user", _QUESTION)], True):
            self._typed_parts = True  # a processor's template, which reads a list of typed parts only
        question = [("user", _QUESTION)]
        self._rendered_prompt = self._render(question, True)
        with_answer = self._render([*question, ("assistant", _ANSWER)], False)
        if _QUESTION not in self._rendered_prompt or _ANSWER not in with_answer:
            message = "leaves out what the user or the model says; go without it with --no-chat"
            raise UsageError(f"--model {model}: its chat template {message}")
        lead, _, self._tail = with_answer.partition(_ANSWER)
        shared = _common_prefix_length(self._rendered_prompt, lead)
        self._header, self._answer_from = lead[shared:], shared
        self._ignores_generation_prompt = self._rendered_prompt == self._render(question, False)
        self.end = self._end()

    @functools.cached_property
    def supports_reasoning(self) -> bool:
        """Whether the template supports reasoning: it has a switch for it, begins it in the prompt, or renders it."""
        question = self._messages([("user", _QUESTION)])
        switched = {self._apply(question, True, thinking) for thinking in (True, False)}
        return (
            len(switched) > 1
            or _OPEN.search(self._rendered_prompt) is not None
            or _REASONING_TEXT in self._rendered_reasoning
        )

    @functools.cached_property
    def reasoning_end(self) -> str:
        """The text between the reasoning and the answer; "" where the template does not show it."""
        if _REASONING_TEXT in self._rendered_reasoning:
            return self._rendered_reasoning.partition(_REASONING_TEXT)[2].partition(_ANSWER)[0].strip()
        return _closing_marker(self._rendered_prompt) if _OPEN.search(self._rendered_prompt) else ""

    @functools.cached_property
    def _rendered_reasoning(self) -> str:
        """An answer with a reasoning before it, as the template writes it."""
        question, answer = self._messages([("user", _QUESTION), ("assistant", _ANSWER)])
        return self._apply([question, {**answer, "reasoning_content": _REASONING_TEXT}], False, self._thinking)

    def truncate_answer(self, text: str, max_tokens: int) -> str:
        """`text` with at most `max_tokens` tokens behind its reasoning; as it is where the reasoning never ends."""
        thought, reasoning_end, answer = text.partition(self.reasoning_end) if self.reasoning_end else ("", "", text)
        tokens = self._tokenizer(answer, add_special_tokens=False, verbose=False)["input_ids"]
        if len(tokens) <= max_tokens or not (reasoning_end or not self.reasoning_end):
            return text
        kept = self._tokenizer.decode(tokens[:max_tokens], clean_up_tokenization_spaces=False)
        return f"{thought}{reasoning_end}{kept}"

    @functools.cached_property
    def writes_date(self) -> bool:
        """Whether the template writes a date."""
        turns = self._messages([("user", _QUESTION), ("assistant", _ANSWER)])
        plain = template_of(self._tokenizer, self._model) or ""
        days = [_date_macro(day) + plain for day in (DATE, "1999-12-31")]
        return len({self._apply(turns, False, self._thinking, day) for day in days}) > 1

    @functools.cached_property
    def opened_reasoning(self) -> str:
        """The marker of a reasoning that the prompt itself begins, such as `<think>`; "" where it begins none."""
        match = _OPEN.search(self._rendered_prompt + self._prompt_suffix)
        return match.group().strip() if match else ""

    def prompt(self, turns: Turns) -> str:
        """The text that the model continues: what the template makes of `turns` and, where it stops short, the rest.

        The rest is the answer's header where the template forgets it, and the end of the reasoning where that is
        switched off and the template has no switch.
        """
        return self._render(turns, True) + self._prompt_suffix

    def answer(self, text: str) -> str:
        """`text` as the template writes an answer behind a prompt, up to the end of the turn."""
        whole = self._render([("user", _QUESTION), ("assistant", text)], False)
        start = self._answer_from + (len(self._header) if self._header.strip() else 0)
        return whole[start : len(whole) - len(self._tail)] + self.end.text

    @functools.cached_property
    def next_turn(self) -> str:
        """What the template writes between an answer and the next question."""
        turns = [("user", _QUESTION), ("assistant", _ANSWER), ("user", _NEXT_QUESTION)]
        return self._render(turns, True).partition(_ANSWER)[2].partition(_NEXT_QUESTION)[0]

    @property
    def stop_marker(self) -> str:
        """The text at which an answer is over: what the template writes behind it, without blank space around it."""
        return self.end.text.strip() or self.next_turn.strip()

    @functools.cached_property
    def _prompt_suffix(self) -> str:
        """What follows the template's own prompt; see `prompt`."""
        header = self._header if self._header.strip() else ""
        if self._thinking is False and (header or not _OPEN.search(self._rendered_prompt)):
            return header
        if self._thinking is False:
            return "\n" + _closing_marker(self._rendered_prompt) + "\n\n"
        return header if self._ignores_generation_prompt and not _REASONING.search(header) else ""

    def _end(self) -> End:
        """The first of the tokenizer's own tokens behind an answer, in the last turn or before the next question."""
        for text in (self._tail, self.next_turn):
            if (end := self._first_token(text)) is not None:
                return end
        return End(self._tail.rstrip(), None)

    def _first_token(self, text: str) -> End | None:
        added = {token.content: id for id, token in self._tokenizer.added_tokens_decoder.items()}
        added = {name: id for name, id in added.items() if name.strip() and name != self._tokenizer.bos_token}
        at = re.search("|".join(map(re.escape, sorted(added, key=len, reverse=True))) or "(?!)", text)
        return End(text[: at.end()], added[at.group()]) if at else None

    def _render(self, turns: Turns, add_generation_prompt: bool) -> str:
        return self._apply(self._messages(turns), add_generation_prompt, self._thinking)

    def _messages(self, turns: Turns) -> list[dict[str, Any]]:
        def content(text: str) -> Any:
            return [{"type": "text", "text": text}] if self._typed_parts else text

        return [{"role": role, "content": content(text)} for role, text in turns]

    def _apply(
        self,
        messages: Iterable[Mapping[str, Any]],
        add_generation_prompt: bool,
        thinking: bool | None = None,
        template: str = "",
    ) -> str:
        from jinja2 import TemplateError

        switches = {} if thinking is None else dict.fromkeys(_SWITCHES, thinking)
        try:
            text = self._tokenizer.apply_chat_template(
                list(messages),
                chat_template=template or self._template,
                tokenize=False,
                add_generation_prompt=add_generation_prompt,
                **switches,
            )
        except (TemplateError, TypeError, ValueError) as error:
            message = " ".join(str(error).split())[:200]
            remedy = "go without it with --no-chat"
            raise UsageError(f"--model {self._model}: its chat template fails ({message}); {remedy}") from None
        return str(text)


def template_of(tokenizer: Any, model: str) -> str | None:
    """The tokenizer's chat template; of several named ones "default", or the only one; None where it has none.

    Raises:
        UsageError: several, and none is the default.
    """
    templates = getattr(tokenizer, "chat_template", None)
    if not isinstance(templates, dict):
        return str(templates) if templates else None
    if not templates:
        return None
    if "default" in templates or len(templates) == 1:
        return str(templates.get("default") or next(iter(templates.values())))
    names = ", ".join(sorted(templates))
    raise UsageError(
        f"--model {model}: it has several chat templates ({names}) and none is called default; name one so, or go "
        "without them with --no-chat"
    )


def _common_prefix_length(one: str, other: str) -> int:
    """The length of the common prefix of two texts, in characters."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def no_template(folder: Path) -> bool:
    """Whether the files of a model's folder say by themselves that it has no chat template; no tokenizer is read."""
    config = folder / "tokenizer_config.json"
    named = ("chat_template.jinja", "chat_template.json", "additional_chat_templates")
    if not config.is_file() or any((folder / name).exists() for name in named):
        return False
    with file_errors(config):
        return b'"chat_template"' not in config.read_bytes()


def _date_macro(date: str) -> str:
    """Jinja that makes `strftime_now` in the template behind it tell `date`.

    transformers offers the real clock under this name, and hands functions to no template.
    """
    day = datetime.fromisoformat(date)
    changes = [("%-d", str(day.day)), ("%-m", str(day.month)), ("%e", f"{day.day:2}")]
    changes += [(f"%{letter}", day.strftime(f"%{letter}")) for letter in (*_DIRECTIVES, "%")]
    filters = "".join(f"|replace({name!r},{value!r})" for name, value in changes)
    # Jinja drops the one line end behind a block, so the template itself begins as if nothing stood before it.
    return f"{{% macro strftime_now(format) %}}{{{{ format{filters} }}}}{{% endmacro %}}\n"


def _closing_marker(text: str) -> str:
    """The marker that closes the reasoning which `text` leaves open at its end."""
    match = _OPEN.search(text)
    marker = match.group().strip() if match else ""
    for opening, closing in (("START", "END"), ("start", "end"), ("BEGIN", "END"), ("begin", "end")):
        if opening in marker:
            return marker.replace(opening, closing)
    return f"{marker[0]}/{marker[1:]}"
