"""The command `xpulse`: one module per command, registered here."""

import sys
from typing import NoReturn

import typer

from agents.cli import erase, local, migrate, preview, refold, seal, simulate, sql, verify, withdraw
from agents.cli.addresses import locate
from agents.cli.alerts import alerts
from agents.cli.directory import directory
from agents.cli.gateway import run_gateway
from agents.cli.roles import roles
from agents.cli.screens import screens
from agents.cli.targets import targets
from agents.cli.worker import workers
from streams.errors import ConfigError, XPulseError

app = typer.Typer(
    help="Live experience levels for IT: feedback and telemetry in, exact windows, judged targets, drift alerts out.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(local.demo)
app.command("up")(local.up)
app.command("sql")(sql.command(locate))
app.command("preview")(preview.command(locate))
app.add_typer(targets, name="targets")
app.add_typer(alerts, name="alerts")
app.add_typer(directory, name="directory")
app.command("gateway")(run_gateway)
app.add_typer(workers, name="worker")
app.command("migrate")(migrate.command)
app.add_typer(roles, name="roles")
app.add_typer(screens, name="screens")
app.command("seal")(seal.command)
app.command("refold")(refold.command)
app.command("erase")(erase.command)
app.command("withdraw")(withdraw.command)
app.command("verify")(verify.command)
app.command("simulate")(simulate.command)


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
