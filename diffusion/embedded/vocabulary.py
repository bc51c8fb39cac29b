"""The words the embedded model knows, and how free text is mapped onto them.

Phrases of the text (diffusion.embedded.phrases) become styles, moods, instruments and parts that
are not to play; all other words are reported. Knows nothing of torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from diffusion.embedded.moods import MOODS
from diffusion.embedded.performance import TIMBRES
from diffusion.embedded.phrases import (
    AND,
    BREAK,
    FILLER,
    GRAMMAR,
    NOT_AFTER,
    NOT_BEFORE,
    Phrase,
    phrases_of,
)

# Marks of the table's keys: the nearest that the model has; a general word, which counts only where
# no other style is named; a part of the band, whatever plays it.
NEAR, WEAK, PART = "~", "?", "part:"
STYLES: tuple[str, ...] = (
    "pop", "rock", "folk", "ballad", "lofi", "hiphop", "trap", "house", "techno",
    "drum_and_bass", "synthwave", "funk", "disco", "reggae", "jazz_swing", "bossa",
    "cinematic", "waltz", "blues", "country", "soul", "celtic", "ambient",
)  # fmt: skip

# The token table of the model: index 0 means "not given".
TOKENS: tuple[str, ...] = (
    "",
    *(f"style:{style}" for style in STYLES),
    *(f"mood:{mood}" for mood in MOODS),
    *(f"{part}:{timbre}" for part, timbres in TIMBRES.items() for timbre in timbres),
)
_INDEX = {token: index for index, token in enumerate(TOKENS)}
SLOTS = 3 + len(TIMBRES)  # one style, two moods, one timbre a part


@dataclass(frozen=True, slots=True)
class ParsedPrompt:
    """A prompt in the model's own words.

    `blended` is a second style to mix with `style`. `without` are the parts (keys of TIMBRES) that
    are not to play. `unknown` are the words that mean nothing here, and `remarks` sentences on all
    that is played otherwise than asked, these included.
    """

    style: str = ""
    moods: tuple[str, ...] = ()
    timbres: Mapping[str, str] | None = None
    unknown: tuple[str, ...] = ()
    blended: str = ""
    without: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def tokens(self) -> tuple[int, ...]:
        """Return SLOTS indices into TOKENS: style, two moods, a timbre for each part."""
        moods = (*self.moods[:2], "", "")[:2]
        named = [f"style:{self.style}" if self.style else ""]
        named += [f"mood:{mood}" if mood else "" for mood in moods]
        timbres = self.timbres or {}
        named += [f"{part}:{timbres[part]}" if part in timbres else "" for part in TIMBRES]
        return tuple(_INDEX[name] for name in named)

    def blended_tokens(self) -> tuple[int, ...]:
        """Return `tokens`, and after them the second style's where there is one."""
        return (*self.tokens(), *((_INDEX[f"style:{self.blended}"],) if self.blended else ()))


def parse_prompt(text: str) -> ParsedPrompt:
    """Parse free `text`, in any language of the table (diffusion/embedded/words.json).

    Two styles and two moods count, and one timbre a part. What is beyond that, or stands for an
    instrument or a style that the model does not have, is said in the remarks.
    """
    phrases = phrases_of(text)
    without, phrases = _parts_left_out(phrases)
    reading = _Reading(list(without))
    for phrase in phrases:
        if phrase.text and not phrase.meanings:
            reading.unknown.append(phrase.text)
        elif not set(phrase.meanings) & {BREAK, *GRAMMAR}:
            reading.take(phrase)
    return reading.result()


