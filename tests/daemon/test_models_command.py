"""`backline models` against a hub of its own on this machine: real HTTP, no network."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

COMMIT = "be23effe449c5957947f3020fd63bee23c64abe4"
FILES = {
    "README.md": b"---\nlicense: mit\n---\nThe weights of a test, free for all.\n",
    "model_index.json": b"{}",
    "transformer/config.json": b'{"is_turbo": true}',
    "transformer/diffusion_pytorch_model.safetensors": bytes(range(256)) * 40,
    "htdemucs.yaml": b"models: ['955717e8']\n",
    "955717e8.safetensors": bytes(500),
    "picture.png": b"not wanted",
}
LENDER = "/ACE-Step/acestep-v15-xl-sft-diffusers/"
LENT = {
    f"{part}/{name}": data
    for part in ("audio_tokenizer", "audio_token_detokenizer")
    for name, data in {"config.json": b"{}", "model.safetensors": bytes(100)}.items()
}
DEADLINE_SECONDS = 120


@dataclass
class Hub:
    """What the server gives and what it was asked for."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    failing: set[str] = field(default_factory=set)
    size_shown: int = 0  # of the safetensors file, where it is to be shown wrongly


@pytest.fixture
def hub() -> Iterator[Hub]:
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, body: bool) -> None:
            path = self.path.partition("?")[0]
            if path.startswith("/api/models/"):
                files = {**FILES, **LENT} if LENDER in f"{path}/" else FILES
                self.send(json.dumps(listing(hub, files)).encode(), "application/json", body)
                return
            files = LENT if LENDER in path else FILES
            name = path.partition(f"/resolve/{COMMIT}/")[2]
            if body and name:
                hub.asked.append(name)
            if name not in files or name in hub.failing:
                self.send(b"no", "text/plain", body, status=500)
                return
            self.send(files[name], "application/octet-stream", body)

        def send(self, data: bytes, kind: str, body: bool, status: int = 200) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("ETag", f'"{hashlib.sha1(data).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if body:
                self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield hub
    server.shutdown()
    thread.join()
    server.server_close()


def listing(hub: Hub, files: dict[str, bytes]) -> dict[str, object]:
    sizes = {name: len(data) for name, data in files.items()}
    if hub.size_shown:
        sizes["transformer/diffusion_pytorch_model.safetensors"] = hub.size_shown
    return {
        "id": "Runware/acestep-v15-turbo-diffusers",
        "sha": COMMIT,
        "siblings": [{"rfilename": name, "size": size} for name, size in sizes.items()],
    }


def backline(
    home: Path, *arguments: str, hub: Hub | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ, "BACKLINE_HOME": str(home), "HF_HOME": str(home / "hf"),
        "HF_ENDPOINT": hub.url if hub else "http://127.0.0.1:9", "HF_HUB_DISABLE_XET": "1",
    }  # fmt: skip
    environment.pop("BACKLINE_MODELS", None)
    return subprocess.run(
        [sys.executable, "-m", "daemon", *arguments], env=environment, capture_output=True,
        text=True, timeout=DEADLINE_SECONDS, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip


def test_weights_are_pulled_verified_and_removed(tmp_path: Path, hub: Hub) -> None:
    pulled = backline(tmp_path, "models", "pull", "turbo", "--yes", hub=hub)
    assert pulled.returncode == 0, pulled.stderr
    assert "| The weights of a test, free for all." in pulled.stdout
    assert "has no audio_tokenizer and no audio_token_detokenizer: these" in pulled.stdout
    assert "turbo is ready" in pulled.stdout and "picture.png" not in hub.asked
    folder = next((tmp_path / "models" / "turbo").glob("*/model_index.json")).parent
    assert (folder / "transformer/config.json").read_bytes() == FILES["transformer/config.json"]
    again = backline(tmp_path, "models", "pull", "turbo", "--yes", hub=hub)
    assert again.returncode == 0 and "on this machine already" in again.stdout
    (folder / "model_index.json").write_text("[]")
    damaged = backline(tmp_path, "models", "verify")
    assert damaged.returncode == 1 and "model_index.json is damaged" in damaged.stdout
    removed = backline(tmp_path, "models", "remove", "turbo")
    assert removed.returncode == 0 and not folder.exists()


def test_parts_that_a_repository_lacks_are_pulled_from_its_sibling(
    tmp_path: Path, hub: Hub
) -> None:
    pulled = backline(tmp_path, "models", "pull", "xl-turbo", "--yes", hub=hub)
    assert pulled.returncode == 0, pulled.stderr
    assert "has no audio_tokenizer" not in pulled.stdout
    record = json.loads(next((tmp_path / "models" / "xl-turbo").glob("*.json")).read_text())
    wanted = set(FILES) - {"picture.png"}
    assert set(record["files"]) == wanted | set(LENT)


def test_a_splitter_is_pulled_with_a_note_on_its_licence(tmp_path: Path, hub: Hub) -> None:
    refused = backline(tmp_path, "models", "pull", "htdemucs", hub=hub)
    assert refused.returncode == 2 and "only for scientific purposes" in refused.stdout
    pulled = backline(tmp_path, "models", "pull", "htdemucs", "--yes", hub=hub)
    assert pulled.returncode == 0 and "htdemucs is ready" in pulled.stdout, pulled.stderr
    assert {"htdemucs.yaml", "955717e8.safetensors"} <= set(hub.asked)
    record = json.loads(next((tmp_path / "models" / "htdemucs").glob("*.json")).read_text())
    weights = hashlib.sha256(FILES["955717e8.safetensors"]).hexdigest()
    assert record["kind"] == "splitter"
    assert record["files"]["955717e8.safetensors"]["sha256"] == weights
    played = backline(tmp_path, "models", "verify", "htdemucs")
    assert played.returncode == 0 and "all files are whole" in played.stdout


def test_nothing_is_downloaded_without_agreement(tmp_path: Path, hub: Hub) -> None:
    refused = backline(tmp_path, "models", "pull", "turbo", hub=hub)
    assert refused.returncode == 2 and "agree when asked, or with --yes" in refused.stderr
    assert set(hub.asked) <= {"README.md"}, "but the licence, to be read"


@pytest.mark.slow
def test_a_broken_download_goes_on_where_it_stopped(tmp_path: Path, hub: Hub) -> None:
    hub.failing.add("transformer/diffusion_pytorch_model.safetensors")
    broken = backline(tmp_path, "models", "pull", "turbo", "--yes", hub=hub)
    assert broken.returncode == 1 and "cannot be downloaded" in broken.stderr
    assert "Traceback" not in broken.stderr
    hub.failing.clear()
    hub.asked.clear()
    whole = backline(tmp_path, "models", "pull", "turbo", "--yes", hub=hub)
    assert whole.returncode == 0, whole.stderr
    assert "model_index.json" not in hub.asked, "it was there already"


def test_a_disk_that_is_too_small_is_told_before_the_download(tmp_path: Path, hub: Hub) -> None:
    hub.size_shown = 10**18
    refused = backline(tmp_path, "models", "pull", "turbo", "--yes", hub=hub)
    assert refused.returncode == 1 and "GB more on the disk" in refused.stderr
    assert hub.asked == []


def test_a_hub_out_of_reach_is_one_sentence(tmp_path: Path) -> None:
    refused = backline(tmp_path, "models", "pull", "turbo", "--yes")
    assert refused.returncode == 1 and "Traceback" not in refused.stderr
    assert refused.stderr.startswith("error: Runware/acestep-v15-turbo-diffusers cannot be")


def test_a_request_without_weights_is_told_the_command_at_once(tmp_path: Path) -> None:
    refused = backline(
        tmp_path, "generate", "--bpm", "90", "--key", "Am", "--engine", "ace-step",
        "-o", str(tmp_path / "out"),
    )  # fmt: skip
    assert refused.returncode == 2
    assert refused.stderr.strip().endswith("run: backline models pull turbo")


def test_whether_an_engine_can_play_is_known_without_loading_torch() -> None:
    program = (
        "import sys; from diffusion.engines import ENGINES; "
        "print([each.reason_against() for each in ENGINES]); "
        "assert not {'torch', 'huggingface_hub', 'diffusers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=DEADLINE_SECONDS)


def test_a_folder_of_weights_is_added_by_its_kind(tmp_path: Path) -> None:
    folder = tmp_path / "my-turbo"
    (folder / "transformer").mkdir(parents=True)
    (folder / "model_index.json").write_text("{}")
    (folder / "transformer" / "config.json").write_text('{"is_turbo": true}')
    added = backline(tmp_path, "models", "add", str(folder))
    assert added.returncode == 0, added.stderr
    assert "my-turbo is ready" in added.stdout and "kind turbo" in added.stdout
    listed = backline(tmp_path, "models", "list").stdout
    assert "on this machine: my-turbo" in listed and str(folder) in listed
    wrong = backline(tmp_path, "models", "add", str(tmp_path))
    assert wrong.returncode == 1 and "no ACE-Step weights" in wrong.stderr
    checkpoint = tmp_path / "checkpoints" / "acestep-v15-sft"
    checkpoint.mkdir(parents=True)
    (checkpoint / "silence_latent.pt").touch()
    several = backline(tmp_path, "models", "add", str(checkpoint.parent))
    assert several.returncode == 1 and "add one of acestep-v15-sft" in several.stderr
