"""The table of messages: every command, reply and event of this version, in one literal.

The decoder's checks, the limits, the documentation and the tests are all taken from here. A row's
`name` is that of its class in osc_protocol.messages. What is positional is frozen; a message grows
by keys (commands) or by arguments at its end (replies, events), which older clients ignore.
"""

from __future__ import annotations

from dataclasses import dataclass

from audio.stem_names import STEMS
from midi.grid import MAX_BARS, MAX_BPM, MAX_SECONDS, MIN_BARS, MIN_BPM
from osc_protocol.argument import Argument
from osc_protocol.sound_shaping import EDITS, MAX_LORAS

PROTOCOL_MAJOR, PROTOCOL_MINOR = 1, 0
DEFAULT_PORT = 9787
ENGINES = ("embedded", "ace-step")
LEADS = ("melody", "vocals")
MELODY_MODES = ("cover", "keep", "raw", "off")
SAMPLE_RATES = (44_100, 48_000, 96_000)
SOUND_FORMATS = ("wav16", "wav24", "wav32f", "flac")
JOB_STATES = ("queued", "running", "done", "failed", "cancelled")
MAX_INT = 2**31 - 1
MAX_SEED = 2**63 - 1
MAX_PATH_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Row:
    """One message: `args` by position, then `keys` in any order as name, value pairs.

    `frozen` names the keys that may also stand by position after `args` (all of them, in order).
    `short` lists argument names of forms without a request id, all numbers, in which keys have
    `short_values` instead of their defaults. `button` commands may
    come with nothing or with one number, where 0 is a button let go and does nothing; in any other
    form all their arguments must be there. A row whose second argument has but one choice shares
    its address with others, told apart by it.
    """

    name: str
    address: str
    direction: str  # "command" to the daemon; "reply" or "event" from it
    about: str
    args: tuple[Argument, ...] = ()
    keys: tuple[Argument, ...] = ()
    frozen: tuple[str, ...] = ()
    short: tuple[tuple[str, ...], ...] = ()
    short_values: tuple[tuple[str, object], ...] = ()
    button: bool = False
    answers: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[Argument, ...]:
        """All its arguments, positional ones first."""
        return self.args + self.keys

    @property
    def tags(self) -> str:
        """The type tags of its positional arguments, as it is sent."""
        return "".join(argument.tag for argument in self.args)


RID = Argument("rid", "rid", "request id, chosen by the client")
ANY_RID = Argument("rid", "rid", "request id, chosen by the client", default="")
ECHO = Argument("rid", "line", "the request's id; empty where it had none", max_bytes=64)
SEQ = Argument("seq", "int", "number of the last durable event, this one's if it is durable", low=0)
OWNER = Argument("rid", "line", "id of the request that made the job", max_bytes=64)
JOB = Argument("job", "int", "job number", low=0)
TARGET = Argument("target", "target", "rid or number of the job", low=0)
STATE = Argument("state", "text", "state of the job", choices=JOB_STATES)
STAGE = Argument(
    "stage", "text", "load, diffuse, decode, split, conform, measure or write; empty before"
)
FRACTION = Argument("fraction", "float", "how much of the job is done; never falls", low=0, high=1)
ETA = Argument("eta-seconds", "float", "time left; -1 where unknown", low=-1, unit="s")
FOLDER = Argument("folder", "text", "folder of the results", max_bytes=MAX_PATH_BYTES)
ERROR_CODE = Argument("error-code", "int", "0, or why it failed (see Errors)", low=0)
MESSAGE = Argument("message", "line", "one sentence, or nothing", max_bytes=500)
EPOCH = Argument("epoch", "int", "how often the daemon has been started in its home", low=0)
HEAD_SEQ = Argument("head-seq", "int", "number of the newest durable event", low=0)
RUNNING = Argument("running", "int", "jobs running", low=0)
QUEUED = Argument("queued", "int", "jobs waiting", low=0)
MAJOR = Argument("proto-major", "int", "protocol, major", low=0)
MINOR = Argument("proto-minor", "int", "protocol, minor", low=0)
PRODUCT = Argument("product", "text", 'always "backline"')
VERSION = Argument("version", "text", "version of the daemon")
ENGINE = Argument("engine", "text", "engine that is loaded, or empty")
SENT = Argument("sent", "int", "messages in this list", low=0)
TOTAL = Argument("total", "int", "how many there are in all", low=0)

