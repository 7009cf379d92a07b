"""`python -m tests.attack`: publish a simulated month by the real rule, then try to recover single answers from it.

Of each tenant the attackers are given every figure that a reader can sum up, and for each figure which answers are in
it: released rows, sums per epoch and labels, every frame of the one-day and seven-day windows of every slice of
country, service and channel (alerts and verdicts tell such windows), bundles, and response rates. Status 0: the blocks
hold, are worth having (country 99 %, service 94 %, median wait 2 h, 95 % within 26 h), and the broken rules are solved.
1: not so.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import orjson

from tests.attack.publishing import RULE
from tests.attack.run import Outcome, attack, solved_per_figure, solved_rebuilt, solved_reissued
from tests.attack.traffic import TAILS, make_traffic

LARGE = 2_000
SMALL = 60
SIZES = (LARGE, SMALL, 15, 5)
KEYS = """keys of --json: answers, solved_blocks, groups_under_k_blocks and forced_blocks_outside_unanimous are counts
over all tenants; solved_per_figure and solved_rebuild_mutant are shares of answers, from 0 to 1; coverage (shares,
from 0 to 1, by dimension) and wait_hours (median, p95) are those of the largest tenant; tenants holds each one's own.
"""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.attack",
        description=__doc__,
        epilog=KEYS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--days", type=int, default=30, help="length; the first day is a Monday (default: 30)")
    parser.add_argument("--seed", type=int, default=5, help="of the simulated answers (default: 5)")
    tails = ",".join(map(str, TAILS))
    parser.add_argument("--tails", default=tails, help=f"Zipf exponents: country,service,channel (default: {tails})")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    return parser.parse_args()


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Run; return the exit status."""
    given = _arguments()
    country, service, channel = (float(one) for one in given.tails.split(","))
    found: dict[int, Outcome] = {}
    broken: dict[str, float] = {}
    for per_day in SIZES:
        say(f"{per_day} answers a day for {given.days} days")
        answers = make_traffic(per_day=per_day, days=given.days, seed=given.seed, tails=(country, service, channel))
        found[per_day], published = attack(answers, say)
        if per_day == LARGE:
            say("  k new people per displayed figure, the first week")
            broken["solved_per_figure"], broken["detractors_per_figure"] = solved_per_figure(answers, every_ms=1)
            broken["solved_per_figure_by_epoch"], _ = solved_per_figure(answers, every_ms=RULE.epoch_ms)
        if per_day == SMALL:
            say("  blocks rebuilt with k + 1; blocks reissued without a member")
            broken["solved_rebuild_mutant"] = solved_rebuilt(answers, published)
            broken["solved_reissue_mutant"] = solved_reissued(answers, published, seed=given.seed)
    _tell(found, broken)
    report = {**_summary(found), **broken, "tenants": {str(size): one.to_json() for size, one in found.items()}}
    if given.json is not None:
        given.json.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2))
    return 0 if _holds(found, broken) else 1


def _summary(found: dict[int, Outcome]) -> dict[str, object]:
    return {
        "answers": sum(one.answers for one in found.values()),
        "solved_blocks": sum(one.solved for one in found.values()),
        "groups_under_k_blocks": sum(one.groups_under_k for one in found.values()),
        "forced_blocks_outside_unanimous": sum(one.forced_outside for one in found.values()),
        "coverage": found[LARGE].price.coverage,
        "wait_hours": found[LARGE].price.wait_hours,
    }


def _holds(found: dict[int, Outcome], broken: dict[str, float]) -> bool:
    is_tight = all(one.solved == one.groups_under_k == one.forced_outside == 0 for one in found.values())
    price = found[LARGE].price
    is_useful = price.coverage["country"] >= 0.99 and price.coverage["service"] >= 0.94
    is_soon = price.wait_hours["median"] <= 2 and price.wait_hours["p95"] <= 26
    is_sharp = broken["solved_per_figure"] > 0.7 and broken["solved_rebuild_mutant"] > 0
    return is_tight and is_useful and is_soon and is_sharp and broken["solved_reissue_mutant"] > 0


def _tell(found: dict[int, Outcome], broken: dict[str, float]) -> None:
    say("")
    say("answers/day  answers  blocks  figures  solved  groups<k  forced*  unanimous  all-detractor")
    for size, one in found.items():
        counts = f"{one.answers:>8}{one.blocks:>8}{one.figures:>9}{one.solved:>8}{one.groups_under_k:>10}"
        shares = f"{one.in_unanimous:>11.1%}{one.detractors_in_unanimous:>15.2%}"
        say(f"{size:>11}{counts}{one.forced_outside:>9}{shares}")
    say("* answers outside of unanimous blocks whose category follows by integer reasoning")
    say("")
    say("answers/day  invited  cohorts  in cohorts that all or nobody answered")
    for size, one in found.items():
        say(f"{size:>11}{one.invitations:>9}{one.cohorts:>9}{one.alike:>10.2%}")
    say("")
    say("answers/day  released  wait median/p95 h  names country/service/channel  error of 7-day score, points (RMSE)")
    for size, one in found.items():
        say(f"{size:>11}{_price(one)}")
    say("")
    solved, detractors = broken["solved_per_figure"], broken["detractors_per_figure"]
    say(f"k new people per figure: {solved:.1%} of a week's answers solved, {detractors:.1%} of its detractors known")
    say(f"    figures shown anew every 10 minutes only: {broken['solved_per_figure_by_epoch']:.1%} solved")
    say(f"rebuilt with k + 1: {broken['solved_rebuild_mutant']:.1%} solved ({SMALL} answers a day)")
    say(f"reissued without a member: {broken['solved_reissue_mutant']:.0f} answers solved of 50 blocks")


def _price(one: Outcome) -> str:
    wait = "{median:.1f} / {p95:.1f}".format(**one.price.wait_hours) if one.price.wait_hours else "-"
    names = " / ".join(f"{share:.1%}" for share in one.price.coverage.values())
    errors = ", ".join(f"{name} {error:.1f}" for name, error in one.price.rmse.items())
    return f"{one.price.released:>10.1%}{wait:>19}{names:>31}  {errors}"


if __name__ == "__main__":
    raise SystemExit(main())
