"""`xpulse targets …`: experience targets as code."""

import typer

from agents.cli.targets import backtesting, files, looking, planning, publishing
from agents.cli.targets.reach import known_values, running_settings

targets = typer.Typer(
    help="Experience targets as code: check files, foresee what they will do, publish them, look at what is in force.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
targets.command("check", epilog="Example: xpulse targets check infra/targets/happiness-by-country.yaml")(files.check)
targets.command("plan", epilog=planning.EXAMPLES)(planning.plan)
targets.command("backtest", epilog=backtesting.EXAMPLES)(backtesting.run)
targets.command("diff", epilog="Example: xpulse targets diff --tenant acme")(publishing.diff)
targets.command("publish", epilog=publishing.EXAMPLE)(publishing.publish_files)
targets.command("show", epilog=looking.SHOWN)(looking.show)
targets.command("history", epilog=looking.TOLD)(looking.history)
targets.command("retire", epilog="Example: xpulse targets retire --tenant acme --reason 'contract ended'")(
    publishing.retire_tenant
)
targets.command("schema", epilog="Example: xpulse targets schema > infra/targets/schema.json")(files.schema)

__all__ = ["known_values", "running_settings", "targets"]
