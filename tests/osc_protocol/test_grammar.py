"""How messages lie in OSC arguments: every row there and back, every form, every refusal."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import pytest

from osc_protocol.argument import Arg as Argument
from osc_protocol.codec import OscMessage, decode, encode
from osc_protocol.errors import Code, ProtocolError
from osc_protocol.grammar import pong_to, read_answer, read_command, request_id, write
from osc_protocol.messages import (
    CLASSES,
    REQUESTS,
    TABLE,
    Accepted,
    Cancel,
    CancelDone,
    ErrorReply,
    Generate,
    Message,
    Notify,
    NotifyDone,
    Ping,
    Pong,
    QueryJob,
    QueryJobs,
    QueryStatus,
    QuitDone,
    Row,
    StemReady,
)

REQUEST_NAMES = {request.__name__ for request in REQUESTS.values()}
PLAIN_ROWS = [row for row in TABLE if row.name not in {"Ping", "Pong", *REQUEST_NAMES}]


def names(row: Row) -> str:
    return row.name


def sent(address: str, tags: str, *args: object) -> OscMessage:
    (message,) = decode(encode(address, tags, args))
    return message


def command(address: str, tags: str, *args: object) -> Any:
    return read_command(sent(f"/backline/{address}", tags, *args))


def refusal(address: str, tags: str, *args: object) -> ProtocolError:
    with pytest.raises(ProtocolError) as caught:
        command(address, tags, *args)
    return caught.value


def lowest(argument: Argument) -> object:
    return _value(argument, argument.low)


def highest(argument: Argument) -> object:
    return _value(argument, argument.high if argument.high is not None else 2**31 - 1)


def _value(argument: Argument, number: float | None) -> object:
    match argument.kind:
        case "flag":
            return bool(number)
        case "rid":
            return "take-1"
        case "target":
            return int(number or 0)
        case "names":
            return argument.choices[:2]
        case "path":
            return "/tmp/a"
        case "adapters":
            return "/tmp/a:0.5"
        case "float":
            return min(float(number or 0), 1e9)
        case "int":
            return int(number or 0)
        case "bytes":
            return b"MThd"
    return argument.choices[-1] if argument.choices else "text"


@pytest.mark.parametrize("value_of", [lowest, highest])
@pytest.mark.parametrize("row", PLAIN_ROWS, ids=names)
def test_every_message_comes_back_from_the_wire_as_it_was(row: Row, value_of: Any) -> None:
    message = CLASSES[row.name](**{a.field: value_of(a) for a in row.fields})
    (osc,) = decode(write(message))
    assert osc.address == row.address
    read = read_command(osc) if row.direction == "command" else read_answer(osc)
    assert read == message


@pytest.mark.parametrize("row", PLAIN_ROWS, ids=names)
def test_a_message_of_defaults_comes_back_as_it_was(row: Row) -> None:
    message = CLASSES[row.name](**{a.field: lowest(a) for a in row.args})
    (osc,) = decode(write(message))
    assert osc.tags == "".join("i" if a.kind == "target" else a.tag for a in row.args)
    assert (read_command(osc) if row.direction == "command" else read_answer(osc)) == message


@pytest.mark.parametrize("row", [r for r in PLAIN_ROWS if r.direction != "command"], ids=names)
def test_an_answer_may_grow_at_its_end(row: Row) -> None:
    message = CLASSES[row.name](**{a.field: lowest(a) for a in row.args})
    (osc,) = decode(write(message))
    assert read_answer(OscMessage(osc.address, osc.tags + "si", (*osc.args, "new", 1))) == message


@pytest.mark.parametrize("row", [r for r in PLAIN_ROWS if r.direction != "command"], ids=names)
def test_an_answer_cut_short_is_refused(row: Row) -> None:
    message = CLASSES[row.name](**{a.field: lowest(a) for a in row.args})
    (osc,) = decode(write(message))
    with pytest.raises(ProtocolError):
        read_answer(OscMessage(osc.address))


def test_the_longest_events_fit_into_960_bytes() -> None:
    largest: dict[str, object] = {"path": "p" * 500, "rid": "r" * 64, "message": "m" * 900}
    for row in TABLE:
        if row.direction == "event":
            values = {a.field: highest(a) for a in row.args}
            values |= {name: text for name, text in largest.items() if name in values}
            if row.name == "StemReady":
                values["sha256"] = "sha256:" + "f" * 64
            assert len(write(CLASSES[row.name](**values))) <= 960, row.name


# generate


def test_generate_by_position_is_what_oscsend_sends() -> None:
    order = command("generate", "sfsfs", "take1", 92.0, "A minor", 10.0, "dub techno, warm bass")
    assert order.rid == "take1"
    request = order
    assert (request.bpm, request.key, request.tags) == (92.0, "A minor", "dub techno, warm bass")
    # 10 s at 92 bpm are 15.33 quarters, which are 3.83 bars of 4/4: the nearest number is 4.
    assert request.bars == 4


@pytest.mark.parametrize(
    ("seconds", "bars"),
    [
        (0.0, 8),  # not asked: the default
        (0.1, 1),  # never less than one
        (5.0, 3),  # 2.5 bars of 2 s: half-way goes up
        (4.9, 2),
        (600.0, 300),
    ],
)
def test_seconds_become_the_nearest_whole_number_of_bars(seconds: float, bars: int) -> None:
    assert command("generate", "sfsf", "t", 120.0, "C", seconds).bars == bars


def test_keys_may_follow_the_positional_part_in_any_order() -> None:
    order = command("generate", "sfsfssssi", "t", 92.0, "Am", 0.0, "dub",
                    "meter", "7/8", "bars", 3)  # fmt: skip
    assert (order.meter, order.bars, order.tags) == ("7/8", 3, "dub")


def test_all_may_come_by_key() -> None:
    order = command("generate", "ssisfss", "t", "bars", 3, "bpm", 61.7, "key", "F# dorian")
    assert (order.bpm, order.key, order.bars) == (61.7, "F# dorian", 3)


ORDER = ("t", "bpm", 92.7, "key", "Am")
CHANGES: dict[str, tuple[str, object, str, object]] = {
    "seconds": ("f", 10.0, "bars", 4),
    "tags": ("s", "dub", "tags", "dub"),
    "bars": ("i", 3, "bars", 3),
    "meter": ("s", "3/4", "meter", "3/4"),
    "timesig": ("s", "3/4", "meter", "3/4"),
    "lyrics": ("s", "la\nla", "lyrics", "la\nla"),
    "seed": ("h", 2**63 - 1, "seed", 2**63 - 1),
    "stems": ("s", "bass,drums", "stems", ("drums", "bass")),
    "takes": ("i", 8, "takes", 8),
    "variations": ("i", 8, "takes", 8),
    "engine": ("s", "ace-step", "engine", "ace-step"),
    "sample-rate": ("i", 44_100, "sample_rate", 44_100),
    "rate": ("i", 44_100, "sample_rate", 44_100),
    "format": ("s", "wav24", "format", "wav24"),
    "melody-path": ("s", "/tmp/a.mid", "melody_path", "/tmp/a.mid"),
    "melody": ("b", b"MThd", "melody", b"MThd"),
    "notes": ("s", "60:0:1", "notes", "60:0:1"),
    "lead": ("s", "vocals", "lead", "vocals"),
    "tempo-map": ("s", "4:90", "tempo_map", "4:90"),
    "meter-map": ("s", "2:3/4", "meter_map", "2:3/4"),
    "sections": ("s", "1-4:a", "sections", "1-4:a"),
    "intensity": ("s", "0:0.2 16:1", "intensity", "0:0.2 16:1"),
    "at-seconds": ("d", 300.123456789, "at_seconds", 300.123456789),
    "at": ("d", 300.123456789, "at_seconds", 300.123456789),
    "at-beats": ("f", 16.0, "at_beats", 16.0),
    "project": ("s", "Song 1", "project", "Song 1"),
    "priority": ("i", -9, "priority", -9),
    "source": ("s", "/tmp/job", "from_", "/tmp/job"),
    "from": ("s", "/tmp/job", "from_", "/tmp/job"),
    "bar-range": ("s", "2-3", "bar_range", "2-3"),
    "range": ("s", "2", "bar_range", "2"),
    "midi-path": ("s", "/tmp/a.mid", "midi_path", "/tmp/a.mid"),
    "midi": ("s", "/tmp/a.mid", "midi_path", "/tmp/a.mid"),
    "melody-mode": ("s", "raw", "melody_mode", "raw"),
    "melody-strength": ("f", 0.75, "melody_strength", 0.75),
    "best": ("i", 1, "best", 1),
    "gate": ("s", "on", "gate", "on"),
    "retries": ("i", 3, "retries", 3),
    "conform": ("s", "off", "conform", "off"),
    "transpose": ("i", 1, "transpose", True),
    "loudness": ("f", -14.0, "loudness", -14.0),
    "dry": ("i", 1, "dry", True),
    "source-take": ("i", 2, "from_take", 2),
    "from-take": ("i", 2, "from_take", 2),
    "audio-path": ("s", "/tmp/a.mid", "audio_path", "/tmp/a.mid"),
    "edit": ("s", "extend", "edit", "extend"),
    "reference-path": ("s", "/tmp/a.mid", "reference_path", "/tmp/a.mid"),
    "loras": ("s", "/tmp/a:0.5", "loras", "/tmp/a:0.5"),
    "language": ("s", "ja", "language", "ja"),
    "chords": ("s", "C | F", "chords", "C | F"),
    "chords-path": ("s", "/tmp/a.mid", "chords_path", "/tmp/a.mid"),
    "german-h": ("i", 1, "german_h", True),
    "plan-path": ("s", "/tmp/plan", "plan_path", "/tmp/plan"),
    "ending": ("s", "full", "ending", "full"),
    "steps": ("i", 27, "steps", 27),
    "guidance": ("f", 5.0, "guidance", 5.0),
    "shift": ("f", 3.0, "shift", 3.0),
    "sampler": ("s", "heun", "sampler", "heun"),
    "dcw": ("s", "0.05,0.02", "dcw", "0.05,0.02"),
    "chunk-mask": ("f", 1.0, "chunk_mask", 1.0),
    "code-planner": ("s", "planner-0.6b", "code_planner", "planner-0.6b"),
    "swing": ("f", 0.5, "swing", 0.5),
    "humanise": ("f", 0.0, "humanise", 0.0),
    "tail-seconds": ("f", 2.5, "tail_seconds", 2.5),
}
PATHS = {"melody-path", "source", "from", "midi-path", "midi", "audio-path", "reference-path",
         "chords-path", "plan-path"}  # fmt: skip
HEARING = {"audio-path", "edit", "reference-path", "loras", "language", "steps", "guidance",
           "shift", "sampler", "dcw", "chunk-mask", "code-planner"}  # fmt: skip


@pytest.mark.parametrize("key", CHANGES)
def test_every_key_of_generate_reaches_the_request(key: str, tmp_path: Any) -> None:
    tag, value, field, wanted = CHANGES[key]
    if key in PATHS:  # absolute on the system this test runs on
        value = wanted = str(tmp_path / "a.mid")
    tags, beside = "ssfss", ORDER
    if field in ("bar_range", "midi_path", "from_take"):  # they change something: say what
        tags, beside = "ssfssssss", (*ORDER, "source", str(tmp_path), "stems", "bass")
    if key in HEARING:
        tags, beside = tags + "ss", (*beside, "engine", "ace-step")
    if key == "edit":  # of what
        tags, beside = tags + "ss", (*beside, "audio-path", str(tmp_path / "a.wav"))
    if key == "loras":
        value = wanted = f"{tmp_path / 'style'}:0.5"
    order = command("generate", tags + "s" + tag, *beside, key, value)
    assert getattr(order, field) == wanted
    plain = command("generate", tags, *beside)
    assert getattr(plain, field) != wanted
    assert order.digest != plain.digest


def test_parts_reach_the_request_of_an_edit_that_takes_some(tmp_path: Any) -> None:
    edit = ("engine", "ace-step", "audio-path", str(tmp_path / "a.wav"), "edit", "complete")
    order = command("generate", "ssfss" + "s" * 8, *ORDER, *edit, "parts", "bass,drums")
    assert order.parts == "bass,drums"


def test_every_key_of_generate_has_been_tried_above() -> None:
    tried = {*CHANGES, "bpm", "key", "dry-run", "parts"}
    assert tried == {name for a in Generate.row.keys for name in (a.name, *a.aliases)}


def test_a_dry_run_is_known_and_changes_nothing_of_the_order() -> None:
    dry = command("generate", "ssfsssT", *ORDER, "dry-run", True)
    wet = command("generate", "ssfss", *ORDER)
    assert (dry.dry_run, wet.dry_run) == (True, False)
    assert dry.digest == wet.digest


@pytest.mark.parametrize(
    ("tag", "value"), [("f", 92.7), ("d", 92.7), ("s", "92.7"), ("s", "927/10")]
)
def test_a_tempo_of_92_7_is_92_7_however_it_was_sent(tag: str, value: object) -> None:
    order = command("generate", f"ss{tag}ss", "t", "bpm", value, "key", "Am")
    assert order.bpm == 92.7
    assert order.grid.tempo[0].bpm * 10 == 927


def test_more_digits_than_a_float_holds_travel_as_a_double() -> None:
    order = Generate(rid="t", bpm=61.123456789, key="C")
    (osc,) = decode(write(order))
    assert osc.tags == "ssdss"
    read = read_command(osc)
    assert isinstance(read, Generate) and (read.bpm, read.digest) == (order.bpm, order.digest)


@pytest.mark.parametrize("word", ["none", "drawn", "8"])
def test_no_word_that_is_typed_is_taken_for_nothing(word: str) -> None:
    order = Generate(rid="t", bpm=92.7, key="C", tags=word, project=word)
    read = read_command(decode(write(order))[0])
    assert isinstance(read, Generate) and (read.tags, read.project) == (word, word)
    assert order.digest != Generate(bpm=92.7, key="C").digest


def test_the_same_order_has_the_same_digest_in_every_form() -> None:
    forms = [
        command("generate", "sfsfs", "t", 92.7, "Am", 0.0, "dub"),
        command("generate", "sdsis", "t", 92.7, "Am", 0, "dub"),
        command("generate", "ssssssf", "t", "tags", "dub", "key", "Am", "bpm", 92.7),
        command("generate", "ssfsssssisi", "t", "bpm", 92.7, "key", "Am", "tags", "dub",
                "bars", 8, "takes", 1),
        command("generate", "ssfssssss", "t", "bpm", 92.7, "key", "Am", "tags", "dub",
                "stems", "vocals,melody,bass,drums"),
    ]  # fmt: skip
    assert len({order.digest for order in forms}) == 1
    assert command("generate", "sfsfs", "t", 92.6, "Am", 0.0, "dub").digest != forms[0].digest


def test_an_order_without_a_seed_is_the_same_order_when_it_is_sent_again() -> None:
    datagram = encode("/backline/generate", "sfs", ("t", 92.7, "Am"))
    first, second = (read_command(decode(datagram)[0]) for _ in range(2))
    assert isinstance(first, Generate) and isinstance(second, Generate)
    assert first.seed != second.seed  # each draws its own
    assert first.digest == second.digest
    seeded = command("generate", "sfsfssi", "t", 92.7, "Am", 0.0, "", "seed", first.seed)
    assert seeded.digest != first.digest


def test_a_request_goes_over_the_wire_whole() -> None:
    request = Generate(
        rid="t", bpm=61.7, key="Bb minor", bars=4, meter="7/8", notes="70:0:1", lead="vocals",
        tags="dub",
        lyrics="la", seed=2**40, takes=2, stems=("drums",), sample_rate=44_100,
        tempo_map="4:90:ramp 8:100", meter_map="2:3/4", sections="1-2: intro, soft",
        intensity="0:0.5", at_seconds=1 / 3, project="p", dry_run=True,
    )  # fmt: skip
    (osc,) = decode(write(request))
    assert read_command(osc) == request


@pytest.mark.parametrize(
    ("tags", "args", "code", "field"),
    [
        ("", (), Code.MISSING_ARGUMENT, "rid"),
        ("s", ("t",), Code.MISSING_ARGUMENT, "bpm"),
        ("sf", ("t", 92.0), Code.MISSING_ARGUMENT, "key"),
        ("ssf", ("t", "bpm", 92.0), Code.MISSING_ARGUMENT, "key"),
        ("ss", ("t", "bpm"), Code.MISSING_ARGUMENT, "bpm"),
        ("ssfsss", ("t", "bpm", 92.0, "key", "Am", "bars"), Code.MISSING_ARGUMENT, "bars"),
        ("ssfsssi", ("t", "bpm", 92.0, "key", "Am", "tempo", 1), Code.UNKNOWN_KEY, "tempo"),
        ("ssfsssi", ("t", "bpm", 92.0, "key", "Am", "Bars", 1), Code.UNKNOWN_KEY, "Bars"),
        ("ssfssii", ("t", "bpm", 92.0, "key", "Am", 3, 1), Code.BAD_TYPE, ""),
        ("ssfsssf", ("t", "bpm", 92.0, "key", "Am", "bpm", 93.0), Code.OUT_OF_RANGE, "bpm"),
        ("ssfssssss", ("t", "bpm", 92.0, "key", "Am", "meter", "3/4", "timesig", "4/4"),
         Code.OUT_OF_RANGE, "meter"),
        ("sfsfssf", ("t", 92.0, "Am", 0.0, "", "bpm", 92.0), Code.OUT_OF_RANGE, "bpm"),
        ("sfsfssi", ("t", 92.0, "Am", 9.0, "", "bars", 4), Code.OUT_OF_RANGE, "seconds"),
        ("sfsfsss", ("t", 92.0, "Am", 9.0, "", "tempo-map", "0:92"), Code.OUT_OF_RANGE, "seconds"),
        ("sfsfsss", ("t", 92.0, "Am", 9.0, "", "meter", "3/5"), Code.OUT_OF_RANGE, "meter"),
        ("sfsf", ("t", 92.0, "Am", 601.0), Code.OUT_OF_RANGE, "seconds"),
        ("sfsf", ("t", 92.0, "Am", -1.0), Code.OUT_OF_RANGE, "seconds"),
        ("sfs", ("t", math.nan, "Am"), Code.OUT_OF_RANGE, "bpm"),
        ("sfs", ("t", math.inf, "Am"), Code.OUT_OF_RANGE, "bpm"),
        ("sds", ("t", 1e300, "Am"), Code.OUT_OF_RANGE, "bpm"),
        ("sTs", ("t", True, "Am"), Code.BAD_TYPE, "bpm"),
        ("sNs", ("t", None, "Am"), Code.BAD_TYPE, "bpm"),
        ("sfi", ("t", 92.0, 5), Code.BAD_TYPE, "key"),
        ("sfs", ("a b", 92.0, "Am"), Code.OUT_OF_RANGE, "rid"),
        ("ffs", (1.5, 92.0, "Am"), Code.BAD_TYPE, "rid"),
        ("sfsfsss", ("t", 92.0, "Am", 0.0, "", "melody-path", "a.mid"), Code.PATH_FORBIDDEN,
         "melody-path"),
        ("sfsfsss", ("t", 92.0, "Am", 0.0, "", "stems", "kazoo"), Code.OUT_OF_RANGE, "stems"),
        ("sfsfssb", ("t", 92.0, "Am", 0.0, "", "melody", b"RIFF"), Code.BAD_MIDI, "melody"),
    ],
)  # fmt: skip
def test_an_order_that_is_wrong_is_refused_by_name(
    tags: str, args: tuple[object, ...], code: Code, field: str
) -> None:
    error = refusal("generate", tags, *args)
    assert (error.code, error.field) == (code, field)
    assert error.message.isprintable()


@pytest.mark.parametrize("key", [a.name for a in Generate.row.keys if a.kind in ("int", "float")])
def test_no_number_of_an_order_may_be_nan_or_infinite(key: str) -> None:
    for tag, value in product("fd", (math.nan, math.inf, -math.inf)):
        order: dict[str, tuple[str, object]] = {"bpm": ("f", 92.0), "key": ("s", "Am")}
        order[key] = (tag, value)
        tags = "s" + "".join("s" + tag for tag, _ in order.values())
        args = [part for name, (_, v) in order.items() for part in (name, v)]
        error = refusal("generate", tags, "t", *args)
        assert (error.code, error.field) == (Code.OUT_OF_RANGE, key)
        assert str(value) in error.message


def test_a_key_with_a_question_mark_may_be_unknown() -> None:
    order = command("generate", "ssfsssisi", *ORDER, "?shuffle", 3, "?bars", 2)
    assert order.bars == 2


# other commands


def test_notify_has_short_forms() -> None:
    # They come from programs that do not renew a lease, so theirs is the longest there is.
    assert command("notify", "ii", 1, 9902) == Notify("", True, 9902, lease=3600)
    assert command("notify", "i", 1) == Notify("", True, lease=3600)
    assert command("notify", "f", 0.0) == Notify("", False, lease=3600)
    assert command("notify", "T", True) == Notify("", True, lease=3600)
    assert command("notify", "sisiss", "n1", 1, "rate", 30, "style", "both") == Notify(
        "n1", True, rate=30, style="both"
    )


def test_cancel_is_a_button_too_and_0_lets_it_go() -> None:
    assert command("cancel", "") == Cancel("", 0)
    assert command("cancel", "f", 1.0) == Cancel("", 0)
    assert command("cancel", "T", True) == Cancel("", 0)
    assert command("cancel", "f", 0.0) is None
    assert command("cancel", "i", 0) is None
    assert command("cancel", "ss", "c1", "take1") == Cancel("c1", "take1")
    assert command("cancel", "si", "c1", 42) == Cancel("c1", 42)


def test_cancel_with_one_word_is_refused_for_it_could_mean_two_things() -> None:
    assert refusal("cancel", "s", "take1").field == "target"
    assert refusal("cancel", "ss", "c1", "").field == "target"


def test_status_needs_no_id() -> None:
    assert command("status", "") == QueryStatus("")
    assert command("status", "s", "p1") == QueryStatus("p1")
    assert command("status", "i", 0) is None


def test_trailing_arguments_with_defaults_may_be_left_out() -> None:
    assert command("jobs", "s", "l1") == QueryJobs("l1", 0, 20)
    assert command("jobs", "si", "l1", 5) == QueryJobs("l1", 5, 20)
    assert command("job", "ii", 7, 3) == QueryJob("7", 3)


def test_an_argument_too_many_is_refused() -> None:
    assert refusal("job", "sss", "q", "take1", "more").code == Code.UNKNOWN_KEY
    assert refusal("sync", "si", "q", 1).code == Code.BAD_TYPE


@pytest.mark.parametrize(
    "address", ["/", "/backline", "/backline/generat", "/backline/*", "/BACKLINE/ping", "//ping"]
)
def test_an_unknown_address_is_named(address: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        read_command(OscMessage(address))
    assert caught.value.code == Code.UNKNOWN_ADDRESS
    assert address in caught.value.message


def test_replies_are_no_commands_and_commands_are_no_replies() -> None:
    with pytest.raises(ProtocolError):
        read_command(decode(write(Accepted("a", 1, "queued", 0, False, -1)))[0])
    with pytest.raises(ProtocolError):
        read_answer(decode(write(QueryStatus("a")))[0])


# ping


def test_a_ping_carries_anything_there_and_back() -> None:
    args = (1, 2**40, 0.1, "é", b"\0", True, None, (0, 1, 2, 3))
    for address in ("/ping", "/backline/ping"):
        datagram = encode(address, "ihdsbTNm", args)
        ping = read_command(decode(datagram)[0])
        assert isinstance(ping, Ping)
        assert (ping.args, ping.tags, ping.address) == (args, "ihdsbTNm", address)
        pong = Pong(ping.args, ping.tags, address.replace("ping", "pong"))
        assert write(pong) == datagram.replace(b"ping", b"pong")
        assert read_answer(decode(write(pong))[0]) == pong


def test_a_ping_has_at_most_eight_arguments_of_a_kind_that_can_be_sent_back() -> None:
    assert refusal("ping", "i" * 9, *range(9)).code == Code.TOO_LARGE
    with pytest.raises(ProtocolError) as caught:
        read_command(OscMessage("/ping", "c", ("x",)))
    assert caught.value.code == Code.UNSUPPORTED


# answers


def test_the_three_kinds_of_done_are_told_apart_by_their_command() -> None:
    dones: list[Message] = [
        NotifyDone("a", "/backline/notify", True, 60, 5, 1),
        CancelDone("a", "/backline/cancel", 3, "cancelled"),
        QuitDone("a", "/backline/quit", "now"),
    ]
    assert [read_answer(decode(write(done))[0]) for done in dones] == dones
    with pytest.raises(ProtocolError, match="not an answer known here"):
        read_answer(sent("/backline/done", "ss", "a", "/backline/dance"))


def test_an_error_travels_whole() -> None:
    error = ProtocolError(Code.OUT_OF_RANGE, "bpm must be from 20 to 400, not 0", "bpm")
    (osc,) = decode(write(ErrorReply.of("take1", "/backline/generate", error)))
    assert (osc.tags, osc.args) == (
        "ssisss",
        ("take1", "/backline/generate", 4, "out-of-range", error.message, "bpm"),
    )
    reply = read_answer(osc)
    assert isinstance(reply, ErrorReply)
    assert (reply.error().code, str(reply.error()), reply.error().field) == (4, str(error), "bpm")


def test_an_error_about_a_monstrous_request_is_small() -> None:
    monster = ProtocolError(Code.UNKNOWN_KEY, "x" * 60_000, "k" * 60_000)
    assert len(write(ErrorReply.of("r" * 60_000, "/" + "a" * 60_000, monster))) <= 960


def test_an_older_daemon_leaves_out_what_was_added_later() -> None:
    stem = StemReady(1, "t", 1, 0, 4, "drums", "/d.wav", "", 1.5, 48_000, 2, 9, "sha256:0", take=2)
    (osc,) = decode(write(stem))
    older = read_answer(OscMessage(osc.address, osc.tags[:-1], osc.args[:-1]))
    assert isinstance(older, StemReady) and older.take == 1


@pytest.mark.parametrize(
    ("address", "tags", "args", "rid"),
    [
        ("/backline/generate", "ss", ("take1", "what"), "take1"),
        ("/backline/generate", "i", (5,), "5"),
        ("/backline/generate", "T", (True,), ""),
        ("/backline/generate", "", (), ""),
        ("/backline/notify", "ii", (1, 70_000), ""),
        ("/backline/notify", "si", ("n1", 5), "n1"),
        ("/backline/cancel", "f", (1.0,), ""),
        ("/backline/cancel", "is", (1, "x"), "1"),
        ("/nowhere", "s", ("take1",), ""),
    ],
)
def test_the_id_of_a_wrong_request_is_found_for_its_error(
    address: str, tags: str, args: tuple[object, ...], rid: str
) -> None:
    assert request_id(OscMessage(address, tags, args)) == rid


@pytest.mark.parametrize(
    ("ping", "pong"), [("/ping", "/pong"), ("/backline/ping", "/backline/pong")]
)
def test_a_pong_is_its_ping_but_for_one_letter(ping: str, pong: str) -> None:
    args = ("here", 7, 0.5, b"x")
    datagram = encode(ping, "sifb", args)
    assert pong_to(datagram, sent(ping, "sifb", *args)) == encode(pong, "sifb", args)
    assert pong_to(datagram, OscMessage(ping, "i" * 9, (0,) * 9)) is None  # more than 8
    assert pong_to(datagram, OscMessage(ping, "c", ("x",))) is None  # never sent
