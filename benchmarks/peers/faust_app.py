"""A Faust application as its documentation makes one, with the shortest delays for joining a group."""

from __future__ import annotations

import os
from typing import Any
from uuid import uuid4

import faust

from benchmarks.job import Job


def make_app(job: Job) -> Any:
    return faust.App(
        f"bench-{uuid4().hex}",
        broker=f"kafka://{job.brokers}",
        store="memory://",
        datadir=job.out,
        topic_partitions=job.partitions,
        web_enabled=False,
        topic_disable_leader=True,
        autodiscover=False,
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=6.0,
        broker_rebalance_timeout=3.0,
        broker_heartbeat_interval=1.0,
    )


def run(app: Any) -> None:
    faust.Worker(app, loglevel="WARNING", redirect_stdouts=False).execute_from_commandline()


def end() -> None:
    """Leave at once: a Faust worker takes seconds to stop."""
    os._exit(0)
