import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from agents.gateway.answers import MAX_PROBLEMS, Problem, Refusal
from agents.gateway.body import Limits
from agents.gateway.directory import DirectoryFolder
from agents.gateway.directory_load import load
from agents.gateway.directory_rows import HEADER
from agents.gateway.documents import EXAMPLES
from agents.gateway.enrich import Enricher
from agents.gateway.identity import Pseudonyms, is_pseudonym
from agents.gateway.intake import DOORS, Intake, _plain_list, header_tenant
from streams.catalogue import Catalogue
from streams.codecs import Ok, decode, decode_list
from streams.events import Feedback

TRICKY = ("", "plain", "\x00", "\x1b", "\x7f", "\x9f", "\u202e", "\ufeff", "\u2028", "\\", "\t", "ø", "日本")
NOW_MS = 1_772_440_867_123


def refused(intake: Intake, door: str, body: bytes | Any, tenant: str = "") -> Refusal:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(Refusal) as caught:
        intake.records(DOORS[door], raw, tenant, NOW_MS)
    return caught.value


def kept(intake: Intake, door: str, *events: Mapping[str, Any], tenant: str = "") -> list[dict[str, Any]]:
    records = intake.records(DOORS[door], json.dumps(events).encode(), tenant, NOW_MS)
    return [json.loads(value) for _, value, _, _ in records]


def example(door: str, **changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**EXAMPLES[door], **changes}.items() if value is not None}


@pytest.mark.parametrize("door", DOORS)
def test_examples_are_taken_and_what_is_kept_is_canonical(intake: Intake, door: str) -> None:
    body = json.dumps(EXAMPLES[door]).encode()
    ((key, value, stamp, partition),) = intake.records(DOORS[door], body, "", NOW_MS)
    decoded = decode(value)
    assert isinstance(decoded, Ok)
    assert type(decoded.event) is DOORS[door].kind
    assert (stamp, partition) == (NOW_MS, None)
    assert key
    assert b"jane" not in key + value
    assert b"PC-17" not in key + value


def test_keys_are_the_device_and_tenant_with_entity(intake: Intake, pseudonyms: Pseudonyms) -> None:
    for door, entity in (
        ("feedback", "r-1"),
        ("tickets", "INC0010125"),
        ("changes", "CHG0030"),
        ("invitations", "i-1"),
    ):
        ((key, *_),) = intake.records(DOORS[door], json.dumps(EXAMPLES[door]).encode(), "", NOW_MS)
        assert key == f"acme/{entity}".encode()
    ((key, *_),) = intake.records(DOORS["telemetry"], json.dumps(EXAMPLES["telemetry"]).encode(), "", NOW_MS)
    assert key.decode() == pseudonyms.of("acme", "device", "PC-17")


def test_identities_become_pseudonyms_of_their_kind(intake: Intake, pseudonyms: Pseudonyms) -> None:
    (reading,) = kept(intake, "telemetry", example("telemetry", person="same", device="same"))
    assert reading["person"] == pseudonyms.of("acme", "person", "same")
    assert reading["device"] == pseudonyms.of("acme", "device", "same")
    assert reading["person"] != reading["device"]
    (ticket,) = kept(intake, "tickets", example("tickets", person=None))
    assert ticket["person"] == ""


@pytest.mark.parametrize(
    ("door", "change", "field", "why"),
    [
        ("feedback", {"score": 11}, "score", "expected int <= 10"),
        ("feedback", {"score": "9"}, "score", "expected int | null, got str"),
        ("feedback", {"score": True}, "score", "expected int | null, got bool"),
        ("feedback", {"person": None}, "person", "missing"),
        ("feedback", {"person": " \t"}, "person", "control character"),
        ("feedback", {"person": "  "}, "person", "expected more than blanks"),
        ("feedback", {"person": ""}, "person", "expected str of length >= 1"),
        ("feedback", {"state": "done"}, "state", "not one of partial, final, retracted"),
        ("feedback", {"revision": None}, "revision", "missing"),
        ("feedback", {"mood": 3}, "mood", "unknown field"),
        ("feedback", {"signal": "ticket"}, "signal", "not one of feedback"),
        ("feedback", {"country": "*"}, "country", "* is reserved"),
        ("feedback", {"channel": "__other__"}, "channel", "__other__ is reserved"),
        ("feedback", {"comment_ref": "a\u202eb"}, "comment_ref", "control character"),
        ("telemetry", {"device": "\u3000"}, "device", "expected more than blanks"),
        ("telemetry", {"metric": "app.unheard_of"}, "metric", "not in the metric catalogue"),
        ("telemetry", {"value": 1e300}, "value", "expected float < "),
        ("telemetry", {"covers_ms": -1}, "covers_ms", "expected int >= 0"),
        ("tickets", {"kind": "lost"}, "kind", "not one of opened"),
        ("changes", {"event_time_ms": "now"}, "event_time_ms", "expected int, got str"),
    ],
)
def test_a_bad_event_is_named_by_index_field_and_rule(
    intake: Intake, door: str, change: dict[str, Any], field: str, why: str
) -> None:
    refusal = refused(intake, door, [example(door), example(door, **change)])
    assert refusal.status == 422
    (problem,) = refusal.problems
    assert (problem.index, problem.field) == (1, field)
    assert why in problem.why
    body = refusal.body()
    assert body.error.endswith("; nothing of this request was accepted")
    assert f"field {field}" in body.error


