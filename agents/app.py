"""Faust applications as xpulse runs them: chunks in, explicit commits out, none of Faust's own bookkeeping."""

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import faust

from agents import transport

log = logging.getLogger(__name__)

EXIT_INVARIANT = 70
"""Exit status of a worker that met something that cannot be (EX_SOFTWARE of sysexits.h)."""

MAX_FETCH_BYTES = 1 << 20
NEVER_S = 3_600.0
"""Faust's own commits and poll checks are put off by this long: progress is watched per partition instead."""


def make_app(name: str, *, brokers: str, data_dir: Path, leaves_group: bool = True) -> faust.App:
    """Return an application whose agents read chunks.

    Args:
        name: Name of the application and of its consumer group.
        brokers: `host:port[,host:port…]`.
        data_dir: Where Faust may keep files; created if missing.
        leaves_group: Leave the consumer group when it stops, so that others take over at once; else they do after
            the session time-out (6 s), as if it had died.
    """
    transport.install()
    data_dir.mkdir(parents=True, exist_ok=True)
    app = faust.App(
        name,
        broker=[f"{transport.SCHEME}://{address.strip()}" for address in brokers.split(",")],
        datadir=str(data_dir / name),
        store="memory://",
        autodiscover=False,
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        consumer_auto_offset_reset="earliest",
        stream_wait_empty=False,
        stream_buffer_maxsize=4,
        broker_max_poll_records=1 << 30,
        consumer_max_fetch_size=MAX_FETCH_BYTES,
        broker_session_timeout=6.0,
        broker_heartbeat_interval=1.0,
        broker_rebalance_timeout=8.0,
        broker_commit_interval=NEVER_S,
        broker_max_poll_interval=NEVER_S,
    )
    app.leaves_group = leaves_group
    return app


@contextlib.contextmanager
def aborting() -> Iterator[None]:
    """End the process at once if the body raises.

    Faust would restart an agent that raised and go on with the next message. Nothing here may be skipped: whoever
    starts next reads again from what was committed, so ending early loses nothing.
    """
    try:
        yield
    except Exception:
        log.critical("worker_aborted", exc_info=True)
        logging.shutdown()
        os._exit(EXIT_INVARIANT)
