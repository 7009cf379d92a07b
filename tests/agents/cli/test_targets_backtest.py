"""`xpulse targets backtest`: a changed file against stored blocks, beside what was raised."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from agents.target_ledger import TargetLedger
from agents.warehouse.client import Warehouse
from streams.errors import ConfigError, TargetError
from streams.scores import Counts
from tests.agents.cli.test_targets import FILE, alone, file, run, running
from tests.agents.judged_world import T0, ClickHouseWorld, end
from tests.agents.test_judge import Wire, run_rounds, worker_of

__all__ = ["alone", "file", "running"]

TENANT = "past"


def at(number: int) -> str:
    """Return the end of an epoch as people write it."""
    return datetime.fromtimestamp(end(number) / 1000, tz=UTC).isoformat()


def test_times_are_checked(alone: Path, file: Path) -> None:
    with pytest.raises(TargetError, match=r"--from: 'then' is no time; allowed: such as 2026-03-01"):
        run("backtest", file, "--tenant", TENANT, "--from", "then")
    with pytest.raises(ConfigError, match="--to: the end must lie after the beginning"):
        run("backtest", file, "--tenant", TENANT, "--from", "2026-03-02", "--to", "2026-03-01")
    with pytest.raises(ConfigError, match="cannot be read: FileNotFoundError"):
        run("backtest", file, "--tenant", TENANT, "--from", at(0), "--truth", alone / "none.csv")


@pytest.mark.integration
def test_a_changed_file_is_shown_beside_what_was_raised(
    running: None, alone: Path, file: Path, store: Warehouse
) -> None:
    """Norway is bad from the 41st to the 80th epoch; Sweden never answers."""
    world = ClickHouseWorld(store)
    for number in range(1, 121):
        bad = 40 < number <= 80
        world.release(TENANT, number, [({"country": "NO"}, Counts(detractors=5) if bad else Counts(promoters=5))] * 2)
    run("publish", file, "--tenant", TENANT)
    versions = TargetLedger(store).newest(TENANT).values()
    run_rounds(worker_of(world.port, Wire(), *(replace(version, valid_from_ms=T0) for version in versions)), times=3)
    truth, plot = alone / "truth.csv", alone / "past.svg"
    truth.write_text(f"target,from,until\ndesk,{at(40)},{at(80)}\n")
    file.write_text(FILE.replace("false_alerts_per_year: 1", "false_alerts_per_year: 100"))
    arguments = (file, "--tenant", TENANT, "--from", at(0), "--to", at(120), "--truth", truth)
    lines = run("backtest", *arguments, "--plot", plot).splitlines()
    assert lines[0].startswith(f"{TENANT}: 2 targets, 240 verdicts from {at(0)[:10]}")
    assert lines[2].startswith("would: 1 of 1 found, after 0.0 hours in the median; ")
    assert any(line.startswith("desk/country=NO  would  ·") for line in lines)
    told = json.loads(run("backtest", *arguments, "--json"))
    (drift,) = [pair for pair in told["pairs"] if (pair["would"] or pair["was"])["kind"] == "drift"]
    assert end(40) < drift["would"]["from_ms"] <= drift["was"]["from_ms"] < drift["was"]["until_ms"]
    assert plot.read_text().startswith("<svg ")
    assert TargetLedger(store).newest(TENANT)["desk/country=NO"].version == 1  # nothing was written
