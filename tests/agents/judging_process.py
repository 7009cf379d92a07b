"""A worker process with judge and delivery only: `python -m tests.agents.judging_process` with the usual settings."""

from dataclasses import replace

from agents import deliver, judge
from agents.app import make_app
from agents.deliver_routes import notify_config
from agents.deliver_store import DeliverStore
from agents.judge_store import JudgeStore
from agents.notify import build_notifiers
from agents.processes import prepare, run, state_dir, warehouse
from agents.publisher import Publisher
from agents.refusals import Quarantine
from agents.settings import read_settings
from agents.topics import ALERTS, TARGETS, Cluster, topic_state
from tests.agents.judged_world import GRID


def main() -> None:
    settings = read_settings()
    prepare(settings)
    app = make_app(settings.group_prefix, brokers=settings.brokers, data_dir=state_dir(settings))
    targets, alerts = topic_state(settings.brokers, TARGETS), topic_state(settings.brokers, ALERTS)
    judging = judge.JudgeWorker(
        app,
        JudgeStore(warehouse(settings)),
        Publisher(settings.brokers),
        Quarantine(warehouse(settings), TARGETS, targets.incarnation),
        grid=GRID,
        pace=judge.Pace(round_s=0.25),
    )
    judge.register(app, judging)
    cluster = Cluster(settings.brokers, timeout_s=5.0)
    delivering = deliver.DeliverWorker(
        app,
        build_notifiers(replace(notify_config(settings), webhook_may_be_local=True)),
        DeliverStore(warehouse(settings)),
        Quarantine(warehouse(settings), ALERTS, alerts.incarnation),
        partitions=alerts.partitions,
        is_topic_there=lambda: ALERTS in cluster.states([ALERTS]),
    )
    deliver.register(app, delivering)
    run(app)


if __name__ == "__main__":
    main()
