"""Faust in batches: `stream.take` of raw values, orjson, a dictionary."""

from typing import Any

from benchmarks.contestants.confluent_loop import add
from benchmarks.job import BATCH, Meter, Plain, plain_totals, read_job
from benchmarks.peers.faust_app import end, make_app, run


def main() -> None:
    job = read_job()
    app, meter = make_app(job), Meter(job)
    groups: Plain = {}

    async def fold(stream: Any) -> None:
        seen = 0
        async for values in stream.take(BATCH, within=1):
            meter.first()
            add(groups, values)
            seen += len(values)
            if seen == job.events:
                meter.last()
                meter.report(seen, plain_totals(groups))
                end()

    topic = app.topic(job.topic, value_type=bytes, value_serializer="raw", key_type=bytes, key_serializer="raw")
    app.agent(topic, name="fold")(fold)
    run(app)


if __name__ == "__main__":
    main()
