"""Quix Streams: regrouped by the job's key through its repartition topic, then a tumbling window that is reduced."""

import os
from typing import Any
from uuid import uuid4

from quixstreams import Application
from quixstreams.models.topics import TopicConfig

from benchmarks.job import KEY, WINDOW_MS, Group, Job, Meter, Sums, milli, read_job

GRACE_MS = 15 * WINDOW_MS
"""Partitions are read at different speed from a backlog: nothing may be late."""
FOR_EVER = {"retention.ms": "-1", "retention.bytes": "-1", "cleanup.policy": "delete"}
"""The repartition topic takes this over from the source topic, of which the embedded broker does not tell it."""


def main() -> None:
    job = read_job()
    meter, results = Meter(job), dict[Group, list[float]]()
    app = make_app(job)
    config = TopicConfig(num_partitions=job.partitions, replication_factor=1, extra_config=FOR_EVER)
    topic = app.topic(job.topic, config=config, value_deserializer="json", timestamp_extractor=event_time)
    topic.broker_config.extra_config.update(FOR_EVER)
    frame = app.dataframe(topic).update(lambda _value: meter.first())
    frame = frame.group_by(lambda e: "|".join([e[name] for name in KEY]), name="key")
    frame = frame.tumbling_window(WINDOW_MS, grace_ms=GRACE_MS).reduce(reducer=merge, initializer=begin).current()
    seen = 0

    def keep(result: dict[str, Any], key: Any, _timestamp: int, _headers: Any) -> None:
        nonlocal seen
        seen += 1
        results[key, result["start"]] = result["value"]
        if seen == job.events:
            meter.last()
            meter.report(seen, totals_of(results))
            os._exit(0)

    frame.update(keep, metadata=True)
    app.run()


def make_app(job: Job) -> Application:
    return Application(
        broker_address=job.brokers,
        consumer_group=f"bench-{uuid4().hex[:12]}",
        auto_offset_reset="earliest",
        state_dir=f"{job.out}/state",
        loglevel="WARNING",
        consumer_extra_config={"session.timeout.ms": 6_000, "max.poll.interval.ms": 10_000},
    )


def event_time(value: Any, _headers: Any, _timestamp: float, _kind: Any) -> int:
    at: int = value["event_time_ms"]
    return at


def begin(event: dict[str, Any]) -> list[float]:
    v = event["value"]
    return [1, v, v, v]


def merge(sums: list[float], event: dict[str, Any]) -> list[float]:
    v = event["value"]
    return [sums[0] + 1, sums[1] + v, min(sums[2], v), max(sums[3], v)]


def totals_of(results: dict[Group, list[float]]) -> dict[Group, Sums]:
    return {group: (int(n), milli(total), milli(low), milli(high)) for group, (n, total, low, high) in results.items()}


if __name__ == "__main__":
    main()
