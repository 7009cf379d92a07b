"""Faust as its user guide teaches it: a record, a tumbling windowed table, one event at a time."""

from datetime import timedelta
from typing import Any

import faust

from benchmarks.job import WINDOW_MS, Group, Meter, Sums, milli, read_job
from benchmarks.peers.faust_app import end, make_app, run

NEVER = timedelta(days=3_650)


class Reading(faust.Record, serializer="json"):  # type: ignore[misc, call-arg]
    signal: str
    event_id: str
    tenant: str
    source: str
    event_time_ms: int
    device: str
    metric: str
    value: float
    person: str
    covers_ms: int
    shared: bool
    country: str
    site: str
    business_unit: str
    service: str
    application: str
    device_model: str
    os_version: str


def main() -> None:
    job = read_job()
    app, meter = make_app(job), Meter(job)
    sums_of = app.Table("sums", default=list, partitions=job.partitions)
    table = sums_of.tumbling(WINDOW_MS / 1000, expires=NEVER).relative_to(event_time_s)

    async def fold(stream: Any) -> None:
        seen = 0
        async for event in stream:
            meter.first()
            key = f"{event.tenant}|{event.metric}|{event.country}|{event.service}|{event.application}"
            sums, v = table[key].value(), event.value
            table[key] = [sums[0] + 1, sums[1] + v, min(sums[2], v), max(sums[3], v)] if sums else [1, v, v, v]
            seen += 1
            if seen == job.events:
                meter.last()
                meter.report(seen, totals_of(table))
                end()

    app.agent(app.topic(job.topic, value_type=Reading), name="fold")(fold)
    run(app)


def event_time_s(event: Any) -> float:
    return float(event.value.event_time_ms) / 1000


def totals_of(table: Any) -> dict[Group, Sums]:
    return {
        (key, round(begin * 1000)): (n, milli(total), milli(low), milli(high))
        for (key, (begin, _)), (n, total, low, high) in table.table.data.items()
    }


if __name__ == "__main__":
    main()
