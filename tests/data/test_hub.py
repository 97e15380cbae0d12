"""A data set on the hub is named like a path, read at one commit, and what cannot be read is one line.

The hub here is a server of the test's own that answers as the real one does, so that huggingface_hub is all real.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner

from harness.cli import cli
from harness.data.sources import open_data
from harness.errors import DataError
from harness.evaluation import runs
from harness.evaluation.problems import problem_splits, task_source
from harness.evaluation.request import Request
from harness.plugin_system.registry import Registry

ROWS = [{"prompt": f"Add {i}.", "completion": f"x + {i}"} for i in range(10)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)
COMMIT = "c0ffee" + "0" * 34


class Hub(ThreadingHTTPServer):
    """Data sets by name, each with its files; names in `closed` want consent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.sets: dict[str, dict[str, str]] = {}
        self.closed: set[str] = set()
        self.asked: list[str] = []


class Answer(BaseHTTPRequestHandler):
    """What the hub says of a data set, its tree and its files."""

    server: Hub

    def do_GET(self) -> None:
        """A page, or the bytes of a file."""
        self.server.asked.append(self.path)
        words = self.path.partition("?")[0].partition("/datasets/")[2].split("/")
        name, page, commit = "/".join(words[:2]), *[*words, "", ""][2:4]
        files = self.server.sets.get(name)
        if files is None:
            self._refuse(401, "RepoNotFound")
        elif name in self.server.closed:
            self._refuse(403, "GatedRepo")
        elif commit not in ("main", COMMIT):
            self._refuse(404, "RevisionNotFound")
        elif page == "revision":
            self._send(json.dumps({"id": name, "sha": COMMIT, "siblings": []}))
        elif page == "tree":
            tree = [{"type": "file", "path": path, "size": len(text), "oid": "0" * 40} for path, text in files.items()]
            self._send(json.dumps(tree))
        else:
            self._send(files["/".join(words[4:])])

    def do_HEAD(self) -> None:
        """As `do_GET`, without the bytes."""
        self.do_GET()

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, text: str) -> None:
        self.send_response(200)
        self.send_header("ETag", f'"{hashlib.sha256(text.encode()).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub, an empty cache, and an empty folder to work in."""
    from huggingface_hub import constants

    with Hub() as made:
        Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
        address = f"http://127.0.0.1:{made.server_port}"
        monkeypatch.setattr(constants, "ENDPOINT", address)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        (tmp_path / "here").mkdir()
        monkeypatch.chdir(tmp_path / "here")
        yield made
        made.shutdown()


def splits(name: str) -> dict[str, list[str]]:
    return {split: [file.name for file in files] for split, files in open_data(Path(name)).splits().items()}


def test_its_data_files_are_read_at_one_commit_which_the_label_names(server: Hub) -> None:
    files = {f"data/{split}-00000-of-00001.jsonl": LINES for split in ("train", "validation", "test")}
    server.sets["me/split"] = {**files, "README.md": "x", "model.bin": "x"}
    source = open_data(Path("me/split"))
    assert source.label == f"me/split@{COMMIT}"
    assert sorted(file.name for file in source.files) == sorted(name.removeprefix("data/") for name in files)
    assert set(source.splits()) == {"train", "validation", "test"}
    asked = len(server.asked)
    assert open_data(Path("me/split")).digest == source.digest
    assert open_data(Path(source.label)).digest == source.digest
    assert not any(path.endswith("model.bin") for path in server.asked)
    assert not any("revision" in path for path in server.asked[asked:])  # nor does `main` move within a command


def test_what_others_have_in_the_cache_does_not_change_the_digest(server: Hub) -> None:
    server.sets["me/cached"] = {"test.jsonl": LINES}
    source = open_data(Path("me/cached"))
    (source.root / "README.md").write_text("x")
    assert open_data(Path("me/cached")).digest == source.digest


@pytest.mark.parametrize(
    ("name", "files", "found"),
    [
        ("lone", ["rows.jsonl"], {"": ["rows.jsonl"]}),
        ("training", ["data/train-0.jsonl", "data/train-1.jsonl"], {"": ["train-0.jsonl", "train-1.jsonl"]}),
        ("both", ["train.jsonl", "test.jsonl"], {"train": ["train.jsonl"], "test": ["test.jsonl"]}),
    ],
)
def test_a_lone_file_and_training_files_alone_are_cut_into_splits(
    server: Hub, name: str, files: list[str], found: dict[str, list[str]]
) -> None:
    server.sets[f"me/{name}"] = dict.fromkeys(files, LINES)
    assert splits(f"me/{name}") == found


def card(*configs: object) -> str:
    return f"---\nlicense: mit\nconfigs: {json.dumps(configs)}\n---\n# Rows\n"


TRAIN, TEST = {"split": "train", "path": "new/a-*.jsonl"}, {"split": "test", "path": ["new/b.jsonl"]}
FILES = ["new/a-0.jsonl", "new/a-1.jsonl", "new/b.jsonl", "old/train.jsonl", "old/test.jsonl", "new/notes.txt"]
NEW = {"train": ["a-0.jsonl", "a-1.jsonl"], "test": ["b.jsonl"]}


@pytest.mark.parametrize(
    ("name", "configs", "found"),
    [
        ("only", [{"config_name": "new", "data_files": [TRAIN, TEST]}], NEW),
        (
            "chosen",
            [
                {"config_name": "old", "data_files": [{"split": "test", "path": "old/test.jsonl"}]},
                {
                    "config_name": "new",
                    "default": True,
                    "data_files": [TRAIN, TEST, {"split": "more", "path": "old/*"}],
                },
            ],
            NEW,
        ),
        (
            "named",
            [
                {"config_name": "old", "data_files": "old/*"},
                {"config_name": "default", "data_files": {"train": "new/a-*", "dev": ["new/b.jsonl"]}},
            ],
            {"train": ["a-0.jsonl", "a-1.jsonl"], "validation": ["b.jsonl"]},
        ),
        (
            "unsplit",
            [{"config_name": "new", "data_files": ["new/a-0.jsonl", "new/b.jsonl"]}],
            {"": NEW["train"][:1] + NEW["test"]},
        ),
    ],
)
def test_the_readme_says_which_files_are_read_and_of_which_split_they_are(
    server: Hub, name: str, configs: list[object], found: dict[str, list[str]]
) -> None:
    server.sets[f"card/{name}"] = dict.fromkeys(FILES, LINES) | {"README.md": card(*configs)}
    assert splits(f"card/{name}") == found
    read = {file.name for file in open_data(Path(f"card/{name}")).files}
    assert read == {file for files in found.values() for file in files}


def test_a_readme_with_several_selections_and_no_default_leaves_it_to_the_names(server: Hub) -> None:
    configs = [{"config_name": name, "data_files": f"{name}/*.jsonl"} for name in ("one", "two")]
    files = {f"{name}/{split}.jsonl": LINES for name in ("one", "two") for split in ("train", "test")}
    server.sets["card/two"] = files | {"README.md": card(*configs)}
    with pytest.raises(DataError, match="files of two data sets, one and two; name one folder"):
        splits("card/two")


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        (
            "torn",
            "---\nconfigs: [\n---\n",
            "the metadata of its README.md cannot be read; give its files with --data PATH",
        ),
        ("odd", card({"config_name": "x", "data_files": [7]}), "the metadata of its README.md cannot be read"),
        ("outside", card({"data_files": "../*.jsonl"}), r"its README.md names files outside of it \(\.\./\*\.jsonl\)"),
    ],
)
def test_a_readme_that_does_not_do_is_one_line(server: Hub, name: str, text: str, says: str) -> None:
    server.sets[f"card/{name}"] = {"train.jsonl": LINES, "README.md": text}
    with pytest.raises(DataError, match=f"^card/{name}@{COMMIT}: {says}"):
        open_data(Path(f"card/{name}"))


