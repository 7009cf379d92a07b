"""Bytes to events and back: nothing that is accepted is wrong, nothing that is refused is an exception."""

import io
import json
import math
import struct
from pathlib import Path
from typing import Any, get_args

import fastavro
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.avro import FORMS, HEADER_BYTES, MARKER
from streams.checks import tricky_field
from streams.codecs import (
    MAX_EVENT_BYTES,
    TELEMETRY_JSON,
    AnyEvent,
    Invalid,
    Ok,
    decode,
    decode_list,
    decode_telemetry,
    encode_avro,
    encode_json,
)
from streams.errors import InvariantError
from streams.events import EVENTS, Event, Feedback, Target, Telemetry, Tick, Verdict
from streams.reasons import MAX_REASON

SCHEMAS = Path(__file__).parents[2] / "schemas" / "avro"
SECRET = "Ola-Nordmann"

CHARACTERS = st.characters(exclude_categories=("Cs", "Cc", "Cf", "Zl", "Zp"))


def strings(smallest: int | None, largest: int | None, pattern: str | None = None) -> st.SearchStrategy[str]:
    if pattern is not None:
        return st.from_regex(pattern, fullmatch=True)
    return st.text(CHARACTERS, min_size=smallest or 0, max_size=min(largest or 200, 12))


def floats(smallest: float | None, largest: float | None) -> st.SearchStrategy[float]:
    return st.floats(-1e300 if smallest is None else smallest, 1e300 if largest is None else largest)


SCALARS: dict[type[msgspec.inspect.Type], Any] = {
    msgspec.inspect.StrType: lambda kind: strings(kind.min_length, kind.max_length, kind.pattern),
    msgspec.inspect.IntType: lambda kind: st.integers(kind.ge, kind.le),
    msgspec.inspect.BoolType: lambda kind: st.booleans(),
    msgspec.inspect.NoneType: lambda kind: st.none(),
    msgspec.inspect.LiteralType: lambda kind: st.sampled_from(kind.values),
    msgspec.inspect.FloatType: lambda kind: floats(
        math.nextafter(kind.gt, math.inf) if kind.gt is not None else kind.ge,
        math.nextafter(kind.lt, -math.inf) if kind.lt is not None else kind.le,
    ),
}


def values(kind: msgspec.inspect.Type) -> st.SearchStrategy[Any]:
    """Return all values that a field's type allows."""
    match kind:
        case msgspec.inspect.UnionType(types=types):
            return st.one_of([values(part) for part in types])
        case msgspec.inspect.ListType(item_type=item):
            return st.lists(values(item), max_size=4)
        case msgspec.inspect.DictType(value_type=value):
            return st.dictionaries(strings(1, 20), values(value), max_size=4)
    strategy: st.SearchStrategy[Any] = SCALARS[type(kind)](kind)
    return strategy


def events_of(kind: type[Event]) -> st.SearchStrategy[Event]:
    info = msgspec.inspect.type_info(kind)
    assert isinstance(info, msgspec.inspect.StructType)
    return st.builds(kind, **{field.name: values(field.type) for field in info.fields})


EVENT = st.one_of([events_of(kind) for kind in EVENTS.values()])


def fields(**changes: object) -> dict[str, object]:
    reading = {
        "event_id": "e-1",
        "tenant": "acme",
        "source": "curl",
        "event_time_ms": 1,
        "device": "d",
        "metric": "m",
        "value": 1,
    }
    return {"signal": "telemetry"} | reading | changes


def reading(**changes: object) -> bytes:
    return json.dumps(fields(**changes)).encode()


def answer(**changes: object) -> bytes:
    required = {"event_id": "e-1", "tenant": "acme", "source": "curl", "event_time_ms": 1, "revision": 0}
    own = {"signal": "feedback", "response_id": "r-1", "state": "final", "person": "p-1"}
    return json.dumps(required | own | changes).encode()


def reason(raw: bytes) -> str:
    result = decode(raw)
    assert isinstance(result, Invalid), result
    assert len(result.reason) <= MAX_REASON
    return result.reason


