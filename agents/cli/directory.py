"""`xpulse directory`: tell the gateway who is where."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from agents.cli.addresses import default_folder
from agents.gateway.directory_load import load
from agents.gateway.directory_rows import HEADER
from agents.gateway.identity import Pseudonyms, read_key
from agents.local.paths import DataFolder
from agents.settings import Settings, read_settings

directory = typer.Typer(help="Who and what is where: the dimensions that senders leave out.", no_args_is_help=True)


@directory.callback()
def _group() -> None:
    """Keep `load` a command of its own."""


@directory.command("load", help=f"Merge a CSV file into a tenant's directory. Its header: {','.join(HEADER)}.")
def load_file(
    file: Annotated[Path, typer.Argument(help="CSV in UTF-8, ids as the sources spell them.")],
    tenant: Annotated[str, typer.Option(help="Whose directory it is.")],
    data: Annotated[
        Path | None, typer.Option(help="Data folder of `xpulse up`; none = the settings, then yours.")
    ] = None,
) -> None:
    """Load a directory; running gateways use it within seconds."""
    key_file, folder = places(read_settings(), data)
    done = load(
        file, tenant=tenant, folder=folder, pseudonyms=Pseudonyms(read_key(key_file)), on_progress=_tell_progress
    )
    print(
        f"{tenant}: {done.added} added, {done.changed} changed, {done.unchanged} unchanged; {done.total} lines in all"
    )


def _tell_progress(lines: int) -> None:
    print(f"{lines} lines read", file=sys.stderr)


def places(settings: Settings, data: Path | None) -> tuple[Path, Path]:
    """Return the key file and the folder of directories."""
    local = DataFolder(data or default_folder())
    if data is not None:
        return local.key_file, local.directory
    key_file = Path(settings.key_file) if settings.key_file else local.key_file
    return key_file, Path(settings.directory_dir) if settings.directory_dir else local.directory
