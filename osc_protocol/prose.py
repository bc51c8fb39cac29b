"""The sentences of the protocol page around the tables; osc_protocol.document joins them."""

from __future__ import annotations

from midi.curve import MAX_POINTS
from midi.sections import MAX_SECTION_BYTES, TAGS
from osc_protocol.codec import (
    MAX_ADDRESS_BYTES,
    MAX_ARGUMENTS,
    MAX_DATAGRAM_BYTES,
    MAX_DEPTH,
    MAX_ELEMENTS,
)
from osc_protocol.protocol import DEFAULT_PORT

LISTENER_PORT = 9902

FIRST_PAGE = f"""\
# backline over OSC

<!-- Written by `python -m osc_protocol.generated`; edit the table or
osc_protocol/prose.py, not this page. -->

Any program that speaks OSC over UDP can drive backline: a REAPER script, Max, Pure Data,
SuperCollider, TouchOSC, or two commands in a terminal. This page is all you need to write one.

## A whole job, line by line

`oscsend` and `oscdump` come with Debian's `liblo-tools`. Start the daemon with `backline serve`; it
listens on UDP port {DEFAULT_PORT} of this machine. Then listen on a port of your own, tell the
daemon about it, and order music:

```sh
oscdump -L {LISTENER_PORT} &
oscsend localhost {DEFAULT_PORT} /backline/notify ii 1 {LISTENER_PORT}
oscsend localhost {DEFAULT_PORT} /backline/generate sfsfs take1 92 "A minor" 10 "dub techno, warm bass"
```

`notify ii 1 {LISTENER_PORT}` means: for the next hour, send events, and the answers to everything
from this machine, to port {LISTENER_PORT}. It is needed because each `oscsend` sends from a port of
its own that nobody listens on afterwards. `generate` takes a name for the request that you make up
(`take1`), the tempo in quarter notes a minute, the key, the length in seconds (taken as the nearest
whole number of bars) and the style. `oscdump` shows, each line after a time stamp, the answers to
both and then the job on its way, until `/backline/finished`:

```text
/backline/done ssiiii "" "/backline/notify" 1 3600 0 1
/backline/accepted sisiif "take1" 1 "queued" 0 0 -1.000000
/backline/queued isii 1 "take1" 1 0
/backline/started isi 2 "take1" 1
/backline/progress isisff 2 "take1" 1 "diffuse" ...
/backline/stem isiiisssfiiisi 3 "take1" 1 0 4 "drums" ...
/backline/finished isisfiss 7 "take1" 1 "done" ...
```

Each stem event names a finished WAV file; the last string of `finished` is the folder of all that
was made. Ask again whenever you like, by the name you gave or by the number of the job:

```sh
oscsend localhost {DEFAULT_PORT} /backline/job ss j1 take1
oscsend localhost {DEFAULT_PORT} /backline/stems ss s1 take1
oscsend localhost {DEFAULT_PORT} /backline/jobs s l1
oscsend localhost {DEFAULT_PORT} /backline/status s p1
```

With names and values you can say everything, in any order; here an odd meter and a melody in
words (pitch:start:length in quarter notes). And you can change your mind:

```sh
oscsend localhost {DEFAULT_PORT} /backline/generate ssfsssissss take2 bpm 61.7 key "F# dorian" bars 4 meter 7/8 notes "66:0:1 69:1:0.5 71:1.5:2"
oscsend localhost {DEFAULT_PORT} /backline/cancel ss c1 take2
```

At the end stop the daemon, once its queue is empty:

```sh
oscsend localhost {DEFAULT_PORT} /backline/quit ss q1 drain
```
"""  # noqa: E501

