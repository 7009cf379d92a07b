"""`make screenshots`: play the demo, look at every dashboard in a browser, and keep pictures of them.

Large ones of two usual sizes go to `build/screenshots/`, small ones to `docs/images/`. On the way it measures how long
after its alert the planted drift turns the tile that everybody looks at.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from agents.local.ports import free_port
from agents.screens.preview.shelf import FOLDER, WALL, Screen, read_shelf
from agents.warehouse.client import Address, Warehouse
from tests.agents.local.services import wait_until
from tests.agents.screens.chromium import Browser, running_browser

ROOT = Path(__file__).resolve().parents[3]
WIDTH, HEIGHT = 1920, 1080
LARGE = 2
"""3840 x 2160. A wall gets a window of that many pixels; what is read at a desk gets denser ones, as there."""
SMALL = 0.4
"""Of the width and the height."""
TURNS_WITHIN_S = 15.0
ALERTS_WITHIN_S = 150.0
SHOWN = "document.body?.dataset.rounds >= 1"
FIRING = "SELECT count() FROM xpulse_pub.alerts WHERE state = 'firing' AND calls = 'yes'"


@contextmanager
def running_demo(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run the demo until the end of the block; its output is in `folder`."""
    command = [sys.executable, "-m", "agents.cli", "demo", "--data", str(folder / "data"), "--preview-port", str(port)]
    with (folder / "demo.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT) as demo:
        try:
            wait_until((folder / "data" / "run" / "addresses.json").is_file, "the demo's start", within_s=120)
            yield demo
        finally:
            # The first one ends the input, the second one does not wait for the comparison either.
            demo.send_signal(signal.SIGINT)
            time.sleep(2)
            demo.send_signal(signal.SIGINT)
            demo.wait(timeout=60)


def reader(folder: Path) -> Warehouse:
    """Return a connection as any reader of the demo has it."""
    port = orjson.loads((folder / "data" / "run" / "addresses.json").read_bytes())["clickhouse_port"]
    return Warehouse(Address(host="127.0.0.1", port=port, user="default", database="xpulse_pub"))


def measure_turn(browser: Browser, url: str, warehouse: Warehouse) -> float:
    """Return how many seconds after the first alert can be read the tile of firing alerts says so."""
    panels = read_shelf(FOLDER)["xpulse-targets"].model["panels"]
    number = next(panel["id"] for panel in panels if panel["title"] == "Alerts firing")
    value = f"document.querySelector('[data-panel=\"{number}\"] .value')?.innerText"
    browser.open(f"{url}/d/xpulse-targets?from=now-5m")
    browser.wait(f"{value} === '0'", within_s=60)
    wait_until(lambda: warehouse.ask(FIRING)[0][0] > 0, "an alert", within_s=ALERTS_WITHIN_S)
    return browser.wait(f"{value} && {value} !== '0'", within_s=4 * TURNS_WITHIN_S)


def address(url: str, screen: Screen) -> str:
    """Return where a dashboard looks best: the wall as it hangs, targets over the few minutes that were played."""
    query = "kiosk" if WALL in screen.tags else "from=now-5m" if "target" in screen.uid else ""
    return f"{url}/d/{screen.uid}?{query}"


def take(browser: Browser, url: str, large: Path, small: Path) -> None:
    """Take all pictures."""
    for screen in read_shelf(FOLDER).values():
        for times in (1, LARGE):
            if WALL in screen.tags:
                browser.resize(WIDTH * times, HEIGHT * times)
            else:
                browser.resize(WIDTH, HEIGHT, dense=times)
            browser.open(address(url, screen))
            browser.wait(SHOWN, within_s=60)
            browser.js("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            (large / f"{screen.uid}-{WIDTH * times}x{HEIGHT * times}.png").write_bytes(browser.picture())
            if times == 1:
                (small / f"{screen.uid}.webp").write_bytes(browser.picture(kind="webp", scale=SMALL))
        _say(f"pictures of {screen.uid}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Take the pictures; return 1 if the page complained or the tile was late."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "screenshots")
    parser.add_argument("--small", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--play", type=float, default=120.0, help="seconds of the demo before the pictures")
    chosen = parser.parse_args()
    program = shutil.which("chromium")
    if program is None:
        _say("Chromium is not installed: apt-get install chromium")
        return 2
    for folder in (chosen.out, chosen.small):
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="xpulse-screenshots-") as temporary:
        return _run(Path(temporary), program, chosen)


def _run(folder: Path, program: str, chosen: argparse.Namespace) -> int:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running_demo(folder, port), running_browser(program, folder / "chromium") as browser:
        begun_s = time.monotonic()
        browser.resize(WIDTH, HEIGHT)
        turned_s = measure_turn(browser, url, reader(folder))
        _say(f"the tile of firing alerts turned {turned_s:.1f} s after the first alert could be read")
        time.sleep(max(0.0, chosen.play - (time.monotonic() - begun_s)))
        take(browser, url, chosen.out, chosen.small)
        for trouble in browser.troubles:
            _say(f"the page complained: {trouble}")
    return 1 if browser.troubles or turned_s > TURNS_WITHIN_S else 0


if __name__ == "__main__":
    sys.exit(main())
