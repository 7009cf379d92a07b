"""A worker that tells what its agent gets: `python -m tests.kafka.reading_process BROKERS GROUP TOPIC DATA_DIR LEAVES`.

LEAVES is yes or no: whether it leaves its group when it is asked to end. One JSON line on stdout per chunk and per
answer; commands come as JSON lines on stdin: `{"commit": {"0": 512}, "generation": 3, "is_behind": false}` answers
whether `commit_exact` did it; if `is_behind`, while Faust still believes in that generation. `{"share": true}` answers
what the group has given it, `{"give_back": true}` gives back what was read and not committed.
"""

import asyncio
import base64
import json
import os
import sys
import threading
from functools import cache
from pathlib import Path
from typing import Any, TextIO

import faust
from faust.types import TP

from agents.app import make_app
from agents.logs import configure_logging
from agents.processes import run
from agents.transport import Chunk, chunked, positions


@cache
def out() -> TextIO:
    """What was stdout at the first call: Faust prints there, too."""
    return os.fdopen(os.dup(1), "w")


def tell(**facts: Any) -> None:
    out().write(json.dumps(facts) + "\n")
    out().flush()


def tell_chunk(app: faust.App, chunk: Chunk) -> None:
    values = [None if value is None else base64.b64encode(value).decode() for value in chunk.values]
    places = {tp.partition: offset for tp, offset in app.consumer.start_at.items()}
    tell(
        kind="chunk",
        partition=chunk.partition,
        generation=chunk.generation,
        first=chunk.first,
        values=values,
        stamps=list(chunk.stamps),
        member=app.consumer._thread._consumer._coordinator.member_id,
        start_at=places,
    )


async def commit(app: faust.App, topic: str, wanted: dict[str, Any]) -> None:
    offsets = {TP(topic, int(partition)): offset for partition, offset in wanted["commit"].items()}
    known = app.consumer_generation_id
    if wanted["is_behind"]:  # as in the moment in which aiokafka has joined again and Faust was not told yet
        app.consumer_generation_id = wanted["generation"]
    is_done = await app.consumer.commit_exact(offsets, wanted["generation"])
    if wanted["is_behind"]:
        app.consumer_generation_id = known
    tell(kind="commit", is_done=is_done)


async def give_back(app: faust.App) -> None:
    await app.consumer._give_back()  # as with records that came while a rebalance stopped the flow
    tell(kind="given_back")


def tell_share(app: faust.App, topic: str) -> None:
    share = positions(app, topic, {})
    tell(kind="share", partitions=None if share is None else sorted(share))


def build(brokers: str, group: str, topic: str, data_dir: str, leaves: str) -> faust.App:
    app = make_app(group, brokers=brokers, data_dir=Path(data_dir), leaves_group=leaves == "yes")

    async def read(stream: Any) -> None:
        async for chunk in stream:
            tell_chunk(app, chunk)

    async def ready(_app: faust.App) -> None:
        loop.append(asyncio.get_running_loop())

    loop: list[asyncio.AbstractEventLoop] = []
    app.agent(chunked(app, topic), name="tests.reading", concurrency=1)(read)
    app.task(ready)
    threading.Thread(target=listen, args=(app, topic, loop), daemon=True).start()
    return app


def listen(app: faust.App, topic: str, loop: list[asyncio.AbstractEventLoop]) -> None:
    """Answer from a thread of its own, as a watchdog asks; commits are made by the application's loop."""
    for line in sys.stdin:
        wanted = json.loads(line)
        if "share" in wanted:
            tell_share(app, topic)
            continue
        work = give_back(app) if "give_back" in wanted else commit(app, topic, wanted)
        asyncio.run_coroutine_threadsafe(work, loop[0]).result()


if __name__ == "__main__":
    out()
    os.dup2(2, 1)
    configure_logging(level="INFO", style="text")
    arguments = sys.argv[1:]
    del sys.argv[1:]  # Faust's worker reads them, too
    run(build(*arguments))
