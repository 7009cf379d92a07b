"""`xpulse screens …`: the dashboards of Grafana."""

import typer

from agents.cli.screens import checking

screens = typer.Typer(
    help="The dashboards of Grafana: check them without one.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
screens.command("check", epilog=checking.EXAMPLES)(checking.check)

__all__ = ["screens"]
