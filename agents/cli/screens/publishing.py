"""`xpulse screens publish`, `annotate` and `snapshot`: bringing the screens to a Grafana."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from agents.cli.addresses import locate
from agents.cli.screens.asking import asking, reading
from agents.cli.screens.checking import read_models
from agents.cli.sql import READER, Wanted
from agents.logs import configure_logging
from agents.screens.annotate import annotate, happened
from agents.screens.check import Ask
from agents.screens.grafana import Grafana
from agents.screens.publish import publish, wall_address
from agents.screens.registry import FOLDER
from agents.screens.snapshot import snapshot
from agents.settings import read_settings
from streams.errors import ConfigError

PUBLISHED = """\b
Examples:
  XPULSE_GRAFANA_TOKEN_FILE=token xpulse screens publish --url https://grafana.example --dry-run
  XPULSE_GRAFANA_TOKEN_FILE=token xpulse screens publish --url https://grafana.example
"""
ANNOTATED = "Example: xpulse screens annotate --url https://grafana.example --hours 24 --every 30"
KEPT = "Example: xpulse screens snapshot xpulse-targets --url https://grafana.example --days 7"
HOUR_MS = 3_600_000

Url = Annotated[str, typer.Option("--url", help="Address of Grafana; none = XPULSE_SCREENS_URL.")]
Dry = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Dashboards = Annotated[Path, typer.Option(help="Folder of the dashboards' JSON.")]
Data = Annotated[Path | None, typer.Option(help="Data folder of a running `xpulse up`.")]
Host = Annotated[str | None, typer.Option(help="ClickHouse host.")]
Port = Annotated[int | None, typer.Option(help="ClickHouse port, HTTP interface.")]


def publish_screens(url: Url = "", dashboards: Dashboards = FOLDER, is_dry: Dry = False) -> None:
    """Bring a Grafana's folder, dashboards and playlist in line; what is as it should be is left alone.

    The token of a service account (role Editor) comes from XPULSE_GRAFANA_TOKEN or the file that
    XPULSE_GRAFANA_TOKEN_FILE names. Data sources come from grafana/provisioning/.
    """
    address, server = _server(url)
    for step in publish(server, read_models(dashboards), is_dry=is_dry):
        print(step, flush=True)
    if playing := wall_address(server, address):
        print(f"the wall   {playing}")


def annotate_all(
    url: Url = "",
    hours: Annotated[int, typer.Option(min=1, help="How far back to look.")] = 24,
    every: Annotated[int, typer.Option(min=0, help="Seconds until the next look; 0 = look once.")] = 0,
    is_dry: Dry = False,
    data: Data = None,
    host: Host = None,
    port: Port = None,
) -> None:
    """Tell a Grafana of alerts and changes as annotations, each once; an alert that ends gets its end.

    For dashboards that are not xpulse's: its own show alerts and changes by themselves.
    """
    _, server = _server(url)
    while True:
        with _asking(data, host, port) as ask:
            until_ms = int(time.time() * 1000)
            for step in annotate(
                server, happened(ask, since_ms=until_ms - hours * HOUR_MS, until_ms=until_ms), is_dry=is_dry
            ):
                if step.done != "as it was" or not every:
                    print(step, flush=True)
        if not every:
            return
        time.sleep(every)


def keep(
    uid: Annotated[str, typer.Argument(help="Uid of the dashboard, e.g. xpulse-targets.")],
    url: Url = "",
    days: Annotated[int, typer.Option(min=1, help="How long Grafana keeps it.")] = 7,
    dashboards: Dashboards = FOLDER,
    data: Data = None,
    host: Host = None,
    port: Port = None,
) -> None:
    """Store a dashboard with its answers of now in a Grafana, and print its address."""
    models = {str(model["uid"]): model for model in read_models(dashboards)}
    if uid not in models:
        raise ConfigError(f"dashboard {uid!r}; allowed: {', '.join(models)}")
    _, server = _server(url)
    with _asking(data, host, port) as ask:
        print(snapshot(server, models[uid], ask, now_s=int(time.time()), expires_s=days * 86_400))


def _server(url: str) -> tuple[str, Grafana]:
    configure_logging(level="ERROR")
    address = url or read_settings().screens_url
    return address, Grafana(address, _token())


def _token() -> str:
    file = os.environ.get("XPULSE_GRAFANA_TOKEN_FILE", "")
    try:
        return Path(file).read_text().strip() if file else os.environ.get("XPULSE_GRAFANA_TOKEN", "")
    except OSError as error:
        raise ConfigError(f"XPULSE_GRAFANA_TOKEN_FILE={file}: {error.strerror}") from error


@contextmanager
def _asking(data: Path | None, host: str | None, port: int | None) -> Iterator[Ask]:
    wanted = Wanted(host=host, port=port, user=READER, password_file=None, data=data)
    with reading(locate(wanted)) as client:
        yield asking(client, "xpulse_pub")
