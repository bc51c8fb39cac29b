"""One daemon with HTTP, real connections: orders, events, files, uploads, refusals."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import jsonschema
import mido
import numpy as np
import pytest
import soundfile

from diffusion.engines import engine_names
from osc_protocol.generate import Generate
from osc_protocol.messages import REQUESTS

DEADLINE_SECONDS = 120.0
TUNE = {"kind": "generate", "bpm": 240, "key": "Am", "bars": 1}


@pytest.fixture(scope="module")
def daemon(launch, tmp_path_factory):  # type: ignore[no-untyped-def]
    home = tmp_path_factory.mktemp("home")
    return launch(home, grace_seconds=1.0, config={"http_port": 0})


@pytest.fixture(scope="module")
def http(daemon) -> Iterator[httpx.Client]:  # type: ignore[no-untyped-def]
    with httpx.Client(base_url=daemon.url, timeout=DEADLINE_SECONDS) as client:
        yield client


def story(http: httpx.Client, path: str, after: int | None = None) -> list[tuple[int, str, dict]]:
    """The events of a stream to its end: number (0: none), name, data."""
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    found = []
    with http.stream("GET", path, headers=headers) as response:
        assert response.status_code == 200
        for block in "".join(response.iter_text()).split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.splitlines() if line[:1] != ":")
            if "event" in fields:
                data = json.loads(fields["data"])
                found.append((int(fields.get("id", 0)), fields["event"], data))
    return found


@pytest.fixture(scope="module")
def done(http: httpx.Client) -> dict:
    """A job that has been played, as GET gives it."""
    ordered = http.post("/v1/jobs", json=TUNE | {"seed": 11})
    assert ordered.status_code == 202, ordered.text
    location = ordered.headers["location"]
    assert location == f"/v1/jobs/{ordered.json()['job']}"
    assert story(http, f"{location}/events")[-1][1] == "finished"
    return http.get(location).json()


def midi_bytes() -> bytes:
    file, track = io.BytesIO(), mido.MidiTrack()
    track.append(mido.Message("note_on", note=64, velocity=90, time=0))
    track.append(mido.Message("note_off", note=64, time=480))
    song = mido.MidiFile(ticks_per_beat=480)
    song.tracks.append(track)
    song.save(file=file)
    return file.getvalue()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_the_events_of_a_job_have_the_names_and_numbers_that_osc_has(
    http: httpx.Client, done: dict
) -> None:
    events = story(http, f"/v1/jobs/{done['job']}/events")
    names = [name for _, name, _ in events]
    assert names == ["queued", "started", *["stem"] * 4, "finished"]
    numbers = [number for number, _, _ in events]
    assert numbers == list(range(numbers[0], numbers[0] + 7))
    assert [data["seq"] for *_, data in events] == numbers
    assert events[-1][2]["state"] == "done"


def test_a_stream_is_resumed_after_the_number_it_broke_off_at(
    http: httpx.Client, done: dict
) -> None:
    path = f"/v1/jobs/{done['job']}/events"
    whole = story(http, path)
    assert story(http, path, after=whole[2][0]) == whole[3:]
    ended = http.get(path, headers={"Last-Event-ID": str(whole[-1][0])})
    assert (ended.status_code, ended.content) == (204, b"")  # a browser then asks no more


def test_the_same_key_is_one_job_over_http_and_osc_and_another_request_a_conflict(
    daemon, http: httpx.Client
) -> None:
    key = {"Idempotency-Key": "both.doors"}
    first = http.post("/v1/jobs", json=TUNE | {"seed": 5}, headers=key).json()
    again = http.post("/v1/jobs", json=TUNE | {"seed": 5}, headers=key).json()
    assert (first["duplicate"], again["duplicate"]) == (False, True)
    assert first["job"] == again["job"]
    with daemon.client() as osc:
        request = Generate(bpm=240.0, key="Am", bars=1, seed=5)
        accepted = osc.submit(request, rid="both.doors")
    assert (accepted.job, accepted.duplicate) == (first["job"], True)
    other = http.post("/v1/jobs", json=TUNE | {"seed": 6}, headers=key)
    assert (other.status_code, other.json()["field"]) == (409, "rid")
    assert http.get("/v1/jobs/both.doors").json()["job"] == first["job"]


@pytest.mark.parametrize(
    ("change", "status", "field", "limit"),
    [
        ({"bpm": 9999}, 422, "bpm", {"low": 20, "high": 400}),
        ({"bpm": "fast"}, 422, "bpm", {"kind": "float"}),
        ({"bpm": True}, 422, "bpm", {"kind": "float"}),
        ({"bars": 1.5}, 422, "bars", {"kind": "int"}),
        ({"bar_range": "1-2"}, 422, "bar_range", {"max_bytes": 16}),
        ({"stems": ["drums", "harp"]}, 422, "stems", {"kind": "names"}),
        ({"stems": "drums"}, 422, "stems", {"kind": "names"}),
        ({"engine": "suno"}, 422, "engine", {"choices": list(engine_names())}),
        ({"key": "\ud800"}, 422, "key", {"max_bytes": 64}),
        ({"kind": "sing"}, 422, "kind", ["generate", "split", "plan", "conform"]),
        ({"no_such_field": 0.5}, 422, "no_such_field", None),
        ({"rid": "x"}, 422, "rid", None),
        ({"melody_path": "sha256:" + "0" * 64}, 422, "melody_path", {"kind": "path"}),
        ({"melody_path": "tune.mid"}, 403, "melody_path", {"kind": "path"}),
        ({"melody_path": "/etc/passwd"}, 403, "melody_path", {"kind": "path"}),
        ({"from": "job:99999"}, 422, "from", {"kind": "path"}),
        ({"melody": "no base64!"}, 422, "melody", {"kind": "bytes"}),
        ({"seed": 2**63}, 422, "seed", {"kind": "int"}),
    ],
)
def test_a_wrong_field_is_refused_with_its_name_value_and_limit(
    http: httpx.Client, change: dict, status: int, field: str, limit: object
) -> None:
    body = json.dumps(TUNE | change)
    response = http.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})
    problem = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.status_code, problem["status"]) == (status, status)
    assert problem["field"] == field
    assert field in problem["detail"]
    if isinstance(limit, dict):
        assert problem["limit"].items() >= limit.items()
    else:
        assert problem.get("limit") == limit


def test_a_dry_run_makes_no_job_and_says_what_would_be_made(http: httpx.Client) -> None:
    before = http.get("/v1/jobs").json()["total"]
    response = http.post("/v1/jobs", json=TUNE | {"dry_run": True, "seed": 3})
    assert response.status_code == 200
    assert response.json()["request"]["seed"] == 3
    assert http.get("/v1/jobs").json()["total"] == before


def test_a_running_job_is_cancelled(http: httpx.Client) -> None:
    job = http.post("/v1/jobs", json=TUNE | {"tags": "hold"}).json()["job"]
    assert http.delete(f"/v1/jobs/{job}").json()["outcome"] in ("cancelled", "cancelling")
    assert story(http, f"/v1/jobs/{job}/events")[-1][2]["state"] == "cancelled"
    assert http.delete(f"/v1/jobs/{job}").json()["outcome"] == "already-cancelled"
    assert http.get(f"/v1/jobs/{job}/stems/drums.wav").status_code == 404


def test_a_stem_is_what_its_hash_says_whole_and_in_parts(http: httpx.Client, done: dict) -> None:
    stem = done["stems"][0]
    whole = http.get(stem["url"])
    assert "sha256:" + sha256(whole.content) == stem["sha256"]
    assert whole.headers["etag"] == f'"{stem["sha256"][7:]}"'
    assert whole.headers["content-disposition"] == f'attachment; filename="{stem["name"]}.wav"'
    part = http.get(stem["url"], headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"
    last = http.get(stem["url"], headers={"Range": "bytes=-10"})
    assert last.content == whole.content[-10:]
    beyond = http.get(stem["url"], headers={"Range": "bytes=999999999-"})
    assert (beyond.status_code, beyond.json()["field"]) == (416, "range")
    same = http.get(stem["url"], headers={"If-None-Match": whole.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    changed = http.get(stem["url"], headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert (changed.status_code, changed.content) == (200, whole.content)
    by_hash = http.get(f"/v1/files/{stem['sha256'][7:]}")
    assert by_hash.content == whole.content


@pytest.mark.parametrize("kind", ["flac", "ogg", "mp3"])
def test_a_stem_comes_in_other_formats(http: httpx.Client, done: dict, kind: str) -> None:
    wav, _ = soundfile.read(io.BytesIO(http.get(done["stems"][1]["url"]).content))
    response = http.get(done["stems"][1]["url"], params={"format": kind})
    sound, rate = soundfile.read(io.BytesIO(response.content))
    assert rate == 48_000
    assert response.headers["content-disposition"].endswith(f'.{kind}"')
    if kind == "flac":
        assert np.abs(sound - wav).max() <= 2**-23  # 24 bits
    else:  # a lossy codec pads its ends and keeps the level within a decibel
        assert abs(len(sound) - len(wav)) < 3000
        level = np.sqrt((sound**2).mean() / (wav**2).mean())
        assert 0.89 < level < 1.12


def test_stems_that_would_clip_come_down_by_one_gain_and_still_add_up(
    http: httpx.Client,
) -> None:
    loud = (6 * np.sin(np.arange(8192) * 0.05)).astype(np.float32)
    file = io.BytesIO()
    soundfile.write(file, np.stack([loud, loud], 1), 44_100, format="WAV", subtype="FLOAT")
    data = file.getvalue()
    http.put(f"/v1/uploads/{sha256(data)}", content=data)
    asked = {"kind": "split", "path": f"sha256:{sha256(data)}"}
    job = http.post("/v1/jobs", json=asked).json()["job"]
    story(http, f"/v1/jobs/{job}/events")
    gains, together = set(), np.zeros((8192, 2))
    stems = http.get(f"/v1/jobs/{job}").json()["stems"]
    for stem in stems:
        assert http.get(stem["url"]).headers["backline-gain-db"] == "0"
        flac = http.get(stem["url"], params={"format": "flac"})
        gains.add(float(flac.headers["backline-gain-db"]))
        together += soundfile.read(io.BytesIO(flac.content))[0]
    assert len(gains) == 1
    gain_db = gains.pop()
    assert gain_db < 0
    gain = np.vdot(together[:, 0], loud) / np.vdot(loud, loud)
    assert 20 * np.log10(gain) == pytest.approx(gain_db, abs=0.006)  # the header has two digits
    assert np.abs(together - gain * loud[:, None]).max() < 2 * len(stems) * 2**-23  # of 24 bits


def test_all_files_of_a_result_can_be_had_and_no_others(http: httpx.Client, done: dict) -> None:
    manifest = http.get(done["links"]["manifest"]).json()
    for entry in manifest["files"]:
        response = http.get(f"/v1/jobs/{done['job']}/files/{entry['path']}")
        assert sha256(response.content) == entry["sha256"], entry["path"]
        assert response.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert http.get(f"/v1/jobs/{done['job']}/files/rating.json").status_code == 404


def test_the_times_of_a_result_are_those_of_its_grid(http: httpx.Client) -> None:
    asked = TUNE | {"bars": 2, "meter": "3/4", "tempo_map": "0:240 3:120", "sections": "2-2:end"}
    job = http.post("/v1/jobs", json=asked).json()["job"]
    story(http, f"/v1/jobs/{job}/events")
    found = http.get(f"/v1/jobs/{job}/timing").json()
    # Three beats of a quarter of a second, then three of half a second, at 48 kHz.
    assert found["beat_frames"] == [0, 12_000, 24_000, 36_000, 60_000, 84_000]
    assert found["bar_frames"] == [0, 36_000, 108_000]
    assert found["loop"] == {"start_frame": 0, "end_frame": 108_000}
    assert found["sections"] == [{"name": "end", "start_frame": 36_000, "end_frame": 108_000}]
    assert [each["bpm"] for each in found["tempo_map"]] == [240, 120]
    manifest = http.get(f"/v1/jobs/{job}/manifest.json").json()
    assert found["licence"] == manifest["engine"]["licence"] == "Tones: MIT."


def test_an_upload_that_broke_off_is_resumed_and_can_be_played_from(http: httpx.Client) -> None:
    data = midi_bytes()
    name, half = sha256(data), len(data) // 2
    path = f"/v1/uploads/{name}"
    assert http.head(path).status_code == 404
    part = http.put(
        path, content=data[:half],
        headers={"Content-Range": f"bytes 0-{half - 1}/{len(data)}"},
    )  # fmt: skip
    assert (part.status_code, part.headers["upload-offset"]) == (202, str(half))
    assert http.head(path).headers["upload-offset"] == str(half)
    gap = http.put(
        path, content=data[half + 1 :],
        headers={"Content-Range": f"bytes {half + 1}-{len(data) - 1}/{len(data)}"},
    )  # fmt: skip
    assert (gap.status_code, gap.json()["field"]) == (409, "Content-Range")
    rest = http.put(
        path, content=data[half:],
        headers={"Content-Range": f"bytes {half}-{len(data) - 1}/{len(data)}"},
    )  # fmt: skip
    assert rest.status_code == 201
    assert http.put(path, content=data).status_code == 200
    assert http.get(rest.headers["location"]).content == data
    asked = http.post(
        "/v1/jobs", json=TUNE | {"melody_path": rest.json()["reference"], "dry_run": True}
    )
    assert asked.status_code == 200
    assert asked.json()["request"]["melody_path"].endswith(f"{name}.mid")


def test_a_sound_is_uploaded_and_split(http: httpx.Client) -> None:
    file = io.BytesIO()
    tone = 0.2 * np.sin(np.arange(8192) * 0.05)
    soundfile.write(file, np.stack([tone, tone], 1), 44_100, format="WAV")
    data = file.getvalue()
    assert http.put(f"/v1/uploads/{sha256(data)}", content=data).status_code == 201
    asked = {"kind": "split", "path": f"sha256:{sha256(data)}"}
    job = http.post("/v1/jobs", json=asked).json()["job"]
    assert story(http, f"/v1/jobs/{job}/events")[-1][2]["state"] == "done"
    assert http.get(f"/v1/jobs/{job}/stems/vocals.wav").status_code == 200


def test_a_result_is_rated_and_listed(http: httpx.Client, done: dict) -> None:
    path = f"/v1/jobs/{done['job']}"
    assert http.put(f"{path}/rating", json={"rating": 4}).json()["rating"] == 4
    assert http.get(path).json()["rating"] == 4
    assert http.put(f"{path}/rating", json={"rating": 9}).status_code == 422
    listed = http.get("/v1/jobs", params={"limit": 100}).json()
    assert done["job"] in [each["job"] for each in listed["jobs"]]
    assert listed["total"] >= len(listed["jobs"])


def test_facts_are_those_of_the_tables(daemon, http: httpx.Client) -> None:  # type: ignore[no-untyped-def]
    engines = http.get("/v1/engines").json()["engines"]
    assert [each["name"] for each in engines] == list(engine_names())
    assert "lofi" in http.get("/v1/styles").json()["styles"]
    status = http.get("/v1/status").json()
    assert status["state"] in ("idle", "busy", "loading")
    figures = http.get("/metrics").text
    assert 'backline_jobs{state="done"}' in figures
    assert 'backline_http_requests_total{method="GET",status="200"}' in figures


def test_openapi_is_made_of_the_table_and_describes_what_is_answered(
    http: httpx.Client, done: dict
) -> None:
    document = http.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    schemas = document["components"]["schemas"]
    for kind, request in REQUESTS.items():
        properties = schemas[f"Order_{kind or 'generate'}"]["properties"]
        wanted = {a.name.replace("-", "_") for a in request.row.fields} - {"rid"}
        assert properties.keys() - {"kind"} == wanted
    resolver = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    whole = {"components": document["components"], **resolver}
    jsonschema.validate(TUNE, whole | {"$ref": "#/components/schemas/Order"})
    jsonschema.validate(done, whole | {"$ref": "#/components/schemas/Job"})
    problem = http.post("/v1/jobs", json={}).json()
    jsonschema.validate(problem, whole | {"$ref": "#/components/schemas/Problem"})


def test_the_welcome_over_osc_says_where_http_is(daemon) -> None:  # type: ignore[no-untyped-def]
    with daemon.client() as osc:
        assert osc.hello().http_url == daemon.url


@pytest.mark.slow
def test_a_stream_over_which_the_daemon_is_killed_is_resumed_and_misses_nothing(  # type: ignore[no-untyped-def]
    launch, tmp_path: Path
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    first = launch(tmp_path, config={"http_port": port})
    with httpx.Client(base_url=first.url, timeout=DEADLINE_SECONDS) as http:
        job = http.post("/v1/jobs", json=TUNE | {"seed": 1, "tags": "hold"}).json()["job"]
        seen: list[int] = []
        with (
            pytest.raises(httpx.HTTPError),
            http.stream("GET", f"/v1/jobs/{job}/events") as response,
        ):
            for line in response.iter_lines():
                if line.startswith("id: "):
                    seen.append(int(line[4:]))
                if line == "event: progress":
                    os.kill(first.process.pid, signal.SIGKILL)
        first.process.wait(DEADLINE_SECONDS)
    second = launch(tmp_path, config={"http_port": port})
    assert second.http_port == port
    with httpx.Client(base_url=second.url, timeout=DEADLINE_SECONDS) as http:
        cancel = threading.Timer(
            0, lambda: httpx.delete(f"{second.url}/v1/jobs/{job}", timeout=100)
        )
        cancel.start()
        rest = story(http, f"/v1/jobs/{job}/events", after=seen[-1])
        cancel.join()
        numbers = seen + [number for number, *_ in rest if number]
        assert numbers == list(range(1, len(numbers) + 1))  # each once, in order, none left out
        assert rest[-1][2]["state"] == "cancelled"
        whole = [number for number, *_ in story(http, f"/v1/jobs/{job}/events")]
        assert whole == numbers


@pytest.mark.slow
def test_a_process_that_died_is_started_again(launch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    daemon = launch(tmp_path, config={"http_port": 0})
    httpx.get(f"{daemon.url}/v1/status", timeout=DEADLINE_SECONDS)
    children = Path(f"/proc/{daemon.process.pid}/task/{daemon.process.pid}/children")
    if not children.exists():
        pytest.skip("needs /proc")
    for number in children.read_text().split():
        if "socket" in os.readlink(f"/proc/{number}/fd/0") or _listens(number, daemon.http_port):
            os.kill(int(number), signal.SIGKILL)
    response = httpx.get(f"{daemon.url}/v1/status", timeout=DEADLINE_SECONDS)
    assert response.status_code == 200


def _listens(process: str, port: int) -> bool:
    wanted = f"0100007F:{port:04X}"
    inodes = {
        line.split()[9]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[1] == wanted
    }
    held = set()
    for each in Path(f"/proc/{process}/fd").iterdir():
        try:
            held.add(os.readlink(each))
        except OSError:
            continue
    return any(f"socket:[{inode}]" in held for inode in inodes)
