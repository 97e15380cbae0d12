"""The backend against a server of the test's own, on this machine's loopback."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import harness_openai
import pytest
from harness_openai import OpenAIConfig, ServiceError

from harness.errors import UsageError
from harness.records import Sampling
from harness.testing import BackendContract

SECRET = "sk-canary-0123456789abcdef"
SAMPLING = Sampling(2, 16, temperature=0.8, stop=("\n\n",))


class Service(ThreadingHTTPServer):
    """Answers as the API does; `mood` says what happens to a prompt that holds the word before the colon."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[dict] = []
        self.keys: set[str] = set()
        self.tries: Counter[str] = Counter()
        self.mood: dict[str, str] = {}
        self.together = 99
        self.release = threading.Event()
        self.gave_up = False

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        service: Service = self.server
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        service.requests.append({"path": self.path, **asked})
        service.keys.add(self.headers["Authorization"].removeprefix("Bearer "))
        prompt = asked["prompt"] if "prompt" in asked else asked["messages"][-1]["content"]
        mood = next((mood for word, mood in service.mood.items() if word in prompt), "")
        service.tries[prompt] += 1
        first = service.tries[prompt] == 1
        if mood == "limited" and first:
            self.say(429, {"error": {"message": "slow down"}}, {"retry-after-ms": "10"})
        elif mood == "broken" and first:
            self.say(500, {"error": {"message": "oops"}}, {"retry-after-ms": "10"})
        elif mood == "asleep" and first:
            time.sleep(1.5)
        elif mood == "held":
            service.gave_up = not service.release.wait(20)
            self.say(200, self.answer(asked, prompt, 1))
        elif mood == "poor":
            self.say(429, {"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}})
        elif mood == "page":
            self.say(200, "<html>Please log in</html>", {"Content-Type": "text/html"})
        elif mood == "odd":
            self.say(200, {"id": "x", "object": "y", "choices": [{"index": 0}, {"index": 1}]})
        elif mood == "refused":
            self.say(400, {"error": {"message": f"bad prompt, and your key is {SECRET}"}})
        elif mood == "stranger":
            self.say(401, {"error": {"message": f"Incorrect API key provided: {SECRET}."}})
        else:
            self.say(200, self.answer(asked, prompt, min(asked["n"], service.together)))

    def answer(self, asked: dict, prompt: str, count: int) -> dict:
        texts = [f"print({prompt.rsplit(maxsplit=1)[-1]})  # {i}" for i in range(count)]
        common = {"index": 0, "finish_reason": "length", "logprobs": None}
        if "prompt" in asked:
            choices = [{**common, "text": text} for text in texts]
        else:
            choices = [{**common, "message": {"role": "assistant", "content": text}} for text in texts]
        usage = {"prompt_tokens": 5, "completion_tokens": 3 * count + 1, "total_tokens": 3 * count + 6}
        return {"id": "x", "object": "y", "created": 0, "model": asked["model"], "choices": choices, "usage": usage}

    def say(self, status: int, body: dict | str, headers: dict | None = None) -> None:
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(data)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def service(monkeypatch):
    monkeypatch.setenv(harness_openai.KEY, SECRET)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    server = Service()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def write(service, harness_registry):
    backend = harness_registry.backend("openai").plugin

    def run(*words, sampling=SAMPLING, **options):
        config = OpenAIConfig(base_url=service.address, retries=options.pop("retries", 3), **options)
        return backend.generate("some-model", [(word, f"write {word}") for word in words], sampling, 42, config)

    return run


class TestOpenAI(BackendContract):
    name = "openai"
    model = "some-model"

    @pytest.fixture(autouse=True)
    def _served(self, service):
        type(self).options = {"base_url": service.address}


@pytest.mark.parametrize(("endpoint", "path"), [("chat", "/v1/chat/completions"), ("completions", "/v1/completions")])
def test_both_endpoints_are_asked_with_the_run_s_sampling(write, service, endpoint, path):
    found = dict(write("one", "two", endpoint=endpoint))
    assert {name: [c.text for c in completions] for name, completions in found.items()} == {
        word: [f"print({word})  # 0", f"print({word})  # 1"] for word in ("one", "two")
    }
    assert [(c.tokens, c.finish) for c in found["one"]] == [(4, "length"), (3, "length")]
    asked = service.requests[0]
    limit = "max_completion_tokens" if endpoint == "chat" else "max_tokens"
    assert (asked["path"], asked["n"], asked["temperature"], asked[limit], asked["stop"], asked["seed"]) == (
        path,
        2,
        0.8,
        16,
        ["\n\n"],
        42,
    )
    assert service.keys == {SECRET}


@pytest.mark.parametrize("mood", ["limited", "broken"])
def test_a_rate_limit_or_a_server_error_is_tried_again(write, service, mood):
    service.mood = {"one": mood}
    assert set(dict(write("one", "two"))) == {"one", "two"}
    assert service.tries == {"write one": 2, "write two": 1}


def test_a_request_that_takes_too_long_is_tried_again(write, service):
    service.mood = {"one": "asleep"}
    assert set(dict(write("one", timeout=0.5))) == {"one"}
    assert service.tries["write one"] == 2


def test_retries_come_to_an_end(write, service):
    service.mood = {"one": "asleep"}
    with pytest.raises(ServiceError, match=r"1 of 1 problems were not answered .*Timeout"):
        list(write("one", timeout=0.3, retries=0))


def test_what_fails_does_not_stop_the_others_and_is_named_last(write, service):
    service.mood = {"two": "refused"}
    found = []
    with pytest.raises(ServiceError) as caught:
        found.extend(name for name, _ in write("one", "two", "three"))
    assert sorted(found) == ["one", "three"]
    assert "1 of 3 problems were not answered (first: two: BadRequestError" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert "[key]" in str(caught.value)


def test_a_refused_key_stops_at_once(write, service):
    service.mood = {"write": "stranger"}
    with pytest.raises(ServiceError, match="AuthenticationError") as caught:
        list(write(*map(str, range(50)), concurrency=2))
    assert SECRET not in str(caught.value)
    assert len(service.requests) < 25


def test_an_account_without_credit_stops_at_once(write, service):
    service.mood = {"write": "poor"}
    with pytest.raises(ServiceError, match=r"RateLimitError.*quota"):
        list(write(*map(str, range(50)), concurrency=2, retries=0))
    assert len(service.requests) < 25


@pytest.mark.usefixtures("service")
def test_a_server_that_is_not_there_is_one_line_and_is_not_asked_for_every_problem(harness_registry):
    backend, prompts = harness_registry.backend("openai").plugin, [(str(n), "write") for n in range(500)]
    closed = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    address = f"http://127.0.0.1:{closed.server_port}/v1"
    closed.server_close()
    with pytest.raises(ServiceError, match=f"openai: {address}: APIConnectionError"):
        list(backend.generate("m", prompts, SAMPLING, 0, OpenAIConfig(base_url=address, retries=0)))


@pytest.mark.parametrize("mood", ["page", "odd"])
def test_an_answer_that_is_none_of_the_api_is_said_and_does_not_stop_the_others(write, service, mood):
    service.mood = {"two": mood}
    with pytest.raises(ServiceError, match=r"1 of 2 problems were not answered \(first: two: .*the server's answer"):
        list(write("one", "two"))


def test_an_interruption_does_not_wait_for_what_is_still_asked(write, service):
    service.mood = {"two": "held"}
    answers = write("one", "two")
    assert next(answers)[0] == "one"
    answers.close()  # what an interruption does to it
    service.release.set()
    assert not service.gave_up


def test_white_space_around_a_key_is_no_part_of_it(write, service, monkeypatch):
    monkeypatch.setenv(harness_openai.KEY, f" {SECRET}\r\n")
    assert set(dict(write("one"))) == {"one"}
    assert service.keys == {SECRET}


def test_a_key_that_cannot_be_sent_is_refused_without_repeating_it(write, service, monkeypatch):
    monkeypatch.setenv(harness_openai.KEY, "sk-clé")
    with pytest.raises(UsageError, match="OPENAI_API_KEY holds a character that no key has") as caught:
        list(write("one"))
    assert "sk-" not in str(caught.value)
    assert service.requests == []


def test_a_server_that_gives_fewer_candidates_is_asked_again_for_the_rest(write, service):
    service.together = 1
    assert [len(completions) for _, completions in write("one", sampling=Sampling(3, 16, temperature=1.0))] == [3]
    assert [request["n"] for request in service.requests] == [3, 2, 1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"base_url": "http://user:word@localhost/v1"}, "put secrets into OPENAI_API_KEY"),
        ({"base_url": "ftp://localhost"}, "not an http"),
    ],
)
@pytest.mark.usefixtures("service")
def test_an_address_that_cannot_be_is_refused_without_repeating_it(harness_registry, options, words):
    backend = harness_registry.backend("openai").plugin
    with pytest.raises(UsageError, match=words) as caught:
        list(backend.generate("m", [("1", "x")], SAMPLING, 0, OpenAIConfig(**options)))
    assert "user:word" not in str(caught.value)


