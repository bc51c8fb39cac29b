"""What outlives a daemon: nothing that was accepted is lost, whatever ended it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from osc_protocol.client import Client
from osc_protocol.errors import Code, ProtocolError
from osc_protocol.generate import Generate
from osc_protocol.messages import Bye, Finished, Message, Progress
from osc_protocol.split import Split

Ask = Callable[..., Generate]
Story = Callable[[Client, int], list[Message]]

DEADLINE_SECONDS = 300.0  # nothing waits that long unless something is broken
posix_only = pytest.mark.skipif(os.name != "posix", reason="signals between processes are POSIX")


def run_until(client: Client, job: int, stage: str) -> None:
    for event in client.watch(job):
        if isinstance(event, Progress) and event.stage == stage:
            return


@pytest.mark.slow
@posix_only
def test_a_killed_daemons_jobs_are_taken_up_again_and_give_up_after_two_deaths(
    launch, tmp_path: Path, ask: Ask, story: Story
) -> None:
    first = launch(tmp_path)
    with first.client() as client:
        client.subscribe()
        running = client.submit(ask("hold", seed=1), rid="running").job
        waiting = client.submit(ask(seed=2), rid="waiting").job
        run_until(client, running, "diffuse")
        head = client.status().head_seq
    assert first.ends_with(signal.SIGKILL) == -signal.SIGKILL

    second = launch(tmp_path)
    with second.client() as client:
        client.subscribe()
        assert client.hello().epoch == 2
        run_until(client, running, "diffuse")
        assert client.job("waiting").state == "queued"
        assert client.submit(ask(seed=2), rid="waiting").duplicate
        assert client.status().head_seq > head
    second.ends_with(signal.SIGKILL)

    third = launch(tmp_path)
    with third.client() as client:
        client.subscribe()
        given_up = client.job(running)
        assert (given_up.state, given_up.error_code) == ("failed", Code.INTERNAL)
        assert "died 2 times" in given_up.message
        end = story(client, waiting)[-1]
        assert isinstance(end, Finished) and end.state == "done"
        client.quit()
    assert third.process.wait(DEADLINE_SECONDS) == 0
    assert [seed for seed, _ in third.runs()] == [1, 1, 2]


@posix_only
def test_a_clean_stop_says_bye_and_puts_the_running_job_back(
    launch, tmp_path: Path, ask: Ask
) -> None:
    first = launch(tmp_path)
    with first.client() as client:
        client.subscribe()
        job = client.submit(ask("hold", seed=1)).job
        run_until(client, job, "diffuse")
        assert first.ends_with(signal.SIGTERM) == 0
        told = []
        while not told or not isinstance(told[-1], Bye):
            event = client.next_event(DEADLINE_SECONDS)
            assert event is not None
            told.append(event)
        assert not any(isinstance(event, Finished) for event in told)
    assert not (tmp_path / "jobs" / str(job)).exists()

    again = launch(tmp_path)
    with again.client() as client:
        client.subscribe()
        run_until(client, job, "diffuse")
        client.cancel(job)
        assert list(client.watch(job))[-1].state == "cancelled"  # type: ignore[union-attr]
        client.quit()
    assert again.process.wait(DEADLINE_SECONDS) == 0


def test_draining_refuses_new_jobs_and_ends_the_accepted_ones(
    launch, tmp_path: Path, ask: Ask
) -> None:
    daemon = launch(tmp_path, max_queued=2)
    with daemon.client() as client:
        client.subscribe()
        holding = client.submit(ask("hold")).job
        jobs = [client.submit(ask("refuse", seed=seed)).job for seed in (1, 2)]
        with pytest.raises(ProtocolError) as refusal:
            client.submit(ask(seed=3))
        assert refusal.value.code == Code.QUEUE_FULL
        client.quit("drain")
        assert client.status().state == "draining"
        with pytest.raises(ProtocolError) as refusal:
            client.submit(ask(seed=3))
        assert refusal.value.code == Code.SHUTTING_DOWN
        client.cancel(holding)
        ended, event = [], client.next_event(DEADLINE_SECONDS)
        while not isinstance(event, Bye):
            assert event is not None
            if isinstance(event, Finished):
                ended.append((event.job, event.state))
            event = client.next_event(DEADLINE_SECONDS)
    assert ended == [(holding, "cancelled"), (jobs[0], "failed"), (jobs[1], "failed")]
    assert daemon.process.wait(DEADLINE_SECONDS) == 0


@posix_only
def test_the_worker_ends_with_a_daemon_that_was_killed(launch, tmp_path: Path, ask: Ask) -> None:
    daemon = launch(tmp_path)
    with daemon.client() as client:
        client.subscribe()
        job = client.submit(ask("hold", seed=1)).job
        run_until(client, job, "diffuse")
    ((_, worker),) = daemon.runs()
    daemon.ends_with(signal.SIGKILL)
    # A process that is not our child cannot be waited for; its log is closed when it is gone.
    waiter = "import os,sys,time\nend=time.time()+300\nwhile time.time()<end:\n"
    waiter += " try: os.kill(int(sys.argv[1]),0)\n except OSError: sys.exit(0)\n"
    waiter += " time.sleep(0.05)\nsys.exit(1)"
    assert subprocess.run([sys.executable, "-c", waiter, str(worker)], check=False).returncode == 0


def serve(home: Path, port: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "daemon", "serve", "--home", str(home), "--osc-port", str(port)],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def test_a_second_daemon_and_a_taken_port_are_one_sentence_each(daemon, tmp_path: Path) -> None:
    second = serve(daemon.home, 0)
    assert second.returncode == 1
    assert second.stdout == ""
    (sentence,) = second.stderr.splitlines()
    assert str(daemon.home) in sentence and str(daemon.process.pid) in sentence

    taken = serve(tmp_path, daemon.port)
    assert taken.returncode == 1
    (sentence,) = taken.stderr.splitlines()
    assert f"osc-port {daemon.port}" in sentence and "--osc-port" in sentence


def test_a_home_that_cannot_be_made_is_bad_usage(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    refused = serve(tmp_path / "file" / "home", 0)
    assert refused.returncode == 2
    (sentence,) = refused.stderr.splitlines()
    assert "home" in sentence and "cannot be made" in sentence


@posix_only
def test_a_sound_that_was_being_split_is_split_again(launch, tmp_path: Path, story: Story) -> None:
    sound = tmp_path / "sound.wav"
    soundfile.write(sound, np.zeros((8000, 2)), 8000)
    first = launch(tmp_path / "home")
    with first.client() as client:
        client.subscribe()
        job = client.submit(Split(str(sound), model="hold"), rid="split").job
        run_until(client, job, "split")
    first.ends_with(signal.SIGKILL)

    second = launch(tmp_path / "home")
    with second.client() as client:
        client.subscribe()
        run_until(client, job, "split")
        assert client.submit(Split(str(sound), model="hold"), rid="split").duplicate
        client.cancel(job)
        end = story(client, job)[-1]
        assert isinstance(end, Finished) and end.state == "cancelled"
