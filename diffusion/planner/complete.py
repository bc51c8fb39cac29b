"""complete(): what is missing of a lead sheet is planned, what was given stands untouched."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from random import Random

import numpy as np

from diffusion.embedded.vocabulary import STYLES, ParsedPrompt
from diffusion.errors import EngineError
from diffusion.planner import vocabulary as v
from diffusion.planner.network import Network, Session, load_network
from diffusion.planner.reading import known_token
from diffusion.planner.rules import Logits, Rules
from diffusion.planner.score import score_of
from diffusion.planner.sheet import sheet_of
from diffusion.planner.wishes import Wishes, wishes_of
from diffusion.planner.writer import Writer
from midi.grid import Grid
from midi.key import Key
from midi.lead_sheet import LeadSheet

DRAFTS = 3  # written side by side, of which the best is taken
# How freely tokens are drawn, by stage: below 1 the likelier ones are preferred.
FREEDOM = {"chord": 0.8, "chord_length": 0.7, "note": 0.85, "note_length": 0.8}
LIKELY = 0.95  # tokens beyond this share of the probability are never drawn
# Styles whose tunes follow songs by people more often than the composer.
SONG_STYLES = frozenset(
    {"jazz_swing", "waltz", "ballad", "folk", "country", "blues", "pop", "rock", "soul", ""}
)
PEOPLE_SHARE, PEOPLE_SHARE_IN_A_MOOD = 0.7, 0.5  # songs by people have no moods to learn from


def complete(
    sheet: LeadSheet,
    *,
    grid: Grid,
    key: Key,
    prompt: ParsedPrompt,
    seed: int,
    lead: str = "melody",
    ending: str = "loop",
    network: Network | None = None,
) -> LeadSheet:
    """Return the sheet with form, parts, intensity, chords and tune, planned where not given.

    `lead` ("melody" or "vocals") carries a planned tune; `ending` is "loop" or "full". The same
    arguments give the same sheet. Raises EngineError when the planner's weights are missing.
    """
    wishes = wishes_of(sheet, grid, key, prompt, lead, ending)
    form = _form(wishes, network or shipped_network(), Random(f"form {seed}"))
    drafts = _drafts(wishes, network or shipped_network(), form, seed)
    best = max(drafts, key=lambda draft: score_of(draft.done, wishes))
    return sheet_of(best.done, wishes, sheet, grid, key)


@lru_cache(maxsize=1)
def shipped_network() -> Network:
    """The network of the product's own weights, checked against their card."""
    from diffusion.embedded.engine import verify_weights

    files = verify_weights()
    if "planner" not in files:
        raise EngineError(
            "the card of the embedded weights names no planner; install backline again"
        )
    return load_network(files["planner"])


def _form(wishes: Wishes, network: Network, random: Random) -> list[int]:
    """Choose the form; returns its tokens."""
    rules = Rules(wishes)
    writer = _writer(wishes)
    session = network.start([wishes.facts[name] for name in v.GLOBALS], 1)
    tokens: list[int] = []
    before = v.TOKENS
    while writer.stage in ("section", "bars", "play", "level"):
        place = writer.place()
        logits = session.step([before], [place.values], [[0.0] * v.HISTOGRAM])[0]
        token = given_form_token(writer, wishes)
        if token is None:
            token = draw(logits, rules.bias(writer), random, place.stage)
        tokens.append(token)
        _put(writer, wishes, token)
        before = token
    return tokens


def _drafts(wishes: Wishes, network: Network, form: Sequence[int], seed: int) -> list[Writer]:
    """Write the bars of some drafts of one form."""
    random = Random(f"drafts {seed}")
    facts = dict(wishes.facts)
    style = ("", *STYLES)[facts["style"]]
    share = PEOPLE_SHARE_IN_A_MOOD if facts["mood"] else PEOPLE_SHARE
    if style in SONG_STYLES and random.random() < share:
        facts |= {"manner": 1, "tempo": 0}
    planned = not (wishes.chords_given and (wishes.tune_given or not wishes.has_tune))
    count = DRAFTS if planned else 1
    rules, writers = Rules(wishes), [_writer(wishes) for _ in range(count)]
    randoms = [Random(f"draft {seed} {at}") for at in range(count)]
    session = network.start([facts[name] for name in v.GLOBALS], count)
    before = [v.TOKENS] * count
    script = list(form)
    while not all(writer.finished for writer in writers):
        before = _step(session, writers, rules, randoms, before, script)
    return writers


