"""Response rates: the last part of the release, run by its agent once blocks and bundles of the epochs are marked.

A cohort is one row and one insert, so that it is published or not; a release that died goes on behind the last one.
What was published is read and never built again, whatever is corrected or erased later.
"""

from __future__ import annotations

from dataclasses import asdict

import orjson

from agents.cohort_tables import CohortTables, Invited
from agents.release_epochs import Superseded
from streams.cohorts import Cohort, CohortRule, answered_in_time, cohorts
from streams.erasures import without_erased
from streams.release_rules import Rules


class Cohorts:
    """Publishes the cohorts that are due; for one thread at a time.

    Args:
        tables: Where invitations and cohorts are.
        rule: The rule of cohorts; one for all tenants, or by tenant.
    """

    def __init__(self, tables: CohortTables, rule: CohortRule | Rules[CohortRule]) -> None:
        self._tables = tables
        self._rules = rule if isinstance(rule, Rules) else Rules(usual=rule)
        self._done_ms: tuple[int, ...] = ()

    def release_until(self, until_ms: int) -> int:
        """Publish the cohorts of all epochs that are due; return how many there were.

        Args:
            until_ms: End of an epoch up to which all records are stored; ms since the epoch.

        Raises:
            WarehouseError: No answer or no acknowledgement; call again later.
            Superseded: Another agent was faster; call again.
        """
        days = tuple(self._last_day(until_ms, rule) for rule in self._rules.all)
        if days == self._done_ms:  # nothing can have become due since: the log is complete so far
            return 0
        found = self._tables.invited(max(0, *days), erased_until_ms=until_ms)
        published = sum(self._publish(tenant, found[tenant], until_ms) for tenant in sorted(found))
        self._done_ms = days
        return published

    @staticmethod
    def _last_day(until_ms: int, rule: CohortRule) -> int:
        """Return the end of the last day whose cohort may be due."""
        reached_ms = until_ms // rule.epoch_ms * rule.epoch_ms - rule.deadline_ms
        return reached_ms // rule.cohort_ms * rule.cohort_ms

    def _publish(self, tenant: str, known: Invited, until_ms: int) -> int:
        rule = self._rules.of(tenant)
        asked = without_erased(tenant, known.asked, known.erasures, epoch_end_ms=until_ms)
        due = cohorts(asked, from_ms=known.from_ms, until_ms=until_ms, rule=rule)
        for cohort in due:
            self._publish_one(tenant, cohort, answered_in_time(cohort, known.answered_ms, rule), rule)
        return len(due)

    def _publish_one(self, tenant: str, cohort: Cohort, answered: int, rule: CohortRule) -> None:
        """Publish a cohort and look whether it counts, before the next one that begins where it ends."""
        text = orjson.dumps(asdict(rule), option=orjson.OPT_SORT_KEYS).decode()
        self._tables.publish(tenant, cohort, answered, text)
        ours = (cohort.start_ms, cohort.end_ms, len(cohort.members), answered)
        if self._tables.published_since(tenant, cohort.start_ms) != [ours]:
            raise Superseded("another release agent published the same invitations")