GENERATE_KEYS = (
    Argument("bpm", "float", "quarter notes a minute, whatever the meter",
             low=MIN_BPM, high=MAX_BPM, unit="bpm"),
    Argument("key", "text", 'as musicians write it: "A minor", "F#m", "Bb dorian"', max_bytes=64),
    Argument("seconds", "float", "length, taken as the nearest whole number of bars; 0: see bars",
             default=0.0, low=0, high=MAX_SECONDS, unit="s"),
    Argument("tags", "text", "style in words, comma-separated; may have times: see Sections",
             default="", max_bytes=4096),
    Argument("bars", "int", "length in bars", default=8, low=MIN_BARS, high=MAX_BARS, unit="bars"),
    Argument("meter", "text", "time signature, n/2^k", default="4/4", max_bytes=8,
             aliases=("timesig",)),
    Argument("lyrics", "text", "words for the vocals, lines by newline", default="",
             max_bytes=4096),
    Argument("seed", "int", "same seed, same frames; without it a new one is drawn", default=None,
             low=0, high=MAX_SEED),
    Argument("stems", "text", "which stems, comma-separated", default=",".join(STEMS),
             max_bytes=64),
    Argument("takes", "int", "how many takes, each with a seed one higher", default=1, low=1,
             high=8, aliases=("variations",)),
    Argument("best", "int", "keep only so many takes, the best by what is measured; 0: all",
             default=0, low=0, high=8),
    Argument("gate", "text", "limits a take must keep: on, or tempo=1 placement=30 melody=0.8 "
             "key=same,relative faults=0 (see docs/guide/grid.md); empty: none", default="",
             max_bytes=200,
             pattern=r"(((on|(tempo|placement|melody)=[0-9.]+|faults=[0-9]+|key=[a-z,]+) ?)+)?"),
    Argument("retries", "int", "with a gate: how many more seeds to try when no take passes",
             default=2, low=0, high=8),
    Argument("conform", "text", "stretch takes onto the grid; auto: where the engine gives a mix",
             default="auto", choices=("auto", "on", "off")),
    Argument("transpose", "flag", "1: transpose a take that is in another key", default=False),
    Argument("loudness", "float", "integrated loudness of the mix; without it levels stay",
             default=None, low=-40, high=-6, unit="LUFS"),
    Argument("engine", "text", "which model plays", default="embedded", choices=ENGINES),
    Argument("sample-rate", "int", "44100, 48000 or 96000", default=48_000,
             choices=tuple(map(str, SAMPLE_RATES)), unit="Hz", aliases=("rate",)),
    Argument("format", "text", "of the sound files; flac has 24 bits", default="wav32f",
             choices=SOUND_FORMATS),
    Argument("melody-path", "text", "MIDI file on the daemon's machine, absolute path", default="",
             max_bytes=MAX_PATH_BYTES),
    Argument("melody", "bytes", "MIDI file itself; at most 8192 bytes travel everywhere",
             default=b"", max_bytes=2**20),
    Argument("notes", "text", "melody in words: pitch:start:length[:velocity] ..., in quarters",
             default="", max_bytes=8192),
    Argument("lead", "text", "which stem carries the melody", default="melody", choices=LEADS),
    Argument("tempo-map", "text", "beat:bpm[:ramp] ..., beats in quarters from 0; see Tempo maps",
             default="", max_bytes=8192),
    Argument("meter-map", "text", "bar:n/d ..., bars from 1", default="", max_bytes=8192),
    Argument("sections", "text", "first-last:name ..., bars from 1; a name is a tag, words or both",
             default="", max_bytes=4096),
    Argument("intensity", "text", "beat:value ..., value from 0 to 1; see Intensity", default="",
             max_bytes=8192),
    Argument("at-seconds", "float", "where bar 1 lies in the project", default=0.0, low=0,
             high=604_800, unit="s", aliases=("at",)),
    Argument("at-beats", "float", "the same in quarters; not both", default=0.0, low=0,
             high=10_000_000, unit="quarters"),
    Argument("project", "text", "label of the project: letters, digits, space, _ and -",
             default="", max_bytes=64, pattern=r"[A-Za-z0-9 _-]+"),
    Argument("source", "text", "folder of a finished job to change; see Changing what is there",
             default="", max_bytes=MAX_PATH_BYTES, aliases=("from",)),
    Argument("source-take", "int", "which take of it", default=1, low=1, high=8),
    Argument("bar-range", "text", "which bars to make anew, first-last, bars from 1; with source",
             default="", max_bytes=16, aliases=("range",)),
    Argument("midi-path", "text", "MIDI file with new notes of the one stem asked; with source",
             default="", max_bytes=MAX_PATH_BYTES, aliases=("midi",)),
    Argument("melody-mode", "text", "ace-step: how it hears the melody; see docs/guide/engines.md",
             default="cover", choices=MELODY_MODES),
    Argument("melody-strength", "float", "ace-step: how strongly", default=0.5, low=0, high=1),
    Argument("audio-path", "text", "ace-step: sound to edit, which begins at bar 1; see Edits",
             default="", max_bytes=MAX_PATH_BYTES),
    Argument("edit", "text", "what becomes of it; auto: repaint where bar-range is given, or cover",
             default="auto", choices=EDITS),
    Argument("parts", "text", "for lego, extract (one) and complete, comma-separated", default="",
             max_bytes=200),
    Argument("reference-path", "text", "ace-step: sound whose timbre is borrowed", default="",
             max_bytes=MAX_PATH_BYTES),
    Argument("loras", "text", "ace-step: adapters, path[:scale], one a line", default="",
             max_bytes=MAX_LORAS * (MAX_PATH_BYTES + 8)),
    Argument("language", "text", "two or three letters for the lyrics' language: en, ja (ace-step)",
             default="", max_bytes=64, pattern=r"[a-z]{2,3}"),
    Argument("dry-run", "flag", "1: check all of it, queue nothing", default=False),
)  # fmt: skip

