"""`xpulse screens …`: the dashboards of Grafana."""

import typer

from agents.cli.screens import checking, publishing

screens = typer.Typer(
    help="The dashboards of Grafana: check them without one, bring them to one.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
screens.command("check", epilog=checking.EXAMPLES)(checking.check)
screens.command("publish", epilog=publishing.PUBLISHED)(publishing.publish_screens)
screens.command("annotate", epilog=publishing.ANNOTATED)(publishing.annotate_all)
screens.command("snapshot", epilog=publishing.KEPT)(publishing.keep)

__all__ = ["screens"]
