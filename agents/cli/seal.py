"""`xpulse seal`: one round of sealing by hand."""

import time
from contextlib import closing

from agents.logs import configure_logging
from agents.processes import warehouse
from agents.seal import Sealer
from agents.seal_tables import SealTables
from agents.settings import read_settings


def command() -> None:
    """Seal the periods that are due and drop what is past its life; the control worker does so by itself."""
    settings = read_settings()
    configure_logging(level=settings.log_level, style=settings.log_format)
    with closing(warehouse(settings)) as store:
        done = Sealer(SealTables(store)).run(int(time.time() * 1000))
    print(f"{done.sealed} periods sealed, {done.waiting} waiting for more late rows, {done.dropped} partitions dropped")
