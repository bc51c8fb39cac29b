"""One daemon, real datagrams, jobs that end in every way there is."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile

from daemon.library import entries
from osc_protocol import messages as osc
from osc_protocol.client import Client
from osc_protocol.errors import Code, ProtocolError
from osc_protocol.generate import Generate
from osc_protocol.messages import Finished, Message, Progress, Started, StemReady
from stems.manifest import read_manifest

Ask = Callable[..., Generate]
Story = Callable[[Client, int], list[Message]]


def kinds(events: list[Message]) -> list[str]:
    return [type(event).__name__ for event in events]


def wait_until_running(client: Client, job: int) -> None:
    """The tone engine tells progress just before it begins to behave as its tags say."""
    for event in client.watch(job):
        if isinstance(event, Progress) and event.stage == "diffuse":
            return


def test_a_job_that_is_done_tells_its_whole_story_in_request(
    client: Client, ask: Ask, story: Story
) -> None:
    job = client.submit(ask(seed=110)).job
    events = story(client, job)
    assert kinds(events) == ["Queued", "Started"] + ["StemReady"] * 4 + ["Finished"]
    seqs = [event.seq for event in events]  # type: ignore[attr-defined]
    assert seqs == list(range(seqs[0], seqs[0] + 7))
    assert events[-1].state == "done"  # type: ignore[attr-defined]


def test_the_end_of_a_job_says_what_was_changed_in_its_melody(
    client: Client, ask: Ask, story: Story
) -> None:
    plain = story(client, client.submit(ask(seed=111)).job)[-1]
    changed = story(client, client.submit(ask(seed=111, notes="60:0:1", bars=2)).job)[-1]
    assert (plain.remarks, changed.remarks) == (  # type: ignore[attr-defined]
        "", "melody: The melody ends in bar 1; rests fill bars up to 2."
    )  # fmt: skip


def test_an_announced_stem_lies_there_with_its_length_and_hash(
    client: Client, ask: Ask, story: Story
) -> None:
    events = story(client, client.submit(ask(seed=120, sample_rate=44_100)).job)
    stems = [event for event in events if isinstance(event, StemReady)]
    assert [stem.name for stem in stems] == ["drums", "bass", "melody", "vocals"]
    for stem in stems:
        data = Path(stem.path).read_bytes()
        assert (len(data), "sha256:" + hashlib.sha256(data).hexdigest()) == (
            stem.bytes,
            stem.sha256,
        )
        # 1 bar of 4 quarters at 240 bpm lasts 1 s: 44100 frames at 44100 Hz.
        assert soundfile.info(stem.path).frames == 44_100
        assert stem.seconds == pytest.approx(1.0)


def test_progress_goes_through_the_stages_and_never_back(client: Client, ask: Ask) -> None:
    job = client.submit(ask(seed=130, takes=2)).job
    progress = [event for event in client.watch(job) if isinstance(event, Progress)]
    fractions = [event.fraction for event in progress]
    assert fractions == sorted(fractions)
    assert 0.0 <= fractions[0] and fractions[-1] <= 1.0


def test_a_refusal_of_the_engine_fails_the_job_with_its_sentence_and_no_files(
    client: Client, ask: Ask, story: Story, daemon
) -> None:
    job = client.submit(ask("refuse")).job
    events = story(client, job)
    assert kinds(events) == ["Queued", "Started", "Finished"]
    end = events[-1]
    assert isinstance(end, Finished)
    assert (end.state, end.error_code) == ("failed", Code.MODEL_UNAVAILABLE)
    assert end.message == "the engine refuses this one"
    assert not (daemon.home / "jobs" / str(job)).exists()


def test_a_running_job_is_cancelled_and_leaves_no_files(
    client: Client, ask: Ask, story: Story, daemon
) -> None:
    job = client.submit(ask("hold")).job
    wait_until_running(client, job)
    assert client.cancel(job).outcome == "cancelling"
    assert kinds(story(client, job)) == ["Finished"]
    assert client.job(job).state == "cancelled"
    assert client.cancel(job).outcome == "already-cancelled"
    assert not (daemon.home / "jobs" / str(job)).exists()


def test_a_waiting_job_is_cancelled_at_once_and_never_starts(
    client: Client, ask: Ask, story: Story, daemon
) -> None:
    holding = client.submit(ask("hold")).job
    waiting = client.submit(ask(seed=140))
    assert (waiting.state, waiting.queue_position) == ("queued", 1)
    assert client.cancel(waiting.job).outcome == "cancelled"
    assert kinds(story(client, waiting.job)) == ["Queued", "Finished"]
    client.cancel(holding)
    assert client.job(holding).state in ("running", "cancelled")
    assert 140 not in [seed for seed, _ in daemon.runs()]


def test_the_same_request_twice_is_one_job_run_once(
    client: Client, ask: Ask, story: Story, daemon
) -> None:
    first = client.submit(ask(seed=170), rid="twice")
    with daemon.client() as another_port:
        again = another_port.submit(ask(seed=170), rid="twice")
    assert (first.duplicate, again.duplicate) == (False, True)
    assert again.job == first.job
    story(client, first.job)
    assert client.submit(ask(seed=170), rid="twice").state == "done"
    assert [seed for seed, _ in daemon.runs()].count(170) == 1


def test_one_rid_cannot_stand_for_two_requests(client: Client, ask: Ask) -> None:
    client.submit(ask(seed=180), rid="conflict")
    with pytest.raises(ProtocolError) as refusal:
        client.submit(ask(seed=190), rid="conflict")
    assert refusal.value.code == Code.RID_CONFLICT


def test_client_ids_keep_the_same_rid_apart(ask: Ask, daemon) -> None:
    with daemon.client(client_id="reaper") as reaper, daemon.client(client_id="pd") as pd:
        first = reaper.submit(ask(seed=200), rid="take1")
        second = pd.submit(ask(seed=210), rid="take1")
        assert first.job != second.job
        assert reaper.job("take1").job == first.job
        assert pd.job("take1").job == second.job


def test_an_unknown_job_is_an_error_and_never_done(client: Client) -> None:
    for query in (client.job, client.cancel, client.stems):
        with pytest.raises(ProtocolError) as refusal:
            query("nobody-asked-for-this")
        assert refusal.value.code == Code.NOT_FOUND


def test_jobs_are_listed_with_what_became_of_them(client: Client, ask: Ask, story: Story) -> None:
    job = client.submit(ask(seed=220), rid="listed").job
    story(client, job)
    newest = client.jobs()[0]
    assert (newest.job, newest.job_rid, newest.state, newest.fraction) == (job, "listed", "done", 1)
    assert (newest.kind, newest.style, newest.bpm, newest.key) == ("generate", "", 240.0, "A minor")
    assert (newest.bars, newest.rating, newest.has_files) == (1, 0, True)


def test_a_result_is_rated_over_osc_and_found_by_it(
    daemon: Any, client: Client, ask: Ask, story: Story
) -> None:
    job = client.submit(ask("lofi, 静か", seed=221), rid="rated").job
    story(client, job)
    done = client.ask(osc.Rate, osc.RateDone, target="rated", rating=4)
    assert (done.job, done.rating) == (job, 4)
    newest = client.jobs()[0]
    assert (newest.style, newest.rating) == ("lofi, 静か", 4)
    (found,) = [each for each in entries(daemon.home) if each.rating == 4]
    assert (found.job.number, found.as_plain()["created"]) == (job, newest.created)
    for target, rating, code in (("nobody", 3, Code.NOT_FOUND), (job, 6, Code.OUT_OF_RANGE)):
        with pytest.raises(ProtocolError) as refusal:
            client.ask(osc.Rate, osc.RateDone, target=target, rating=rating)
        assert refusal.value.code == code
    shutil.rmtree(daemon.home / "jobs" / str(job))
    assert not client.jobs()[0].has_files
    with pytest.raises(ProtocolError, match="has no files to rate"):
        client.ask(osc.Rate, osc.RateDone, target=job, rating=4)


def test_the_stems_of_a_finished_job_are_told_again_when_asked(
    client: Client, ask: Ask, story: Story
) -> None:
    job = client.submit(ask(stems=("bass", "drums"), takes=2)).job
    told = [event for event in story(client, job) if isinstance(event, StemReady)]
    again = client.stems(job)
    assert list(again) == told
    assert [(stem.index, stem.count, stem.name, stem.take) for stem in again] == [
        (0, 4, "drums", 1),
        (1, 4, "bass", 1),
        (2, 4, "drums", 2),
        (3, 4, "bass", 2),
    ]


def test_another_take_than_the_first_can_be_changed(client: Client, ask: Ask, story: Story) -> None:
    first = client.submit(ask(takes=2, seed=410)).job
    story(client, first)
    folder = Path(client.job(first).folder)
    drums = folder / "take2" / "drums.wav"
    sound, rate = soundfile.read(drums)
    soundfile.write(drums, sound / 2, rate, subtype="FLOAT")  # to be told from that of take 1
    second = client.submit(ask(seed=412, from_=str(folder), from_take=2, stems=("bass",))).job
    story(client, second)
    changed = Path(client.job(second).folder)
    assert (soundfile.read(changed / "drums.wav")[0] == sound / 2).all()
    assert read_manifest(changed).takes[0].facts.source_take == 2


def test_a_take_that_is_not_there_cannot_be_changed(client: Client, ask: Ask, story: Story) -> None:
    first = client.submit(ask(seed=420)).job
    story(client, first)
    changed = ask(from_=client.job(first).folder, from_take=3, stems=("bass",))
    end = story(client, client.submit(changed).job)[-1]
    assert isinstance(end, Finished) and "has no take 3" in end.message
    with pytest.raises(ProtocolError, match="from-take changes a result"):
        ask(from_take=2)


def test_a_dry_run_checks_all_and_queues_nothing(client: Client, ask: Ask) -> None:
    before = client.status().head_seq
    accepted = client.submit(ask(dry_run=True))
    assert (accepted.job, accepted.state) == (0, "dry-run")
    assert client.status().head_seq == before


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"),
        (b"", "empty"),
        (b"this is no MIDI file at all", "MThd"),
        (bytes(2 << 20), "larger"),
    ],
)
def test_a_bad_melody_is_refused_before_anything_is_queued(
    client: Client, ask: Ask, tmp_path: Path, content: bytes | None, words: str
) -> None:
    path = tmp_path / "melody.mid"
    if content is not None:
        path.write_bytes(content)
    before = client.status().head_seq
    with pytest.raises(ProtocolError) as refusal:
        client.submit(ask(melody_path=str(path)))
    assert refusal.value.code == Code.BAD_MIDI
    assert words in refusal.value.message and "\n" not in refusal.value.message
    assert client.status().head_seq == before


def test_an_engine_of_a_later_version_is_refused_by_name(client: Client, ask: Ask) -> None:
    with pytest.raises(ProtocolError, match="ace-step") as refusal:
        client.submit(ask(engine="ace-step"))
    assert (refusal.value.code, refusal.value.field) == (Code.MODEL_UNAVAILABLE, "engine")


def test_jobs_run_one_after_another_in_the_order_they_came(client: Client, ask: Ask) -> None:
    jobs = [client.submit(ask(seed=300 + n)).job for n in range(3)]
    told: list[tuple[str, int]] = []
    while ("Finished", jobs[-1]) not in told:
        event = client.next_event(300.0)
        assert event is not None
        if isinstance(event, Started | Finished) and event.job in jobs:
            told.append((type(event).__name__, event.job))
    assert told == [(kind, job) for job in jobs for kind in ("Started", "Finished")]


@pytest.mark.parametrize(
    ("tags", "code", "words"),
    [
        ("full-memory", Code.OUT_OF_MEMORY, "not enough memory"),
        ("broken", Code.INTERNAL, "unexpected error (RuntimeError)"),
        ("die", Code.INTERNAL, "signal 9"),
    ],
)
def test_a_fault_in_the_worker_fails_one_job_in_a_sentence_and_the_next_one_runs(
    client: Client, ask: Ask, story: Story, daemon, tags: str, code: Code, words: str
) -> None:
    job = client.submit(ask(tags)).job
    events = story(client, job)
    assert kinds(events) == ["Queued", "Started", "Finished"]
    end = events[-1]
    assert isinstance(end, Finished)
    assert (end.state, end.error_code) == ("failed", code)
    assert words in end.message and "\n" not in end.message
    assert not (daemon.home / "jobs" / str(job)).exists()
    after = story(client, client.submit(ask("refuse")).job)[-1]
    assert isinstance(after, Finished) and "refuses" in after.message


def test_a_worker_that_does_not_listen_is_killed_for_a_cancel(
    client: Client, ask: Ask, story: Story
) -> None:
    job = client.submit(ask("stubborn")).job
    waiting = client.submit(ask()).job
    wait_until_running(client, job)
    client.cancel(job)
    client.cancel(waiting)  # another one's end does not save the worker
    end = story(client, job)[-1]
    assert isinstance(end, Finished) and end.state == "cancelled"
    after = story(client, client.submit(ask("refuse")).job)[-1]
    assert isinstance(after, Finished) and "refuses" in after.message


def test_killing_the_worker_fails_the_job_and_a_new_worker_takes_the_next(
    client: Client, ask: Ask, story: Story, daemon
) -> None:
    job = client.submit(ask("hold", seed=150)).job
    wait_until_running(client, job)
    (killed,) = [pid for seed, pid in daemon.runs() if seed == 150]
    os.kill(killed, signal.SIGKILL)
    end = story(client, job)[-1]
    assert isinstance(end, Finished)
    assert (end.state, end.error_code) == ("failed", Code.INTERNAL)
    story(client, client.submit(ask("refuse", seed=160)).job)
    (new,) = [pid for seed, pid in daemon.runs() if seed == 160]
    assert new != killed