@dataclass
class _Reading:
    """What of a prompt has been understood so far."""

    without: list[str]
    styles: list[str] = field(default_factory=list)
    weak_styles: list[str] = field(default_factory=list)
    moods: list[str] = field(default_factory=list)
    timbres: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def take(self, phrase: Phrase) -> None:
        """Add what one phrase of the table says."""
        meaning = phrase.meanings[0]
        kind, name = meaning.lstrip(NEAR + WEAK).split(":")
        if kind == "style":
            known = self.weak_styles if meaning.startswith(WEAK) else self.styles
            taken = self._take(known, name, phrase.text, 2, "two styles are blended at most")
        elif kind == "mood":
            taken = self._take(self.moods, name, phrase.text, 2, "two moods are followed at most")
        elif kind in TIMBRES:
            taken = self._take_timbre(kind, name, phrase.text)
        else:
            taken = False
            self.without += name.split(",") if kind == "without" else []
        if taken and meaning.startswith(NEAR):
            what = "style" if kind == "style" else "sound"
            self.remarks.append(
                f"{phrase.text}: the nearest {what} the embedded engine has is {_plain(name)}"
            )

    def _take(self, known: list[str], name: str, text: str, most: int, limit: str) -> bool:
        if name in known:
            return True
        if len(known) == most:
            self.remarks.append(f"{text}: left out; {limit}")
            return False
        known.append(name)
        return True

    def _take_timbre(self, part: str, name: str, text: str) -> bool:
        """Give `part` the timbre; chords and lead change places where that lets both sound."""
        held = self.timbres.get(part, name)
        other = {"comp": "lead", "lead": "comp"}.get(part)
        if held != name and other and other not in self.timbres:
            if name in TIMBRES[other]:
                part, held = other, name
            elif held in TIMBRES[other]:
                self.timbres[other], held = held, name
        if held != name:
            self.remarks.append(f"{text}: left out; {_plain(held)} is asked for in its place")
            return False
        self.timbres[part] = name
        return True

    def result(self) -> ParsedPrompt:
        """Return it all; styles of a general word only where no other is named."""
        style, blended = (*(self.styles or self.weak_styles[:1]), "", "")[:2]
        remarks = list(self.remarks)
        if self.unknown:
            words = ", ".join(self.unknown)
            remarks.append(f"the embedded engine does not know these style words: {words}")
        without = tuple(part for part in TIMBRES if part in self.without)
        return ParsedPrompt(
            style=style,
            moods=tuple(self.moods),
            timbres=self.timbres or None,
            unknown=tuple(self.unknown),
            blended=blended,
            without=without,
            remarks=tuple(remarks),
        )


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _parts_left_out(phrases: list[Phrase]) -> tuple[list[str], list[Phrase]]:
    """The parts that are negated ("no drums or bass"), and the phrases without their negations.

    A negation of anything but a part is one unknown phrase: the model cannot avoid a sound.
    """
    without: list[str] = []
    left: list[Phrase | None] = list(phrases)
    for at, phrase in enumerate(phrases):
        if left[at] is None:
            continue
        for role, step in ((NOT_BEFORE, 1), (NOT_AFTER, -1)):
            target = _next(phrases, at, step) if phrase.is_(role) else None
            if target is None or left[target] is None:
                continue
            parts = _listed(phrases, target, step)
            for index in parts:
                without += phrases[index].meanings[0].removeprefix(PART).split(",")
                left[index] = None
            if not parts:
                pair = (phrase.text, phrases[target].text)[::step]
                left[target] = Phrase(" ".join(pair))
            left[at] = None
            break
        else:
            if phrase.is_(NOT_BEFORE) or phrase.is_(NOT_AFTER):
                left[at] = None if phrase.is_(FILLER) else Phrase(phrase.text)
    return without, [phrase for phrase in left if phrase is not None]


def _next(phrases: list[Phrase], at: int, step: int) -> int | None:
    """The next phrase with a meaning of its own before a comma."""
    at += step
    while 0 <= at < len(phrases) and not phrases[at].is_(BREAK):
        if not set(phrases[at].meanings) & set(GRAMMAR):
            return at
        at += step
    return None


def _listed(phrases: list[Phrase], first: int, step: int) -> list[int]:
    """The parts in a list from `first` on: "drums", "drums and bass", "drums, bass or vocals"."""
    listed: list[int] = []
    waiting: list[int] = []
    joined = True
    at = first
    while 0 <= at < len(phrases):
        phrase = phrases[at]
        if phrase.meanings and phrase.meanings[0].startswith(PART):
            waiting.append(at)
            if joined:
                listed, waiting, joined = listed + waiting, [], False
        elif phrase.is_(AND):
            joined = True
        elif not (phrase.is_(BREAK) or phrase.is_(FILLER)) or phrase.is_(NOT_BEFORE):
            break
        at += step
    return listed
