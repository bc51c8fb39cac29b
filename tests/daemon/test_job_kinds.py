"""Plans and conformed recordings as jobs: ordered over HTTP and OSC, played by a real worker."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile

from midi.lead_sheet_file import JSON_NAME
from osc_protocol.conform import Conform
from osc_protocol.plan import Plan
from stems.manifest import read_manifest

DEADLINE_SECONDS = 120.0
RATE = 44_100
SHEET = {"bpm": 120, "key": "Am", "bars": 2, "chords": "Am | F", "seed": 1}


@pytest.fixture(scope="module")
def daemon(launch, tmp_path_factory):  # type: ignore[no-untyped-def]
    return launch(tmp_path_factory.mktemp("home"), grace_seconds=1.0, config={"http_port": 0})


@pytest.fixture(scope="module")
def http(daemon) -> Iterator[httpx.Client]:  # type: ignore[no-untyped-def]
    with httpx.Client(base_url=daemon.url, timeout=DEADLINE_SECONDS) as client:
        yield client


@pytest.fixture(scope="module")
def recording(daemon) -> Path:  # type: ignore[no-untyped-def]
    """Clicks at 118 bpm, the first of four louder, in a folder the daemon may read; and a stem."""
    folder = daemon.home / "recordings"
    folder.mkdir()
    sound = np.zeros(int(RATE * (32 * 60 / 118 + 0.5)), np.float32)
    decay = np.exp(-np.arange(2000) / 300.0) * np.random.default_rng(1).standard_normal(2000)
    for beat in range(32):
        at = int(RATE * (0.2 + beat * 60 / 118))
        sound[at : at + 2000] += (0.5 if beat % 4 == 0 else 0.25) * decay.astype(np.float32)
    for name in ("take", "drums"):
        soundfile.write(folder / f"{name}.wav", np.stack([sound, sound], 1) * 0.2, RATE, "FLOAT")
    return folder


def ended(http: httpx.Client, body: dict) -> dict:
    ordered = http.post("/v1/jobs", json=body)
    assert ordered.status_code == 202, ordered.text
    location = ordered.headers["location"]
    assert "event: finished" in http.get(f"{location}/events").text
    return http.get(location).json()


def test_a_plan_is_a_job_whose_files_can_be_had_and_played(http: httpx.Client) -> None:
    plan = ended(http, {"kind": "plan", **SHEET})
    assert (plan["state"], plan["message"], plan["stems"]) == ("done", "", [])
    manifest = http.get(plan["links"]["manifest"]).json()
    assert {each["role"] for each in manifest["files"]} == {"plan"}
    sheet = http.get(f"/v1/jobs/{plan['job']}/files/{JSON_NAME}").json()
    assert [each["symbol"] for each in sheet["chords"]] == ["Am", "F"]
    assert http.get(f"/v1/jobs/{plan['job']}/timing").json()["bar_frames"] == [0, 96_000, 192_000]
    wanted = {"kind": "generate", "bpm": 120, "key": "Am", "bars": 2}
    played = ended(http, wanted | {"plan_path": f"job:{plan['job']}"})
    assert played["state"] == "done", played["message"]
    changed = ended(http, wanted | {"from": f"job:{plan['job']}", "stems": ["bass"]})
    assert changed["state"] == "failed"
    assert "is a plan" in changed["message"]


def test_a_plan_over_osc_is_the_same_job_and_not_the_generate_of_those_fields(
    daemon, http: httpx.Client
) -> None:
    key = {"Idempotency-Key": "one.plan"}
    first = http.post("/v1/jobs", json={"kind": "plan", **SHEET}, headers=key).json()
    fields = {**SHEET, "bpm": 120.0}
    with daemon.client() as osc:
        accepted = osc.submit(Plan(**fields), rid="one.plan")
    assert (accepted.job, accepted.duplicate) == (first["job"], True)
    other = http.post("/v1/jobs", json={"kind": "generate", **SHEET}, headers=key)
    assert (other.status_code, other.json()["field"]) == (409, "rid")


def test_a_recording_is_conformed_with_its_stems(http: httpx.Client, recording: Path) -> None:
    body = {"kind": "conform", "path": str(recording / "take.wav"), "bpm": 120,
            "stems_path": str(recording)}  # fmt: skip
    job = ended(http, body)
    assert job["state"] == "done", job["message"]
    manifest = http.get(job["links"]["manifest"]).json()
    bars = manifest["grid"]["bars"]
    assert bars >= 7
    for name in ("drums", "mix"):
        sound, rate = soundfile.read(
            io.BytesIO(http.get(f"/v1/jobs/{job['job']}/stems/{name}.wav").content)
        )
        assert (len(sound), rate) == (bars * 2 * RATE, RATE)  # 2 s a bar, to the frame
    assert manifest["takes"][0]["null_dbfs"] < -100
    assert [each["name"] for each in job["stems"]] == ["drums"]


def test_what_cannot_be_conformed_fails_with_what_was_measured(
    daemon, http: httpx.Client, recording: Path
) -> None:
    with daemon.client() as osc:
        accepted = osc.submit(Conform(str(recording / "take.wav"), bpm=150.0), rid="too.fast")
        osc.sync()
    assert "event: finished" in http.get(f"/v1/jobs/{accepted.job}/events").text
    job = http.get("/v1/jobs/too.fast").json()
    assert job["state"] == "failed"
    assert "118" in job["message"]


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"bpm": 5}, 422, "bpm"),
        ({"half": True, "double": True}, 422, "half"),
        ({"loop": True, "tail_seconds": 1}, 422, "tail_seconds"),
        ({"path": "/etc/shadow"}, 403, "path"),
        ({"stems_path": "/etc"}, 403, "stems_path"),
        ({"key": "Am"}, 422, "key"),
    ],
)
def test_a_wrong_field_of_conform_is_refused_by_name(
    http: httpx.Client, recording: Path, change: dict, status: int, field: str
) -> None:
    body = {"kind": "conform", "path": str(recording / "take.wav"), "bpm": 120} | change
    refused = http.post("/v1/jobs", json=body)
    assert (refused.status_code, refused.json()["field"]) == (status, field)
    assert field in refused.json()["detail"]


def test_a_plan_in_its_folder_is_read_again_by_the_command_line(daemon, http) -> None:  # type: ignore[no-untyped-def]
    from daemon.plan_folder import with_request_of

    plan = ended(http, {"kind": "plan", **SHEET, "tags": "lofi"})
    folder = Path(plan["folder"])
    assert json.loads((folder / "request.json").read_text())["kind"] == "plan"
    assert with_request_of(folder, {"bpm": 90.0})["tags"] == "lofi"
    assert read_manifest(folder, check_hashes=True).takes == ()
