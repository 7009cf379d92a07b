"""`xpulse up` and `xpulse demo`: the whole system on this machine, with embedded services."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.live import Live

from agents.cli.addresses import default_folder
from agents.cli.preview import PORT as PREVIEW_PORT
from agents.declared import read_catalogue
from agents.demo.play import Demo, Plan
from agents.demo.report import STATUS, Report
from agents.demo.summary import summarise
from agents.demo.view import Frame, line, render
from agents.installation import Installation
from agents.local.paths import DataFolder
from agents.logs import configure_logging
from agents.stack import Ports, Stack, pick_ports
from streams.errors import ConfigError
from streams.profile import PROFILES
from streams.targets.periods import seconds

Data = Annotated[Path | None, typer.Option(help="Data folder; none = the per-user state folder.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Delete what xpulse keeps in the data folder first.")]
GatewayPort = Annotated[int, typer.Option(help="Port of the gateway; 0 = any free one.")]
ClickHousePort = Annotated[int, typer.Option(help="Port of the embedded ClickHouse; 0 = any free one.")]
PreviewPort = Annotated[int, typer.Option(help="Port of the preview of the screens; 0 = any free one.")]
Webhook = Annotated[str, typer.Option(help="http(s) address that receives alerts.")]
Alertmanager = Annotated[str, typer.Option(help="Base address of an Alertmanager that receives alerts.")]

POLL_S = 0.2
LINE_EVERY = 5


def up(
    data: Data = None,
    fresh: Fresh = False,
    profile: Annotated[str, typer.Option(help="Time scales: standard or demo.")] = "standard",
    gateway_port: GatewayPort = 8080,
    clickhouse_port: ClickHousePort = 8123,
    preview_port: PreviewPort = PREVIEW_PORT,
    webhook: Webhook = "",
    alertmanager: Alertmanager = "",
) -> None:
    """Run everything on this machine until Ctrl-C: broker, ClickHouse, gateway, workers, the screens' preview."""
    if profile not in PROFILES:
        raise ConfigError(f"--profile is {profile!r}; allowed: {', '.join(PROFILES)}")
    ports = pick_ports(clickhouse=clickhouse_port, gateway=gateway_port, preview=preview_port)
    stack = _stack(data, profile, ports, fresh=fresh, webhook=webhook, alertmanager=alertmanager)
    with stopping() as stop, _starting(stack) as installation:
        _tell(stack)
        told = 0
        while not stop.wait(POLL_S):
            installation.tend()
            for note in list(installation.notes)[told:]:
                print(note, flush=True)
            told = len(installation.notes)
        print("stopping …", flush=True)


def demo(  # noqa: PLR0913, PLR0917 - what to play and where each part listens
    for_: Annotated[
        str, typer.Option("--for", help="Length of the input, such as 90s or 5m; empty = until Ctrl-C.")
    ] = "",
    report: Annotated[Path | None, typer.Option(help="Write what was found as JSON.")] = None,
    data: Data = None,
    fresh: Fresh = False,
    seed: Annotated[int, typer.Option(help="The same seed plays the same events.")] = 1,
    gateway_port: GatewayPort = 0,
    clickhouse_port: ClickHousePort = 0,
    preview_port: PreviewPort = 0,
    webhook: Webhook = "",
) -> None:
    """Run everything with live input, watch it, and check every result against the truth.

    Simulated people and devices around the real metrics of this machine. Two truths are planted: from second 25 on the
    mail service makes people in Norway unhappy, and from second 30 on an application crashes after a rollout. Status 0:
    every window exact, every planted drift alerted, nothing else. 1: not so. 3: the embedded broker died and with it
    what it had not handed over.
    """
    length = _length(for_)
    console = Console()
    ports = pick_ports(clickhouse=clickhouse_port, gateway=gateway_port, preview=preview_port)
    stack = _stack(data, "demo", ports, fresh=fresh, webhook=webhook)
    with stopping() as stop, _starting(stack) as installation:
        _tell(stack)
        found = _play(console, installation, Plan(seconds=length, seed=seed), stop)
    if report is not None:
        report.write_bytes(orjson.dumps(found.document(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    print(summarise(found))
    raise typer.Exit(STATUS[found.exit])


def _play(console: Console, installation: Installation, plan: Plan, stop: threading.Event) -> Report:
    catalogue = read_catalogue(installation.stack.settings)
    if console.is_terminal:
        with Live(console=console, auto_refresh=False, screen=False) as live:

            def show(frame: Frame) -> None:
                live.update(render(frame, console.height), refresh=True)

            return Demo(installation, catalogue, plan, show, stop).run()
    shown, told = 0, 0

    def tell(frame: Frame) -> None:
        nonlocal shown, told
        for note in frame.notes[told:]:
            print(note)
        told = len(frame.notes)
        if shown % LINE_EVERY == 0:
            print(line(frame), flush=True)
        shown += 1

    return Demo(installation, catalogue, plan, tell, stop).run()


def _length(text: str) -> float | None:
    try:
        return float(seconds(text)) if text else None
    except ValueError as error:
        raise ConfigError(f"--for: {error}") from error


def _stack(
    data: Path | None, profile: str, ports: Ports, *, fresh: bool, webhook: str, alertmanager: str = ""
) -> Stack:
    configure_logging(level="ERROR")
    folder = DataFolder(data or default_folder())
    if fresh:
        folder.delete()
    folder.prepare()
    return Stack(folder, PROFILES[profile], ports, webhook_url=webhook, alertmanager_url=alertmanager)


@contextmanager
def _starting(stack: Stack) -> Iterator[Installation]:
    print(f"starting broker, ClickHouse, gateway and workers; data and logs in {stack.folder.root} …")
    # First of all: whoever opens it now sees the tiles fill.
    print(
        f"screens     {stack.preview_url}/?from=now-15m   (for a wall: {stack.preview_url}/?kiosk&playlist)", flush=True
    )
    with Installation(stack) as installation:
        yield installation


def _tell(stack: Stack) -> None:
    folder, port = stack.folder.root, stack.ports.clickhouse
    question = "SELECT target, verdict, score, n FROM target_status"
    print(f"gateway     {stack.gateway_url}   (its pages: {stack.gateway_url}/docs)")
    print(f"ClickHouse  http://127.0.0.1:{port}   (user default, no password, reads xpulse_pub)")
    print(f'ask         xpulse sql --data {folder} "{question}"')
    print("The embedded broker keeps everything in memory: for trying out, not for production.", flush=True)


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C or SIGTERM into an event; a second Ctrl-C interrupts at once."""
    event = threading.Event()

    def ask(number: int, _frame: Any) -> None:
        if event.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        event.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