def test_beam_search_is_refused(write):
    with pytest.raises(UsageError, match="no beam search"):
        list(write("one", sampling=Sampling(2, 8)))


def test_without_a_key_nothing_is_asked(write, service, monkeypatch):
    monkeypatch.delenv(harness_openai.KEY)
    with pytest.raises(UsageError, match="no key; set OPENAI_API_KEY"):
        list(write("one"))
    assert service.requests == []


def test_a_run_keeps_what_came_asks_for_the_rest_and_holds_no_key(harness_command, service, tmp_path):
    (tmp_path / "data").mkdir()
    for split, first in (("train", 0), ("test", 10)):
        rows = [{"nl": f"number {n}", "cmd": f"print({n})", "question_id": f"q{n}"} for n in range(first, first + 4)]
        (tmp_path / "data" / f"{split}.json").write_text(json.dumps(rows))
    words = [
        "eval",
        "--method",
        "zero-shot",
        "--task",
        "conala",
        "--data",
        "data",
        "--backend",
        "openai",
        "--model",
        "m",
    ]
    words += ["--temperature", "0.8", "--candidates", "2", "--set", f"openai.base_url={service.address}", "--json"]
    service.mood = {"number 12": "refused"}
    first = harness_command(*words)
    assert first.returncode == 1
    assert "1 of 4 problems were not answered" in first.stderr
    assert "Traceback" not in first.stderr
    service.mood, asked = {}, len(service.requests)
    second = harness_command(*words, "--set", "openai.retries=9")
    assert second.returncode == 0, second.stderr
    assert len(service.requests) == asked + 1
    assert json.loads(second.stdout)[0]["run"]["backend"] == "openai"
    written = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(written) > 4
    assert not [file for file in written if SECRET.encode() in file.read_bytes()]
    assert SECRET not in first.stdout + first.stderr + second.stdout + second.stderr