RULES = f"""\
## Packets

OSC 1.0 over UDP, one packet a datagram, at most {MAX_DATAGRAM_BYTES} bytes; stay under 8192 to be
safe on every system. The daemon sends only `i`, `f` and `s`, in datagrams of at most 960 bytes
unless a path is longer than 500. A ping's answer carries whatever the ping carried.

It takes `i h f d s S b c r m t T F N I`, no arrays; text is UTF-8 without NUL; addresses are
printable ASCII of at most {MAX_ADDRESS_BYTES} bytes; a message has at most {MAX_ARGUMENTS}
arguments. Bundles are carried out in order and at once (time tags are ignored), all or nothing: at
most {MAX_ELEMENTS} elements over all depths, nested at most {MAX_DEPTH} deep. A datagram that
breaks any of this is dropped and gets no answer.

## Requests and answers

1. A request is an address, a request id, further arguments by position, then keys: a name and a
   value, any number of times, in any order, each key once. An unknown key is an error, unless it
   is written `?key`. What stands by position never changes; later versions add keys.
2. A request id (`rid`) is 1 to 64 characters of `A-Z a-z 0-9 . _ : -`; a whole number is taken as
   its digits. Make up a new one for each request.
3. Each request gets exactly one answer: its own reply, `/backline/accepted`, `/backline/done` or
   `/backline/error`. Lists are one message an item and then an `.end` with their count.
4. Datagrams get lost, on one machine too. Without an answer send **the same datagram again**,
   after 0.25, 0.5, 1, 2 and 4 s. The same rid with the same parameters is the same job, even after
   the daemon was restarted, and the answer says `duplicate` 1. With other parameters it is error 9.
   Request ids count for each IP address, or for each client id given in `hello`.
5. Answers go to the port you gave in `hello` or `notify`; else to the port that a program on your
   machine gave in `notify` for all that cannot listen where they send from; else back to where the
   request came from. A program that listens where it sends says so with `hello`. Only the port can
   be chosen, never another machine.
6. Ignore addresses you do not know, and arguments after those you know. A change that breaks
   clients would come under another prefix than `/backline`.

## Numbers, text, buttons

- Where a number is wanted `i`, `h`, `f`, `d` and decimal text ("92.5") are all taken. It must be
  finite, whole where a whole one is wanted, and within its limits: nothing is clamped or rounded.
- A 32-bit `f` is read as the shortest decimal it stands for: 92.7 travels as 92.69999695 and is
  92.7 again. `d` and text carry more digits. Use them for positions in seconds: past 256 s an `f`
  moves in steps of 31 microseconds, longer than a frame at 48000 Hz.
- A flag is `T`, `F`, 0 or 1. Text is `s`, `S` or `c`.
- bpm counts quarter notes, whatever the meter; a beat is a quarter note everywhere. Bars are
  counted from 1.
- As buttons `cancel`, `status` and `version` may come with no argument, or with one number, where
  0 (let go) does nothing. `notify` may come as `i` (on) or `ii` (on, port), and
  then lasts an hour.
"""

