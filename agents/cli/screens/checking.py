"""`xpulse screens check`: whether the dashboards would work, found out without Grafana."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from agents.cli.addresses import locate
from agents.cli.screens.asking import asking, reading, sampled
from agents.cli.sql import READER, Wanted
from agents.logs import configure_logging
from agents.metrics import all_names
from agents.screens.check import Known, Report, run_queries, shape_faults
from agents.screens.palette import figures
from agents.screens.registry import FOLDER
from agents.warehouse.client import Client
from agents.warehouse.scopes import shipped_views
from streams.errors import ConfigError

EXAMPLES = """\b
Examples:
  xpulse screens check                       on a ClickHouse of its own with rows whose figures are known
  xpulse screens check --data FOLDER         on a running installation, with the time of every query
"""


def check(
    dashboards: Annotated[Path, typer.Option(help="Folder of the dashboards' JSON.")] = FOLDER,
    data: Annotated[Path | None, typer.Option(help="Data folder of a running `xpulse up`.")] = None,
    host: Annotated[str | None, typer.Option(help="ClickHouse host.")] = None,
    port: Annotated[int | None, typer.Option(help="ClickHouse port, HTTP interface.")] = None,
    runs: Annotated[int, typer.Option(min=1, help="How often to run everything, for the times.")] = 1,
) -> None:
    """Run every query of every dashboard and hold its JSON to Grafana's types; status 1 if anything is wrong.

    Every panel, variable and annotation is asked with all, one, several and hostile values, by the user who reads the
    published views. On the sample a query without a row is wrong; on an installation it is told.
    """
    configure_logging(level="ERROR")
    models = read_models(dashboards)
    is_own = data is None and host is None and port is None
    wanted = Wanted(host=host, port=port, user=READER, password_file=None, data=data)
    with _client(wanted, is_own=is_own) as client:
        faults = [fault for model in models for fault in shape_faults(model, known_of(models))]
        report = _run(models, client, runs)
    faults += report.faults + ([f"{where}: no row" for where in report.empty] if is_own else [])
    _tell(faults, report, is_own=is_own)
    raise typer.Exit(1 if faults else 0)


def read_models(folder: Path) -> list[Mapping[str, Any]]:
    """Return the dashboards of a folder.

    Raises:
        ConfigError: None there, or one is no JSON.
    """
    paths = sorted(folder.glob("*.json"))
    if not paths:
        raise ConfigError(f"{folder}: no dashboard (*.json) in it; `make screens` writes them")
    try:
        return [orjson.loads(path.read_bytes()) for path in paths]
    except ValueError as error:
        raise ConfigError(f"{folder}: {error}") from error


def known_of(models: list[Mapping[str, Any]]) -> Known:
    """Return what dashboards may name."""
    return Known(
        tables=frozenset(f"xpulse_pub.{view.name}" for view in shipped_views()),
        metrics=frozenset(all_names()),
        screens=frozenset(str(model.get("uid")) for model in models),
    )


@contextmanager
def _client(wanted: Wanted, *, is_own: bool) -> Iterator[Client]:
    if is_own:
        with sampled(int(time.time() * 1000)) as client:
            yield client
    else:
        with reading(locate(wanted)) as client:
            yield client


def _run(models: list[Mapping[str, Any]], client: Client, runs: int) -> Report:
    whole = Report()
    for _ in range(runs):
        ask = asking(client, "xpulse_pub")
        for model in models:
            found = run_queries(model, ask, now_s=int(time.time()))
            whole.faults += [fault for fault in found.faults if fault not in whole.faults]
            whole.empty += [where for where in found.empty if where not in whole.empty]
            for where, seconds in found.seconds.items():
                whole.seconds.setdefault(where, []).extend(seconds)
    return whole


def _tell(faults: list[str], report: Report, *, is_own: bool) -> None:
    for figure in figures():
        print(figure)
        faults += [f"colours: {figure}"] if figure.value < figure.least else []
    slow = sorted(report.seconds.items(), key=lambda item: _p95(item[1]))
    for where, seconds in slow[-10:]:
        print(f"{1000 * _p95(seconds):6.0f} ms  p95 of {len(seconds)} runs  {where}")
    for where in [] if is_own else report.empty:
        print(f"no row: {where}")
    for fault in faults:
        print(f"WRONG  {fault}")
    runs = sum(map(len, report.seconds.values()))
    print(f"{len(report.seconds)} queries, {runs} runs, {len(faults)} faults")


def _p95(seconds: list[float]) -> float:
    """Return the 95th percentile, nearest rank; seconds."""
    return sorted(seconds)[-(-95 * len(seconds) // 100) - 1]
