"""`xpulse withdraw ANSWER --tenant T --reason "…"`: take the whole block of an answer out of everything published."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from agents.cli.targets import running_settings
from agents.logs import configure_logging
from agents.processes import warehouse
from agents.release_books import runs_of
from agents.warehouse.client import Warehouse
from streams.errors import ConfigError

MOST_CHARS = 500

_BLOCK = f"""
SELECT DISTINCT block, toUnixTimestamp64Milli(epoch) FROM release_members
WHERE tenant = {{tenant:String}} AND answer = {{answer:String}} AND (tenant, epoch, run) IN ({runs_of("release_marks")})
"""  # noqa: S608 - constants of this file
_SIZE = "SELECT max(n) FROM release_blocks WHERE tenant = {tenant:String} AND block = {block:String}"
_BUNDLES = f"""
SELECT count(DISTINCT bundle) FROM release_bundled
WHERE tenant = {{tenant:String}} AND block = {{block:String}}
  AND (tenant, epoch, run) IN ({runs_of("release_bundle_marks")})
"""  # noqa: S608 - as above
_DONE = "SELECT count() FROM release_withdrawn FINAL WHERE tenant = {tenant:String} AND block = {block:String}"


def command(
    answer: Annotated[str, typer.Argument(help="Id of the answer (response_id) that should never have counted.")],
    tenant: Annotated[str, typer.Option(help="Whose answer it is.")],
    reason: Annotated[str, typer.Option(help="Why; kept beside the block, not published.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go, and change nothing.")] = False,
    data: Annotated[Path | None, typer.Option(help="Data folder of a running `xpulse up`.")] = None,
) -> None:
    """Withdraw the released block of an answer, for example of a scanner that clicked: the whole block, and its bundle.

    One member less would tell that member's answer. Verdicts and alerts that were given stay; the other answers of
    the block are never released again. It cannot be undone.
    """
    configure_logging(level="ERROR")
    with closing(warehouse(running_settings(data))) as store:
        print(withdraw(store, tenant, answer, reason, is_dry=dry_run))


def withdraw(store: Warehouse, tenant: str, answer: str, reason: str, *, is_dry: bool = False) -> str:
    """Withdraw a block; withdrawing it again changes nothing.

    Returns:
        What was done, as a line.

    Raises:
        ConfigError: The answer is in no released block, or the reason is empty or too long.
        WarehouseError: No answer.
    """
    if not 1 <= len(reason.strip()) <= MOST_CHARS:
        raise ConfigError(f"--reason: allowed: 1 to {MOST_CHARS} characters")
    found = store.ask(_BLOCK, {"tenant": tenant, "answer": answer})
    if not found:
        raise ConfigError(
            f"answer {answer} is in no released block of tenant {tenant}; one that waits is retracted by its sender"
        )
    block, epoch_ms = found[0]
    known = {"tenant": tenant, "block": block}
    [(n,)], [(bundles,)], [(done,)] = store.ask(_SIZE, known), store.ask(_BUNDLES, known), store.ask(_DONE, known)
    what = f"block {block}: {n} answers{' and the bundle it is in' if bundles else ''}"
    if done:
        return f"{what}; withdrawn before"
    if is_dry:
        return f"{what}; would be withdrawn"
    row = (tenant, block, epoch_ms, reason.strip())
    store.insert_rows("release_withdrawn", ("tenant", "block", "epoch", "reason"), [row])
    return f"{what}; withdrawn"
