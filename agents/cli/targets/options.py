"""Arguments and options that several commands about targets share."""

from pathlib import Path
from typing import Annotated

import typer

Files = Annotated[list[Path] | None, typer.Argument(help="Target files; none = all in infra/targets.")]
Name = Annotated[str, typer.Argument(help="Id of a target, e.g. happiness-by-country/country=NO.")]
Tenant = Annotated[str, typer.Option(help="Whom the targets are for; empty = whom the files name.")]
OnlyTenant = Annotated[str, typer.Option("--tenant", help="Only this tenant; empty = all.")]
Author = Annotated[str, typer.Option(help="Who answers for the change; empty = the user of this machine.")]
Reason = Annotated[str, typer.Option(help="Why, for the history.")]
Data = Annotated[Path | None, typer.Option(help="Data folder of a running `xpulse up`.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]

WIDE = 200
"""Columns of a table that is not printed on a terminal."""
