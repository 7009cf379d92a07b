"""`xpulse gateway`: the process that takes events over HTTP."""

import typer

from agents.gateway.process import run
from agents.settings import read_settings


def run_gateway() -> None:
    """Take events over HTTP and put them on Kafka; addresses come from XPULSE_* variables."""
    raise typer.Exit(run(read_settings()))
