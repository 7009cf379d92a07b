"""The plain loop with a sink: the rows of xpulse once a second, by clickhouse-connect's `insert`, without a guarantee.

A row holds what a row of xpulse's tiles holds of a group: n, sum, sum of squares, min, max, good and attempted time, a
histogram and the smallest device hashes, of what came since the last row. Nothing is checked, repeated events count
twice, and what a crash leaves half written stays so. With the option `lean` rows hold only n, sum, sum of squares, min
and max.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from typing import Any

import clickhouse_connect
from orjson import loads

from benchmarks.contestants.reading import batches, values_of
from benchmarks.job import WINDOW_MS, Meter, read_job

FLUSH_S = 1.0
DEVICES = 256
GOOD_MS, COVERS_MS = 2000, 5000

Groups = dict[tuple[str, str, str, str, str, int], list[Any]]
KEY_COLUMNS = ["tenant", "metric", "country", "service", "application", "window_start"]
LEAN_COLUMNS = [*KEY_COLUMNS, "n", "sum", "sum_squares", "min", "max"]
COLUMNS = [*LEAN_COLUMNS, "good_ms", "attempted_ms", "hist_bucket", "hist_count", "devices"]


def main() -> None:
    job = read_job()
    is_lean, rows, seen = "lean" in job.options, 0, 0
    client = clickhouse_connect.get_client(**json.loads(job.options["clickhouse"]))
    add, columns = (add_lean, LEAN_COLUMNS) if is_lean else (add_full, COLUMNS)
    meter, groups, flushed = Meter(job), Groups(), time.monotonic()
    for batch in batches(job, meter):
        values = values_of(batch)
        add(groups, values)
        seen += len(values)
        if time.monotonic() - flushed >= FLUSH_S or seen == job.events:
            rows += len(groups)
            client.insert("loop_rows", rows_of(groups, is_lean=is_lean), column_names=columns)
            groups, flushed = Groups(), time.monotonic()
    meter.last()
    meter.report(seen, rows_per_event=rows / seen)


def add_lean(groups: Groups, values: list[bytes]) -> None:
    for raw in values:
        e = loads(raw)
        at, v = e["event_time_ms"], round(e["value"] * 1000)
        key = e["tenant"], e["metric"], e["country"], e["service"], e["application"], at - at % WINDOW_MS
        sums = groups.get(key)
        if sums is None:
            groups[key] = [1, v, v * v, v, v]
            continue
        sums[0] += 1
        sums[1] += v
        sums[2] += v * v
        if v < sums[3]:
            sums[3] = v
        elif v > sums[4]:
            sums[4] = v


def add_full(groups: Groups, values: list[bytes]) -> None:
    for raw in values:
        e = loads(raw)
        at, v = e["event_time_ms"], round(e["value"] * 1000)
        key = e["tenant"], e["metric"], e["country"], e["service"], e["application"], at - at % WINDOW_MS
        sums = groups.get(key)
        if sums is None:
            sums = groups[key] = [0, 0, 0, v, v, 0, 0, {}, set()]
        sums[0] += 1
        sums[1] += v
        sums[2] += v * v
        if v < sums[3]:
            sums[3] = v
        elif v > sums[4]:
            sums[4] = v
        if key[1][-1] in "0246":
            covers = e["covers_ms"] or COVERS_MS
            sums[6] += covers
            if v <= GOOD_MS * 1000:
                sums[5] += covers
        bucket = bucket_of(v)
        sums[7][bucket] = sums[7].get(bucket, 0) + 1
        sums[8].add(e["device"])


def bucket_of(v: int) -> int:
    mantissa, exponent = math.frexp(v)
    return (exponent - 1) * 64 + int((2 * mantissa - 1) * 64) + 1 if v > 0 else 0


_hashes: dict[str, int] = {}


def hash_of(device: str) -> int:
    known = _hashes.get(device)
    if known is None:
        digest = hashlib.blake2b(device.encode(), digest_size=6).digest()
        known = _hashes[device] = int.from_bytes(digest, "big")
    return known


def rows_of(groups: Groups, *, is_lean: bool) -> list[list[Any]]:
    if is_lean:
        return [[*key[:5], key[5] // 1000, *sums] for key, sums in groups.items()]
    rows = []
    for key, (*sums, histogram, devices) in groups.items():
        buckets = sorted(histogram)
        counts = [histogram[bucket] for bucket in buckets]
        hashes = sorted(map(hash_of, devices))[:DEVICES]
        rows.append([*key[:5], key[5] // 1000, *sums, buckets, counts, hashes])
    return rows


if __name__ == "__main__":
    main()