def test_what_was_sent_is_not_repeated(intake: Intake) -> None:
    canary = "canary-4711"
    for change in ({"state": canary}, {"score": canary}, {"signal": canary}, {"person": canary, "scale": 7}):
        assert canary not in str(refused(intake, "feedback", example("feedback", **change)).body())


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"", 400, "not_json"),
        (b"name=value", 400, "not_json"),
        (b"{", 400, "not_json"),
        (b'[{"a":1},]', 400, "not_json"),
        (b'{"event_id":"\xff"}', 400, "not_json"),
        (b'"text"', 422, "invalid"),
        (b"null", 422, "invalid"),
        (b"[1, 2]", 422, "invalid"),
        (b"[" * 100_000 + b"]" * 100_000, 422, "invalid"),
    ],
)
def test_other_bodies_are_refused_in_their_class(intake: Intake, body: bytes, status: int, reason: str) -> None:
    refusal = refused(intake, "feedback", body)
    assert (refusal.status, refusal.reason) == (status, reason)
    assert refusal.retry_after_s is None


def test_an_empty_list_is_nothing(intake: Intake) -> None:
    assert intake.records(DOORS["feedback"], b" [ ] ", "", NOW_MS) == []


def test_too_many_events_are_refused(intake: Intake) -> None:
    refusal = refused(intake, "feedback", [example("feedback")] * 101)
    assert (refusal.status, refusal.error) == (413, "101 events; at most 100 in one request")


def test_a_long_list_of_problems_is_cut_and_counted(
    tmp_path: Path, pseudonyms: Pseudonyms, catalogue: Catalogue
) -> None:
    intake = Intake(Enricher(pseudonyms, DirectoryFolder(tmp_path)), catalogue, Limits())
    body = refused(intake, "feedback", [example("feedback", score=-1)] * 300).body()
    assert (len(body.problems), body.problems_total) == (MAX_PROBLEMS, 300)
    assert body.problems[-1].index == MAX_PROBLEMS - 1
    assert "(and 299 more problems)" in body.error


def test_the_header_names_the_tenant_where_the_event_does_not(intake: Intake) -> None:
    events = (example("feedback", tenant=None), example("feedback", tenant="globex"), example("feedback", tenant=None))
    assert [event["tenant"] for event in kept(intake, "feedback", *events, tenant="globex")] == ["globex"] * 3
    (one,) = intake.records(DOORS["feedback"], json.dumps(events[0]).encode(), "globex", NOW_MS)
    assert json.loads(one[1])["tenant"] == "globex"


def test_header_and_event_must_agree(intake: Intake) -> None:
    refusal = refused(intake, "feedback", [example("feedback"), example("feedback", tenant="globex")], "acme")
    assert refusal.problems == [Problem(1, "tenant", "not the tenant of the header X-Xpulse-Tenant")]


def test_somebody_must_name_the_tenant(intake: Intake) -> None:
    refusal = refused(intake, "feedback", example("feedback", tenant=None))
    assert refusal.problems == [Problem(0, "tenant", "missing")]


def test_a_missing_tenant_does_not_hide_another_fault(intake: Intake) -> None:
    events = [example("feedback", tenant=None), example("feedback", tenant=None, score=-1)]
    assert [(p.index, p.field) for p in refused(intake, "feedback", events, "acme").problems] == [(1, "score")]
    broken = json.dumps(example("feedback", tenant=None)).encode() + b'"\xff"'
    assert refused(intake, "feedback", b"[" + broken + b"]", "acme").status in {400, 422}


@pytest.mark.parametrize("value", ["", "  ", "x" * 201, "a\x07b", "Ã¸"])
def test_a_header_without_a_tenant_is_refused(value: str) -> None:
    with pytest.raises(Refusal) as caught:
        header_tenant(value)
    assert caught.value.status == 400


def test_no_header_is_no_tenant() -> None:
    assert header_tenant(None) == ""
    assert header_tenant(" acme ") == "acme"


DIRECTORY = f"""{",".join(HEADER)}
person,jane.doe@example.com,2020-01-01,NO,Oslo,Sales,,,,
device,PC-17,2020-01-01,SE,Malmö,,,Latitude,Windows 11,true
device,PC-17,2027-01-01,DK,,,,,,
application,mail,2020-01-01,,,,email,,,
"""


