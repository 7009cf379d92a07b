"""`xpulse refold`: fold the log anew beside the live generation, compare the two, switch."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from agents.cli.targets import running_settings
from agents.generations import Comparison, Pair, compare, missing, positions
from agents.local.process import PartProcess, ending
from agents.logs import configure_logging
from agents.processes import warehouse
from agents.settings import LARGEST_GENERATION, PREFIX, Settings
from agents.topics import TELEMETRY, topic_state
from agents.warehouse.client import Warehouse
from agents.warehouse.migrate import write_profile
from streams.errors import ConfigError, XPulseError
from streams.profile import PROFILES, Profile
from streams.targets.periods import seconds

WORKER = (sys.executable, "-m", "agents.cli", "worker", "telemetry")
POLL_S = 0.5
TELL_S = 5.0
LOOKS = 4
"""How often windows that differ are looked at: of a log that grows, one generation has always read a bit more."""
BETWEEN_LOOKS_S = 3.0
END_S = 20.0
EXAMPLES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do.

    Attributes:
        generation: The new one; above the one in force.
        within_s: How long folding may take; seconds.
        command: Starts a telemetry worker.
    """

    generation: int
    within_s: float
    switch: bool = False
    command: Sequence[str] = WORKER


def command(
    generation: Annotated[int, typer.Option(help="Number of the new generation, above the one in force.")],
    switch: Annotated[bool, typer.Option("--switch", help="Put it in force afterwards, equal or not.")] = False,
    within: Annotated[str, typer.Option(help="How long folding may take, such as 10m or 2h.")] = "10m",
    data: Annotated[Path | None, typer.Option(help="Data folder of a running `xpulse up`.")] = None,
) -> None:
    """Fold the telemetry log under a new generation number beside the live one, and compare window by window.

    Status 0: every window that both hold is equal, or the new generation was put in force. 1: some differ.
    """
    configure_logging(level="ERROR")
    try:
        within_s = float(seconds(within))
    except ValueError as error:
        raise ConfigError(f"--within: {error}") from error
    plan = Plan(generation=generation, within_s=within_s, switch=switch)
    raise typer.Exit(refold(running_settings(data), plan))


def refold(settings: Settings, plan: Plan) -> int:
    """Do it, and print what happens.

    Returns:
        The exit status.

    Raises:
        ConfigError: The number is not above the one in force, or nothing is in force.
        XPulseError: The worker ended, or did not get there in time; what it folded stays and is gone on with.
    """
    with closing(warehouse(settings)) as store:
        profile, live = _in_force(store, plan.generation)
        state = topic_state(settings.brokers, TELEMETRY)
        pair = Pair(
            old=live,
            new=plan.generation,
            incarnation=state.incarnation,
            partitions=state.partitions,
            grace_ms=profile.grace_ms,
        )
        there = positions(store, live, state.incarnation)
        mine = replace(settings, profile=profile.name, generation=plan.generation, metrics_port=0)
        with _folding(mine, plan.command) as worker:
            _follow(lambda: missing(there, positions(store, plan.generation, state.incarnation)), worker, plan)
            found = _compare(store, pair)
        _tell(found, pair)
        if not plan.switch:
            return 1 if found.different else 0
        _switch(store, replace(profile, generation=plan.generation))
        return 0


def _in_force(store: Warehouse, generation: int) -> tuple[Profile, int]:
    rows = store.ask("SELECT name, generation FROM current_profile")
    if not rows or rows[0][0] not in PROFILES:
        raise ConfigError("no profile is in force in the warehouse; run `xpulse migrate` or `xpulse up` first")
    name, live = rows[0]
    if not live < generation <= LARGEST_GENERATION:
        raise ConfigError(
            f"--generation is {generation}; allowed: {live + 1} to {LARGEST_GENERATION}, {live} is in force"
        )
    return PROFILES[name], int(live)


@contextmanager
def _folding(settings: Settings, command: Sequence[str]) -> Iterator[PartProcess]:
    """Run a telemetry worker of the new generation; its consumer group is its own, so the live one is not disturbed."""
    others = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    with tempfile.TemporaryDirectory(prefix="xpulse-refold-") as folder:
        mine = replace(settings, data_dir=folder)
        worker = PartProcess(command, {**others, **mine.environment()}, Path(folder, "worker.log"))
        try:
            yield worker
        finally:
            _end(worker)


def _end(worker: PartProcess) -> None:
    worker.signal_group(signal.SIGTERM)
    deadline = time.monotonic() + END_S
    while worker.exit_code() is None and time.monotonic() < deadline:
        time.sleep(POLL_S / 5)
    worker.end(END_S)


def _follow(behind: Callable[[], int], worker: PartProcess, plan: Plan) -> None:
    """Wait until the new generation has passed where the live one stood at the start."""
    deadline, told = time.monotonic() + plan.within_s, 0.0
    while left := behind():
        code = worker.exit_code()
        if code is not None:
            raise XPulseError(
                f"the worker of generation {plan.generation} ended: {ending(code)}\n{worker.last_lines()}"
            )
        if time.monotonic() > deadline:
            raise XPulseError(f"{left} records are left after {plan.within_s:g} s; run it again, it goes on from there")
        if time.monotonic() - told > TELL_S:
            told = time.monotonic()
            print(f"generation {plan.generation}: {left} records behind where the live one stood", flush=True)
        time.sleep(POLL_S)
    print(f"generation {plan.generation} has passed where the live one stood", flush=True)


def _compare(store: Warehouse, pair: Pair) -> Comparison:
    """Compare; what differs is looked at again, for one generation may have read late events before the other."""
    found = compare(store, pair)
    for _ in range(LOOKS - 1):
        if not found.different or not found.is_complete:
            break
        time.sleep(BETWEEN_LOOKS_S)
        again = compare(store, pair)
        found = again.narrowed(found) if again.is_complete else again
    return found


def _tell(found: Comparison, pair: Pair) -> None:
    print(f"generations {pair.old} and {pair.new}: {found.equal} windows equal, {found.different} different")
    for line in list(found.lines.values())[:EXAMPLES]:
        print(f"  {line}")
    if not found.equal and not found.different:
        print("no window is held and closed by both")


def _switch(store: Warehouse, profile: Profile) -> None:
    with store.lend() as client:
        write_profile(client, store.address.database, profile, now_ms=int(time.time() * 1000))
    print(f"generation {profile.generation} is in force for the views and the judge.")
    print("Now restart every `xpulse worker telemetry` (`xpulse up` runs one), without XPULSE_GENERATION: until then")
    print("no new window is published. Control workers and gateways need no restart.")
