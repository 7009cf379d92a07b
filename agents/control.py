"""The control worker: records, release, judge, delivery, sealing; one process, a connection for each."""

from __future__ import annotations

from collections.abc import Callable

import faust

from agents import deliver, expire, judge, records, release, seal
from agents.app import make_app
from agents.bundle import Bundler
from agents.bundle_tables import BundleTables
from agents.cohort import Cohorts
from agents.cohort_tables import CohortTables
from agents.declared import read_catalogue, read_cohort_rules, read_release_rules
from agents.deliver_routes import notify_config
from agents.deliver_store import DeliverStore
from agents.explaining import Explaining
from agents.gateway.identity import read_key
from agents.incarnation import Guarded, IncarnationGuard
from agents.judge_news import Grid
from agents.judge_store import JudgeStore
from agents.judge_tandem import Tandems
from agents.links import Bases
from agents.notify import build_notifiers
from agents.processes import state_dir, warehouse
from agents.publisher import Publisher
from agents.refusals import Quarantine
from agents.release_tables import ReleaseTables
from agents.seal_tables import SealTables
from agents.settings import Settings
from agents.tandem_store import TandemStore
from agents.topics import ALERTS, RECORDS, TARGETS, Cluster, TopicState, topic_state
from agents.watchdog import Progress
from agents.why_store import WhyStore
from streams.bundles import bundle_rule_of
from streams.judging.verdicts import Ruler
from streams.profile import Profile
from streams.release_rules import bundle_rules


def build_control(settings: Settings) -> tuple[faust.App, Callable[[], Progress]]:
    """Return the application with all its agents, and what a watchdog asks about its reading of the records.

    Raises:
        ConfigError: A setting is wrong, or a topic is missing.
        DeliveryError: The broker does not answer.
    """
    profile = settings.time_profile()
    states = {topic: topic_state(settings.brokers, topic) for topic in (RECORDS, TARGETS, ALERTS)}
    # Another log has offsets of its own.
    group = f"{settings.group_prefix}-control-{states[RECORDS].incarnation.hex[-12:]}"
    leaves_group = settings.leaves_group == "yes"
    app = make_app(group, brokers=settings.brokers, data_dir=state_dir(settings), leaves_group=leaves_group)
    intake = _add_records(app, settings, profile, states[RECORDS])
    _add_release(app, settings, profile, intake)
    _add_judge(app, settings, profile, states[TARGETS])
    _add_delivery(app, settings, states[ALERTS])
    _add_seal(app, settings, profile, intake)
    expire.register(app, expire.Expirer(warehouse(settings)), is_mine=lambda: intake.stored_ms() is not None)
    return app, intake.progress


def _add_records(app: faust.App, settings: Settings, profile: Profile, state: TopicState) -> records.RecordsWorker:
    origin = records.Origin(incarnation=state.incarnation, partitions=state.partitions)
    guard = IncarnationGuard(settings.brokers, RECORDS, state.incarnation)
    store = records.ClickHouseRecords(warehouse(settings), origin)
    worker = records.RecordsWorker(app, Guarded(store, guard), flush_s=profile.flush_ms / 1000)
    records.register(app, worker)
    return worker


def _add_release(app: faust.App, settings: Settings, profile: Profile, intake: records.RecordsWorker) -> None:
    key = read_key(settings.key_path())
    rules = read_release_rules(settings)
    bundler = Bundler(BundleTables(warehouse(settings)), bundle_rules(bundle_rule_of(profile), rules), key)
    cohorts = Cohorts(CohortTables(warehouse(settings)), read_cohort_rules(settings, rules))
    releaser = release.Releaser(ReleaseTables(warehouse(settings)), rules, key, bundler, cohorts)
    release.register(app, releaser, stored_ms=intake.stored_ms)


def _add_judge(app: faust.App, settings: Settings, profile: Profile, state: TopicState) -> None:
    least_k = min(rule.k for rule in read_release_rules(settings).all)
    grid = Grid(
        epochs=Ruler(unit_ms=profile.epoch_ms, per_observation=least_k),
        windows=Ruler(unit_ms=profile.window_ms, per_observation=1),
        bundles=Ruler(unit_ms=profile.epoch_ms, per_observation=profile.bundle_people),
    )
    why = WhyStore(warehouse(settings), read_catalogue(settings).metrics)
    worker = judge.JudgeWorker(
        app,
        JudgeStore(warehouse(settings)),
        Publisher(settings.brokers),
        Quarantine(warehouse(settings), TARGETS, state.incarnation),
        grid=grid,
        pace=judge.Pace(round_s=profile.judge_ms / 1000),
        advice=judge.Advice(
            explainer=Explaining(why, grid, Bases(screens=settings.screens_url, alertmanager=settings.silences_url)),
            watermelons=Tandems(TandemStore(warehouse(settings)), profile.period_ms),
        ),
    )
    judge.register(app, worker)


def _add_delivery(app: faust.App, settings: Settings, state: TopicState) -> None:
    cluster = Cluster(settings.brokers, timeout_s=5.0)
    worker = deliver.DeliverWorker(
        app,
        build_notifiers(notify_config(settings)),
        DeliverStore(warehouse(settings)),
        Quarantine(warehouse(settings), ALERTS, state.incarnation),
        partitions=state.partitions,
        is_topic_there=lambda: ALERTS in cluster.states([ALERTS]),
    )
    deliver.register(app, worker)


def _add_seal(app: faust.App, settings: Settings, profile: Profile, intake: records.RecordsWorker) -> None:
    sealer = seal.Sealer(SealTables(warehouse(settings)))
    # One process of several is enough: the owner of the first partition of the records.
    seal.register(app, sealer, period_ms=profile.period_ms, is_mine=lambda: intake.stored_ms() is not None)
