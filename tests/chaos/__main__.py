"""`python -m tests.chaos`: disturb a real installation for some minutes, then compare it with the truth."""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import time
from pathlib import Path

from streams.errors import ConfigError
from tests.chaos.brokers import KINDS
from tests.chaos.faults import FAULTS
from tests.chaos.mutants import MUTANTS
from tests.chaos.regressions import remember
from tests.chaos.run import Options, logs_of, run, temporary
from tests.kafka.jars import KafkaMissing

_KEPT = Path("build") / "chaos"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--events", type=int, default=50_000, help="records to produce")
    parser.add_argument("--faults", type=int, default=10, help="how many faults")
    parser.add_argument("--seed", type=int, help="of input and plan; without it a random one")
    parser.add_argument("--broker", choices=sorted(KINDS), default="embedded")
    parser.add_argument("--classes", default="", help=f"which faults, separated by commas; of: {', '.join(FAULTS)}")
    parser.add_argument("--away-s", type=float, default=120.0, help="how long ClickHouse is away")
    parser.add_argument("--workers", type=int, default=2, help="telemetry workers")
    parser.add_argument("--no-control", action="store_true", help="without the records lane")
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="run broken workers: the run must fail")
    parser.add_argument("--json", type=Path, help="append the figures to this file, one line per run")
    parser.add_argument("--keep", type=Path, help="work in this folder and keep it")
    parser.add_argument("--verbose", action="store_true", help="print what happened when")
    return parser.parse_args()


def _options(given: argparse.Namespace) -> Options:
    return Options(
        seed=random.SystemRandom().randrange(1_000_000) if given.seed is None else given.seed,
        events=given.events,
        faults=given.faults,
        classes=tuple(filter(None, given.classes.split(","))),
        away_s=given.away_s,
        telemetry_workers=given.workers,
        has_control=not given.no_control,
        mutant=given.mutant,
    )


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _keep_logs(logs: Path, name: str) -> None:
    """The same seed is not the same history: without its logs a failed run could not be understood."""
    shutil.copytree(logs, _KEPT / name)
    say(f"logs      kept in {_KEPT / name}")


def main() -> int:
    """Run; return 0 if every window is right and every class of fault hit, 1 if not, 2 for a wrong argument."""
    given = _arguments()
    options = _options(given)
    say(f"chaos     seed {options.seed}, {options.events} records, {options.faults} faults, {given.broker}")
    with temporary() as folder:
        where = given.keep or Path(folder)
        try:
            tell = say if given.verbose else None
            report = run(options, KINDS[given.broker], where, tell)
        except (ConfigError, KafkaMissing) as error:
            say(f"chaos: {error}")
            return 2
        if not report.is_good:
            _keep_logs(logs_of(where), f"{given.broker}-{options.seed}-{int(time.time())}")
    for line in ([] if given.verbose or report.is_good else report.notes) + report.lines():
        say(line)
    if given.json is not None:
        with given.json.open("a") as file:
            file.write(json.dumps({"broker": given.broker, **report.as_json()}) + "\n")
    if report.wrong() and options.mutant is None:
        say(f"remembered in {remember(options, given.broker)}")
    return 0 if report.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
