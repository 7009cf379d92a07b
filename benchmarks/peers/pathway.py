"""pathway: its Kafka reader of JSON, a tumbling window of the event time, its own reducers."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pathway as pw

from benchmarks.job import WINDOW_MS, Group, Meter, Sums, milli, read_job


class Reading(pw.Schema):  # type: ignore[misc]
    tenant: str
    metric: str
    country: str
    service: str
    application: str
    event_time_ms: int
    value: float


def main() -> None:
    job = read_job()
    meter, results = Meter(job), dict[Group, Sums]()
    settings = {
        "bootstrap.servers": job.brokers,
        "group.id": f"bench-{uuid4().hex}",
        "auto.offset.reset": "earliest",
        "session.timeout.ms": "6000",
    }
    meter.first()  # its engine reads in threads of its own, out of sight: joining counts here
    table = pw.io.kafka.read(settings, topic=job.topic, schema=Reading, format="json", mode="static")
    this = pw.this
    key = pw.make_tuple(this.tenant, this.metric, this.country, this.service, this.application)
    sums = table.windowby(this.event_time_ms, window=pw.temporal.tumbling(WINDOW_MS), instance=key).reduce(
        begin=this._pw_window_start,  # noqa: SLF001 - its public name
        key=this._pw_instance,  # noqa: SLF001 - the same
        n=pw.reducers.count(),
        total=pw.reducers.sum(this.value),
        low=pw.reducers.min(this.value),
        high=pw.reducers.max(this.value),
    )

    def keep(key: Any, row: dict[str, Any], time: int, is_addition: bool) -> None:  # noqa: ARG001 - its names
        if is_addition:
            group = "|".join(row["key"]), row["begin"]
            results[group] = row["n"], milli(row["total"]), milli(row["low"]), milli(row["high"])

    pw.io.subscribe(sums, on_change=keep)
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)
    meter.last()
    meter.report(sum(n for n, *_ in results.values()), results)


if __name__ == "__main__":
    main()
