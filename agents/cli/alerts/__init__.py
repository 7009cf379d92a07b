"""`xpulse alerts list | show | ack | silence | test`: what fires, and what operators do about it."""

import typer

from agents.cli.alerts import acting, looking, trying

alerts = typer.Typer(
    help="Alerts: see what fires, take one on, keep Alertmanager quiet for a while, try a route.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
alerts.command("list", epilog=looking.LISTED)(looking.list_alerts)
alerts.command("show", epilog=looking.SHOWN)(looking.show)
alerts.command("ack", epilog=acting.ACKED)(acting.ack)
alerts.command("silence", epilog=acting.SILENCED)(acting.silence)
alerts.command("test", epilog=trying.TRIED)(trying.try_route)

__all__ = ["alerts"]
