"""A headless Chromium, driven over the WebDriver protocol as it is: JSON over HTTP on the loopback."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

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

    def open(self, page: Path) -> None:
        """Load a file and forget earlier log lines."""
        self.log("browser")
        self.log("performance")
        self._ask("POST", f"{self._session}/url", {"url": page.as_uri()})

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
    """The browser at its usual size, in light colours."""
    driver.show()
    return driver


@pytest.fixture(scope="session")
def axe() -> str:
    """The text of axe-core, the accessibility checker."""
    path = REPOSITORY / "node_modules" / "axe-core" / "axe.min.js"
    if not path.is_file():
        pytest.skip("no axe-core: npm install --no-save axe-core@4.14.1")
    return path.read_text("utf-8")
