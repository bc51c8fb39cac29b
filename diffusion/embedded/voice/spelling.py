"""From English spelling to sounds: a word list first, endings next, then letter rules.

The rules are a compact set of our own. They read any Latin letters, so that other languages and
made-up words give something singable, if with an English accent.
"""

from __future__ import annotations

import re
from functools import cache

from diffusion.embedded.voice.phonemes import VOWELS
from diffusion.embedded.voice.words import WORDS

# One rule: letters before (a regular expression, matched up to here) < letters > letters after
# (matched from here) = sounds. The first rule that fits wins; C is a consonant, V a vowel letter.
_RULES = """
<augh>=AO; <aigh>=EY; <ai>r=EH; <ai>=EY; <ay>=EY; <au>=AO; <aw>=AO; ^<a>$=AX
<all>(s|ed|ing|er)?$=AO L; <al>k=AO; <al>m=AA; <al>(d|t)=AO L; <are>$=EH R; <are>(s|d)$=EH R
<ar>(r|V)=EH R; (w|wh)<ar>=AO R; <ar>ds?$=AA R; <ar>=AA R; <a>nge=EY; <a>sten=AE; <a>ste=EY
VC+<a>sy$=AX
qu<a>(l|n|r|s|t)=AA; w<a>(n|s|t|l)=AA; <a>(tion|cial|tial)=EY; <a>Ce(s|d|r|st|ly|ful|less)?$=EY
<a>C(y|ing|ies)$=EY; <a>ble$=EY; <age>$=IH JH; V.*<al>$=AX L; V.*C<ar>$=ER; <a>ture=EY;
CVC+<an>$=AX N; ^<a>CV=AX
^<a>(bove|cross|gree|fraid|gainst)=AX; ^<a>CC?h=AE; <a>$=AX; <aa>=AA; <ae>=EY; <ah>=AA; <a>=AE
<bb>=B; m<b>$=; m<b>(s|ed|ing)$=; <b>=B
<ch>(r|o[rl]|em)=K; s<ch>=K; <ch>=CH; <ck>=K; <cc>[eiy]=K S; <cc>=K; <ci>(ou|al|an|en)=SH
<sci>(ou|en)=SH; <sc>[eiy]=S; <c>[eiy]=S; <c>=K
<dge>=JH; <dg>=JH; <dd>=D; <d>=D
<eigh>=EY; <ear>(n|th|l|d|ch)=ER; <ear>=IH R; <ea>lth=EH; <ea>=IY; <eer>=IH R; <ee>=IY; c<ei>=IY
<ei>=EY; <ey>$=IY; <ey>=EY; (b|c|f|h|m|p|v)<ew>=Y UW; <ew>=UW; <eu>=Y UW; <ere>$=IH R
<er>(e|i|y)=EH R; <err>=EH R; <er>=ER; <eo>=IY OW; <e>ly$=; <e>(ful|less|ment|ness)=
CVC*l?<e>$=; V<e>$=; Cl<e>$=; VC+<e>$=; ^C*<e>$=IY; (s|x|z|ch|sh|c|g)<es>$=IH Z
(p|t|k|f)<es>$=S; VC+<es>$=Z; V<es>$=Z; (t|d|dr|cr)<ed>$=IH D; V.*(p|k|f|s|x|ch|sh|c)<ed>$=T
V.*<ed>$=D; V.*<el>$=AX L; V.*<en>$=AX N; V.*<ent>$=AX N T; V.*<ence>$=AX N S; V.*<ess>$=AX S
V.*<est>$=IH S T; V.*<et>$=IH T; ^(b|d|r|pr)<e>CV=IH; ^<e>(n|m|x)=EH; ^<e>CV=IY; <e>Ce$=IY
<e>=EH
<ff>=F; <f>=F
^<gh>=G; <gh>=; ^<gn>=N; <g>n$=; <gg>=G; <gu>[eiy]=G; n<g>(s|ed|ing|ings|ers?|ly|in)?$=; n<g>e=JH
^<g>i(r|v|f)=G; <g>[eiy]=JH; <g>=G
<h>V=HH; <h>=
<igh>=AY; <i>gn=AY; <i>ld$=AY; <i>nd(s|ed|ing)?$=AY; ^C+<ie>(s|d)?$=AY; ^C+<ie>t$=AY AX
^C+<io>(n|t)=AY AX; V.*C<ice>$=IH S
<ie>(s|d)$=IY; <ie>=IY
<ier>$=IY ER; <ire>(s|d)?$=AY R; <ir>r=IH R; <ir>=ER; <i>Ce(s|d|r|st|ly|ful|less)?$=AY; <ique>$=IY K
<i>Cing$=AY; (t|s)<i>on=; <ion>=Y AX N; <iou>s=IY AX; <ia>=IY AX; <io>=IY OW; <iu>=IY AX; ^C*<i>$=AY
<i>$=IY; <i>=IH
<j>=JH; ^<kn>=N; <kk>=K; <k>=K; Cl<le>$=L; C<le>(s|d)?$=AX L; <ll>=L; <l>=L
<mm>=M; <mn>$=M; <m>=M; <ng>(th)=NG; <n>g=NG; <n>(k|x|q)=NG; <nn>=N; <n>=N
<ould>=UH D; <ought>=AO T; <ough>=OW; <oor>=AO R; <oo>k=UH; <oo>=UW; <oar>=AO R; <oa>=OW; <oi>=OY
<oy>=OY; <our>(s|ed|ing)?$=AW ER; <our>=AO R; <ous>$=AX S; <ou>ble=AH; <oup>=UW P; <ou>=AW
<ow>(n|d|l|s?e|er)=AW; <ow>=OW; <o>ld=OW; <oll>$=OW L; <o>lk=OW; <o>st$=OW; w<or>[^n]=ER
V.*<or>$=ER; <ore>=AO R
<orr>=AA R; <or>=AO R; <ove>=AH V; <oe>(s)?$=OW; <o>Ce(s|d|r|st|ly|ful|less)?$=OW; <o>C(ing|y)$=OW
<o>$=OW; <oh>=OW; <o>tion=OW; VC+<on>$=AX N; V.*<om>$=AX M; ^C?<o>CVC*$=OW
<o>(ng|ss|ff|ft|g$|th)=AO; <o>=AA
<ph>=F; <pp>=P; ^<ps>=S; <p>=P; <que>$=K; <qu>=K W; <q>=K; ^<wr>=R; <rh>=R; <rr>=R; <r>=R
<sure>$=ZH ER; <ssion>=SH AX N; V<sion>=ZH AX N; <sion>=SH AX N; <sh>=SH; <ss>=S; ^<s>=S; <s>m$=Z
V<s>(V|y)=Z; (p|t|k|f|c|th)<s>$=S; [bdgvlmnrwyaeiou]<s>$=Z; <s>=S
<tch>=CH; s<tion>=CH AX N; <tion>=SH AX N; <ti>(al|ous|en)=SH; <ture>$=CH ER; <th>er=DH; <th>e$=DH
<th>=TH
s<t>(le|en)$=; <tt>=T; <t>=T
<ue>$=UW; <ui>=UW; <uy>=AY; g<u>[eiy]=; (c|b|m|f|h|p|v|^)<ure>$=Y UH R; <ure>$=UH R; <ur>=ER
(c|b|m|f|h|p|v|^)<u>C(e|V)=Y UW; <u>C(e|i|a|o)=UW; p<u>ll=UH; f<ul>$=AX L; V.*<um>$=AX M
V.*<us>$=AX S; <u>$=UW; <uh>=AH; <u>=AH
<v>=V; <wh>o=HH; <wh>=W; V<w>=; <w>V=W; <w>=
^<x>=Z; ^e<x>V=G Z; <x>=K S
^<y>V=Y; <y>ing=AY; ^C+<y>$=AY; <y>Ce$=AY; <y>$=IY; <y>V=Y; <y>=IH
<zz>=Z; <z>=Z
"""
_Rule = tuple[re.Pattern[str], str, re.Pattern[str], tuple[str, ...]]


