"""Arguments and options that several commands about alerts share."""

from pathlib import Path
from typing import Annotated

import typer

AlertId = Annotated[str, typer.Argument(metavar="ID", help="Id of an alert, or its first 6 characters or more.")]
OnlyTenant = Annotated[str, typer.Option("--tenant", help="Only this tenant; empty = all.")]
By = Annotated[str, typer.Option(help="Who you are; empty = the user of this machine.")]
Reason = Annotated[str, typer.Option(help="Why, for those who read it later.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Data = Annotated[Path | None, typer.Option(help="Data folder of a running `xpulse up`.")]
Alertmanager = Annotated[
    str, typer.Option("--alertmanager", help="Base address of Alertmanager; empty = XPULSE_ALERTMANAGER_URL.")
]

WIDE = 200
"""Columns of a table that is not printed on a terminal."""