@pytest.fixture
def knowing(tmp_path: Path, pseudonyms: Pseudonyms, catalogue: Catalogue) -> Intake:
    source = tmp_path / "directory.csv"
    source.write_text(DIRECTORY)
    load(source, tenant="acme", folder=tmp_path / "loaded", pseudonyms=pseudonyms)
    folder = DirectoryFolder(tmp_path / "loaded")
    folder.refresh()
    return Intake(Enricher(pseudonyms, folder), catalogue, Limits())


def test_telemetry_is_where_its_device_is(knowing: Intake) -> None:
    (reading,) = kept(knowing, "telemetry", example("telemetry", country="XX", site="sent", service="sent"))
    assert (reading["country"], reading["site"], reading["service"]) == ("SE", "Malmö", "email")
    assert (reading["device_model"], reading["os_version"], reading["shared"]) == ("Latitude", "Windows 11", True)
    assert reading["business_unit"] == "Sales"  # the device's entry leaves it open, its user's does not


def test_what_the_directory_does_not_know_stays_as_sent(knowing: Intake) -> None:
    unknown = {"device": "PC-99", "person": None, "application": "other"}
    sent = {"country": "XX", "service": "sent", "shared": True, "device_model": "model"}
    (reading,) = kept(knowing, "telemetry", example("telemetry", **unknown, **sent))
    assert {name: reading[name] for name in sent} == sent


def test_the_version_of_the_events_own_time_counts(knowing: Intake) -> None:
    (reading,) = kept(knowing, "telemetry", example("telemetry", event_time_ms=1_800_000_000_000, person=None))
    assert (reading["country"], reading["site"], reading["shared"]) == ("DK", "", False)


def test_answers_are_where_the_person_is_and_about_what_was_sent(knowing: Intake) -> None:
    for door in ("feedback", "invitations", "tickets"):
        (event,) = kept(knowing, door, example(door, country="XX", service="vpn"))
        assert (event["country"], event["site"], event["service"]) == ("NO", "Oslo", "vpn")
    (change,) = kept(knowing, "changes", example("changes", service="sent"))
    assert (change["service"], change["site"]) == ("email", "Oslo")


def test_other_tenants_share_nothing(knowing: Intake) -> None:
    (event,) = kept(knowing, "feedback", example("feedback", tenant="globex"))
    assert event["country"] == ""


def unknown(kind: str) -> float:
    return REGISTRY.get_sample_value("xpulse_gateway_unknown_dimensions_total", {"kind": kind}) or 0.0


def test_unknown_identities_are_counted(knowing: Intake) -> None:
    before = {kind: unknown(kind) for kind in ("person", "device", "application")}
    events = [example("telemetry", device="PC-99", application="other"), example("telemetry", person="joe")]
    kept(knowing, "telemetry", *events)
    assert {kind: unknown(kind) - n for kind, n in before.items()} == {"person": 1, "device": 1, "application": 1}


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
    )
)
def test_any_json_is_taken_or_refused(intake: Intake, document: Any) -> None:
    for door in DOORS.values():
        try:
            records = intake.records(door, json.dumps(document).encode(), "acme", NOW_MS)
        except Refusal as refusal:
            assert refusal.status in {400, 422}  # noqa: PT017  # both outcomes are allowed
        else:
            assert records == []


names = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names, names, st.integers(0, 10))
def test_any_identity_leaves_as_a_pseudonym(intake: Intake, person: str, device: str, score: int) -> None:
    (answer,) = kept(intake, "feedback", example("feedback", person=person, score=score))
    (reading,) = kept(intake, "telemetry", example("telemetry", person=person, device=device))
    assert is_pseudonym(answer["person"])
    assert is_pseudonym(reading["device"])
    assert answer["person"] == reading["person"]
    assert answer["score"] == score


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "score": st.integers(-1, 11) | st.none(),
                "country": st.text(max_size=3),
                "comment_ref": st.sampled_from(TRICKY),
            }
        ),
        max_size=4,
    )
)
def test_a_list_read_in_one_go_is_what_reading_one_by_one_gives(changes: list[dict[str, Any]]) -> None:
    events = [{**EXAMPLES["feedback"], **change} for change in changes]
    for body in (json.dumps(events).encode(), json.dumps(events, ensure_ascii=False).encode()):
        at_once = _plain_list(body, Feedback)
        if at_once is not None:
            assert [Ok(event) for event in at_once] == decode_list(body, Feedback)


@pytest.mark.parametrize("byte", range(0x20))
def test_a_bare_control_character_is_no_json(byte: int) -> None:
    body = json.dumps([{**EXAMPLES["feedback"], "comment_ref": "@"}]).encode().replace(b"@", bytes([byte]))
    assert _plain_list(body, Feedback) is None
