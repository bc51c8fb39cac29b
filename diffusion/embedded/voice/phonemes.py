"""The speech sounds the voice can sing, and the syllables they make.

Symbols are the ARPABET's, without stress, plus AX (the schwa) and "_" (silence).
"""

from __future__ import annotations

from dataclasses import dataclass

from diffusion.errors import EngineError, check_choice

SILENCE = "_"
MONOPHTHONGS = ("AA", "AE", "AH", "AO", "AX", "EH", "ER", "IH", "IY", "UH", "UW")
DIPHTHONGS = ("AW", "AY", "EY", "OW", "OY")
VOWELS = (*MONOPHTHONGS, *DIPHTHONGS)
CONSONANTS = (
    *("B", "CH", "D", "DH", "F", "G", "HH", "JH", "K", "L", "M", "N", "NG"),
    *("P", "R", "S", "SH", "T", "TH", "V", "W", "Y", "Z", "ZH"),
)
# The order is the weights' own: append only.
SYMBOLS = (SILENCE, *VOWELS, *CONSONANTS)
INDEX = {symbol: index for index, symbol in enumerate(SYMBOLS)}

# Clusters that may begin an English syllable (single consonants but NG may, too).
ONSET_CLUSTERS = frozenset(
    tuple(cluster.split())
    for cluster in (
        "P L,P R,P Y,B L,B R,B Y,T R,T W,D R,D W,K L,K R,K W,K Y,G L,G R,G W,F L,F R,F Y,"
        "TH R,TH W,SH R,S P,S T,S K,S M,S N,S L,S W,S F,V Y,M Y,HH Y,S P L,S P R,S P Y,S T R,"
        "S K R,S K W,S K Y,S K L"
    ).split(",")
)


@dataclass(frozen=True, slots=True)
class Syllable:
    """Onset consonants, one vowel, coda consonants; str() gives the text a note carries.

    `spelling` is the piece of the lyrics it came from and `ends_line` says that a line of the
    lyrics ends with it.
    """

    onset: tuple[str, ...]
    vowel: str
    coda: tuple[str, ...] = ()
    spelling: str = ""
    ends_line: bool = False

    def __str__(self) -> str:
        return " ".join((*self.onset, self.vowel, *self.coda))

    @classmethod
    def parse(cls, text: str) -> Syllable:
        """Read "S IH NG"; raises EngineError unless it is of SYMBOLS with exactly one vowel."""
        sounds = tuple(text.split())
        for sound in sounds:
            check_choice("sound of a syllable", sound, SYMBOLS[1:])
        vowels = [place for place, sound in enumerate(sounds) if sound in VOWELS]
        if len(vowels) != 1:
            raise EngineError(f"syllable: {text!r} has {len(vowels)} vowels, it needs exactly 1")
        return cls(sounds[: vowels[0]], sounds[vowels[0]], sounds[vowels[0] + 1 :])


def may_begin(cluster: tuple[str, ...]) -> bool:
    """Whether an English syllable may begin with these consonants."""
    if len(cluster) < 2:
        return cluster not in (("NG",), ("ZH",))
    return cluster in ONSET_CLUSTERS
