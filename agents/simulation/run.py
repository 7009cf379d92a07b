"""One simulated month from an empty tenant to figures that were compared.

Three processes: this one plays people, releases and judges by answers; another one draws and inserts telemetry
meanwhile, and a third one judges by windows.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path

from agents.declared import read_catalogue, read_target_files, target_files
from agents.explaining import Explaining
from agents.gateway.directory import DirectoryFolder
from agents.gateway.directory_load import load
from agents.gateway.identity import Pseudonyms
from agents.judge_store import JudgeStore
from agents.judge_tandem import Tandems
from agents.links import Bases
from agents.records import PROGRESS_COLUMNS
from agents.seal_tables import SealTables
from agents.settings import Settings
from agents.simulation import telemetry_load
from agents.simulation.admission import in_force, refuse, seal_versions
from agents.simulation.check import Outcome, Simulated, compare
from agents.simulation.judge_load import (
    Judged,
    MonthNews,
    find_watermelons,
    grid_of,
    judge_month,
    judge_windows,
    raise_alerts,
)
from agents.simulation.records_load import store, take_in
from agents.simulation.release_load import release_month, release_rates
from agents.simulation.telemetry_load import Order
from agents.simulation.telemetry_totals import Loaded
from agents.simulation.telling import Teller
from agents.tandem_store import TandemStore
from agents.target_ledger import TargetLedger
from agents.warehouse.client import Address, Warehouse
from agents.warehouse.migrate import public_of
from agents.why_store import WhyStore
from streams.events.judging import Target
from streams.profile import Profile
from streams.simulate.directory import directory_csv
from streams.simulate.month import DAY_S, Month
from streams.simulate.organisation import Organisation, build_organisation
from streams.targets import Stamp, expand
from streams.targets.indicators import INDICATORS, kind_of

SEAL_COLUMNS = ("profile", "period_s", "period_start", "generation", "seal", "windows", "n", "sealed_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a month goes.

    Attributes:
        key: The installation's secret.
        directory: Folder of the loaded directories.
    """

    address: Address
    profile: Profile
    key: bytes = field(repr=False)
    directory: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What became of it.

    Attributes:
        seconds: Phase -> wall time.
        rows: Rows of telemetry by table.
    """

    simulated: Simulated
    outcome: Outcome
    seconds: Mapping[str, float]
    rows: Mapping[str, int]


def simulate(month: Month, destination: Destination, settings: Settings, say: Callable[[str], None]) -> Done:
    """Fill an empty tenant with a month and compare what the views say of it.

    Args:
        month: What to simulate.
        destination: Where it goes.
        settings: Files and addresses of the installation.
        say: Takes lines for people about how far it is.

    Raises:
        ConfigError: The tenant has rows already, another profile is in force, or others' telemetry is in the way.
        WarehouseError: Not acknowledged; the tenant is left half full.
    """
    with closing(Warehouse(destination.address)) as warehouse:
        destination = replace(destination, profile=in_force(warehouse, destination.profile))
        refuse(warehouse, month)
        versions = seal_versions(warehouse, month, destination.profile)
        return _Run(month, destination, settings, warehouse, versions, Teller(say)).run()


class _Run:
    def __init__(
        self,
        month: Month,
        destination: Destination,
        settings: Settings,
        warehouse: Warehouse,
        versions: dict[int, int],
        teller: Teller,
    ) -> None:
        self._month, self._destination, self._settings = month, destination, settings
        self._warehouse = warehouse
        self._teller = teller
        self._incarnation = uuid.uuid5(uuid.NAMESPACE_URL, f"xpulse:month:{month.tenant}")
        self._order = Order(
            month=month, profile=destination.profile, address=destination.address, key=destination.key,
            catalogue=Path(settings.catalogue_file), incarnation=self._incarnation, versions=versions,
        )  # fmt: skip
        self._catalogue = read_catalogue(settings)
        self._grid = grid_of(destination.profile)

    def run(self) -> Done:
        month, profile = self._month, self._destination.profile
        organisation = build_organisation(month.tenant, month.size, month.seed)
        targets = self._targets(organisation)
        by_windows = [target for target in targets if INDICATORS[target.indicator].reads == "windows"]
        by_answers = [target for target in targets if target not in by_windows]
        with self._process() as other, self._process() as third:
            loading = self._load_telemetry(other)
            judging = third.submit(judge_windows, self._order, by_windows)
            intakes, records = take_in(
                month, organisation, self._directory(organisation), Pseudonyms(self._destination.key),
                self._teller.phase("people"),
            )  # fmt: skip
            tell = self._teller.phase("release")
            blocks, bundles = release_month(
                self._warehouse, records.rows["feedback"].values(), month.end_s * 1000, profile, self._destination.key
            )
            blocks.publish()
            bundles.publish()
            tell(1.0)
            store(self._warehouse, self._incarnation, intakes, self._teller.phase("records"))
            self._pass_time(records.events)
            release_rates(self._warehouse, month.tenant, month.end_s * 1000, profile)
            TargetLedger(self._warehouse).append(targets)
            judged = self._judge(
                by_answers, MonthNews(month, profile, blocks=blocks.released, bundles=bundles.released)
            )
            telemetry = self._commit_telemetry(other, loading)
            tell = self._teller.phase("judging windows")
            judged.add(judging.result())
            tell(1.0)
        self._explain(judged)
        simulated = Simulated(
            month=month, profile=profile, organisation=organisation, telemetry=telemetry, records=records,
            blocks=blocks, bundles=bundles, judged=judged,
        )  # fmt: skip
        tell = self._teller.phase("comparison")
        outcome = compare(self._warehouse, public_of(self._destination.address.database), simulated)
        tell(1.0)
        return Done(simulated=simulated, outcome=outcome, seconds=self._teller.seconds, rows=telemetry.rows)

    def _load_telemetry(self, other: ProcessPoolExecutor) -> list[Future[Loaded]]:
        tell, days = self._teller.phase("telemetry"), self._month.whole_days
        loading = [other.submit(telemetry_load.load_day, day_s) for day_s in days]
        loading.append(other.submit(telemetry_load.load_tail))
        done = [0]

        def count(_future: Future[Loaded]) -> None:
            done[0] += 1
            tell(done[0] / len(loading))

        for future in loading:
            future.add_done_callback(count)
        return loading

    def _commit_telemetry(self, other: ProcessPoolExecutor, loading: Sequence[Future[Loaded]]) -> Loaded:
        found = Loaded()
        for future in loading:
            found.add(future.result())
        unseal_hours(SealTables(self._warehouse))
        other.submit(telemetry_load.load_audit, found.readings).result()
        _seal(self._warehouse, self._order, found)
        return found

    def _directory(self, organisation: Organisation) -> DirectoryFolder:
        folder = self._destination.directory
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        source = folder / f".{uuid.uuid4().hex}"
        try:
            source.write_text(directory_csv(organisation), encoding="utf-8")
            load(source, tenant=self._month.tenant, folder=folder, pseudonyms=Pseudonyms(self._destination.key))
        finally:
            source.unlink(missing_ok=True)
        directory = DirectoryFolder(folder)
        directory.refresh()
        return directory

    def _pass_time(self, events: int) -> None:
        """Say that all records until the end of the month are stored, as the gateway's ticks do."""
        row = (self._incarnation, 0, 1, events + 1, events, 0, self._month.end_s * 1000)
        self._warehouse.insert_rows("records_progress", PROGRESS_COLUMNS, [row])

    def _targets(self, organisation: Organisation) -> list[Target]:
        """Return the shipped targets, in force since the beginning, or since base windows are kept."""
        month = self._month
        values = {
            "country": list(organisation.countries),
            "service": sorted(set(organisation.applications.values())),
            "application": sorted(organisation.applications),
        }
        found: list[Target] = []
        for spec in read_target_files(target_files(), self._catalogue):
            reads = INDICATORS[kind_of(spec.indicator)].reads
            stamp = _stamp(month.kept_s if reads == "windows" else month.start_s)
            found += expand(
                spec, tenant=month.tenant, profile=self._destination.profile.name, values=values, stamp=stamp
            )
        return found

    def _process(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(1, get_context("spawn"), telemetry_load.begin, (self._order,))

    def _judge(self, targets: Sequence[Target], news: MonthNews) -> Judged:
        return judge_month(
            JudgeStore(self._warehouse), news, targets, self._month, self._grid, self._teller.phase("judging")
        )

    def _explain(self, judged: Judged) -> None:
        why = WhyStore(self._warehouse, self._catalogue.metrics)
        bases = Bases(screens=self._settings.screens_url, alertmanager=self._settings.silences_url)
        explaining = Explaining(why, self._grid, bases)
        tell, judge = self._teller.phase("explanations"), JudgeStore(self._warehouse)
        raise_alerts(judge, judged, explaining)
        tandems = Tandems(TandemStore(self._warehouse), self._destination.profile.period_ms)
        find_watermelons(judge, judged, tandems, explaining)
        tell(1.0)


def _stamp(begin_s: int) -> Stamp:
    return Stamp(
        valid_from_ms=begin_s * 1000, recorded_at_ms=begin_s * 1000, author="simulation", reason="a simulated month"
    )


def unseal_hours(tables: SealTables) -> None:
    """Let the tiles of the day under way be read: another tenant may have had some of its hours sealed."""
    cut = tables.cut()
    hours = cut.hours if cut else None
    if hours:
        for day in tables.days():
            tables.forget(hours, day)


def _seal(warehouse: Warehouse, order: Order, loaded: Loaded) -> None:
    """Commit the seals of the whole days, which are never built again: their tiles were never kept."""
    now_ms, profile = int(time.time() * 1000), order.profile
    days = [(int(time.strftime("%Y%m%d", time.gmtime(day_s))), now_ms) for day_s in order.versions]
    warehouse.insert_rows("tiles_expired", ("day", "expired_at"), days)
    rows = [
        (
            profile.name, DAY_S, day_s, profile.generation, version, loaded.windows[day_s],
            sum(loaded.readings[day_s]), now_ms,
        )
        for day_s, version in order.versions.items()
    ]  # fmt: skip
    warehouse.insert_rows("seals", SEAL_COLUMNS, rows)
    SealTables(warehouse).publish()
