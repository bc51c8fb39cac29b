"""The lines of docs/guide/http.md, run as they stand there."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import mido
import pytest
import soundfile

PAGE = Path(__file__).parents[2] / "docs" / "guide" / "http.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
ADDRESS = "127.0.0.1:9788"  # as on the page

needs_curl = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("sha256sum")), reason="needs curl and sha256sum"
)


@needs_curl
def test_the_lines_of_the_page_do_what_it_says(launch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    daemon = launch(tmp_path / "home", config={"http_port": 0})
    # The port of the page may be taken here: curl is led to the one that is ours.
    (tmp_path / ".curlrc").write_text(
        f'connect-to = "{ADDRESS}:127.0.0.1:{daemon.http_port}"\n'
        f'header = "Host: 127.0.0.1:{daemon.http_port}"\nfail-with-body\nno-progress-meter\n'
    )
    tune, track = mido.MidiFile(ticks_per_beat=480), mido.MidiTrack()
    track += [mido.Message("note_on", note=69, time=0), mido.Message("note_off", note=69, time=480)]
    tune.tracks.append(track)
    tune.save(tmp_path / "tune.mid")

    blocks = [block for block in BLOCK.findall(PAGE.read_text("utf-8")) if "curl" in block]
    answers = []
    for line in "".join(blocks).splitlines():
        ran = subprocess.run(
            ["bash", "-c", line], cwd=tmp_path, capture_output=True, timeout=120, check=False,
            env={"PATH": "/usr/bin:/bin", "CURL_HOME": str(tmp_path), "HOME": str(tmp_path)},
        )  # fmt: skip
        assert ran.returncode == 0, (line, ran.stdout, ran.stderr)
        answers.append(ran.stdout)
    assert len(answers) >= 15
    assert b"event: finished" in answers[1]
    assert soundfile.info(tmp_path / "drums.wav").frames > 0
    assert soundfile.info(tmp_path / "bass.ogg").format == "OGG"
    assert soundfile.info(tmp_path / "mix.flac").format == "FLAC"
    assert (tmp_path / "head.wav").stat().st_size == 1024
