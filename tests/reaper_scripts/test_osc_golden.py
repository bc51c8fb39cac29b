"""Packets shared by both codecs: what Python writes Lua reads, and the other way, byte for byte."""

from __future__ import annotations

import math
import random
import re
import shutil
import socket
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest

from osc_protocol.codec import decode, encode
from osc_protocol.grammar import read_answer, read_command, write
from osc_protocol.messages import TABLE, Accepted, Generate, Hello, JobReply, Notify, StemReady

Packet = tuple[str, str, list[Any]]

READ = """
local told, lines = {{}}, {{}}
local osc = w:lib("osc")
for line in w.real.io_open([[{packets}]], "rb"):read("a"):gmatch("%x+") do
  local packet = line:gsub("..", function(pair) return string.char(tonumber(pair, 16)) end)
  local message = assert(osc.decode(packet))
  local args = {{}}
  for index = 1, #message.tags do
    local tag, value = message.tags:sub(index, index), message.args[index]
    local text
    if tag == "f" or tag == "d" then
      text = string.pack(">d", value)
    elseif tag == "i" or tag == "h" then
      text = tostring(value)
      assert(math.type(value) == "integer")
    else
      text = tostring(value)
    end
    args[index] = text:gsub(".", function(sign) return ("%02x"):format(sign:byte()) end)
  end
  lines[#lines + 1] = message.address .. " " .. message.tags .. " " .. table.concat(args, ",")
  -- And written again it is the same packet.
  if not message.tags:find("[NI]") then
    assert(osc.encode(message.address, message.tags, message.args) == packet, message.address)
  end
end
local file = w.real.io_open([[{lines}]], "wb")
file:write(table.concat(lines, "\\n"))
file:close()
"""


def random_packets() -> list[Packet]:
    draw = random.Random(5)
    values = {
        "i": lambda: draw.choice([0, -1, 2**31 - 1, -(2**31), draw.randrange(1000)]),
        "h": lambda: draw.choice([2**63 - 1, -(2**63), draw.randrange(10**15)]),
        "f": lambda: struct.unpack(">f", struct.pack(">f", draw.uniform(-1e6, 1e6)))[0],
        "d": lambda: draw.choice([0.0, -0.0, 92.5, math.pi, draw.uniform(-1e300, 1e300)]),
        "s": lambda: "".join(draw.choice("aé🎸 \n\"\\'|") for _ in range(draw.randrange(12))),
        "b": lambda: draw.randbytes(draw.randrange(1, 12)),
        "T": lambda: True,
        "F": lambda: False,
    }
    found: list[Packet] = [("/a", "", []), ("/abcd", "ss", ["", "abc"])]
    for number in range(300):
        tags = "".join(draw.choices("".join(values), k=draw.randrange(9)))
        found.append((f"/backline/{number}", tags, [values[tag]() for tag in tags]))
    return found


def hex_of(tag: str, value: object) -> str:
    if tag in "fd":
        return struct.pack(">d", value).hex()
    if tag in "ih":
        return str(value).encode().hex()
    if tag == "b":
        assert isinstance(value, bytes)
        return value.hex()
    return ("true" if value is True else "false" if value is False else str(value)).encode().hex()


def test_lua_reads_what_python_writes_and_writes_it_again(reaper: Any, tmp_path: Path) -> None:
    packets = random_packets()
    file, lines = tmp_path / "packets.hex", tmp_path / "lines"
    file.write_text("\n".join(encode(*packet).hex() for packet in packets))
    reaper.play(READ.format(packets=file, lines=lines))
    found = lines.read_text("utf-8").split("\n")
    assert len(found) == len(packets)
    for line, (address, tags, args) in zip(found, packets, strict=True):
        wanted = ",".join(hex_of(tag, value) for tag, value in zip(tags, args, strict=True))
        assert line == f"{address} {tags} {wanted}"