class TestRoundTrip:
    @pytest.mark.parametrize("kind", EVENTS.values())
    @given(data=st.data())
    def test_comes_back_the_same_from_both_encodings(self, kind: type[Event], data: st.DataObject) -> None:
        event = data.draw(events_of(kind))
        assert decode(encode_json(event)) == Ok(event)
        assert decode(encode_avro(event)) == Ok(event)

    @given(EVENT)
    def test_avro_is_what_another_reader_of_the_schema_file_reads(self, event: Event) -> None:
        schema = json.loads((SCHEMAS / f"{event.__struct_config__.tag}.avsc").read_text())
        body = io.BytesIO(encode_avro(event)[HEADER_BYTES:])
        assert fastavro.schemaless_reader(body, schema, None) == msgspec.structs.asdict(event)
        assert body.read() == b""

    @given(EVENT)
    def test_json_holds_every_field_and_the_signal(self, event: Event) -> None:
        assert set(json.loads(encode_json(event))) == {"signal", *event.__struct_fields__}

    @pytest.mark.parametrize("name", ["evidence", "score"])
    @pytest.mark.parametrize("number", [float("nan"), float("inf")])
    @pytest.mark.parametrize("encode", [encode_json, encode_avro])
    def test_a_number_that_json_would_turn_into_null_is_our_own_bug(
        self, name: str, number: float, encode: Any
    ) -> None:
        good = msgspec.convert(VERDICT, Verdict)
        with pytest.raises(InvariantError, match=f"Verdict.{name}"):
            encode(msgspec.structs.replace(good, **{name: number}))


VERDICT = {
    "tenant": "acme",
    "target": "t",
    "version": 1,
    "at_ms": 0,
    "verdict": "met",
    "score": 1.0,
    "lower": 0.0,
    "upper": 2.0,
    "n": 9,
    "rolling_score": None,
    "rolling_lower": None,
    "rolling_upper": None,
    "rolling_n": 0,
    "trend": "up",
    "coverage": None,
    "evidence": 0.5,
    "drifting": False,
}


class TestReasons:
    """The field and the rule, never what was sent."""

    @pytest.mark.parametrize(
        ("raw", "expected"),
        [
            (answer(score="9"), "$.score: expected int | null, got str"),
            (answer(score=11), "$.score: expected int <= 10"),
            (answer(score=9.5), "$.score: expected int | null, got float"),
            (answer(score=True), "$.score: expected int | null, got bool"),
            (answer(state=SECRET), "$.state: not one of partial, final, retracted"),
            (answer(state=3), "$.state: expected str, got int"),
            (answer(response_id=""), "$.response_id: expected str of length >= 1"),
            (answer(response_id="x" * 201), "$.response_id: expected str of length <= 200"),
            (answer(factors=["slow", 1]), "$.factors[...]: expected str, got int"),
            (answer(factors=["slow"] * 51), "$.factors: expected array of length <= 50"),
            (answer(revision=-1), "$.revision: expected int >= 0"),
            (answer(**{SECRET: 1}), "$: unknown field"),
            (answer(**{f"x` - at `$.{SECRET.lower()}": 1}), "$: unknown field"),
            (answer(signal=SECRET), f"$.signal: not one of {', '.join(EVENTS)}"),
            (answer(signal=1), "$.signal: expected str"),
            (reading(value=True), "$.value: expected float, got bool"),
            (reading(value="1"), "$.value: expected float, got str"),
            (reading(value=1e15), "$.value: expected float < 8796093022208.0"),
            (reading(value=None), "$.value: expected float, got null"),
            (reading(event_time_ms=-1), "$.event_time_ms: expected int >= 0"),
            (reading(event_time_ms=2**70), "$.event_time_ms: expected int <= 253402300799999"),
            (b'{"signal":"tick"}', "$.gateway: missing"),
            (b"{}", "$.signal: missing"),
            (b"", "$: empty"),
            (b"null", "$: expected object, got null"),
            (b"[]", "$: expected object, got array"),
            (b"hello", "$: malformed JSON: invalid character"),
            (b"[" * 60_000, "$: expected object, got array"),
            (reading() + b"x", "$: malformed JSON: trailing characters"),
            (reading() + b"\0", "$: malformed JSON: trailing characters"),
            (reading()[:-1], "$: malformed JSON: it ends too early, or half of a surrogate pair is missing"),
            (b'{"signal":"tick","gateway":"\xff","at_ms":1}', "$: not valid UTF-8"),
            (b" " * (MAX_EVENT_BYTES + 1), "$: larger than 65536 bytes"),
            (b"\xc3", "$: neither JSON nor Avro of a known schema (single-object encoding)"),
            (b"\xc3\x01" + b"\0" * 30, "$: neither JSON nor Avro of a known schema (single-object encoding)"),
        ],
    )
    def test_names_the_field_and_the_rule(self, raw: bytes, expected: str) -> None:
        assert reason(raw) == expected

    @pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 400, "0x10", "01", "1.", "+1"])
    def test_what_is_no_number_in_json_is_refused(self, token: str) -> None:
        reason(reading(value=0).replace(b'"value": 0', b'"value": ' + token.encode()))

    @given(st.sampled_from(sorted(Feedback.__struct_fields__)), st.sampled_from([SECRET, [SECRET], {SECRET: SECRET}]))
    def test_never_repeats_what_was_sent(self, name: str, sent: object) -> None:
        result = decode(answer(**{name: sent}))
        assert isinstance(result, Ok) or SECRET not in result.reason

    def test_the_last_of_two_keys_counts(self) -> None:
        result = decode(reading().replace(b'"value": 1', b'"value": 1, "value": 2'))
        assert isinstance(result, Ok)
        assert isinstance(result.event, Telemetry)
        assert result.event.value == 2

    def test_a_second_signal_must_agree(self) -> None:
        assert reason(reading()[:-1] + b',"signal":"tick"}').startswith("$.signal: not one of")


