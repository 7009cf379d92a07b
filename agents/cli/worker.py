"""`xpulse worker telemetry | control`: one process of Faust agents."""

from typing import NoReturn

import typer

from agents import telemetry, telemetry_metrics
from agents.app import make_app
from agents.declared import read_catalogue
from agents.generations import generation_in_force
from agents.incarnation import Guarded, IncarnationGuard
from agents.processes import prepare, run, state_dir, warehouse
from agents.settings import Settings, read_settings
from agents.tile_store import ClickHouseTiles, Origin
from agents.topics import RECORDS, topic_state
from agents.watchdog import Watchdog
from streams.keys import Keys
from streams.profile import Profile
from streams.tiles import Rules

workers = typer.Typer(help="Run the agents that read from Kafka.", no_args_is_help=True)


@workers.command("telemetry")
def run_telemetry() -> NoReturn:
    """Fold telemetry into windows: any number of these share the partitions of the topic."""
    settings = read_settings()
    prepare(settings)
    profile = settings.time_profile()
    keys = Keys(read_catalogue(settings))
    origin = _origin(settings, profile)
    guard = IncarnationGuard(settings.brokers, telemetry.TOPIC, origin.incarnation)
    store = Guarded(ClickHouseTiles(warehouse(settings), keys, origin), guard)
    app = make_app(
        telemetry_group(settings.group_prefix, origin),
        brokers=settings.brokers,
        data_dir=state_dir(settings),
        leaves_group=settings.leaves_group == "yes",
    )
    worker = telemetry.TelemetryWorker(
        app,
        fold_rules(profile),
        keys,
        store,
        telemetry_metrics.PrometheusObserver(),
        telemetry.Pace(flush_s=profile.flush_ms / 1000),
    )
    telemetry.register(app, worker)
    Watchdog(settings.brokers, telemetry.TOPIC, worker.progress).start()
    run(app)


def telemetry_group(prefix: str, origin: Origin) -> str:
    """Return the consumer group: another log or another generation has offsets of its own."""
    return f"{prefix}-telemetry-g{origin.generation}-{origin.incarnation.hex[-12:]}"


@workers.command("control")
def run_control() -> NoReturn:
    """Take in records, release feedback, judge targets and deliver alerts."""
    # Here, for the telemetry worker needs nothing of it and starts sooner without.
    from agents.control import build_control  # noqa: PLC0415

    settings = read_settings()
    prepare(settings)
    app, progress = build_control(settings)
    Watchdog(settings.brokers, RECORDS, progress).start()
    run(app)


def fold_rules(profile: Profile) -> Rules:
    """Return what a profile says to the fold."""
    return Rules(
        tile_size=profile.tile_size,
        horizon=profile.horizon,
        window_ms=profile.window_ms,
        grace_ms=profile.grace_ms,
        max_keys=profile.max_keys,
    )


def _origin(settings: Settings, profile: Profile) -> Origin:
    state = topic_state(settings.brokers, telemetry.TOPIC)
    return Origin(
        topic=telemetry.TOPIC,
        incarnation=state.incarnation,
        partitions=state.partitions,
        generation=settings.generation or generation_in_force(warehouse(settings), profile),
        window_ms=profile.window_ms,
    )