WRITE = """
local osc = w:lib("osc")
local file = w.real.io_open([[{packets}]], "wb")
local function put(...) file:write((osc.encode(...):gsub(".", function(sign) return ("%02x"):format(sign:byte()) end)), "\\n") end
put("/backline/hello", "sssssi", {{ "r1", "REAPER scripts 0.1.0", "id", "reaper-1f", "proto", 1 }})
put("/backline/notify", "sisisssi", {{ "r2", 1, "lease", 60, "scope", "mine", "rate", 5 }})
local tags, args = "s", {{ "r3" }}
for _, key in ipairs({{ {{ "bpm", "d", 92.5 }}, {{ "key", "s", "A minor" }}, {{ "tags", "s", "dub techno, wärm" }},
  {{ "bars", "i", 4 }}, {{ "meter", "s", "7/8" }}, {{ "takes", "i", 2 }}, {{ "stems", "s", "drums,bass" }},
  {{ "sample-rate", "i", 44100 }}, {{ "notes", "s", "60:0:1/2:90" }}, {{ "seed", "h", 9007199254740993 }},
  {{ "lead", "s", "vocals" }}, {{ "at-seconds", "d", 372.97297297297297 }} }}) do
  tags = tags .. "s" .. key[2]
  table.insert(args, key[1])
  table.insert(args, key[3])
end
put("/backline/generate", tags, args)
file:close()
"""  # noqa: E501 - Lua text


def test_the_daemon_reads_what_lua_writes(reaper: Any, tmp_path: Path) -> None:
    file = tmp_path / "packets.hex"
    reaper.play(WRITE.format(packets=file))
    hello, notify, generate = (
        read_command(decode(bytes.fromhex(line))[0]) for line in file.read_text().split()
    )
    assert hello == Hello("r1", "REAPER scripts 0.1.0", id="reaper-1f", proto=1)
    assert notify == Notify("r2", True, lease=60, scope="mine", rate=5)
    assert isinstance(generate, Generate)
    request = generate
    assert (request.bpm, request.key, request.bars, request.meter) == (92.5, "A minor", 4, "7/8")
    assert (request.seed, request.takes, request.stems) == (2**53 + 1, 2, ("drums", "bass"))
    assert (request.tags, request.lead) == ("dub techno, wärm", "vocals")
    assert (request.sample_rate, request.at_seconds) == (44_100, 372.97297297297297)
    assert request.notes == "60:0:1/2:90"


@pytest.mark.skipif(shutil.which("oscdump") is None, reason="not installed: liblo-tools")
def test_another_library_reads_what_lua_writes(reaper: Any) -> None:
    """liblo, by its oscdump: a third reading of the same bytes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    dump = subprocess.Popen(["oscdump", "-L", str(port)], stdout=subprocess.PIPE, text=True)
    try:
        lua = f"""
        local osc, udp = w:lib("osc"), w:lib("udp")
        local carrier = assert(udp.open(assert(udp.socket_core()), {port}))
        for _ = 1, 50 do -- until it listens
          carrier.send(osc.encode("/backline/x", "sihdTb", {{ "wärm", -7, 1 << 40, 92.5, true, "ab" }}))
          require("socket.core").sleep(0.02)
        end
        carrier.close()
        """  # noqa: E501 - Lua text
        reaper.play(lua)
        assert dump.stdout is not None
        line = dump.stdout.readline()
    finally:
        dump.kill()
        dump.wait()
        assert dump.stdout is not None
        dump.stdout.close()
    for part in ("/backline/x sihdTb", '"wärm"', " -7 ", "1099511627776", "92.5", "#T"):
        assert part in line


def test_lua_knows_the_shapes_of_all_it_listens_to() -> None:
    """Type tags in link.lua begin as those of the protocol's own table."""
    text = (Path(__file__).parents[2] / "reaper_scripts" / "lib" / "link.lua").read_text("utf-8")
    shapes = dict(re.findall(r'\["(/backline/[a-z.]+)"\] = "([a-z]*)"', text))
    assert len(shapes) >= 14
    for address, shape in shapes.items():
        tags = [row.tags for row in TABLE if row.address == address]
        assert tags, address
        assert all(each.startswith(shape) for each in tags), (address, shape, tags)


def test_answers_of_python_are_understood(reaper: Any, tmp_path: Path) -> None:
    answers = [
        Accepted("r", 7, "queued", 0, False, -1.0),
        JobReply("r", 7, "r9", "running", "diffuse", 0.5, 3.0, 2, 0, "", ""),
        StemReady(3, "r9", 7, 0, 4, "drums", "/x/drums.wav", "", 1.0, 48000, 2, 99, "sha256:0"),
    ]
    for answer in answers:
        packet = write(answer)
        assert read_answer(decode(packet)[0]) == answer
    file, lines = tmp_path / "packets.hex", tmp_path / "lines"
    file.write_text("\n".join(write(answer).hex() for answer in answers))
    reaper.play(READ.format(packets=file, lines=lines))
    addresses = [line.split()[0] for line in lines.read_text("utf-8").split("\n")]
    assert addresses == ["/backline/accepted", "/backline/job.reply", "/backline/stem"]
