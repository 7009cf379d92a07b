"""bytewax: its Kafka source, orjson, `fold_window` over tumbling windows of the event time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.operators import windowing
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import run_main
from orjson import loads

from benchmarks.job import BATCH, KEY, WINDOW_MS, Group, Meter, Sums, milli, read_job

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RESULTS: dict[Group, list[float]] = {}


class Kept(StatelessSinkPartition[Any]):
    def write_batch(self, items: list[Any]) -> None:
        for key, (window, sums) in items:
            RESULTS[key, window * WINDOW_MS] = sums


class Keep(DynamicSink[Any]):
    def build(self, _step: str, _index: int, _count: int) -> Kept:
        return Kept()


def fold(sums: list[float], reading: tuple[datetime, float]) -> list[float]:
    v = reading[1]
    return [sums[0] + 1, sums[1] + v, min(sums[2], v), max(sums[3], v)] if sums else [1, v, v, v]


def main() -> None:
    job = read_job()
    meter, flow = Meter(job), Dataflow("fold")
    seen = 0

    def decode(message: Any) -> tuple[str, tuple[datetime, float]]:
        nonlocal seen
        meter.first()
        seen += 1
        e = loads(message.value)
        return "|".join([e[name] for name in KEY]), (EPOCH + timedelta(milliseconds=e["event_time_ms"]), e["value"])

    stream = op.input("in", flow, KafkaSource([job.brokers], [job.topic], tail=False, batch_size=BATCH))
    keyed = op.map("decode", stream, decode)
    clock = windowing.EventClock(lambda reading: reading[0], timedelta(hours=1))
    tumbling = windowing.TumblingWindower(length=timedelta(milliseconds=WINDOW_MS), align_to=EPOCH)
    windows = windowing.fold_window("sum", keyed, clock, tumbling, list, fold, lambda a, b: b or a, ordered=False)
    op.output("out", windows.down, Keep())
    run_main(flow)
    meter.last()
    meter.report(seen, totals_of())


def totals_of() -> dict[Group, Sums]:
    return {group: (int(n), milli(total), milli(low), milli(high)) for group, (n, total, low, high) in RESULTS.items()}


if __name__ == "__main__":
    main()
