"""The limit: librdkafka's consumer, every value looked at by nobody."""

from benchmarks.contestants.reading import batches
from benchmarks.job import Meter, read_job


def main() -> None:
    job = read_job()
    meter, seen = Meter(job), 0
    for batch in batches(job, meter):
        seen += len(batch)
    meter.last()
    meter.report(seen)


if __name__ == "__main__":
    main()
