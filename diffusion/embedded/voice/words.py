"""How common sung words sound where the rules of spelling.py would be wrong."""

from __future__ import annotations

# word, then its sounds; in no particular order but of meaning, so that gaps are easy to see
_TABLE = """
don't D OW N T; won't W OW N T; can't K AE N T; isn't IH Z AX N T; wasn't W AH Z AX N T
didn't D IH D AX N T; doesn't D AH Z AX N T; couldn't K UH D AX N T; wouldn't W UH D AX N T
ain't EY N T; i'm AY M; i'll AY L; i've AY V; i'd AY D; you're Y AO R; we're W IH R
they're DH EH R; let's L EH T S; it's IH T S; that's DH AE T S; what's W AH T S; 'cause K AH Z
'til T IH L; 'em AX M; o'er AO R; e'er EH R; ne'er N EH R; y'all Y AO L; ma'am M AE M; the DH AX
of AH V; to T UW; into IH N T UW; onto AO N T UW; you Y UW; your Y AO R; they DH EY; their DH EH R
them DH EH M; this DH IH S; that DH AE T; these DH IY Z; those DH OW Z; there DH EH R
then DH EH N; than DH AE N; thus DH AH S; though DH OW; although AO L DH OW; thy DH AY; thee DH IY
thou DH AW; thine DH AY N; where W EH R; were W ER; what W AH T; who HH UW; whom HH UW M
whose HH UW Z; how HH AW; are AA R; was W AH Z; been B IH N; being B IY IH NG; do D UW
does D AH Z; done D AH N; going G OW IH NG; gone G AO N; gonna G AH N AX; have HH AE V
give G IH V; get G EH T; live L IH V; said S EH D; says S EH Z; some S AH M; come K AH M
become B IH K AH M; one W AH N; once W AH N S; none N AH N; two T UW; four F AO R; any EH N IY
many M EH N IY; only OW N L IY; over OW V ER; ever EH V ER; every EH V R IY; other AH DH ER
another AX N AH DH ER; mother M AH DH ER; brother B R AH DH ER; father F AA DH ER
together T UW G EH DH ER; nothing N AH TH IH NG; something S AH M TH IH NG; loving L AH V IH NG
lover L AH V ER; move M UW V; prove P R UW V; lose L UW Z; shoe SH UW; good G UH D; stood S T UH D
wood W UH D; put P UH T; push P UH SH; full F UH L; foot F UH T; woman W UH M AX N
women W IH M AX N; blood B L AH D; flood F L AH D; enough IH N AH F; rough R AH F; tough T AH F
through TH R UW; young Y AH NG; touch T AH CH; country K AH N T R IY; soul S OW L
shoulder SH OW L D ER; known N OW N; own OW N; grown G R OW N; shown SH OW N; blown B L OW N
thrown TH R OW N; now N AW; cow K AW; wow W AW; vow V AW; allow AX L AW; hour AW ER; lower L OW ER
heart HH AA R T; heaven HH EH V AX N; heavy HH EH V IY; head HH EH D; dead D EH D; bread B R EH D
ready R EH D IY; already AO L R EH D IY; instead IH N S T EH D; spread S P R EH D
weather W EH DH ER; feather F EH DH ER; death D EH TH; breath B R EH TH; meant M EH N T
dreamt D R EH M T; wear W EH R; bear B EH R; tear T EH R; great G R EY T; break B R EY K
steady S T EH D IY; friend F R EH N D; pretty P R IH T IY; busy B IH Z IY; eye AY; bye B AY
guy G AY; island AY L AX N D; wind W IH N D; river R IH V ER; spirit S P IH R IH T; climb K L AY M
people P IY P AX L; either IY DH ER; money M AH N IY; honey HH AH N IY; son S AH N
month M AH N TH; front F R AH N T; wonder W AH N D ER; won W AH N; body B AA D IY
tomorrow T AX M AA R OW; today T AX D EY; tonight T AX N AY T; toward T AX W AO R D
water W AO T ER; also AO L S OW; always AO L W EY Z; almost AO L M OW S T; shall SH AE L
half HH AE F; false F AO L S; maybe M EY B IY; angel EY N JH AX L; strange S T R EY N JH
change CH EY N JH; danger D EY N JH ER; mama M AA M AX; papa P AA P AX; again AX G EH N
against AX G EH N S T; begin B IH G IH N; began B IH G AE N; between B IH T W IY N
beautiful B Y UW T IH F AX L; beauty B Y UW T IY; usual Y UW ZH UW AX L; sure SH UH R
sugar SH UH G ER; pleasure P L EH ZH ER; treasure T R EH ZH ER; ocean OW SH AX N
broken B R OW K AX N; frozen F R OW Z AX N; both B OW TH; lost L AO S T; cost K AO S T
house HH AW S; us AH S; yes Y EH S; bus B AH S; silence S AY L AX N S; silent S AY L AX N T
quiet K W AY AX T; worry W ER IY; sword S AO R D; poor P UH R; answer AE N S ER; laugh L AE F
yeah Y AE; la L AA; na N AA; da D AA; hey HH EY; mm M AH M; hmm HH AH M; sha SH AA; whoa W OW
ba B AA; ok OW K EY; okay OW K EY; hallelujah HH AE L AX L UW Y AX; amen AA M EH N
radio R EY D IY OW; lullaby L AH L AX B AY; piano P IY AE N OW; memory M EH M ER IY
idea AY D IY AX; beyond B IH Y AA N D; diamond D AY M AX N D; evening IY V N IH NG
different D IH F R AX N T; company K AH M P AX N IY; on AO N; from F R AH M; wolf W UH L F
color K AH L ER; colour K AH L ER; away AX W EY; forever F AO R EH V ER
everything EH V R IY TH IH NG; nowhere N OW W EH R; sometimes S AH M T AY M Z; beside B IH S AY D
without W IH DH AW T; within W IH DH IH N; with W IH DH; sunset S AH N S EH T; zero Z IH R OW
london L AH N D AX N; tears T IH R Z; nobody N OW B AA D IY; mountain M AW N T AX N
fountain F AW N T AX N; devil D EH V AX L; melody M EH L AX D IY; rhythm R IH DH AX M
tiger T AY G ER; mirror M IH R ER; photograph F OW T AX G R AE F; forget F AO R G EH T
promise P R AA M IH S; secret S IY K R IH T; anger AE NG G ER; finger F IH NG G ER
longer L AO NG G ER; stronger S T R AO NG G ER; hunger HH AH NG G ER; around AX R AW N D
welcome W EH L K AX M; history HH IH S T ER IY; present P R EH Z AX N T
language L AE NG G W IH JH; natural N AE CH ER AX L; miracle M IH R AX K AX L
mystery M IH S T ER IY; paradise P EH R AX D AY S; soldier S OW L JH ER; enemy EH N AX M IY
victory V IH K T ER IY; hero HH IH R OW; thousand TH AW Z AX N D; minute M IH N IH T
second S EH K AX N D; century S EH N CH ER IY; neither N IY DH ER; leather L EH DH ER; view V Y UW
review R IH V Y UW; continue K AX N T IH N Y UW; twilight T W AY L AY T; machine M AX SH IY N
engine EH N JH IH N; social S OW SH AX L; precious P R EH SH AX S; measure M EH ZH ER
romantic R OW M AE N T IH K; poet P OW AX T; violin V AY AX L IH N; final F AY N AX L
wooden W UH D AX N; often AO F AX N; electric IH L EH K T R IH K; emotion IH M OW SH AX N
technology T EH K N AA L AX JH IY; naked N EY K IH D; wicked W IH K IH D; sacred S EY K R IH D
beloved B IH L AH V IH D; television T EH L AX V IH ZH AX N; garage G AX R AA ZH
favorite F EY V R IH T; chocolate CH AO K L IH T; comfort K AH M F ER T; cover K AH V ER
discover D IH S K AH V ER; chase CH EY S; base B EY S; case K EY S; loose L UW S; goose G UW S
grease G R IY S; increase IH N K R IY S; purpose P ER P AX S; police P AX L IY S
magazine M AE G AX Z IY N; arrive AX R AY V
anything EH N IY TH IH NG; family F AE M AX L IY; really R IY L IY; dollar D AA L ER
casual K AE ZH UW AX L
"""

WORDS: dict[str, tuple[str, ...]] = {}
for _entry in _TABLE.replace("\n", ";").split(";"):
    if _entry.strip():
        _word, *_sounds = _entry.split()
        WORDS[_word] = tuple(_sounds)
