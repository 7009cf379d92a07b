"""`xpulse targets plan`: what a person reads, what a program reads, and what is refused."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agents.cli.targets import targets
from agents.gateway.directory import file_of
from agents.gateway.directory_rows import HEADER
from streams.errors import TargetError
from tests.agents.cli.test_targets import FILE, alone, file, run

__all__ = ["alone", "file"]

DEAD = Path(__file__).parents[2] / "data" / "targets" / "dead_burn.yaml"


def test_a_plan_reads_like_a_text(alone: Path, file: Path) -> None:
    file.write_text(FILE + "review: 2020-01-31\nburn: [{rate: 2, long: 7d, short: 2d}]\n")
    lines = run("plan", file).splitlines()
    assert lines[0] == "desk: at least 60, 2 slices, 30 answers a day (15 of a slice)"
    names = [line[2:16].strip() for line in lines[1:] if line[2:16].strip()]
    assert names == ["false alerts", "noticed", "smallest", "verdict", "burn", "assumed", "hint"]
    (burn,) = [line for line in lines if "2 over 7 days and 2 days" in line]
    assert "beyond 20 on 105 and 30 answers, with 47% of the period's budget gone; fires after 3" in burn
    assert "review: was due on 2020-01-31" in lines[-1]


def test_a_plan_for_programs_has_the_same_figures(alone: Path, file: Path) -> None:
    (told,) = json.loads(run("plan", file, "--json", "--volume", "60"))
    assert (told["id"], told["slices"], told["per_day"], told["each"]["per_day"]) == ("desk", 2, 60.0, 30.0)
    assert told["false_alerts"] <= told["false_alerts_at_most"] == pytest.approx(2 * 30 * 365 / 10_950)
    assert [drop["points"] for drop in told["each"]["drops"]] == pytest.approx([40.0, 20.0, 10.0, 5.0, 2.0])


def test_a_volume_must_be_above_zero(alone: Path, file: Path) -> None:
    result = CliRunner().invoke(targets, ["plan", str(file), "--volume", "0"])
    assert result.exit_code == 2
    assert "--volume" in result.output


def test_too_little_volume_is_refused_with_the_key(alone: Path, file: Path) -> None:
    with pytest.raises(TargetError, match=r"desk\.yaml: min_respondents: 30 can never be judged"):
        run("plan", file, "--volume", "1")


def test_a_tenants_directory_says_how_many_slices_there_are(
    alone: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(FILE.replace("values: {country: [NO, SE]}\n", "").replace("[country]", "[service]"))
    with pytest.raises(TargetError, match="slices: how many values service has is not known"):
        run("plan", file)
    rows = [f"application,app-{service},2020-01-01,,,,{service},,," for service in ("mail", "office", "vpn")]
    file_of(alone, "acme").write_text("\n".join([",".join(HEADER), *rows]) + "\n")
    monkeypatch.setenv("XPULSE_DIRECTORY_DIR", str(alone))
    (told,) = json.loads(run("plan", file, "--tenant", "acme", "--json"))
    assert told["slices"] == 3


@pytest.mark.integration
def test_a_dead_burn_rule_ends_with_status_2_and_the_largest_burn() -> None:
    command = [sys.executable, "-m", "agents.cli", "targets", "plan", str(DEAD)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        f"xpulse: {DEAD}: burn.0.rate: an objective of 75 % can burn at 4 at most, so 14.4 can never fire"
    )