class TestText:
    @pytest.mark.parametrize("trick", ["\0", "\n", "\x1b[31m", "\x7f", "\x85", "\u2028", "\u202e", "\u2066", "\ufeff"])
    @pytest.mark.parametrize("as_ascii", [True, False])
    def test_names_hold_no_tricks_in_json(self, trick: str, as_ascii: bool) -> None:
        raw = json.dumps(fields(site=f"Os{trick}lo"), ensure_ascii=as_ascii).encode()
        assert reason(raw) == "$.site: control character or hidden text direction"

    @pytest.mark.parametrize("trick", ["\0", "\n", "\x1b", "\x7f", "\x85", "\u202e"])
    def test_nor_in_avro(self, trick: str) -> None:
        event = msgspec.convert(fields(site=f"Os{trick}lo"), Telemetry)
        assert reason(encode_avro(event)) == "$.site: control character or hidden text direction"

    @pytest.mark.parametrize(
        "name",
        ["Zürich", "Łódź", "東京", "ירושלים", "Côte d'Ivoire 🇨🇮", "no\u00a0break", 'a\\b"c/d', "zero\u200cwidth"],
    )
    @pytest.mark.parametrize("as_ascii", [True, False])
    def test_names_of_the_world_pass(self, name: str, as_ascii: bool) -> None:
        raw = json.dumps(fields(site=name), ensure_ascii=as_ascii).encode()
        expected = msgspec.convert(fields(site=name), Telemetry)
        assert decode(raw) == Ok(expected)
        assert decode(encode_avro(expected)) == Ok(expected)

    @pytest.mark.parametrize("part", ['"\\ud800"', '"\\udc00"', '"\\ud800\\ud800"', '"\\ud800abcdefgh"'])
    def test_half_surrogates_are_refused(self, part: str) -> None:
        reason(reading()[:-1] + f',"site":{part}}}'.encode())

    def test_lists_maps_and_keys_are_looked_at(self) -> None:
        assert reason(answer(factors=["good", "ba\x1bd"])).startswith("$.factors:")
        assert tricky_field(target(slice={"country": "N\x00O"})) == "slice"
        assert tricky_field(target(slice={"coun\x00try": "NO"})) == "slice"

    def test_the_operators_own_text_may_have_lines(self) -> None:
        assert tricky_field(target(purpose="first\n\tsecond\r\n")) is None
        assert tricky_field(target(purpose="bell\x07")) == "purpose"


