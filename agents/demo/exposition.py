"""Reading a process's metrics page: totals, and quantiles of histograms."""

from __future__ import annotations

import math
from collections.abc import Iterable

from prometheus_client.parser import text_string_to_metric_families

Buckets = list[tuple[float, float]]
"""(upper bound, readings at or below it), ascending; the last bound is infinite."""


def read_buckets(page: str, metric: str) -> Buckets:
    """Return a histogram's buckets from a metrics page, added up over its labels; empty if it is not there.

    Args:
        page: Text in Prometheus' exposition format.
        metric: Name of the histogram.
    """
    sums: dict[float, float] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples if family.name == metric else ():
            if sample.name == f"{metric}_bucket":
                bound = float(sample.labels["le"])
                sums[bound] = sums.get(bound, 0.0) + sample.value
    return sorted(sums.items())


def read_total(page: str, metric: str) -> float:
    r"""Return a metric's value, added up over its labels; 0 if it is not there.

    Args:
        page: Text in Prometheus' exposition format.
        metric: Name of a gauge, or of a counter with its `_total`.

    Example:
        >>> read_total('entries{kind="person"} 2.0\nentries{kind="device"} 3.0\n', "entries")
        5.0
    """
    families = text_string_to_metric_families(page)
    return float(sum(sample.value for family in families for sample in family.samples if sample.name == metric))


def quantile(buckets: Iterable[tuple[float, float]], q: float) -> float | None:
    """Return the value below which a share `q` of the readings lies, linear within a bucket as in PromQL.

    Args:
        buckets: As `read_buckets` returns them.
        q: 0 to 1.

    Returns:
        None without readings; the largest finite bound if the quantile lies beyond it.

    Example:
        >>> quantile([(1.0, 50.0), (2.0, 100.0), (math.inf, 100.0)], 0.75)
        1.5
    """
    known = list(buckets)
    total = known[-1][1] if known else 0.0
    below_bound, below = 0.0, 0.0
    for bound, count in known:
        if total and count >= q * total:
            inside = 1.0 if count == below else (q * total - below) / (count - below)
            return below_bound if math.isinf(bound) else below_bound + (bound - below_bound) * inside
        below_bound, below = bound, count
    return None
