"""`python -m benchmarks.peers.columns FOLDER GROUPS RUNS`: one tile grouped by polars and by pyarrow.

Both get numpy columns and give numpy columns back, as the fold needs them. The key is packed into one number and the
histogram's buckets are worked out by numpy: both make them faster. Neither has a sum in 128 bits for 64-bit numbers, so
sums of squares are right only as long as they fit, which here they do.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from benchmarks.grouping import Answer, cpu_us_per_reading, tile
from streams.aggregates import Ints, Readings, bucket


def by_polars(r: Readings) -> Answer:
    columns = {"key": r.code, "value": r.value, "square": r.value * r.value, "good": r.good, "attempted": r.attempted}
    frame = pl.DataFrame({**columns, "bucket": bucket(r.value), "device": r.device})
    value = pl.col("value")
    sums = frame.group_by("key").agg(
        pl.len().alias("n"),
        value.sum().alias("total"),
        pl.col("square").sum().alias("squares"),
        value.min().alias("minimum"),
        value.max().alias("maximum"),
        pl.col("good").sum(),
        pl.col("attempted").sum(),
    )
    histogram = frame.group_by("key", "bucket").len("bucket_count").sort("key", "bucket")
    devices = frame.select("key", "device").unique().sort("key", "device")
    parts = (sums.sort("key"), histogram, devices)
    return _answer(*({name: part[name].to_numpy() for name in part.columns} for part in parts))


def by_pyarrow(r: Readings) -> Answer:
    columns = {"key": r.code, "value": r.value, "square": r.value * r.value, "good": r.good, "attempted": r.attempted}
    table = pa.table({**columns, "bucket": bucket(r.value), "device": r.device})
    names = {
        "total": ("value", "sum"),
        "squares": ("square", "sum"),
        "minimum": ("value", "min"),
        "maximum": ("value", "max"),
        "good": ("good", "sum"),
        "attempted": ("attempted", "sum"),
        "n": ("value", "count"),
    }
    sums = table.group_by("key").aggregate(list(names.values())).sort_by("key")
    by_bucket = table.group_by(["key", "bucket"]).aggregate([([], "count_all")])
    histogram = by_bucket.sort_by([("key", "ascending"), ("bucket", "ascending")])
    devices = table.group_by(["key", "device"]).aggregate([]).sort_by([("key", "ascending"), ("device", "ascending")])
    renamed = {name: sums[f"{column}_{kind}"].to_numpy() for name, (column, kind) in names.items()}
    counts = {"key": histogram["key"], "bucket": histogram["bucket"], "bucket_count": histogram["count_all"]}
    return _answer(
        {"key": sums["key"].to_numpy(), **renamed},
        {name: column.to_numpy() for name, column in counts.items()},
        {name: devices[name].to_numpy() for name in ("key", "device")},
    )


def _answer(sums: Mapping[str, Ints], histogram: Mapping[str, Ints], devices: Mapping[str, Ints]) -> Answer:
    """All three parts are in the order of their keys."""
    lengths = {"bucket_length": histogram["key"], "device_length": devices["key"]}
    ends = {name: np.searchsorted(keys, sums["key"], side="right") for name, keys in lengths.items()}
    ragged = {name: np.diff(end, prepend=0) for name, end in ends.items()}
    return {**sums, **histogram, **devices, **ragged, "code": sums["key"]}


WAYS: Mapping[str, Callable[[Readings], Answer]] = {"polars": by_polars, "pyarrow": by_pyarrow}


def main() -> None:
    folder, groups, runs = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    readings, figures = tile(groups), {}
    for name, way in WAYS.items():
        np.savez(folder / f"{name}.npz", **dict(way(readings)))
        figures[name] = cpu_us_per_reading(lambda way=way: way(readings), readings=len(readings), runs=runs)
    (folder / "figures.json").write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