def _compile(text: str) -> dict[str, list[_Rule]]:
    rules: dict[str, list[_Rule]] = {}
    for entry in text.replace("\n", ";").split(";"):
        if not entry.strip():
            continue
        before, rest = entry.strip().split("<")
        letters, rest = rest.split(">")
        after, sounds = rest.split("=")
        before, after = (
            side.replace("C", "[bcdfghjklmnpqrstvwxz]").replace("V", "[aeiouy]")
            for side in (before, after)
        )
        rule = (re.compile(f"(?:{before})$"), letters, re.compile(after), tuple(sounds.split()))
        rules.setdefault(letters[0], []).append(rule)
    return rules


_BY_LETTER = _compile(_RULES)
_ENDINGS = {"s": "Z", "'s": "Z", "es": "IH Z", "ed": "D", "d": "D", "ing": "IH NG", "in'": "IH N"}
_ENDINGS |= {"er": "ER", "est": "IH S T", "y": "IY", "n't": "AX N T", "'ll": "AX L"}
_ENDINGS |= {"'re": "ER", "'ve": "V", "'d": "D", "'m": "M"}
# These follow any word, listed or not.
_SUFFIXES = {"ness": "N AX S", "less": "L AX S", "ful": "F AX L", "ly": "L IY"}
_VOICELESS = ("P", "T", "K", "F", "TH")
_HISSING = ("S", "Z", "SH", "ZH", "CH", "JH")


