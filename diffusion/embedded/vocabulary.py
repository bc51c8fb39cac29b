"""The words the embedded model knows, and how free text is mapped onto them.

Runs of up to three words of a prompt are looked up, longest first, in a table of synonyms. What is
found becomes a style, moods and instruments; all other words are reported. Knows nothing of torch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from diffusion.embedded.performance import TIMBRES

STYLES: tuple[str, ...] = (
    "pop", "rock", "folk", "ballad", "lofi", "hiphop", "trap", "house", "techno",
    "drum_and_bass", "synthwave", "funk", "disco", "reggae", "jazz_swing", "bossa",
    "cinematic", "waltz", "blues", "country", "soul", "celtic", "ambient",
)  # fmt: skip
MOODS: tuple[str, ...] = (
    "calm", "energetic", "dark", "bright", "sad", "happy", "dreamy", "aggressive",
    "relaxed", "epic", "romantic", "tense",
)  # fmt: skip

# Synonyms of styles and moods.
_SYNONYMS: Mapping[str, str] = {
    "lo fi": "lofi", "chillhop": "lofi", "study beats": "lofi",
    "hip hop": "hiphop", "rap": "hiphop", "boom bap": "hiphop",
    "drum and bass": "drum_and_bass", "drum n bass": "drum_and_bass", "dnb": "drum_and_bass",
    "jungle": "drum_and_bass", "breakbeat": "drum_and_bass",
    "jazz": "jazz_swing", "swing": "jazz_swing", "bebop": "jazz_swing", "big band": "jazz_swing",
    "bossa nova": "bossa", "samba": "bossa", "latin": "bossa",
    "dub": "reggae", "ska": "reggae", "dancehall": "reggae", "dub techno": "techno",
    "edm": "house", "dance": "house", "deep house": "house", "electronic": "house",
    "minimal": "techno", "industrial": "techno", "trance": "techno",
    "retrowave": "synthwave", "80s": "synthwave", "eighties": "synthwave",
    "synth pop": "synthwave",
    "film": "cinematic", "score": "cinematic", "soundtrack": "cinematic",
    "orchestral": "cinematic", "classical": "cinematic", "drone": "ambient",
    "irish": "celtic", "jig": "celtic", "reel": "celtic", "acoustic": "folk",
    "americana": "country", "bluegrass": "country", "singer songwriter": "folk",
    "metal": "rock", "punk": "rock", "indie": "rock", "grunge": "rock", "hard rock": "rock",
    "r b": "soul", "rnb": "soul", "motown": "soul", "gospel": "soul", "groovy": "funk",
    "slow song": "ballad", "love song": "ballad",
    "soft": "calm", "gentle": "calm", "warm": "calm", "peaceful": "calm", "quiet": "calm",
    "chill": "relaxed", "laid back": "relaxed", "mellow": "relaxed", "easy": "relaxed",
    "upbeat": "energetic", "driving": "energetic", "fast": "energetic",
    "danceable": "energetic", "exciting": "energetic",
    "moody": "dark", "gloomy": "dark", "ominous": "dark",
    "mysterious": "tense", "suspense": "tense", "nervous": "tense",
    "sunny": "bright", "uplifting": "bright", "light": "bright", "hopeful": "bright",
    "melancholic": "sad", "melancholy": "sad", "nostalgic": "sad",
    "emotional": "romantic", "tender": "romantic", "love": "romantic",
    "powerful": "epic", "heroic": "epic", "triumphant": "epic", "big": "epic",
    "cheerful": "happy", "joyful": "happy", "playful": "happy", "fun": "happy",
    "atmospheric": "dreamy", "ethereal": "dreamy", "floating": "dreamy", "spacey": "dreamy",
    "angry": "aggressive", "hard": "aggressive", "intense": "aggressive", "heavy": "aggressive",
}  # fmt: skip

# Names of instruments -> (part, timbre).
_INSTRUMENTS: Mapping[str, tuple[str, str]] = {
    "808": ("drums", "808"), "drum machine": ("drums", "808"), "jazz kit": ("drums", "jazz"),
    "brushes": ("drums", "jazz"), "electronic drums": ("drums", "electronic"),
    "room kit": ("drums", "room"), "power kit": ("drums", "power"),
    "big drums": ("drums", "power"), "acoustic drums": ("drums", "standard"),
    "drum kit": ("drums", "standard"),
    "electric bass": ("bass", "finger"), "finger bass": ("bass", "finger"),
    "pick bass": ("bass", "pick"), "upright bass": ("bass", "acoustic"),
    "double bass": ("bass", "acoustic"), "acoustic bass": ("bass", "acoustic"),
    "fretless bass": ("bass", "fretless"), "fretless": ("bass", "fretless"),
    "slap bass": ("bass", "slap"), "synth bass": ("bass", "synth"), "sub bass": ("bass", "synth"),
    "warm bass": ("bass", "fretless"),
    "piano": ("comp", "piano"), "keys": ("comp", "electric_piano"),
    "electric piano": ("comp", "electric_piano"), "rhodes": ("comp", "electric_piano"),
    "nylon guitar": ("comp", "nylon_guitar"), "classical guitar": ("comp", "nylon_guitar"),
    "acoustic guitar": ("comp", "steel_guitar"), "steel guitar": ("comp", "steel_guitar"),
    "guitar": ("comp", "clean_guitar"), "clean guitar": ("comp", "clean_guitar"),
    "electric guitar": ("comp", "clean_guitar"), "organ": ("comp", "organ"),
    "strings": ("comp", "strings"), "pad": ("comp", "pad"), "pads": ("comp", "pad"),
    "soft pads": ("comp", "pad"), "synth pad": ("comp", "pad"),
    "flute": ("lead", "flute"), "violin": ("lead", "violin"), "fiddle": ("lead", "violin"),
    "trumpet": ("lead", "trumpet"), "brass": ("lead", "trumpet"), "sax": ("lead", "sax"),
    "saxophone": ("lead", "sax"), "lead guitar": ("lead", "overdriven_guitar"),
    "distorted guitar": ("lead", "overdriven_guitar"),
    "overdriven guitar": ("lead", "overdriven_guitar"),
    "piano lead": ("lead", "piano"), "piano melody": ("lead", "piano"),
    "synth lead": ("lead", "saw_lead"), "lead synth": ("lead", "saw_lead"),
    "synth": ("lead", "saw_lead"), "vibraphone": ("lead", "vibraphone"),
    "vibes": ("lead", "vibraphone"), "bells": ("lead", "vibraphone"),
    "female voice": ("vocals", "alto"), "female vocals": ("vocals", "alto"),
    "alto": ("vocals", "alto"), "male voice": ("vocals", "tenor"),
    "male vocals": ("vocals", "tenor"), "tenor": ("vocals", "tenor"),
    "soprano": ("vocals", "soprano"), "high voice": ("vocals", "soprano"),
}  # fmt: skip

# Words without a meaning of their own, which are not reported.
_FILLERS = frozenset(
    "a an and the with of in on for music song track style vibe feel some very like to".split()
)

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
    """A prompt in the model's own words; `unknown` are the words it does not know."""

    style: str = ""
    moods: tuple[str, ...] = ()
    timbres: Mapping[str, str] | None = None
    unknown: tuple[str, ...] = ()

    def tokens(self) -> tuple[int, ...]:
        """Return SLOTS indices into TOKENS: style, two moods, a timbre for each part."""
        moods = (*self.moods[:2], "", "")[:2]
        named = [f"style:{self.style}" if self.style else ""]
        named += [f"mood:{mood}" if mood else "" for mood in moods]
        timbres = self.timbres or {}
        named += [f"{part}:{timbres[part]}" if part in timbres else "" for part in TIMBRES]
        return tuple(_INDEX[name] for name in named)