def target(**changes: object) -> Target:
    words = dict.fromkeys(("tenant", "target", "author", "reason", "purpose", "owner", "metric", "runbook"), "x")
    choices = {"state": "active", "indicator": "happiness", "period": "month", "severity": "warning"}
    numbers = dict.fromkeys(("version", "valid_from_ms", "recorded_at_ms", "window_s", "min_respondents"), 5)
    levels = {"objective": 60.0, "run_length": 100.0, "recovery_length": 10.0}
    good: dict[str, object] = {**words, **choices, **numbers, **levels, "slice": {}}
    return msgspec.convert(good | changes, Target)


class TestAvroBytes:
    @pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf"), 2.0**43, -(2.0**43)])
    def test_numbers_that_json_could_not_carry_are_refused(self, number: float) -> None:
        raw = encode_avro(msgspec.convert(fields(value=1.5), Telemetry))
        assert reason(raw.replace(struct.pack("<d", 1.5), struct.pack("<d", number))).startswith(
            "$.value: expected float "
        )

    @pytest.mark.parametrize("name", ["evidence", "upper"])
    def test_so_are_those_of_fields_without_bounds(self, name: str) -> None:
        raw = encode_avro(msgspec.convert(VERDICT | {name: 7.25}, Verdict))
        assert (
            reason(raw.replace(struct.pack("<d", 7.25), struct.pack("<d", float("nan"))))
            == f"$.{name}: not a finite number"
        )

    def test_rules_of_the_schema_hold(self) -> None:
        raw = FORMS[Tick].write({"gateway": "", "at_ms": 1})
        assert reason(raw) == "$.gateway: expected str of length >= 1"
        raw = FORMS[Tick].write({"gateway": "g", "at_ms": -1})
        assert reason(raw) == "$.at_ms: expected int >= 0"

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(b"", id="nothing"),
            pytest.param(b"\x02g\x02\x00", id="one byte more"),
            pytest.param(b"\x02g", id="one field less"),
            pytest.param(b"\x01g\x02", id="negative length"),
            pytest.param(b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01g", id="huge length"),
            pytest.param(b"\x82\x00g\x02", id="overlong number"),
            pytest.param(b"\x02g" + b"\xff" * 10 + b"\x01", id="beyond 64 bits"),
            pytest.param(b"\x02g" + b"\x80" * 60_000, id="endless number"),
            pytest.param(b"\x02\xff\x02", id="not UTF-8"),
        ],
    )
    def test_a_body_is_read_to_the_letter(self, body: bytes) -> None:
        assert reason(FORMS[Tick].header + body) == "$: not the Avro encoding of one tick"

    @pytest.mark.parametrize("symbol", [b"\x01", b"\x0a"], ids=["-1", "5 of 5"])
    def test_enums_stay_within_their_symbols(self, symbol: bytes) -> None:
        raw = FORMS[Verdict].write(VERDICT | {"verdict": "undecided", "score": None})
        at = raw.index(b"\x04\x00")  # symbol 2, then null
        assert isinstance(decode(raw), Ok)
        assert reason(raw[:at] + symbol + raw[at + 1 :]) == "$: not the Avro encoding of one verdict"

    def test_a_boolean_is_one_bit_and_a_branch_is_one_of_two(self) -> None:
        raw = encode_avro(msgspec.convert(VERDICT, Verdict))
        assert reason(raw[:-1] + b"\x07") == "$: not the Avro encoding of one verdict"
        at = raw.index(struct.pack("<d", 1.0)) - 1
        assert reason(raw[:at] + b"\x01" + raw[at + 1 :]) == "$: not the Avro encoding of one verdict"

    def test_collections_may_come_in_blocks(self) -> None:
        event = msgspec.convert(json.loads(answer(factors=["ab", "cd"])), Feedback)
        raw = encode_avro(event)
        plain = b"\x04\x04ab\x04cd\x00"
        for blocks in (b"\x03\x0c\x04ab\x04cd\x00", b"\x02\x04ab\x02\x04cd\x00", b"\x01\x06\x04ab\x02\x04cd\x00"):
            assert decode(raw.replace(plain, blocks)) == Ok(event)

    @pytest.mark.parametrize(
        "blocks", [b"\x03\x0e\x04ab\x04cd\x00", b"\x03\x04ab\x04cd\x00", b"\xfe\xff\xff\xff\x0f\x04ab\x04cd\x00"]
    )
    def test_but_honest_ones(self, blocks: bytes) -> None:
        raw = encode_avro(msgspec.convert(json.loads(answer(factors=["ab", "cd"])), Feedback))
        assert reason(raw.replace(b"\x04\x04ab\x04cd\x00", blocks)) == "$: not the Avro encoding of one feedback"

    def test_a_key_comes_once(self) -> None:
        raw = encode_avro(target(slice={"country": "NO"}))
        once = b"\x02\x0ecountry\x04NO"
        assert once in raw
        twice = raw.replace(once, b"\x04" + once[1:] * 2)
        assert reason(twice) == "$: not the Avro encoding of one target"