def test_how_it_was_cut_is_said(server: Hub) -> None:
    server.sets["me/cut"] = {"train.jsonl": LINES}
    request, task = Request("zero-shot", "my", data=Path("me/cut")), Registry().task("my")
    source = task_source(request, task.plugin)
    found, notes = problem_splits(request, task, source, task.plugin.Config(), needs_training=False)
    assert {split: len(problems) for split, problems in found.items()} == {"train": 7, "validation": 1, "test": 2}
    assert notes[0] == f"me/cut@{COMMIT} has no splits: cut into train, validation and test 70/10/20 with seed 42"


def test_a_path_that_exists_goes_before_a_data_set_and_a_folder_before_its_owner(server: Hub) -> None:
    server.sets["here/rows"] = server.sets["here/rowz"] = {"test.jsonl": LINES}
    (Path("here") / "rows").mkdir(parents=True)
    (Path("here") / "rows" / "train.jsonl").write_text(LINES)
    assert open_data(Path("here/rows")).label == "here/rows"
    with pytest.raises(DataError, match=r"^--data here/rowz: no such file or folder\. Did you mean 'here/rows'\?$"):
        open_data(Path("here/rowz"))
    assert server.asked == []


@pytest.mark.parametrize("name", ["rows.jsonl", "../me/rows", "/me/rows", "a/b/c", "me/rows@", "~me/rows"])
def test_what_is_no_name_of_a_data_set_is_a_path(server: Hub, name: str) -> None:
    with pytest.raises(DataError, match=r"^--data .*: no such file or folder"):
        open_data(Path(name))
    assert server.asked == []


