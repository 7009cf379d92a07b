"""A worker process with delivery only: `python -m tests.agents.notify.delivering_process` with the usual settings."""

from agents import deliver
from agents.app import make_app
from agents.deliver_routes import notify_config
from agents.deliver_store import DeliverStore
from agents.notify import build_notifiers
from agents.processes import prepare, run, state_dir, warehouse
from agents.refusals import Quarantine
from agents.settings import read_settings
from agents.topics import ALERTS, Cluster, topic_state


def main() -> None:
    settings = read_settings()
    prepare(settings)
    app = make_app(settings.group_prefix, brokers=settings.brokers, data_dir=state_dir(settings))
    state, cluster = topic_state(settings.brokers, ALERTS), Cluster(settings.brokers, timeout_s=5.0)
    worker = deliver.DeliverWorker(
        app,
        build_notifiers(notify_config(settings)),
        DeliverStore(warehouse(settings)),
        Quarantine(warehouse(settings), ALERTS, state.incarnation),
        partitions=state.partitions,
        is_topic_there=lambda: ALERTS in cluster.states([ALERTS]),
    )
    deliver.register(app, worker)
    run(app)


if __name__ == "__main__":
    main()