def _step(
    session: Session,
    writers: Sequence[Writer],
    rules: Rules,
    randoms: Sequence[Random],
    before: list[int],
    script: list[int],
) -> list[int]:
    """One token of every draft: the form's as long as the script lasts."""
    wishes = rules.wishes
    live = [not writer.finished for writer in writers]
    places = [writer.place() if on else None for writer, on in zip(writers, live, strict=True)]
    forced: list[int | None] = [None] * len(writers)
    if script:
        forced = [script.pop(0)] * len(writers)
    else:
        forced = [_given_token(w, wishes) if on else 0 for w, on in zip(writers, live, strict=True)]
    logits = session.step(
        before,
        [place.values if place else [0] * len(v.PLACE) for place in places],
        [(place.later_notes if place else None) or [0.0] * v.HISTOGRAM for place in places],
    )
    tokens = []
    for at, (writer, place) in enumerate(zip(writers, places, strict=True)):
        token = forced[at]
        if place is not None:
            if token is None:
                token = draw(logits[at], rules.bias(writer), randoms[at], place.stage)
            _put(writer, wishes, token)
        tokens.append(token or 0)
    return tokens


def _writer(wishes: Wishes) -> Writer:
    tune_first = wishes.facts["order"] == 1
    return Writer(wishes.known, tune_first=tune_first, has_tune=wishes.has_tune)


def _put(writer: Writer, wishes: Wishes, token: int) -> None:
    given = wishes.sections.get(len(writer.section_of))
    if writer.stage == "bars" and given and given[1] > v.MOST_SECTION_BARS:
        writer.longer_bars = given[1]
    writer.put(token)


def _given_token(writer: Writer, wishes: Wishes) -> int | None:
    if writer.stage.startswith("chord"):
        return known_token(writer, wishes.known) if wishes.chords_given else None
    return known_token(writer, wishes.known) if wishes.tune_given else None


def given_form_token(writer: Writer, wishes: Wishes) -> int | None:
    """The next token of the form where the user gave it; None where it is to be chosen."""
    first = len(writer.section_of)
    given = wishes.sections.get(first)
    if writer.stage == "section":
        return v.SECTION + v.SECTIONS.index(given[0]) if given else None
    if writer.stage == "bars":
        return v.BARS + min(given[1], v.MOST_SECTION_BARS) - 1 if given else None
    bars = slice(first, first + writer.open_bars)
    if writer.stage == "play":
        wished = wishes.parts.get(v.PARTS[len(writer.open_plays)])
        return None if wished is None else v.PLAY + play_of(wished[bars])
    if wishes.intensity is None:
        return None
    values = wishes.intensity[bars]
    level = int(sum(values) / len(values) * v.LEVELS)
    return v.LEVEL + min(v.LEVELS - 1, max(0, level))


def play_of(active: Sequence[bool]) -> int:
    """The value of PLAYS that says best in which bars of a section a part plays."""
    if not any(active):
        return v.PLAYS.index("out")
    half = len(active) // 2
    return v.PLAYS.index("late" if half and not any(active[:half]) else "in")


def draw(logits: Logits, bias: Logits, random: Random, stage: str) -> int:
    """Draw a token: logits are rounded, so that machines that add in another order agree."""
    sums = np.round(logits, 3) / FREEDOM.get(stage, 1.0) + bias
    shares = np.exp(sums - sums.max())
    shares /= shares.sum()
    order = np.argsort(-shares, kind="stable")
    totals = np.cumsum(shares[order])
    kept = int(np.searchsorted(totals, LIKELY)) + 1
    point = random.random() * totals[min(kept, len(totals)) - 1]
    return int(order[min(int(np.searchsorted(totals, point)), kept - 1)])
