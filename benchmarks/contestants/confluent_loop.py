"""The floor of plain Python: confluent-kafka in batches, orjson, a dictionary of lists. No guarantee of any kind."""

from orjson import loads

from benchmarks.contestants.reading import batches, values_of
from benchmarks.job import WINDOW_MS, Meter, Plain, plain_totals, read_job


def main() -> None:
    job = read_job()
    meter, seen = Meter(job), 0
    groups: Plain = {}
    for batch in batches(job, meter):
        values = values_of(batch)
        seen += len(values)
        add(groups, values)
    meter.last()
    meter.report(seen, plain_totals(groups))


def add(groups: Plain, values: list[bytes]) -> None:
    """Add events to their groups."""
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


if __name__ == "__main__":
    main()
