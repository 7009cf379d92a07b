"""A model of the tile protocol whose every step hypothesis chooses, checked after each step; and broken protocols.

Beside the answer at the end, two things must hold at any time: each stored row says what the log says up to its
version, and everything below a committed offset (and the duplicate horizon above it) is stored for good.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from streams.fold import PartitionFold
from tests.streams.broken_folds import BROKEN
from tests.streams.tile_world import OUTCOMES, RULES, Owner, Place, World, added, make_log

LENGTH = 45
MOST_OWNERS = 6
numbers = st.integers(0, 1_000)
"""Picks one of several: number modulo how many there are."""


class TileMachine(RuleBasedStateMachine):
    """Two partitions, workers that lose them knowingly or not, and a store whose answers cannot be trusted."""

    kind: type[PartitionFold] = PartitionFold
    world: World

    @initialize(seed=st.integers(0, 1_000))
    def begin(self, seed: int) -> None:
        rng = random.Random(seed)
        self.world = World([make_log(rng, LENGTH) for _ in range(2)], self.kind)

    def owner(self, number: int) -> Owner:
        """Any worker; every other time one that owns its partition."""
        owners = [owner for owner in self.world.owners if number % 2 == 0 or self.world.is_current(owner)]
        return owners[number // 2 % len(owners)]

    @rule(number=numbers, most=st.integers(1, 12), again=st.sampled_from([0, 0, 1, 3]))
    def fetch(self, number: int, most: int, again: int) -> None:
        self.world.fetch(self.owner(number), most, again=again)

    @rule(number=numbers, outcome=st.sampled_from(OUTCOMES), luck=st.integers(0, 1_000))
    def flush(self, number: int, outcome: str, luck: int) -> None:
        rng = random.Random(luck)
        self.world.flush(self.owner(number), outcome, lambda _: rng.random() < 0.5)

    @rule(number=numbers)
    def answer(self, number: int) -> None:
        self.world.answer(self.owner(number))

    @rule(number=numbers, is_lost=st.booleans())
    def commit(self, number: int, is_lost: bool) -> None:
        self.world.commit(self.owner(number), is_lost=is_lost)

    @rule(number=numbers, before=st.integers(1, 12), meanwhile=st.integers(0, 9), is_lost=st.booleans())
    def work(self, number: int, before: int, meanwhile: int, is_lost: bool) -> None:
        """What a worker does all day: read, flush, read on until the answer comes, commit."""
        owner = self.owner(number)
        self.world.fetch(owner, before)
        self.world.flush(owner, "slow")
        self.world.fetch(owner, meanwhile)
        self.world.answer(owner)
        self.world.commit(owner, is_lost=is_lost)

    @precondition(lambda self: len(self.world.owners) < MOST_OWNERS)
    @rule(partition=st.integers(0, 1))
    def revoke(self, partition: int) -> None:
        self.world.assign(partition)

    @rule(number=numbers)
    def kill(self, number: int) -> None:
        self.world.bury(self.owner(number))

    @precondition(lambda self: any(not self.world.is_current(owner) for owner in self.world.owners))
    @rule(number=numbers, most=st.integers(1, 9), is_delayed=st.booleans())
    def a_zombie_goes_on(self, number: int, most: int, is_delayed: bool) -> None:
        zombies = [owner for owner in self.world.owners if not self.world.is_current(owner)]
        zombie = zombies[number % len(zombies)]
        self.world.fetch(zombie, most)
        self.world.flush(zombie, "delayed" if is_delayed else "ok")
        self.world.commit(zombie, is_lost=False)

    @precondition(lambda self: self.world.delayed)
    @rule(number=numbers)
    def land(self, number: int) -> None:
        self.world.land(number % len(self.world.delayed))

    @invariant()
    def each_row_is_what_the_log_says_up_to_its_version(self) -> None:
        world = self.world
        wrong = {
            place: (hi, row)
            for place, (hi, row) in world.store.rows.items()
            if row != added(world.truth.get(place, ()), hi)
        }
        assert not wrong

    @invariant()
    def below_a_commit_everything_is_stored(self) -> None:
        world, size = self.world, RULES.tile_size
        for partition, offset in enumerate(world.committed):
            if offset is None:
                continue
            assert offset % size == 0, "a commit is a boundary of tiles"
            end = offset // size + RULES.horizon
            closed = {tile for (p, tile), (hi, _) in world.store.audit.items() if p == partition and hi % size == 0}
            assert closed >= set(range(end)), "all tiles that the next owner writes no rows for are complete"
            missing = [place for place in self.places(partition, end) if place not in world.store.rows]
            assert not missing

    def places(self, partition: int, end: int) -> list[Place]:
        return [place for place in self.world.truth if place[0] == partition and place[1] < end]

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.heal()
            assert self.world.is_exact()


def play(kind: type[PartitionFold], examples: int) -> None:
    """Let hypothesis play; the same games each time, so that a run that passes passes again."""
    machine = type(f"TileMachineOf{kind.__name__}", (TileMachine,), {"kind": kind})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=40, deadline=None, derandomize=True, database=None,
            phases=[Phase.generate], suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
        ),
    )  # fmt: skip


def test_the_fold_holds_in_every_game() -> None:
    play(PartitionFold, 60)


@pytest.mark.parametrize("broken", BROKEN, ids=lambda kind: kind.__name__)
def test_a_broken_fold_loses_a_game(broken: type[PartitionFold]) -> None:
    with pytest.raises(AssertionError):
        play(broken, 60)
