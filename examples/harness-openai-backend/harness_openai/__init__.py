"""`--backend openai`: completions from a server with an OpenAI-compatible HTTP API, by the official client."""

from __future__ import annotations

import collections
import contextlib
import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from harness import hookimpl
from harness.errors import HarnessError, UsageError
from harness.plugin import Backend, option
from harness.records import Completion, Sampling

KEY = "OPENAI_API_KEY"
STOPS = 4
"""Stop strings that the API takes; the caller cuts at all of them."""


@dataclass(frozen=True)
class OpenAIConfig:
    """The options of the backend. The key is none of them: it is read from OPENAI_API_KEY."""

    base_url: str = option("https://api.openai.com/v1", "address of the API")
    endpoint: Literal["chat", "completions"] = option("chat", "chat, or completions for a base model")
    timeout: float = option(120.0, "seconds that one request may take", in_run_id=False)
    retries: int = option(5, "how often a rate limit, time-out or server error is tried again", in_run_id=False)
    concurrency: int = option(8, "requests at once", in_run_id=False)


class ServiceError(HarnessError):
    """The service did not write what was asked for."""


class OpenAI(Backend):
    """Any server with an OpenAI-compatible HTTP API, asked by the official client."""

    name = "openai"
    reference = "github.com/openai/openai-python"
    Config = OpenAIConfig

    def generate(
        self, model: str, prompts: Sequence[tuple[str, str]], sampling: Sampling, seed: int, config: OpenAIConfig
    ) -> Iterator[tuple[str, tuple[Completion, ...]]]:
        """Problems in the order in which they are answered; those that fail are named when all others are there.

        Raises:
            UsageError: no key, or an address or sampling that cannot be.
            ServiceError: some problems were not answered; the key was refused.
        """
        if not prompts:
            return
        key = _checked(sampling, config)
        import openai

        failed: dict[str, str] = {}
        answered = False
        with _client(key, config) as client:

            def ask(prompt: str) -> tuple[Completion, ...]:
                return _ask(client, model, prompt, sampling, seed, config)

            for problem, found in _together(ask, prompts, config.concurrency):
                if not isinstance(found, Exception):
                    answered = True
                    yield problem, found
                elif _hopeless(found, answered):
                    raise ServiceError(f"openai: {config.base_url}: {_told(found, key)}")
                elif isinstance(found, openai.OpenAIError | ServiceError):
                    failed[problem] = _told(found, key)
                else:
                    raise found
        if failed:
            first, reason = next(iter(failed.items()))
            counts = f"{len(failed)} of {len(prompts)} problems were not answered (first: {first}: {reason})"
            raise ServiceError(f"openai: {counts}; the same command asks for them again")


def _together(
    ask: Callable[[str], tuple[Completion, ...]], prompts: Sequence[tuple[str, str]], count: int
) -> Iterator[tuple[str, tuple[Completion, ...] | Exception]]:
    """Each problem with its completions, or with what went wrong, as they come; `count` are asked for at once.

    The threads end with the process: a pool's would keep an interrupted command until the last request has timed out.
    """
    waiting = collections.deque(prompts)
    done: queue.SimpleQueue[tuple[str, tuple[Completion, ...] | Exception]] = queue.SimpleQueue()

    def work() -> None:
        while True:
            try:
                problem, prompt = waiting.popleft()
            except IndexError:
                return
            try:
                done.put((problem, ask(prompt)))
            except Exception as error:  # noqa: BLE001 - the reader raises it again, in its own thread
                done.put((problem, error))

    for _ in range(min(count, len(prompts))):
        threading.Thread(target=work, daemon=True).start()
    try:
        for _ in prompts:
            yield done.get()
    finally:
        waiting.clear()


def _hopeless(error: Exception, answered: bool) -> bool:
    """Whether every other problem would fail as well: a refused key, no credit, no such model, nobody there."""
    import openai

    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError | openai.NotFoundError):
        return True
    if isinstance(error, openai.RateLimitError):
        return error.code == "insufficient_quota"
    nobody = isinstance(error, openai.APIConnectionError) and not isinstance(error, openai.APITimeoutError)
    return nobody and not answered


def _checked(sampling: Sampling, config: OpenAIConfig) -> str:
    """The key, when everything that was asked for can be had."""
    key = os.environ.get(KEY, "").strip()
    if not key:
        raise UsageError(f"openai: no key; set {KEY} (any text for a local server that asks for none)")
    if not (key.isascii() and key.isprintable()):
        raise UsageError(f"openai: {KEY} holds a character that no key has")
    address = urlsplit(config.base_url)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise UsageError("--set openai.base_url: not an http(s) address")
    if address.username or address.password or address.query:
        raise UsageError(f"--set openai.base_url: options are written down; put secrets into {KEY}, not in the address")
    if sampling.temperature == 0 and sampling.candidates > 1:
        raise UsageError("openai: an API has no beam search; add --temperature 0.8, or --candidates 1")
    return key


@contextlib.contextmanager
def _client(key: str, config: OpenAIConfig) -> Iterator[Any]:
    import openai

    with openai.OpenAI(
        api_key=key, base_url=config.base_url, timeout=config.timeout, max_retries=config.retries
    ) as client:
        yield client


def _ask(
    client: Any, model: str, prompt: str, sampling: Sampling, seed: int, config: OpenAIConfig
) -> tuple[Completion, ...]:
    """All candidates of one prompt; a server that gives fewer than asked for is asked again for the rest."""
    found: list[Completion] = []
    while len(found) < sampling.candidates:
        wanted = sampling.candidates - len(found)
        settings: dict[str, Any] = {
            "model": model,
            "n": wanted,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": seed + len(found),
        }
        settings |= {"stop": list(sampling.stop[:STOPS])} if sampling.stop else {}
        if config.endpoint == "chat":
            messages = [{"role": "user", "content": prompt}]
            settings |= {"max_completion_tokens": sampling.max_new_tokens}
            answer = client.chat.completions.create(messages=messages, **settings)
        else:
            settings |= {"max_tokens": sampling.max_new_tokens}
            answer = client.completions.create(prompt=prompt, **settings)
        try:
            found += _completions(answer, wanted, chat=config.endpoint == "chat")
        except (AttributeError, TypeError):  # the client builds its objects from whatever came
            raise ServiceError("the server's answer is none of this API") from None
    return tuple(found)


def _completions(answer: Any, wanted: int, *, chat: bool) -> list[Completion]:
    choices = answer.choices[:wanted]
    if not choices:
        raise ServiceError("there is no choice in the server's answer")
    texts = [(choice.message.content or "") if chat else choice.text for choice in choices]
    total = answer.usage.completion_tokens if answer.usage else 0
    shares = [total // len(texts) + (i < total % len(texts)) for i in range(len(texts))]
    ends = ["length" if choice.finish_reason == "length" else "stop" for choice in choices]
    return [Completion(text, tokens, None, end) for text, tokens, end in zip(texts, shares, ends, strict=True)]


def _told(error: Exception, key: str) -> str:
    """One line about an error, without the key, which some servers repeat."""
    words = " ".join(str(error).split()).replace(key, "[key]")
    hidden = " ".join("[key]" if word.strip("'\".,").startswith("sk-") else word for word in words.split(" "))
    return f"{type(error).__name__}: {hidden[:300]}"


@hookimpl
def harness_backends() -> list[Backend]:
    return [OpenAI()]
