"""Sentry's arroyo: a stream processor with a strategy that folds batches, as its consumers do; orjson, a dictionary."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from arroyo.backends.kafka import KafkaConsumer, KafkaPayload
from arroyo.backends.kafka.configuration import build_kafka_consumer_configuration
from arroyo.processing.processor import StreamProcessor
from arroyo.processing.strategies import CommitOffsets, ProcessingStrategy, ProcessingStrategyFactory
from arroyo.types import Commit, Message, Partition, Topic
from orjson import loads

from benchmarks.job import BATCH, WINDOW_MS, Job, Meter, Plain, plain_totals, read_job


class Fold(ProcessingStrategy[KafkaPayload]):
    """Keeps messages until there is a batch of them, folds it, and hands the last one on to be committed."""

    def __init__(self, job: Job, next_step: ProcessingStrategy[Any]) -> None:
        self._job, self._next, self._meter = job, next_step, Meter(job)
        self._values: list[bytes] = []
        self._groups: Plain = {}
        self._seen = 0

    def poll(self) -> None:
        self._next.poll()

    def submit(self, message: Message[KafkaPayload]) -> None:
        self._meter.first()
        self._values.append(message.payload.value)
        if len(self._values) < BATCH and self._seen + len(self._values) < self._job.events:
            return
        add(self._groups, self._values)
        self._seen += len(self._values)
        self._values = []
        self._next.submit(message)
        if self._seen == self._job.events:
            self._meter.last()
            self._meter.report(self._seen, plain_totals(self._groups))
            os._exit(0)

    def close(self) -> None:
        self._next.close()

    def terminate(self) -> None:
        self._next.terminate()

    def join(self, timeout: float | None = None) -> None:
        self._next.join(timeout)


class Factory(ProcessingStrategyFactory[KafkaPayload]):
    def __init__(self, job: Job) -> None:
        self._job = job

    def create_with_partitions(
        self, commit: Commit, _partitions: Mapping[Partition, int]
    ) -> ProcessingStrategy[KafkaPayload]:
        return Fold(self._job, CommitOffsets(commit))


def add(groups: Plain, values: list[bytes]) -> None:
    """As `benchmarks.contestants.confluent_loop.add`, which this environment cannot import."""
    for raw in values:
        e = loads(raw)
        at, v = e["event_time_ms"], e["value"]
        key = e["tenant"], e["metric"], e["country"], e["service"], e["application"], at - at % WINDOW_MS
        sums = groups.get(key)
        if sums is None:
            groups[key] = [1, v, v, v]
            continue
        sums[0] += 1
        sums[1] += v
        if v < sums[2]:
            sums[2] = v
        elif v > sums[3]:
            sums[3] = v


def main() -> None:
    job = read_job()
    configuration = build_kafka_consumer_configuration(
        {},
        bootstrap_servers=[job.brokers],
        group_id=f"bench-{uuid4().hex}",
        auto_offset_reset="earliest",
        override_params={"session.timeout.ms": 6_000, "max.poll.interval.ms": 300_000, "heartbeat.interval.ms": 1_000},
    )
    StreamProcessor(KafkaConsumer(configuration), Topic(job.topic), Factory(job)).run()


if __name__ == "__main__":
    main()