CLOSED = "https://huggingface.co/datasets/me/closed"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("me/none", "me/none: no file or folder here, and no data set on the hub that you may read; mend the name"),
        ("me/closed", f"me/closed: its owner wants your consent; give it at {CLOSED}, then: hf auth login"),
        ("me/open@v9", "me/open@v9: the data set has no such revision; name a branch, a tag or a commit"),
        ("me/a--b", "me/a--b: no name of a data set (Cannot have -- or .. in repo_id: 'me/a--b'); mend it"),
        ("me/text", f"me/text@{COMMIT}: no file here is read as data; expected names like train.json"),
    ],
)
def test_what_cannot_be_read_is_one_line_with_the_remedy(server: Hub, name: str, says: str) -> None:
    server.sets |= {"me/open": {"test.jsonl": LINES}, "me/closed": {"test.jsonl": LINES}, "me/text": {"a.txt": "x"}}
    server.closed.add("me/closed")
    with pytest.raises(DataError) as caught:
        open_data(Path(name)).splits()
    assert str(caught.value).startswith(says)
    assert "\n" not in str(caught.value)


def test_a_hub_out_of_reach_is_one_line_and_what_was_read_before_is_read_again(
    server: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    server.sets["me/before"] = {"test.jsonl": LINES}
    digest = open_data(Path("me/before")).digest
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert open_data(Path("me/before@main")).digest == digest
    with pytest.raises(DataError, match=r"^me/after: cannot be fetched from the hub \(.*\); check the connection, or"):
        open_data(Path("me/after"))


def test_a_proxy_that_refuses_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub
    from huggingface_hub.errors import HTTPError

    def refused(*_: object, **__: object) -> None:
        raise HTTPError("403 Forbidden")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refused)
    with pytest.raises(DataError, match=r"^me/proxied: cannot be fetched from the hub \(403 Forbidden\); check the"):
        open_data(Path("me/proxied"))


def test_a_run_on_a_data_set_names_its_commit_and_is_verified_and_scored_again(server: Hub) -> None:
    server.sets["me/mine"] = {"rows.jsonl": LINES}
    Path("mine.jsonl").write_text("".join(f'{{"id": "{i}", "completions": ["x + {i - 1}"]}}\n' for i in range(1, 11)))
    words = ["--task", "my", "--data", "me/mine", "--completions", "mine.jsonl", "-k", "1", "--json"]
    done = CliRunner().invoke(cli, ["score", *words], catch_exceptions=False)
    (row,) = json.loads(done.stdout)
    assert {e["measure"]: e["value"] for e in row["estimates"]}["em@1"] == 1
    about = json.loads(Path("runs", row["run_id"], "run.json").read_text())
    assert about["data"]["source"] == f"me/mine@{COMMIT}"
    for words in (["verify", f"runs/{row['run_id']}"], ["score", f"runs/{row['run_id']}", "--metric", "bleu"]):
        done = CliRunner().invoke(cli, words, catch_exceptions=False)
        assert done.exit_code == 0, done.output


def test_a_run_that_was_handed_on_is_verified_and_shown_without_asking_the_hub(server: Hub, tmp_path: Path) -> None:
    """The data set that a stranger's run names was asked for by `verify` and by the page: a wait, and a note to its
    owner."""
    from huggingface_hub import constants

    server.sets["me/far"] = {"rows.jsonl": LINES}
    Path("mine.jsonl").write_text("".join(f'{{"id": "{i}", "completions": ["x + {i - 1}"]}}\n' for i in range(1, 11)))
    words = ["--task", "my", "--data", "me/far", "--completions", "mine.jsonl", "-k", "1"]
    assert CliRunner().invoke(cli, ["score", *words], catch_exceptions=False).exit_code == 0
    (folder,) = runs.finished(Path("runs"))
    Path(constants.HF_HUB_CACHE).rename(tmp_path / "cache of its maker")
    asked = len(server.asked)

    verified = CliRunner().invoke(cli, ["verify", str(folder)], catch_exceptions=False)
    why = f"me/far@{COMMIT}: this data set of the hub was not read here before"
    assert verified.exit_code == 0 and verified.stderr == ""
    assert verified.stdout.splitlines() == [
        "yes the records are those of the result",
        f"-   the scores are what the metrics give: not checked, {why}; where its data lies elsewhere now: --data PATH",
        "yes the estimates and their intervals are what the scores give: 10 estimates",
    ]
    page = CliRunner().invoke(cli, ["leaderboard", "--format", "html", str(folder)], catch_exceptions=False)
    assert page.exit_code == 0 and page.stderr == "" and f"instructions and tests are not shown: {why}" in page.stdout
    assert server.asked[asked:] == []

    named = CliRunner().invoke(cli, ["verify", str(folder), "--data", f"me/far@{COMMIT}"], catch_exceptions=False)
    assert named.exit_code == 0 and "yes the scores are what the metrics give" in named.stdout
    assert len(server.asked) > asked, "who names it may have it"
    here = CliRunner().invoke(cli, ["verify", str(folder)], catch_exceptions=False)
    assert "yes the scores are what the metrics give" in here.stdout, "what was read before is there"
