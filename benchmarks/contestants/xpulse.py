"""xpulse: the telemetry worker from Kafka to rows acknowledged by ClickHouse, commits included."""

from benchmarks.contestants.worker import run_measured
from benchmarks.job import read_job

if __name__ == "__main__":
    run_measured(read_job())
