"""The page proved in Debian's Chromium at length: `python -m pytest tests/daemon/browser_proof.py`.

A minute of play is listened to behind each stem's own gain, on the audio clock; axe-core looks for
faults of access where it is installed (`npm install axe-core` in the root of the clone).
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from test_http_page import browser, daemon, http, page, played  # noqa: F401  # fixtures

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
WINDOW = 4096  # frames that are looked for in each stem
LISTEN = f"""() => {{
  const deck = backlineDeck(), names = [...deck.sides[0].keys()];
  const merger = deck.context.createChannelMerger(names.length);
  names.forEach((name, at) => {{
    const mono = deck.context.createGain();
    [mono.channelCount, mono.channelCountMode] = [1, "explicit"];
    deck.sides[0].get(name).gain.connect(mono).connect(merger, 0, at);
  }});
  const tap = deck.context.createScriptProcessor({WINDOW}, names.length, 1);
  tap.onaudioprocess = (event) => {{
    const heard = names.map((_, at) => event.inputBuffer.getChannelData(at).slice());
    window.heard = {{ heard, position: deck.position }};
  }};
  merger.connect(tap).connect(deck.context.destination);
  window.tapped = tap;  // kept from being collected
}}"""
# Where in each stem the samples are those heard, nearest to where the deck says it is.
PLACES = """() => {
  const deck = backlineDeck(), { heard, position } = window.heard;
  return [...deck.sides[0].values()].map(({ buffer }, at) => {
    const sound = heard[at], left = buffer.getChannelData(0), right = buffer.getChannelData(1);
    const fits = (place) => {
      for (let i = 0; i < sound.length; i += 1) {
        const wanted = (left[place + i] + right[place + i]) / 2;
        if (!(Math.abs(sound[i] - wanted) < 1e-5)) return false;
      }
      return true;
    };
    const expected = Math.round(position * buffer.sampleRate);
    for (let away = 0; away < buffer.length; away += 1) {
      if (fits(expected - away)) return expected - away;
      if (fits(expected + away)) return expected + away;
    }
    return null;
  });
}"""

FOCUSED = """() => {
  const at = document.activeElement;
  return at.id || at.getAttribute("aria-label") || at.tagName;
}"""


def opened(page: Any, job: int) -> None:  # noqa: F811
    page.reload()
    page.get_by_role("button", name=f"Open job {job}", exact=True).click()
    page.locator("#play").wait_for()


def check_together(page: Any) -> None:  # noqa: F811
    """Wait for a window without an edge of the loop in it, and find it in every stem."""
    for _ in range(20):
        page.evaluate("() => { window.heard = null; }")
        page.wait_for_function("() => window.heard !== null")
        places = page.evaluate(PLACES)
        if None not in places:
            assert max(places) - min(places) <= 1, places
            return
    pytest.fail(f"what is heard is in no stem: {places}")


def test_stems_stay_together_for_a_minute_of_play_pause_seek_and_loop(page, http) -> None:  # type: ignore[no-untyped-def]  # noqa: F811
    opened(page, played(http, bars=64, seed=8))  # 64 s
    page.evaluate(LISTEN)
    page.locator("#play").click()
    page.wait_for_function("() => backlineDeck().position > 20", timeout=90_000)
    check_together(page)
    page.locator("#play").click()
    paused = page.evaluate("() => backlineDeck().position")
    page.wait_for_timeout(1000)
    assert page.evaluate("() => backlineDeck().position") == paused
    page.locator("#play").click()
    page.wait_for_function(f"() => backlineDeck().position > {paused} + 10", timeout=60_000)
    check_together(page)
    page.evaluate("() => backlineDeck().seek(5.123)")
    page.wait_for_function("() => backlineDeck().position > 15", timeout=60_000)
    check_together(page)
    page.get_by_label("First bar").fill("3")
    page.get_by_label("Last bar").fill("6")
    page.get_by_role("button", name="Loop bars").click()
    began = page.evaluate("() => backlineDeck().context.currentTime")
    page.wait_for_function(
        f"() => backlineDeck().context.currentTime > {began} + 20", timeout=90_000
    )
    assert 2.0 <= page.evaluate("() => backlineDeck().position") <= 6.0
    check_together(page)


def test_two_bars_made_again_change_and_the_others_stay(page, http) -> None:  # type: ignore[no-untyped-def]  # noqa: F811
    job = played(http, seed=9)
    opened(page, job)
    page.get_by_label("First bar").fill("2")
    page.get_by_label("Last bar").fill("3")
    page.get_by_label("Stem to make again").select_option("bass")
    page.locator("#again").click()
    said = page.get_by_text("ordered as job").inner_text()
    again = int(said.split()[-1])
    assert "event: finished" in http.get(f"/v1/jobs/{again}/events").text
    state = http.get(f"/v1/jobs/{again}").json()
    assert state["state"] == "done", state["message"]
    before, after = (
        soundfile.read(io.BytesIO(http.get(f"/v1/jobs/{each}/stems/bass.wav").content))[0]
        for each in (job, again)
    )
    bar, edge = 48_000, 2_000  # a bar of 240 bpm; the crossfade and its lead
    differs = np.abs(before - after).max(axis=1) > 1e-6
    assert differs[bar : 3 * bar].mean() > 0.5
    assert not differs[: bar - edge].any()
    assert not differs[3 * bar + edge :].any()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(page, http, scheme: str) -> None:  # type: ignore[no-untyped-def]  # noqa: F811
    if not AXE.is_file():
        pytest.skip("needs axe-core: npm install axe-core")
    page.emulate_media(color_scheme=scheme)
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 800})
        opened(page, played(http, seed=10))
        page.evaluate(AXE.read_text("utf-8"))
        found = page.evaluate("async () => (await axe.run(document)).violations")
        serious = [
            (each["id"], [node["html"] for node in each["nodes"]][:3])
            for each in found
            if each["impact"] in ("serious", "critical")
        ]
        assert serious == []


def test_everything_is_reached_by_keyboard(page, http) -> None:  # type: ignore[no-untyped-def]  # noqa: F811
    opened(page, played(http, seed=10))
    wanted = page.evaluate(
        "() => document.querySelectorAll('button, a[href], input, select, textarea').length"
    )
    reached = set()
    page.evaluate("() => document.activeElement.blur()")
    for _ in range(wanted + 20):
        page.keyboard.press("Tab")
        reached.add(page.evaluate(FOCUSED))
    assert {"play", "position", "Mute drums", "Level of vocals", "again"} <= reached
    page.locator("#play").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => backlineDeck().playing")