def _meaning(phrase: str) -> tuple[str, str] | None:
    joined = phrase.replace(" ", "_")
    word = joined if joined in STYLES or joined in MOODS else _SYNONYMS.get(phrase, "")
    if word in STYLES:
        return "style", word
    if word in MOODS:
        return "mood", word
    return _INSTRUMENTS.get(phrase)


def parse_prompt(text: str) -> ParsedPrompt:
    """Parse free `text`; the first style and the first two moods count.

    A further style, a third mood or a second timbre for a part is reported among the unknown.
    """
    words = re.findall(r"[\w']+", text.lower().replace("_", " "))
    style = ""
    moods: list[str] = []
    unknown: list[str] = []
    timbres: dict[str, str] = {}
    at = 0
    while at < len(words):
        for length in (3, 2, 1):
            phrase = " ".join(words[at : at + length])
            meaning = _meaning(phrase)
            if meaning is not None and len(phrase.split()) == length:
                break
        at += length
        if meaning is None:
            if phrase not in _FILLERS:
                unknown.append(phrase)
            continue
        kind, name = meaning
        if kind == "style" and style in ("", name):
            style = name
        elif kind == "mood" and (name in moods or len(moods) < 2):
            moods += [] if name in moods else [name]
        elif kind in TIMBRES and timbres.setdefault(kind, name) == name:
            pass
        else:
            unknown.append(phrase)
    return ParsedPrompt(style, tuple(moods), timbres or None, tuple(unknown))
