"""The page at /: what is served, and in a browser where one is installed: order, play, compare."""

from __future__ import annotations

import io
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

PAGE = Path(__file__).parents[2] / "daemon" / "front_ends" / "http" / "page"
DEADLINE_SECONDS = 120.0
TUNE = {"kind": "generate", "bpm": 240, "key": "Am", "bars": 4}


@pytest.fixture(scope="module")
def daemon(launch, tmp_path_factory):  # type: ignore[no-untyped-def]
    return launch(tmp_path_factory.mktemp("home"), grace_seconds=1.0, config={"http_port": 0})


@pytest.fixture(scope="module")
def http(daemon) -> Iterator[httpx.Client]:  # type: ignore[no-untyped-def]
    with httpx.Client(base_url=daemon.url, timeout=DEADLINE_SECONDS) as client:
        yield client


def played(http: httpx.Client, **fields: Any) -> int:
    job = http.post("/v1/jobs", json=TUNE | fields).json()["job"]
    assert "event: finished" in http.get(f"/v1/jobs/{job}/events").text
    return int(job)


def test_the_page_and_its_modules_are_served_with_their_types(http: httpx.Client) -> None:
    page = http.get("/", headers={"Accept": "text/html"})
    assert page.headers["content-type"].startswith("text/html")
    for each in PAGE.iterdir():
        kind = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}[each.suffix]
        served = http.get(f"/page/{each.name}")
        assert served.headers["content-type"].startswith(kind)
        assert served.content == each.read_bytes()
    assert http.get("/page/none.js").status_code == 404


def test_the_page_runs_under_its_own_policy_and_nothing_comes_from_elsewhere() -> None:
    text = (PAGE / "index.html").read_text("utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bon\w+=|\bstyle=", text)
    everything = text + "".join(each.read_text("utf-8") for each in PAGE.glob("*.js"))
    assert not re.search(
        r"https?://|innerHTML|\beval\b|insertAdjacentHTML|document\.write", everything
    )
    ids = set(re.findall(r'\bid="([\w-]+)"', text))
    assert set(re.findall(r'by\("([\w-]+)"\)', (PAGE / "main.js").read_text("utf-8"))) <= ids
    modules = set(re.findall(r'from "\./([\w.]+)"', everything))
    assert modules <= {each.name for each in PAGE.iterdir()}


def test_the_peaks_are_those_of_the_samples(http: httpx.Client) -> None:
    job = played(http, seed=2)
    found = http.get(f"/v1/jobs/{job}/peaks/drums", params={"points": 50}).json()["peaks"]
    sound, _ = soundfile.read(io.BytesIO(http.get(f"/v1/jobs/{job}/stems/drums.wav").content))
    where = np.arange(len(sound)) * 50 // len(sound)
    for point in range(50):
        part = sound[where == point]
        low, high = min(0.0, part.min()), max(0.0, part.max())
        assert found[point] == pytest.approx([low, high], abs=1e-4)  # sent with four digits
    assert http.get(f"/v1/jobs/{job}/peaks/harp").status_code == 404
    assert http.get(f"/v1/jobs/{job}/peaks/drums", params={"points": 5}).status_code == 422


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    chromium = shutil.which("chromium")
    if chromium is None or sys.platform != "linux":
        pytest.skip("needs Debian's chromium")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any, daemon: Any) -> Iterator[Any]:
    page = browser.new_page()
    page.set_default_timeout(DEADLINE_SECONDS * 1000)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console", lambda line: faults.append(line.text) if "Content Security" in line.text else 0
    )
    page.goto(daemon.url)
    yield page
    page.close()
    assert faults == []


# When each source began in the music, had it begun at 0 on the audio clock: one number for all.
STARTS = "() => backlineDeck().sources.map((each) => each.when - each.offset)"


@pytest.mark.slow
def test_music_is_ordered_in_the_page_and_its_stems_play_locked(page: Any, http: Any) -> None:
    page.get_by_label("bpm (needed)").fill("9999")
    page.get_by_role("button", name="Order", exact=True).click()
    page.get_by_role("alert").filter(has_text="bpm must be a number from 20 to 400").wait_for()
    page.get_by_label("bpm (needed)").fill("240")
    page.get_by_label("bars", exact=True).fill("4")
    page.get_by_role("button", name="Order", exact=True).click()
    page.get_by_role("button", name=re.compile("^Open job")).first.click()
    page.locator("#play").wait_for()
    assert page.locator("canvas").count() == 4
    page.locator("#play").click()
    page.wait_for_function("() => backlineDeck().position > 0.5")
    for act in (
        "() => backlineDeck().seek(2)", "() => backlineDeck().setLoop([1, 3])",
        "() => backlineDeck().seek(1.5)",
    ):  # fmt: skip
        page.evaluate(act)
        starts = page.evaluate(STARTS)
        assert len(starts) == 4 and len(set(starts)) == 1
    page.locator("#play").click()
    assert page.evaluate("() => backlineDeck().sources.length") == 0
    page.get_by_role("button", name="Mute drums").click()
    assert page.evaluate("() => backlineDeck().sides[0].get('drums').muted")


@pytest.mark.slow
def test_two_results_are_compared_at_one_beat_and_bars_made_again(page: Any, http: Any) -> None:
    first, second = played(http, seed=5), played(http, seed=6)
    page.reload()
    page.get_by_role("button", name=f"Open job {first}", exact=True).click()
    page.locator("#play").wait_for()
    page.get_by_role("button", name=f"Compare with job {second} as B").click()
    page.locator("#ab").wait_for()
    page.locator("#play").click()
    page.wait_for_function("() => backlineDeck().sources.length === 8")
    starts = page.evaluate(STARTS)
    assert len(set(starts)) == 1
    page.locator("#ab").click()
    page.locator("#ab").click()
    assert page.evaluate("() => backlineDeck().heard") in (0, 1)
    page.locator("#again").click()
    page.get_by_text(re.compile("ordered as job|engine cannot")).wait_for()


@pytest.mark.slow
def test_the_page_fits_a_phone(page: Any) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.get_by_label("bpm (needed)").wait_for()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360


@pytest.mark.slow
def test_a_running_job_is_cancelled_in_the_page(page: Any, http: Any) -> None:
    job = http.post("/v1/jobs", json=TUNE | {"tags": "hold"}).json()["job"]
    page.get_by_role("button", name=f"Cancel job {job}").click()
    page.locator(f"#library #job-{job}").wait_for()
    assert http.get(f"/v1/jobs/{job}").json()["state"] == "cancelled"