SPLIT_KEYS = (
    Argument("stems", "text", "which stems, comma-separated; only these are worked out",
             default=",".join(STEMS), max_bytes=64),
    Argument("model", "text", "which splitter; empty: the best that is installed", default="",
             max_bytes=MAX_PATH_BYTES),
    Argument("loop", "flag", "1: the sound repeats, so what is before its start is its end",
             default=False),
    Argument("format", "text", "of the sound files; flac has 24 bits", default="wav32f",
             choices=SOUND_FORMATS),
    Argument("from-seconds", "float", "where in the file to begin", default=0.0, low=0,
             high=604_800, unit="s", aliases=("from",)),
    Argument("length-seconds", "float", "how much of it; 0: to its end", default=0.0, low=0,
             high=604_800, unit="s", aliases=("seconds",)),
    Argument("at-seconds", "float", "where the sound lies in the project", default=0.0, low=0,
             high=604_800, unit="s", aliases=("at",)),
    Argument("at-beats", "float", "the same in quarters; not both", default=0.0, low=0,
             high=10_000_000, unit="quarters"),
    Argument("dry-run", "flag", "1: check all of it, queue nothing", default=False),
)  # fmt: skip

TABLE: tuple[Row, ...] = (
    # Commands
    Row("Ping", "/backline/ping", "command",
        "Sends its arguments back. Renews a lease. So does /ping, answered by /pong.",
        answers=("Pong",)),
    Row("Hello", "/backline/hello", "command", "Says who you are; asks who is there.",
        (RID, Argument("client", "text", "name of the client program", max_bytes=64)),
        (Argument("id", "text", "client id: scopes request ids instead of the IP address",
                  default="", max_bytes=64, pattern=r"[A-Za-z0-9._:-]+"),
         Argument("proto", "int", "protocol major that you speak", default=PROTOCOL_MAJOR,
                  low=0, high=MAX_INT),
         Argument("port", "int", "port that answers go to; 0: where the request came from",
                  default=0, low=0, high=65_535)),
        answers=("Welcome",)),
    Row("QueryVersion", "/backline/version", "command", "Asks for versions.", (ANY_RID,),
        button=True, answers=("VersionReply",)),
    Row("QueryStatus", "/backline/status", "command", "Asks how the daemon is.", (ANY_RID,),
        button=True, answers=("StatusReply",)),
    Row("Sync", "/backline/sync", "command",
        "Answered once every request received earlier has been accepted or refused, durably.",
        (RID,), answers=("Synced",)),
    Row("Notify", "/backline/notify", "command",
        "Subscribes (on 1) or unsubscribes (on 0). Repeating it renews the lease.",
        (ANY_RID, Argument("on", "flag", "1 subscribe, 0 unsubscribe")),
        (Argument("port", "int", "port for events and answers; 0: where the request came from",
                  default=0, low=0, high=65_535),
         Argument("lease", "int", "how long without a sign of life", default=60, low=5,
                  high=3600, unit="s"),
         Argument("scope", "text", "whose jobs: the client's, the host's, all", default="host",
                  choices=("mine", "host", "all")),
         Argument("style", "text", "events, one-value ui messages, or both", default="events",
                  choices=("events", "simple", "both")),
         Argument("rate", "int", "progress events a second at most", default=10, low=1,
                  high=30, unit="Hz")),
        # What sends these cannot renew a lease by itself: it lasts as long as any may.
        short=(("on",), ("on", "port")), short_values=(("lease", 3600),), answers=("NotifyDone",)),
    Row("Generate", "/backline/generate", "command",
        "Makes stems. The same rid with the same parameters is the same job, however often sent.",
        (RID,), GENERATE_KEYS, frozen=("bpm", "key", "seconds", "tags"), answers=("Accepted",)),
    Row("Split", "/backline/split", "command",
        "Takes a sound file apart into stems; a job like those of generate.",
        (RID, Argument("path", "text", "sound file on the daemon's machine, absolute path",
                       max_bytes=MAX_PATH_BYTES)),
        SPLIT_KEYS, answers=("Accepted",)),
    Row("Cancel", "/backline/cancel", "command",
        "Stops a job; as a button: the newest job of this host.",
        (ANY_RID, Argument("target", "target", "rid or number of the job; 0: the host's newest",
                           default=0, low=0)),
        button=True, answers=("CancelDone",)),
    Row("QueryJob", "/backline/job", "command", "Asks how a job is; unknown is an error.",
        (RID, TARGET), answers=("JobReply",)),
    Row("QueryJobs", "/backline/jobs", "command", "Lists jobs, newest first.",
        (RID, Argument("offset", "int", "how many to skip", default=0, low=0, high=MAX_INT),
         Argument("limit", "int", "how many to list", default=20, low=1, high=20)),
        answers=("JobsItem", "JobsEnd")),
    Row("QueryStems", "/backline/stems", "command", "Sends the stem events of a job again.",
        (RID, TARGET), answers=("StemReady", "StemsEnd")),
    Row("Quit", "/backline/quit", "command",
        "Stops the daemon: now, or drain (once the queue is empty).",
        (RID, Argument("mode", "text", "now or drain", default="now", choices=("now", "drain"))),
        answers=("QuitDone",)),
    # Replies
    Row("Pong", "/backline/pong", "reply", "The arguments of the ping; /pong answers /ping."),
    Row("Welcome", "/backline/welcome", "reply", "Answers hello.",
        (ECHO, PRODUCT, MAJOR, MINOR, EPOCH, VERSION,
         Argument("capabilities", "text", 'between colons, such as ":udp:spool:blob:"'),
         Argument("http-url", "text", "empty: this version serves no HTTP"), ENGINE,
         Argument("max-request-bytes", "int", "longest datagram taken", low=0, unit="bytes"))),
    Row("VersionReply", "/backline/version.reply", "reply", "Answers version.",
        (ECHO, PRODUCT, MAJOR, MINOR, VERSION)),
    Row("StatusReply", "/backline/status.reply", "reply", "Answers status.",
        (ECHO, EPOCH, Argument("state", "text", "idle, loading, busy, draining or degraded"),
         RUNNING, QUEUED, Argument("subscribers", "int", "leases held", low=0), HEAD_SEQ,
         Argument("vram-used-gb", "float", "0 on a CPU", low=0, unit="GB"),
         Argument("vram-total-gb", "float", "0 on a CPU", low=0, unit="GB"),
         Argument("uptime-seconds", "int", "since its start", low=0, unit="s"), ENGINE)),
    Row("Synced", "/backline/synced", "reply", "Answers sync.",
        (ECHO, Argument("level", "int", "always 0: accepted or refused", low=0), HEAD_SEQ)),
    Row("Accepted", "/backline/accepted", "reply",
        "The job is in the journal and survives a crash. A dry run is job 0.",
        (ECHO, JOB, Argument("state", "text", "state of the job, or dry-run",
                             choices=(*JOB_STATES, "dry-run")),
         Argument("queue-position", "int", "jobs before this one", low=0),
         Argument("duplicate", "flag", "1: this request had been accepted before"), ETA)),
    Row("NotifyDone", "/backline/done", "reply", "Answers notify.",
        (ECHO, Argument("command", "text", "what was done", choices=("/backline/notify",)),
         Argument("on", "flag", "as asked"),
         Argument("lease-seconds", "int", "renew within it", low=0, unit="s"), HEAD_SEQ, EPOCH)),
    Row("CancelDone", "/backline/done", "reply", "Answers cancel.",
        (ECHO, Argument("command", "text", "what was done", choices=("/backline/cancel",)), JOB,
         Argument("outcome", "text", "what became of it",
                  choices=("cancelled", "cancelling", "already-done", "already-failed",
                           "already-cancelled")))),
    Row("QuitDone", "/backline/done", "reply", "Answers quit, before bye.",
        (ECHO, Argument("command", "text", "what was done", choices=("/backline/quit",)),
         Argument("mode", "text", "as asked", choices=("now", "drain")))),
    Row("JobReply", "/backline/job.reply", "reply", "Answers job.",
        (ECHO, JOB, Argument("job-rid", "line", OWNER.about, max_bytes=64), STATE, STAGE,
         FRACTION, ETA, Argument("stems-ready", "int", "stems announced so far", low=0),
         ERROR_CODE, MESSAGE, FOLDER)),
    Row("JobsItem", "/backline/jobs.item", "reply", "One line of the answer to jobs.",
        (ECHO, Argument("index", "int", "place in the list, from 0", low=0), JOB,
         Argument("job-rid", "line", OWNER.about, max_bytes=64), STATE, FRACTION)),
    Row("JobsEnd", "/backline/jobs.end", "reply", "Ends the answer to jobs.", (ECHO, SENT, TOTAL)),
    Row("StemsEnd", "/backline/stems.end", "reply", "Ends the answer to stems.",
        (ECHO, SENT, TOTAL)),
    Row("ErrorReply", "/backline/error", "reply", "The request was refused; nothing was done.",
        (ECHO, Argument("command", "line", "address of the request", max_bytes=64),
         Argument("code", "int", "number of the error", low=0),
         Argument("symbol", "text", "the error in a word"), MESSAGE,
         Argument("argument", "line", "which argument is at fault, or empty",
                  max_bytes=64))),
    # Events
    Row("Queued", "/backline/queued", "event", "A job waits.",
        (SEQ, OWNER, JOB, Argument("position", "int", "jobs before it", low=0))),
    Row("Started", "/backline/started", "event", "A job runs.", (SEQ, OWNER, JOB)),
    Row("Progress", "/backline/progress", "event",
        "How far a job is. Not durable: the latest one is enough.",
        (SEQ, OWNER, JOB, STAGE, FRACTION, ETA)),
    Row("StemReady", "/backline/stem", "event", "A stem is on disk, complete.",
        (SEQ, OWNER, JOB, Argument("index", "int", "from 0, over all takes", low=0),
         Argument("count", "int", "stems of this job, over all takes", low=0),
         Argument("name", "text", "which stem", choices=STEMS),
         Argument("path", "text", "WAV file on the daemon's machine", max_bytes=MAX_PATH_BYTES),
         Argument("url", "text", "empty: this version serves no HTTP"),
         Argument("seconds", "float", "length", low=0, unit="s"),
         Argument("sample-rate", "int", "frames a second", low=0, unit="Hz"),
         Argument("channels", "int", "2: stereo", low=0),
         Argument("bytes", "int", "size of the file", low=0, unit="bytes"),
         Argument("sha256", "text", '"sha256:" and 64 hexadecimal digits', max_bytes=71),
         Argument("take", "int", "from 1", default=1, low=1))),
    Row("Finished", "/backline/finished", "event", "A job has ended; exactly one for each job.",
        (SEQ, OWNER, JOB, Argument("state", "text", "how it ended",
                                   choices=("done", "failed", "cancelled")),
         Argument("elapsed-seconds", "float", "since it was started", low=0, unit="s"),
         ERROR_CODE, MESSAGE, FOLDER)),
    Row("Heartbeat", "/backline/heartbeat", "event",
        "Every 2 s. A new epoch: the daemon was restarted, subscribe again.",
        (EPOCH, HEAD_SEQ, RUNNING, QUEUED)),
    Row("Bye", "/backline/bye", "event", "The daemon stops.",
        (Argument("reason", "line", "why", max_bytes=500),)),
    Row("UiState", "/backline/ui/state", "event", "Simple style: state in a word.",
        (Argument("value", "text", "idle, queued, running, done, failed or cancelled"),)),
    Row("UiStage", "/backline/ui/stage", "event", "Simple style: stage in a word.",
        (Argument("value", "text", STAGE.about),)),
    Row("UiProgress", "/backline/ui/progress", "event", "Simple style: how far.",
        (Argument("value", "float", "of the newest job", low=0, high=1),)),
    Row("UiEta", "/backline/ui/eta", "event", "Simple style: time left.",
        (Argument("value", "float", ETA.about, low=-1, unit="s"),)),
    Row("UiBusy", "/backline/ui/busy", "event", "Simple style: a lamp.",
        (Argument("value", "float", "1 while a job runs", low=0, high=1),)),
    Row("UiError", "/backline/ui/error", "event", "Simple style: the last error.",
        (Argument("value", "line", "one sentence, or empty", max_bytes=500),)),
)  # fmt: skip

BY_NAME = {row.name: row for row in TABLE}
COMMANDS = {row.address: row for row in TABLE if row.direction == "command"}
