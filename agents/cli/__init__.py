"""The command `xpulse`: one module per command, imported when it is asked for, so that each starts quickly."""

import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from importlib import import_module
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.main import get_command

from streams.errors import ConfigError, XPulseError


def _part(module: str, name: str) -> Any:
    return getattr(import_module(f"agents.cli.{module}"), name)


def _asking(module: str) -> Any:
    return _part(module, "command")(_part("addresses", "locate"))


COMMANDS: Mapping[str, Callable[[], Any]] = {
    "demo": partial(_part, "local", "demo"),
    "up": partial(_part, "local", "up"),
    "sql": partial(_asking, "sql"),
    "preview": partial(_asking, "preview"),
    "targets": partial(_part, "targets", "targets"),
    "alerts": partial(_part, "alerts", "alerts"),
    "directory": partial(_part, "directory", "directory"),
    "gateway": partial(_part, "gateway", "run_gateway"),
    "worker": partial(_part, "worker", "workers"),
    "settings": partial(_part, "settings", "command"),
    "migrate": partial(_part, "migrate", "command"),
    "roles": partial(_part, "roles", "roles"),
    "screens": partial(_part, "screens", "screens"),
    "seal": partial(_part, "seal", "command"),
    "refold": partial(_part, "refold", "command"),
    "erase": partial(_part, "erase", "command"),
    "withdraw": partial(_part, "withdraw", "command"),
    "verify": partial(_part, "verify", "command"),
    "simulate": partial(_part, "simulate", "command"),
}
"""Name -> what finds its function or group of functions; in the order of `--help`."""


@cache
def _loaded(name: str) -> Any:
    """Return a command as the parser has it."""
    found = COMMANDS[name]()
    whole = typer.Typer(add_completion=False, rich_markup_mode=None)
    if isinstance(found, typer.Typer):
        whole.add_typer(found, name=name)
    else:
        whole.callback()(lambda: None)
        whole.command(name)(found)
    return get_command(whole).commands[name]  # type: ignore[attr-defined] # it is a group


class _Commands(Mapping[str, Any]):
    """All commands by name; looking one up imports that one alone."""

    def __getitem__(self, name: str) -> Any:
        return _loaded(name)

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class _Group(TyperGroup):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = _Commands()  # type: ignore[assignment] # nothing is ever added


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _xpulse() -> None:
    """Live experience levels for IT: feedback and telemetry in, exact windows, judged targets, drift alerts out."""


def main() -> NoReturn:
    """Run the command line; what a person must correct ends with status 2 and one clear line."""
    try:
        app()
    except ConfigError as error:
        print(f"xpulse: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except XPulseError as error:
        print(f"xpulse: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    raise SystemExit(0)