@cache
def sounds_of(word: str) -> tuple[str, ...]:
    """The sounds of one lower-case word (letters a to z and '); always at least one vowel."""
    sounds = (
        WORDS.get(word) or _with_ending(word) or _of_two(word) or _by_rules(word.replace("'", ""))
    )
    if not any(sound in VOWELS for sound in sounds):
        sounds = (*sounds, "AX")
    return sounds


def _with_ending(word: str) -> tuple[str, ...]:
    """A listed word with a regular ending, or any word with an apostrophe's; () if neither."""
    for ending, sounds in _ENDINGS.items():
        stem = word.removesuffix(ending)
        if stem == word or len(stem) < 2:
            continue
        stems = [stem]
        if ending in ("ing", "ed", "er", "est", "y", "in'"):
            stems += [stem + "e"] + ([stem[:-1]] if stem[-1] == stem[-2] else [])
        if ending == "d":
            stems = [stem] if stem.endswith("e") else []
        base = next((WORDS[stem] for stem in stems if stem in WORDS), ())
        if not base and ("'" in ending):
            full = ending == "in'"  # of "lovin'": as "loving"
            base = sounds_of(stem + "ing")[:-2] if full else _by_rules(stem.replace("'", ""))
        if base:
            return (*base, *_after(base[-1], ending, sounds))
    return ()


def _of_two(word: str) -> tuple[str, ...]:
    """Any word with a suffix of its own syllable, or two listed words in one; () if neither."""
    for suffix, sounds in _SUFFIXES.items():
        stem = word.removesuffix(suffix)
        if stem != word and len(stem) > 2 and re.search("[aeiouy]", stem):
            return (*sounds_of(stem[:-1] + "y" if stem[-1] == "i" else stem), *sounds.split())
    for cut in range(3, len(word) - 2):
        if word[:cut] in WORDS and word[cut:] in WORDS:
            return WORDS[word[:cut]] + WORDS[word[cut:]]
    return ()


def _after(last: str, ending: str, sounds: str) -> tuple[str, ...]:
    if ending in ("s", "'s", "es"):
        if last in _HISSING:
            return ("IH", "Z")
        return ("S",) if last in _VOICELESS else ("Z",)
    if ending in ("ed", "d"):
        if last in ("T", "D"):
            return ("IH", "D")
        return ("T",) if last in _VOICELESS or last in ("S", "SH", "CH") else ("D",)
    return tuple(sounds.split())


def _by_rules(word: str) -> tuple[str, ...]:
    sounds: list[str] = []
    here = 0
    while here < len(word):
        for before, letters, after, said in _BY_LETTER.get(word[here], ()):
            end = here + len(letters)
            if (
                word.startswith(letters, here)
                and after.match(word, end)
                and before.search(word[:here])
            ):
                sounds += said
                here = end
                break
        else:
            here += 1
    return tuple(sounds)