PAYLOADS = f"""\
## Melody and tempo maps

A melody comes in one of three ways, never in two:

- `notes`: text, `pitch:start:length[:velocity]` for each note, start and length in quarter notes
  from bar 1, decimals or fractions: `60:0:1 62:1:1/3:90`. It works from every OSC program.
- `melody-path`: the absolute path of a Standard MIDI File on the daemon's machine.
- `melody`: the file's bytes as a blob; at most 8192 to be safe on every system.

`tempo-map` is `beat:bpm` for each step and `beat:bpm:ramp` where the tempo then moves linearly in
time to the next point (REAPER's rule); beats are quarter notes from 0. `bpm` holds until the first
point; a point at beat 0 replaces it. `0:92:ramp 16:120` speeds up over the first 16 quarters.

`meter-map` is `bar:n/d` for each change: `1:4/4 5:7/8`. `meter` holds until the first change.

## Sections and prompts at times

`sections` is `first-last:name` for each part, in order, both bars included: `1-4:verse 5-8:chorus`.
A name may have words on how the part sounds: `1-8: intro, soft pads 9-16: chorus, loud strings`.
What stands before the first comma or bracket is a tag where it is one of these (a number after it
does not matter), everything else is words; {MAX_SECTION_BYTES} bytes a part at most:

    {", ".join(TAGS[:8])},
    {", ".join(TAGS[8:])}

What the engines make of both is in [engines.md](engines.md#sections-and-intensity).

`tags` may have prompts at times: `lofi [0:00] gentle guitar, 60 BPM [0:15] drums come in, 90 BPM`.
What stands before the first time is of the whole piece. Each prompt rules from the bar line nearest
to its time on, and so does its tempo; times count on through the tempos before them. They become
`sections` and `tempo-map` at once: the result's request holds these. `bpm` is the tempo at the
start, which a prompt at 0:00 must agree with; a `tempo-map` that is given must agree with all. A
last prompt that is just `end` gives the length where neither `bars` nor `seconds` does. Times are
minutes and seconds, up to 10:00, in order, each on a bar of its own.

## Intensity

`intensity` says how much is to go on, from 0 to 1, at beats from 0: `0:0.2 16:0.8 32:0.3`, at most
{MAX_POINTS} points, straight lines between them. Without it each section is played as its tag has
it. `backline energy --bpm 90 --points` draws such a curve from a recording.

## Changing a result

With `from`, the folder of a finished job, only the stems named in `stems` are generated and the
others stay as they are, to the sample; the new job's folder holds all of them. Repeat the
parameters of that job (its manifest's `request` has them; tempo, meter, key, length and sample rate
must be the same), and say what changes, of its first take or of `from-take`:

- `bar-range` (also `range`): only these bars, `5-8` or `5`. Outside them the stem stays as it is,
  but for a crossfade of 10 ms before each end.
- `midi-path` (also `midi`): a Standard MIDI File with the notes of the one stem in `stems`, for
  instance that stem's own file, edited; it is played with the timbre it had.
- neither: the whole stem, to fit the others.

## Edits

With `engine` ace-step, `audio-path` names a sound file on the daemon's machine, which is taken to
begin at bar 1. `edit` says what becomes of it: `cover` plays it anew (`melody-strength` is how
closely), `repaint` only the bars of `bar-range`, the rest staying as it is, `extend` goes on after
its end, up to `bars`. `lego` adds one of `parts` to it, `extract` takes one out, `complete` adds
several: base checkpoints only, and unreliable. `reference-path` lends the timbre of another sound.
`loras` names adapters, `path` or `path:scale` (0 to 2), one a line. Other engines refuse all this.

## Splitting a sound file

`/backline/split` takes a sound file on the daemon's machine apart into the stems asked for: at the
file's own rate and length, or that of the part from `start-seconds` on. Answers, events, cancelling
and request ids are those of `generate`; its stage is `split`. All four stems add up to the sound.

```sh
oscsend localhost 9787 /backline/split ssss s2 /home/me/song.wav stems drums,vocals
```

## Results

A job's folder holds one WAV a stem, `mix.wav`, `project.rpp`, `overview.png` and `manifest.json`;
with several takes the others lie in `take2`, `take3` and so on. A stem event is sent when its file
is complete on disk; `sha256` is that of the file. The folder of a split holds the stems,
`project.rpp` and `manifest.json`.

## Events, and how none is missed

`notify` gives a lease: any message from you renews it, `/ping` too; without one it ends after
`lease` seconds, and with it the port given for those that cannot listen where they send from.
`scope` says whose jobs you hear of: `mine` (this IP address and client id), `host` (this IP
address) or `all`.

Durable events carry numbers that only grow (`seq`); progress repeats the last one. The heartbeat
carries the newest (`head-seq`): if it is beyond what you have seen of jobs in your scope, or if
nothing came for a while, ask `/backline/job` and `/backline/stems`. A job that the daemon does not
know is error 7, never "done". A heartbeat with a new `epoch` means that the daemon was restarted:
subscribe again; accepted jobs are still there.

The style `simple` sends one value an address, which TouchOSC labels and faders, hardware and
REAPER's learn can show as they are: the `/backline/ui` rows below.

## Who may send

The daemon listens on 127.0.0.1 only. A client may send 200 messages a second (bursts of 400).
There may be 64 subscribers, 8 of one IP address, and 64 jobs waiting.
"""

SPOOL = """\
## Without a socket: packets as files

A script inside a DAW often has no sockets, but it has files. The same packets travel through the
folder `spool` in the daemon's home (`~/.local/share/backline`, on macOS
`~/Library/Application Support/backline`, on Windows `%LOCALAPPDATA%\\backline`, or what
BACKLINE_HOME or `serve --home` says). No port, no firewall, nothing gets lost.

- `daemon.json` is the daemon's sign of life, written every 2 s: `protocol` (1), `version`,
  `epoch`, `pid`, `osc_port` and `time` (Unix seconds). Take the daemon as gone when `time` is
  more than 6 s old. A clean stop removes the file.
- `in` takes requests: one packet a file, of at most 2097152 bytes, named
  `<milliseconds>-<session>-<number>.osc`: 13 digits of Unix time, a name that you make up for your
  session (1 to 32 of `A-Z a-z 0-9 _ -`), 6 digits. Write it under a name that ends in `.tmp`, close
  it and rename it. The daemon takes files in the order of their names and removes each when it is
  carried out. A file whose time is more than 30 s away from now is removed unread: what a crashed
  script has left is not played a day later.
- `out/<session>` holds your answers and events, one packet a file, named by 12 digits that grow.
  Read them in the order of their names and remove them. When more than 500 wait, the oldest
  progress and heartbeats go, durable events never; a folder untouched for a day is removed.

A session is a client as an IP address and port are: `hello` names it, `notify` subscribes it, every
packet renews its lease, and request ids count for its client id, so the same order over UDP and
by file is one job. `port` must be left out. A packet that cannot be read is answered by
`/backline/error` with an empty rid. At most 32 files are taken a round, some 20 rounds a second
while there is anybody to serve; a flood waits.
"""
