"""What publishing would change, key by key and slice by slice."""

import msgspec

from streams.events.judging import Target
from streams.targets import Stamp, differences, retirement
from tests.streams.targets.test_expansion import targets

NOW = {target.target: target for target in targets()}
FIRST, *OTHERS = targets()


def altered(first: Target, /, **changes: object) -> Target:
    return msgspec.structs.replace(first, **changes)


def test_the_same_files_change_nothing() -> None:
    found = differences(NOW, targets(), {"pairs"})
    assert (found.changed, found.appearing, found.vanishing, len(found.unchanged)) == ({}, (), (), 4)


def test_a_change_names_key_old_and_new_value_and_not_who_wrote_it() -> None:
    draft = altered(FIRST, objective=70.0, owner="ops", author="bo", reason="new", recorded_at_ms=99)
    found = differences(NOW, [draft, *OTHERS], {"pairs"})
    assert found.changed == {FIRST.target: {"objective": (60.0, 70.0), "owner": ("desk", "ops")}}


def test_slices_appear_and_vanish_within_their_files() -> None:
    new = altered(FIRST, target="pairs/country=DK,service=vpn")
    other = altered(FIRST, target="other/country=DK")
    found = differences({**NOW, other.target: other}, [*OTHERS, new], {"pairs"})
    assert (found.appearing, found.vanishing) == ((new.target,), (FIRST.target,))


def test_a_retired_slice_appears_again_and_does_not_vanish_twice() -> None:
    gone = retirement(FIRST, Stamp(valid_from_ms=9_000, recorded_at_ms=9_000, author="bo", reason="gone"))
    assert gone is not None
    known = {**NOW, FIRST.target: gone}
    assert differences(known, targets(), {"pairs"}).appearing == (FIRST.target,)
    assert differences(known, OTHERS, {"pairs"}).vanishing == ()
