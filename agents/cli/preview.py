"""`xpulse preview`: the dashboards on a local page, for people without Grafana."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from agents.cli.sql import READER, Wanted
from agents.logs import configure_logging
from agents.screens.preview.process import run
from agents.screens.preview.shelf import FOLDER
from agents.settings import read_settings
from agents.warehouse.client import Address

PORT = 8090


def command(locate: Callable[[Wanted], Address]) -> Callable[..., None]:
    """Return the typer command.

    Args:
        locate: Finds the address of ClickHouse; raises ConfigError if it cannot be found.
    """

    def preview(
        port: Annotated[int, typer.Option(help="Port of the page, on this machine only.")] = PORT,
        dashboards: Annotated[Path, typer.Option(help="Folder of the dashboards' JSON.")] = FOLDER,
        clickhouse_host: Annotated[str | None, typer.Option(help="ClickHouse host.")] = None,
        clickhouse_port: Annotated[int | None, typer.Option(help="ClickHouse port, HTTP interface.")] = None,
        user: Annotated[str, typer.Option(help="ClickHouse user; this one reads the public views.")] = READER,
        password_file: Annotated[Path | None, typer.Option(help="File that holds the user's password.")] = None,
        data: Annotated[Path | None, typer.Option(help="Data folder of a running `xpulse up`.")] = None,
    ) -> None:
        """Show the dashboards on a local page, for people without Grafana; `up` and `demo` do so by themselves."""
        settings = read_settings()
        configure_logging(level=settings.log_level, style=settings.log_format)
        # Whoever reads, reads the published views: never the writer's tables, nor with the writer's password.
        wanted = Wanted(
            host=clickhouse_host, port=clickhouse_port, user=READER, password_file=password_file, data=data
        )  # fmt: skip
        raise typer.Exit(run(replace(locate(wanted), user=user), port=port, folder=dashboards))

    return preview
