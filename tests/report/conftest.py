"""A headless Chromium, driven over the WebDriver protocol as it is: JSON over HTTP on the loopback."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from harness.ranking.boards import rank_boards
from harness.ranking.rows import collect
from harness.records import Completion
from harness.report import page

REPOSITORY = Path(__file__).parents[2]
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,900",
)


class Browser:
    """One browser window."""

    def __init__(self, address: str, binary: str) -> None:
        self._address = address
        wanted = {
            "goog:chromeOptions": {"binary": binary, "args": list(FLAGS)},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        made = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"/session/{made['sessionId']}"

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self._address + path, data, {"Content-Type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(json.load(error)["value"]["message"]) from None

    def open(self, page: Path, state: str = "") -> None:
        """Load a file and forget earlier log lines; `state` is what stands behind "#?" in its address."""
        self._ask("POST", f"{self._session}/url", {"url": "about:blank"})  # the same file again is no load
        self.log("browser")
        self.log("performance")
        self._ask("POST", f"{self._session}/url", {"url": page.as_uri() + (f"#?{state}" if state else "")})

    def run(self, script: str, *arguments: Any) -> Any:
        """The value that `script` returns; a promise is waited for."""
        return self._ask("POST", f"{self._session}/execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, condition: str) -> None:
        """Until the expression `condition` is true, twenty seconds at most."""
        done = self.run(
            "const end = Date.now() + 20000; return (async () => { while (Date.now() < end) {"
            f"if ({condition}) return true; await new Promise((r) => setTimeout(r, 30)); }} return false; }})()"
        )
        assert done, f"never: {condition}"

    def click(self, selector: str) -> None:
        """A click on the first element that `selector` finds."""
        self.run("document.querySelector(arguments[0]).click()", selector)

    def choose(self, selector: str, value: str) -> None:
        """A value for a select or a field, as if the user had given it."""
        self.run(
            "const e = document.querySelector(arguments[0]); e.value = arguments[1];"
            "e.dispatchEvent(new Event(e.tagName === 'INPUT' ? 'input' : 'change'))",
            selector,
            value,
        )

    def texts(self, selector: str) -> list[str]:
        """The trimmed texts of all elements that `selector` finds."""
        script = "return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent.trim())"
        return list(self.run(script, selector))

    def press(self, *keys: str) -> None:
        """Key presses on whatever has the focus."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._ask("POST", f"{self._session}/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def devtools(self, command: str, **parameters: Any) -> Any:
        """A command of the DevTools protocol."""
        return self._ask("POST", f"{self._session}/goog/cdp/execute", {"cmd": command, "params": parameters})

    def show(self, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """The size of the window, and whether the user prefers dark colours."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.devtools("Emulation.setDeviceMetricsOverride", **size)
        feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.devtools("Emulation.setEmulatedMedia", features=[feature])

    def log(self, kind: str) -> list[Any]:
        """The log lines since the last time."""
        return list(self._ask("POST", f"{self._session}/se/log", {"type": kind}))

    def requested(self) -> list[str]:
        """Every address that was asked for since the last time."""
        messages = [json.loads(line["message"])["message"] for line in self.log("performance")]
        return [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]

    def close(self) -> None:
        """End the browser."""
        self._ask("DELETE", self._session)


@pytest.fixture(scope="session")
def driver() -> Iterator[Browser]:
    """The browser of the whole session; skips where there is none."""
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or chromedriver is None:
        pytest.skip("no browser: apt-get install chromium chromium-driver")
    with subprocess.Popen([chromedriver, "--port=0"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = next(line for line in process.stdout if "successfully on port" in line)
        browser = Browser(f"http://127.0.0.1:{line.rstrip().rstrip('.').rpartition(' ')[2]}", chromium)
        yield browser
        browser.close()
        process.terminate()


@pytest.fixture
def browser(driver: Browser) -> Browser:
    """The browser at its usual size, in light colours, with nothing remembered of other tests."""
    driver.show()
    driver.devtools("Storage.clearDataForOrigin", origin="file://", storageTypes="local_storage")
    return driver


@pytest.fixture(scope="session")
def axe() -> str:
    """The text of axe-core, the accessibility checker."""
    path = REPOSITORY / "node_modules" / "axe-core" / "axe.min.js"
    if not path.is_file():
        pytest.skip("no axe-core: npm install --no-save axe-core@4.14.1")
    return path.read_text("utf-8")


SLICES = ("introductory", "interview", "competition")
HOSTILE = "</script><img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>\u2028"


@pytest.fixture(scope="session")
def runs(synthetic: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of nine methods, some with several numbers of examples and seeds, in three slices."""
    root = tmp_path_factory.mktemp("page") / "runs"
    specs = [synthetic.run_spec(method, 42, "maker/coder-7b") for method in synthetic.METHODS[:7]]
    specs += [synthetic.run_spec("icl", s, "maker/coder-7b", examples=n) for n in (1, 4, 8) for s in (1, 2)]
    specs += [synthetic.run_spec("rag", 1, "maker/coder-7b", examples=n) for n in (1, 4)]
    for number, spec in enumerate(specs):
        rng = random.Random(number)
        examples = spec.options[spec.method].get("n", 0)
        found = list(synthetic.records(rng, 0.7 - 0.04 * number, 60, SLICES, examples))
        found[0] = replace(found[0], completions=(Completion(HOSTILE, 3), *found[0].completions[1:]))
        synthetic.write(root, synthetic.row(spec, found, rng), found)
    return root


@pytest.fixture(scope="session")
def html(runs: Path, render: Callable[..., Path]) -> Path:
    """The page of these runs."""
    return render(runs, runs.parent / "page.html", metric="em@10")


@pytest.fixture
def opened(browser: Browser, html: Path) -> Browser:
    """The page in the browser."""
    browser.open(html)
    browser.wait("document.querySelector('#problem h3')")
    return browser


@pytest.fixture(scope="session")
def render() -> Callable[..., Path]:
    """Writes the page of the runs below a folder to a file; options are those of `rank_boards`."""

    def write(root: Path, out: Path, **options: Any) -> Path:
        found = collect([root])
        boards = rank_boards(found.rows, found.folders, left_out=found.left_out, **options)
        out.write_text(page.render(boards, found.folders, left_out=found.left_out), "utf-8")
        return out

    return write
