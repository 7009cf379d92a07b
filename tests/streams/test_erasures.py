"""Erasure before release: who is gone, from when on, and who is not."""

from streams.blocks import Answer
from streams.erasures import Erased, subject_of, without_erased

EPOCH_MS = 10


def answer(number: int, person: str, log_ms: int) -> Answer:
    return Answer(answer=f"a{number}", log_ms=log_ms, person=person, labels=("",) * 7)


JANE_EARLY, JANE_LATE, JOE = answer(1, "jane", 3), answer(2, "jane", 15), answer(3, "joe", 4)
ALL = [JANE_EARLY, JOE, JANE_LATE]
GONE = Erased(subject=subject_of("t", "jane"), log_ms=8)


def left(erasures: list[Erased], epoch_end_ms: int, tenant: str = "t") -> list[Answer]:
    return without_erased(tenant, ALL, erasures, epoch_end_ms=epoch_end_ms)


def test_answers_up_to_the_erasure_are_gone_from_the_first_epoch_that_ends_after_it() -> None:
    assert left([GONE], 7) == ALL
    assert left([GONE], 8) == left([GONE], 10) == [JOE, JANE_LATE]


def test_what_comes_after_it_is_new_until_the_next_one() -> None:
    again = Erased(subject=GONE.subject, log_ms=18)
    assert left([again, GONE], 10) == [JOE, JANE_LATE]
    assert left([again, GONE], 20) == left([GONE, again], 20) == [JOE]


def test_another_tenant_knows_nobody_of_that_name() -> None:
    assert left([GONE], 10, tenant="u") == ALL
    assert subject_of("t", "jane") != subject_of("u", "jane")


def test_nobody_can_pass_for_another_by_moving_the_border_between_tenant_and_name() -> None:
    assert subject_of("a", "bc") != subject_of("ab", "c")
