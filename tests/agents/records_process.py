"""A worker process with records and release only: `python -m tests.agents.records_process TOPIC`, settings as usual."""

import sys

from agents import records, release
from agents.app import make_app
from agents.processes import prepare, run, state_dir, warehouse
from agents.release_tables import ReleaseTables
from agents.settings import read_settings
from agents.topics import topic_state
from streams.blocks import rule_of


def main() -> None:
    topic = sys.argv.pop(1)
    settings = read_settings()
    prepare(settings)
    profile = settings.time_profile()
    app = make_app(settings.group_prefix, brokers=settings.brokers, data_dir=state_dir(settings))
    state = topic_state(settings.brokers, topic)
    origin = records.Origin(topic=topic, incarnation=state.incarnation, partitions=state.partitions)
    worker = records.RecordsWorker(app, records.ClickHouseRecords(warehouse(settings), origin), flush_s=0.1)
    records.register(app, worker, topic)
    releaser = release.Releaser(ReleaseTables(warehouse(settings)), rule_of(profile), b"secret of the test")
    release.register(app, releaser, stored_ms=worker.stored_ms)
    run(app)


if __name__ == "__main__":
    main()
