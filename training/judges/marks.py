"""The marks that music worth keeping has to reach, one a row."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mark:
    """A figure by its name, what it says, and the range asked of it; None: no limit."""

    name: str
    about: str
    least: float | None = None
    most: float | None = None

    @property
    def asked(self) -> str:
        """Return the range in words."""
        if self.least is not None and self.most is not None:
            return f"{self.least:g} to {self.most:g}"
        return f"at least {self.least:g}" if self.least is not None else f"at most {self.most:g}"

    def kept(self, value: float) -> bool:
        """Return whether `value` lies in the range."""
        above = self.least is None or value >= self.least
        return above and (self.most is None or value <= self.most)


MARKS: tuple[Mark, ...] = (
    Mark("ghost_drums", "drum hits of velocity <= .15", most=0.05),
    Mark("ghost_notes", "all notes of velocity <= .15", most=0.05),
    Mark("audible_downbeat", "an audible hit on the bar's first beat", least=0.9),
    Mark("bass_on_chord", "bass plays the chord's bass on its start", least=0.85),
    Mark("chord_as_planned", "chord as planned", least=0.9),
    Mark("chord_as_given", "chord as given", least=0.95),
    Mark("wide_leaps", "melody: leaps over 7 semitones", most=0.05),
    Mark("notes_a_phrase", "melody: notes a phrase (median)", least=6),
    Mark("melody_repeats", "a melody bar repeats an earlier one (F1)", least=0.4),
    Mark("long_spread_db", "128 bars: spread of full blocks, dB", most=6),
    Mark("long_drums_second_half_db", "128 bars: drums, first half over second, dB", least=-3),
    Mark("drums_second_half_db", "drums, first half over second, dB", least=-3),
    Mark("stray", "pieces in which an unwanted part sounds", most=0),
    Mark("side_mid_db", "side over mid, dB", least=-10, most=-4),
    Mark("correlation", "left-right correlation", most=0.85),
    Mark("lufs", "integrated loudness, LUFS", least=-15, most=-13),
    Mark("null_dbfs", "stems against mix, dBFS", most=-144),
    Mark("mood_recognised", "mood recognised", least=0.5),
    Mark("words_understood", "words of 60 prompts in six languages", least=0.9),
    Mark("times_real_time", "8 bars at 120 bpm, warm: times real time", least=5),
    Mark("peak_gb", "memory at most, GB", most=1.6),
)