HEADERS = [form.header for form in FORMS.values()]


class TestAnyBytes:
    @given(st.binary(max_size=400))
    def test_noise(self, raw: bytes) -> None:
        reason(raw)

    @given(st.sampled_from(HEADERS), st.binary(max_size=400))
    def test_noise_behind_a_good_header(self, header: bytes, body: bytes) -> None:
        assert isinstance(decode(header + body), Ok | Invalid)

    @given(EVENT, st.sampled_from([encode_json, encode_avro]), st.data())
    def test_cut_off(self, event: Event, encode: Any, data: st.DataObject) -> None:
        raw = encode(event)
        reason(raw[: data.draw(st.integers(0, len(raw) - 1))])

    @given(EVENT, st.sampled_from([encode_json, encode_avro]), st.binary(min_size=1, max_size=20))
    def test_with_something_behind(self, event: Event, encode: Any, more: bytes) -> None:
        result = decode(encode(event) + more)
        assert isinstance(result, Invalid) or (encode is encode_json and more.strip(b" \t\r\n") == b"")

    @given(EVENT, st.sampled_from([encode_json, encode_avro]), st.data())
    def test_one_byte_changed_is_refused_or_a_good_event(self, event: Event, encode: Any, data: st.DataObject) -> None:
        raw = bytearray(encode(event))
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        result = decode(bytes(raw))
        if isinstance(result, Ok):
            assert decode(encode(result.event)) == result

    @given(
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=9),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
        )
    )
    def test_any_json(self, document: object) -> None:
        reason(json.dumps(document).encode())

    @given(
        st.sampled_from(sorted(EVENTS)),
        st.dictionaries(
            st.sampled_from(sorted({*Feedback.__struct_fields__, *Target.__struct_fields__})),
            st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=9),
        ),
    )
    def test_any_fields(self, signal: str, document: dict[str, object]) -> None:
        assert isinstance(decode(json.dumps({"signal": signal} | document).encode()), Ok | Invalid)

    @pytest.mark.parametrize(
        "opening", [b"[", b'{"a":', b'{"signal":"feedback","factors":' + b"[", b'{"signal":"target","slice":{"a":']
    )
    def test_deep_nesting(self, opening: bytes) -> None:
        for raw in (opening * (60_000 // len(opening)), opening + b"[" * 50_000 + b"]" * 9_000):
            reason(raw)

    def test_many_small_things(self) -> None:
        reason(answer(factors=["x"] * 10_000))
        many = ",".join(f'"k{number}":"v"' for number in range(6_000))
        assert isinstance(decode(b'{"signal":"target","slice":{' + many.encode() + b"}}"), Invalid)


class TestTelemetryBatch:
    RECORDS = st.lists(
        st.none()
        | st.binary(max_size=30)
        | EVENT.map(encode_json)
        | events_of(Telemetry).map(encode_json)
        | events_of(Telemetry).map(encode_avro)
        | st.sampled_from(
            [reading(), reading(site="Os\0lo"), reading(site="Zürich"), reading(value=True), reading() + b" " * 70_000]
        ),
        max_size=8,
    )

    @given(RECORDS)
    def test_says_what_decode_says_record_by_record(self, records: list[bytes | None]) -> None:
        for raw, result in zip(records, decode_telemetry(records), strict=True):
            alone = decode(raw or b"")
            if isinstance(alone, Ok) and not isinstance(alone.event, Telemetry | Tick):
                assert result == Invalid(f"$.signal: {alone.event.__struct_config__.tag} does not belong on this topic")
            else:
                assert result == (alone.event if isinstance(alone, Ok) else alone)

    @given(RECORDS, st.integers(0, 8))
    def test_does_not_depend_on_the_cut(self, records: list[bytes | None], at: int) -> None:
        assert decode_telemetry(records) == decode_telemetry(records[:at]) + decode_telemetry(records[at:])

    @given(events_of(Telemetry) | events_of(Tick))
    def test_the_bare_decoder_reads_the_same_events(self, event: Event) -> None:
        assert TELEMETRY_JSON.decode(encode_json(event)) == event


class TestList:
    @given(st.lists(events_of(Feedback), max_size=4))
    def test_reads_a_list(self, events: list[Event]) -> None:
        body = b"[" + b",".join(map(encode_json, events)) + b"]"
        assert decode_list(body, Feedback) == [Ok(event) for event in events]

    def test_reads_one_event_with_or_without_its_signal(self) -> None:
        expected = [Ok(Tick(gateway="g", at_ms=1))]
        assert decode_list(b' {"gateway":"g","at_ms":1}\n', Tick) == expected
        assert decode_list(b'{"signal":"tick","gateway":"g","at_ms":1}', Tick) == expected
        assert decode_list(b' [{"gateway":"g","at_ms":1}] ', Tick) == expected

    def test_says_which_and_why(self) -> None:
        body = b'[{"gateway":"g","at_ms":1},{"gateway":"g"},{"gateway":"g\\u0000","at_ms":1},{"signal":"feedback"},7]'
        assert decode_list(body, Tick) == [
            Ok(Tick(gateway="g", at_ms=1)),
            Invalid("$.at_ms: missing", 1),
            Invalid("$.gateway: control character or hidden text direction", 2),
            Invalid("$.signal: not one of tick", 3),
            Invalid("$: expected object, got int", 4),
        ]

    def test_tells_the_sender_more_than_it_stores(self) -> None:
        (unknown,) = decode_list(b'{"gateway":"g","at_ms":1,"colour":"red"}', Tick)
        assert unknown == Invalid("$.colour: unknown field")
        assert isinstance(unknown, Invalid)
        assert unknown.field == "$.colour"
        assert decode_list(answer(factors=["slow", 1]), Feedback) == [Invalid("$.factors[1]: expected str, got int")]
        assert decode_list(b'[{"gateway":nope}]', Tick) == [Invalid("$: malformed JSON: invalid character (byte 13)")]
        assert decode_list(f'{{"{SECRET} {SECRET}":1}}'.encode(), Tick) == [Invalid("$: unknown field")]

    def test_an_empty_list_is_no_event_and_an_empty_body_no_json(self) -> None:
        assert decode_list(b"[]", Tick) == []
        assert [type(item) for item in decode_list(b"", Tick)] == [Invalid]

    def test_holds_each_event_to_the_limit(self) -> None:
        large = b'{"gateway":"g","at_ms":1' + b" " * MAX_EVENT_BYTES + b"}"
        assert decode_list(b"[" + large + b"]", Tick) == [Invalid("$: larger than 65536 bytes", 0)]
        assert decode_list(large, Tick) == [Invalid("$: larger than 65536 bytes", 0)]

    @given(st.binary(max_size=200), st.sampled_from(list(EVENTS.values())))
    def test_any_bytes(self, raw: bytes, kind: type[Event]) -> None:
        assert all(isinstance(item, Invalid) for item in decode_list(raw, kind) + decode_list(b"[" + raw, kind))

    @pytest.mark.parametrize(
        "raw", [b"[" * 1_000_000, b'[{"a":' * 100_000, b"[" + b"[" * 200_000 + b"]" * 200_000 + b"]"]
    )
    def test_deep_nesting(self, raw: bytes) -> None:
        assert decode_list(raw, Tick) == [Invalid("$: nested too deep")]


def test_every_registered_event_is_read() -> None:
    assert set(get_args(AnyEvent)) == set(EVENTS.values())


def test_the_first_byte_decides() -> None:
    event = Tick(gateway="g", at_ms=1)
    assert encode_json(event)[:1] == b"{"
    assert encode_avro(event)[:2] == MARKER
