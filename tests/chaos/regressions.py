"""Runs that failed once: kept by their seed, and played again by the tests."""

from __future__ import annotations

from pathlib import Path

from tests.chaos.run import Options

FILE = Path(__file__).with_name("regressions.txt")


def remember(options: Options, broker: str) -> Path:
    """Add a run to the file, unless it is there."""
    line = f"{broker} {options.seed} {options.events} {options.faults} {','.join(options.classes) or 'all'}"
    known = FILE.read_text()
    if line not in known.splitlines():
        FILE.write_text(f"{known}{line}\n")
    return FILE


def regressions() -> list[tuple[str, Options]]:
    """Return (broker, run) of each line."""
    lines = [line.split("#")[0].split() for line in FILE.read_text().splitlines()]
    return [(words[0], _options(words[1:])) for words in lines if words]


def _options(words: list[str]) -> Options:
    seed, events, faults, classes = words
    chosen = () if classes == "all" else tuple(classes.split(","))
    return Options(seed=int(seed), events=int(events), faults=int(faults), classes=chosen, away_s=30.0)
