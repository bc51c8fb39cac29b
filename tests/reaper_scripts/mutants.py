"""Seeded mistakes in the shipped scripts, each of which the cases must notice.

    python tests/reaper_scripts/mutants.py [--only N ...]

runs all of them and prints those that survive; its exit status says whether any did.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
SCRIPTS = HERE.parent.parent / "reaper_scripts"
MOST_SECONDS = 600  # for the cases of one file


@dataclass(frozen=True, slots=True)
class Mutant:
    """`text` of a file, there once, becomes `mistake`; `cases` are run until one fails."""

    file: str
    text: str
    mistake: str
    cases: tuple[str, ...]

    def applied(self, source: str) -> str:
        if source.count(self.text) != 1:
            raise ValueError(f"{self.file}: {self.text!r} is there {source.count(self.text)} times")
        return source.replace(self.text, self.mistake)


def _of(file: str, cases: str, *pairs: tuple[str, str]) -> Iterator[Mutant]:
    for text, mistake in pairs:
        yield Mutant(f"lib/{file}.lua", text, mistake, tuple(cases.split()))


MUTANTS: tuple[Mutant, ...] = (
    *_of(
        "chords", "music asking",
        ("return is_sure and found or nil", "return found"),
        ("if fits then slots = count break end", "if fits then slots = 16 break end"),
        ("if bar == 1 then places[1]", "if bar == 0 then places[1]"),
        ("following.qn > mark.stop + 0.01", "false"),
        ("elseif start >= range.start_qn or is_region then", "else"),
        ('local quality, bass = rest:match("^(.*)/([A-G][^/]*)$")', "local quality, bass"),
    ),
    *_of(
        "osc", "wire",
        ('rep(4 - #text % 4)', 'rep(-#text % 4)'),
        ('string.pack(">s4", value)', 'string.pack("<s4", value)'),
        ('("\\0"):rep(-#value % 4)', '("\\0"):rep(#value % 4)'),
        ("if #tags > MAX_ARGUMENTS then", "if false then"),
        ("if size < 0 or", "if"),
        ("if position ~= #packet + 1 then", "if position > #packet + 1 then"),
        ('assert(not value:find("\\0", 1, true)', 'assert(value'),
        ('sub(1, 1) ~= "/" then', 'sub(1, 1) == "" then'),
    ),
    *_of(
        "json", "wire",
        ("if skip(text, position) <= #text then", "if false then"),
        ("if depth > MAX_DEPTH then", "if false then"),
        ("table.sort(names)", ""),
        ("(code - 0xD800) * 0x400", "(code - 0xD800) * 0x300"),
        ('if sign ~= "," then', "if false then"),
    ),
    *_of(
        "files", "wire fetching waiting failing",
        ("if written and closed then return true end", "if closed then return true end"),
        ("reaper.EnumerateFiles(folder, -1)", ""),
        ('gsub("[ .]+$", "")', 'gsub("^$", "")'),
    ),
    *_of(
        "spool", "wire daemon waiting",
        ('"%013d-%s-%06d"', '"%d-%s-%d"'),
        ("last = math.max(last, ", "last = math.max(0, "),
        ("> DRIFT_SECONDS", "> 1e9"),
        ("if not files.remove(path) then", "if false then"),
        ("poll_at = 0 -- there is more", "-- there is more"),
        ("if clock() < poll_at then", "if false then"),
        ('name:find("%.osc$") and', ""),
    ),
    *_of(
        "link", "wire daemon waiting",
        ("if request.attempt > #self.carrier.resend_seconds then", "if request.attempt > 3 then"),
        ('if request.address ~= "/backline/hello" then', "if false then"),
        (
            "self.renew_at = self.clock() + LEASE_SECONDS / 2",
            "self.renew_at = self.clock() + LEASE_SECONDS * 2",
        ),
        ("self.epoch and args[1] ~= self.epoch", "false"),
        ('address ~= "/backline/jobs.end" or #request.items >= args[2]', "true"),
        ("request.items[args[2] + 1]", "request.items[args[2] + 2]"),
        (
            "self.waiting[rid] = nil\n    request.on_error({ code = args[3]",
            "request.on_error({ code = args[3]",
        ),
        ("self.heard_at = self.clock()\n", "\n"),
        ("local PACKETS_A_FRAME = 32", "local PACKETS_A_FRAME = 3200"),
        (
            'stale = theirs > ours and "scripts" or "daemon"',
            'stale = theirs < ours and "scripts" or "daemon"',
        ),
        (
            'stale = protocol > version.protocol and "scripts"',
            'stale = protocol < version.protocol and "scripts"',
        ),
        ("message.tags:sub(1, #shape) == shape", "true"),
        ("if now >= request.resend_at then", "if now > request.resend_at + 0.2 then"),
        ('{ self:new_rid(), 0 })', '{ self:new_rid(), 1 })'),
    ),
    *_of(
        "project", "music asking waiting",
        ("qn - this > following - qn", "qn - this >= 0.9 * (following - qn)"),
        ("math.max(after - first, 1)", "after - first"),
        (
            "if math.abs(following - qn - numerator * 4 / denominator) > SAME_QN then",
            "if false then",
        ),
        ("qn <= range.start_qn + SAME_QN then ruling", "qn < range.start_qn - SAME_QN then ruling"),
        ("at_start.qn >= range.start_qn - SAME_QN or not at_start.ramps", "true"),
        ("last.ramps = false -- the last", "-- the last"),
        (
            "bpm = reached and aim.bpm or project.bpm_at(proj, range.end_qn, aim.qn)",
            "bpm = aim.bpm",
        ),
        (
            "return math.abs(told - counted) <= SAME_BPM * counted and told or counted",
            "return told",
        ),
        (
            "return math.abs(told - counted) <= SAME_BPM * counted and told or counted",
            "return counted",
        ),
        (
            "30 * (4 * quarters[1] - 3 * quarters[0] - quarters[2])",
            "30 * (quarters[2] - quarters[0])",
        ),
        ('math.tointeger(tonumber(text:match("^(-?%d+)%."))) or measure + 1', "measure + 1"),
        ('match("^(-?%d+)%."', 'match("^(%d+)%."'),
        (") or measure + 1", ") or measure"),
        ("beat = marker.qn - range.start_qn", "beat = marker.qn"),
        ('point.ramps and ":ramp" or ""', '""'),
        ("while b > 0 do a, b = b, a % b end", "a = 1"),
        ("for digits = 6, 17 do", "for digits = 6, 15 do"),
        ("math.max(each.first, after + 1)", "each.first"),
        (
            "project.nearest_bar(proj, to) - range.first, range.bars)",
            "project.nearest_bar(proj, to) - range.first + 1, range.bars)",
        ),
        ("if name == file then return proj end", ""),
        ("[44100] = 44100, ", ""),
        ("[96000] = 96000 }", "}"),
        (
            'reaper.GetSetProjectInfo(proj, "PROJECT_SRATE_USE", 0, false) == 0 then',
            "false then",
        ),
        ('and section_name(name) or ""', 'and name or ""'),
        ('text:gsub(":", ","):gsub', "text:gsub"),
        ("name = name:sub(1, -2) end -- cut", "break end -- cut"),
        ('name:find("[%w\\128-\\255]") and ', ""),
    ),
    *_of(
        "melody", "music asking",
        (
            "math.min(ticks(reaper.MIDI_GetProjQNFromPPQPos(take, end_ppq)), last)",
            "ticks(reaper.MIDI_GetProjQNFromPPQPos(take, end_ppq))",
        ),
        ("not is_muted and", ""),
        ("start >= first and", ""),
        ("(qn - range.start_qn) * TICKS_PER_BEAT", "qn * TICKS_PER_BEAT"),
        ("| 0x80) .. bytes", ") .. bytes"),
        (
            "if a[2] ~= b[2] then return a[2] < b[2] end",
            "if a[2] ~= b[2] then return a[2] > b[2] end",
        ),
        ("local MAX_TEXT_BYTES = 6000", "local MAX_TEXT_BYTES = 600000"),
    ),
    *_of(
        "key", "music",
        ("heard[(tonic + step) % 12 + 1]", "heard[(step - tonic) % 12 + 1]"),
        ("local MIN_CORRELATION = 0.6", "local MIN_CORRELATION = -1"),
    ),
    *_of(
        "media", "fetching",
        ("if size ~= entry.bytes then", "if false then"),
        ("if its_rate ~= rate or frames ~= entry.frames then", "if frames ~= entry.frames then"),
        ("if its_rate ~= rate or frames ~= entry.frames then", "if its_rate ~= rate then"),
        ('or head:sub(1, 4) ~= "fLaC"', ""),
        ("or head:byte(5) & 0x7F ~= 0", ""),
        ("packed >> 44, packed & 0xFFFFFFFFF", "packed >> 44, packed & 0xFFFFFFFF"),
        ("packed >> 44, packed & 0xFFFFFFFFF", "48000, packed & 0xFFFFFFFFF"),
        ('and not entry.path:find("..", 1, true)', ""),
        ('if found.schema ~= "backline.manifest/1" then', "if false then"),
        ("local COPY_BYTES = 1 << 20", "local COPY_BYTES = 1 << 24"),
        ("    coroutine.yield()\n", ""),
        ("for _, path in ipairs(made) do files.remove(path) end", ""),
    ),
    *_of(
        "tracks", "landing splitting fetching changing",
        ("at, PLAIN)", "at, 1)"),
        ("InsertTrackAtIndex(at, false)", "InsertTrackAtIndex(at, true)"),
        ('tracks.set(track, "I_RECARM", 0)', ""),
        ("pcall(dress, track, stem)", "dress(track, stem)"),
        ('try(track, "I_NUMFIXEDLANES", count, made)', ""),
        (
            "if pcall(reaper.SetMediaTrackInfo_Value, track, name, value) then",
            "if reaper.SetMediaTrackInfo_Value(track, name, value) then",
        ),
        ("made.tracks[#made.tracks + 1] = track", ""),
        ("| CUSTOM_COLOUR)", ")"),
        ("if its == guid then return item, track end", "return item, track"),
        ("if in_front ~= proj then", "if false then"),
        ("if made.in_front then", "if false then"),
        ("at + reaper.CountTracks(proj) - count - 1, at, -1", "at, at, -1"),
        ("if files.size(icon) then", "if true then"),
        ('(stem or "folder") .. ".png"', '"folder.png"'),
        ('  tracks.set(track, "I_FREEMODE", FIXED_LANES)\n', ""),
        ("stem and tracks.colours[stem] or tracks.folder_colour", "tracks.folder_colour"),
        (
            'local track = must(reaper.GetTrack(proj, at), "REAPER did not add a track")',
            "local track = must(reaper.GetTrack(proj, reaper.CountTracks(proj) - 1))",
        ),
    ),
    *_of(
        "landing", "sections splitting changing landing failing fetching",
        ("reaper.SetOnlyTrackSelected(made.tracks[1])", ""),
        (
            "do reaper.SetTrackSelected(track, true) end",
            "do reaper.SetTrackSelected(track, false) end",
        ),
        ("or reaper.EnumProjects(-1) ~= proj then return end", "then return end"),
        ("reaper.Main_OnCommandEx(SCROLL_TO_SELECTED_TRACKS, 0, proj)", ""),
        ("if fine then pcall(show, proj, made) end", "if fine then show(proj, made) end"),
        ("not family and index == #rows and -1 or 0", "0"),
        ("    tracks.put_tab_back(made)\n    reaper.Undo", "    reaper.Undo"),
        ("pcall(tracks.put_tab_back, made)", ""),
        ("for index = #made.back, 1, -1 do pcall(made.back[index]) end", ""),
        ("for index = #made.back, 1, -1 do", "for index = 2, #made.back do"),
        ("pcall(destroy_unowned, sources, made)", ""),
        (
            "if is_held then reaper.PreventUIRefresh(-1) end",
            "if fine then reaper.PreventUIRefresh(-1) end",
        ),
        ("if again then reaper.SetItemStateChunk(again, chunk, false) end", ""),
        ("  else\n    tracks.expect_at(proj, at, made)\n", "  else\n"),
        (
            '"backline: insert " .. plan.title, ALL_STATES, NO_TRACK_PARAMETER)',
            '"backline: insert " .. plan.title, 0)',
        ),
        ("reaper.Undo_OnStateChangeEx2(proj,", "tostring(proj,"),
        ("    tracks.play_lane(track, lane, made)\n", ""),
        ("plan.as_lanes and #stem.takes > 1", "plan.as_lanes"),
        ("return highest + 1", "return highest"),
        ("    tracks.expect_at(proj, at, made)\n  else\n", "  else\n"),
        ("for lane = 0, count do", "for lane = 1, count do"),
        ("if lane ~= playing and #lanes < count then", "if #lanes < count then"),
        ("had_lanes and tracks.playing_lane(track) or 0", "0"),
        (
            "if not had_lanes then tracks.play_lane(track, 0, made) end",
            "tracks.play_lane(track, 0, made)",
        ),
        (
            'if had_lanes then stem_items.set(item, "I_FIXEDLANE", tracks.playing_lane(track)) end',
            "",
        ),
        ("has_notes and stem_items.notes(stem, sources) or {}", "{}"),
        ('plan.notes == "track" and #notes > 0 and notes_item', "#notes > 0 and notes_item"),
        ("    keep_state(proj, beside, guid, made)\n", ""),
        ("    notes = {}\n", ""),
        ("< SAME_SECONDS then return item end", "< 9 then return item end"),
        ("#notes > 0, like, lanes_from(", "true, like, lanes_from("),
        (
            'if plan.notes == "track" and #stem_items.notes(stem, sources) > 0 then',
            "if #stem_items.notes(stem, sources) > 0 then",
        ),
        (
            'if plan.notes == "track" and #stem_items.notes(stem, sources) > 0 then',
            'if plan.notes == "track" then',
        ),
        ("family and families.track(family, stem.name, holds_notes)", "nil"),
        (
            "local id, at, count = family and family.id or families.new_id()",
            "local id, at, count = families.new_id()",
        ),
        (
            "    at = math.tointeger(reaper.GetMediaTrackInfo_Value(family.folder,",
            "    at = 0 * math.tointeger(reaper.GetMediaTrackInfo_Value(family.folder,",
        ),
        ("      families.mark(row.track, id, row.stem.name, row.holds_notes)\n", ""),
        (
            "families.mark(tracks.add(proj, at, plan.title, nil, 1, made), id)",
            "tracks.add(proj, at, plan.title, nil, 1, made)",
        ),
        ("      made.tracks[#made.tracks + 1] = row.track\n", ""),
        (
            "plan.family and families.stands(proj, plan.family) and plan.family or nil",
            "plan.family",
        ),
        ("made.family and not plan.sound then", "made.family then"),
        ("pcall(families.remember, proj, made.family)", "pcall(families.newest, proj)"),
        ("if take.midi then open_notes(take.midi, sources) end", ""),
        (
            "local opened, source = pcall(reaper.PCM_Source_CreateFromFile, midi.path)",
            "local opened, source = true, reaper.PCM_Source_CreateFromFile(midi.path)",
        ),
    ),
    *_of(
        "stem_items", "sections splitting changing landing failing fetching",
        ('stem_items.set(item, "D_FADEINLEN", 0)', ""),
        ('stem_items.set(item, "D_FADEOUTLEN", 0)', ""),
        ("math.max(most, lanes[index] + 1)", "math.max(most, index)"),
        ('"P_NOTES", stem.notes, true)', '"P_NOTES", "", true)'),
        ('stem_items.set(item, "B_LOOPSRC", 0)', ""),
        ('stem_items.set(item, "D_LENGTH", length_seconds)', ""),
        ("reaper.SetActiveTake(first)", ""),
        ("made.owned[sources[take]] = true", ""),
        ("if start_offset ~= 0 then", "if false then"),
        (
            'must(reaper.SetMediaItemTake_Source(new, sources[take]), "REAPER refused " ..',
            "tostring(reaper.SetMediaItemTake_Source(new, sources[take]),",
        ),
        (
            "made.back[#made.back + 1] = function() reaper.DeleteTrackMediaItem(track, item) end",
            "",
        ),
        ('"I_FIXEDLANE", lanes[index])', '"I_FIXEDLANE", lanes[1])'),
        (
            "add_take(item, take, sources, like.start_offset or 0, made)",
            "add_take(item, take, sources, 0, made)",
        ),
        (
            "if take.midi and sources[take.midi] then found[#found + 1]",
            "if take.midi then found[#found + 1]",
        ),
        (
            "for _, each in ipairs(notes) do stem_items.add_take(item, each, sources, start",
            "for _, each in ipairs({}) do stem_items.add_take(item, each, sources, start",
        ),
        ('  stem_items.set(item, "B_MUTE", 1)\n', ""),
        (
            "if has_notes and take.midi and sources[take.midi] then",
            "if take.midi and sources[take.midi] then",
        ),
        (
            "if has_notes and take.midi and sources[take.midi] then",
            "if has_notes and take.midi then",
        ),
        (
            "    reaper.SetActiveTake(shown)\n",
            "    reaper.SetActiveTake(reaper.GetTake(item, reaper.CountTakes(item) - 1))\n",
        ),
        ("local most = tracks.lane_count(track)", "local most = 0"),
    ),
    *_of(
        "split_landing", "sections splitting changing landing failing fetching",
        (
            "change(reaper.GetMediaTrackInfo_Value, reaper.SetMediaTrackInfo_Value, parent,",
            "change(reaper.GetMediaTrackInfo_Value, tostring, parent,",
        ),
        ('item, "B_MUTE", 1, made)', 'item, "B_MUTE", 0, made)'),
        ("made.back[#made.back + 1] = function() set(thing, name, before) end", ""),
        ("index == #plan.stems and depth - 1 or 0", "index == #plan.stems and -1 or 0"),
        ('"D_STARTOFFS") - plan.sound.from_seconds', '"D_STARTOFFS")'),
        ("tracks.add(proj, first + index - 1, stem.name", "tracks.add(proj, first, stem.name"),
        ("if its == guid then return take end", "return take"),
        ('"B_PPITCH", ', ""),
        ('"C_FADEINSHAPE", ', ""),
        ("if not take then return false end", ""),
    ),
    *_of(
        "families", "sections landing changing scale",
        ('return holds_notes and stem .. " " .. NOTES or stem', "return stem"),
        (
            "  for _, each in ipairs({ track or false, item",
            "  for _, each in ipairs({ false, item",
        ),
        ("item and reaper.GetMediaItem_Track(item) or false", "false"),
        (
            "if found and found.family == id and not by_role[found.role] then",
            "if found and not by_role[found.role] then",
        ),
        ("    rest()\n  end\n  return by_role", "  end\n  return by_role"),
        ("(to - from) * 1e-6 -- neighbours touch", "0"),
        (
            "if start < to - slack and stop > from + slack then return false end",
            "if start < to - slack then return false end",
        ),
        (
            "if start < to - slack and stop > from + slack then return false end",
            "if stop > from + slack then return false end",
        ),
        ("if start < to - slack and stop > from + slack then return false end", ""),
        ("    rest()\n  end\n  return true", "  end\n  return true"),
        ("or not tracks.is_folder(folder.track) then", "then"),
        (
            "for _, name in ipairs({ role(stem), role(stem, true) }) do",
            "for _, name in ipairs({ role(stem) }) do",
        ),
        ("if not is_there(each.track) then return false end", ""),
        ("return is_there(family.folder)", "return true"),
        ("other.family == its.family and", ""),
        ("and other.role == role(its.role, true) and below", "and below"),
    ),
    *_of(
        "sound_items", "splitting",
        ('if reaper.GetMediaSourceType(source) == "SECTION" then', "if false then"),
        ("if reaper.GetTakeNumStretchMarkers(take) > 0 then", "if false then"),
        ("if reaper.TakeFX_GetCount(take) > 0 then", "if false then"),
        ("if reaper.CountTakeEnvelopes(take) > 0 then", "if false then"),
        ('"D_LENGTH") * rate', '"D_LENGTH")'),
        ("and total > 0\n", "\n"),
        ("stop > total + SAME_SECONDS", "stop > 0"),
        ("math.max(offset, 0.0)", "offset"),
        ("length_seconds = stop - from,", "length_seconds = stop,"),
        ("not reaper.TakeIsMIDI(take) and", ""),
        ("if name == \"\" then name = path:match(\"[^/\\\\]*$\") end", ""),
    ),
    *_of(
        "plan", "splitting fetching changing jobs asking landing",
        ("reaper.TimeMap2_QNToTime(proj, order.start_qn)", "order.start_qn"),
        ("manifest.grid.frames / manifest.grid.sample_rate", "manifest.grid.frames / 48000"),
        ("tonumber(position.from_seconds) or 0", "0"),
        ("target = order.targets[stem.name],", ""),
        ('order.takes_as == "lanes"', "false"),
    ),
    *_of(
        "job", "waiting daemon fetching failing splitting",
        (
            'sound and "/backline/split" or "/backline/generate"',
            '"/backline/generate"',
        ),
        ("sound and { sound.path } or {}", "{}"),
        ('if answer[2] ~= "queued" then self:_query() end', ""),
        ("if args[2] > self.seen_seq and", "if false and"),
        ("args[2] ~= self.order.rid", "false"),
        ('self.link:ask("/backline/cancel", "s", { self.order.rid })', ""),
        ("if problem.code == NOT_FOUND then", "if false then"),
        ("    self.link:drop(self.order.rid)", "    "),
        ("if silence > AWAY_SECONDS then", "if false then"),
        (
            'if self.state == "fetching" then media.tidy_up(self.made or {}, self.target or "")',
            "if false then",
        ),
        ('if state ~= "waiting" then', "if true then"),
        ("if problem.code == TIMEOUT then return", "if false then return"),
        ("STAGES[self.stage] or self.stage", "self.stage"),
        ("proj = stems and project.find(", "proj = proj or stems and project.find("),
    ),
    *_of(
        "orders", "waiting jobs daemon",
        ('order.state == "pending" and order.project_id', "order.project_id"),
        ("and order.project_id == project_id", ""),
        ("and not orders.is_followed(order.rid, now)", ""),
    ),
    *_of(
        "follow", "waiting daemon jobs fetching",
        ("    job:abandon()\n", ""),
        ("if not new.order.job then orders.remove(new.order.rid) end", ""),
    ),
    *_of(
        "made_items", "changing",
        ("highest + 1 or 0", "highest or 0"),
        ("if #group.items < commas + 1 or", "if"),
        ('or key_of(group, "from") or key_of(group, "source") then', "then"),
        ("each.position - each.start_offset", "each.position"),
        ("if not tracks.has_lanes(track) then", "if true then"),
        ("if each.take.take ~= take.take then", "if false then"),
        ("and take > 1 then", "then"),
        ("set_source(changes, folder, take)\n  return", "set_source(changes, folder, 1)\n  return"),
        ("set_source(changes, folder, take)\n  end", "set_source(changes, folder, 1)\n  end"),
        ("if first > last then", "if false then"),
        ('and math.tointeger(origin.bars)', ""),
        ("if count > 0 then return found end", ""),
        ("group.rid == each.origin.rid and", ""),
    ),
    *_of(
        "offers", "jobs",
        ('if id == "" or asked[id] then return end', 'if id == "" then return end'),
        ("if #waiting == 0 then return end", ""),
        ("not told[job] then", "true then"),
        ("if #follow.new_orders > 0 or #follow.jobs > 0 then", "if true then"),
    ),
    *_of(
        "tempo", "tempo",
        ("if order.sound or tempo.ends_in_ramp(grid) then", "if order.sound then"),
        ("if markers_within(proj, from, to) > 0 then return false end", ""),
        (
            "(from ^ 2 + (to ^ 2 - from ^ 2) * x / length) ^ 0.5",
            "(from + (to - from) * x / length)",
        ),
        ("here.length, ruling.length, ruling.aim = ruling.length - x, x, here.bpm", ""),
        ("if point.beat >= beats then break end", ""),
        ("seconds + length * 120 / (point.bpm + (point.ramps and point.aim or point.bpm))",
         "seconds + length * 60 / point.bpm"),
        ("+ 3 * SAME_SECONDS) == 0 then", "+ 3 * SAME_SECONDS) >= 0 then"),
        ("not reaper.DeleteTempoTimeSigMarker(proj, index)", "true"),
        ("if not has(before, { seconds }) and", "if"),
        ("not reaper.DeleteTempoTimeSigMarker(proj, index) then set(proj, index, at_start) end",
         "reaper.DeleteTempoTimeSigMarker(proj, index) then set(proj, index, at_start) end"),
        ("math.abs(each[1] - marker[1]) < SAME_SECONDS", "each[1] == marker[1]"),
        ("if not has(now, each) then set(proj, -1, each) end", ""),
        ("for _, each in ipairs(before) do must_be_among(after, each) end", ""),
        ("made.back[#made.back + 1] = function() put_back(proj, before, at_start) end", ""),
        ("local holds_time = mode == 0 or", "local holds_time ="),
        ("(mode < 0 and known and base == \"0\")", "false"),
        ("not holds_time and stop > from + SAME_SECONDS", "not holds_time"),
        ("list[#list + 1] = { seconds, bpm_after(proj, seconds), numerator, denominator, false }",
         "list[#list + 1] = { seconds, bpm_after(proj, 0.0), numerator, denominator, false }"),
        ("beat = beat + meter[1] * 4 / meter[2]", "beat = beat + meter[1]"),
        ("math.abs(its.bpm - (tonumber(wanted(order, \"bpm\")) or 0)) > 1e-9", "false"),
    ),
    *_of(
        "names", "fetching splitting",
        ('"%04d"', '"%d"'),
        ("if #manifest.takes > 1 then", "if false then"),
        ('gsub("%.$", "")', 'gsub("^$", "")'),
        ("tonic .. MODES[mode]", "tonic"),
        ('type(bpm) == "number" and its_key', "its_key"),
        ('suffix == ".flac" or suffix == ".mid"', 'suffix == ".mid"'),
    ),
    *_of(
        "request", "asking actions splitting",
        ('if chosen.key == "" then return', "if false then return"),
        ('if chosen.stems == "" then return', "if false then return"),
        ("item and wants_item_range and not is_selection", "item and wants_item_range"),
        ('add(list, "sections", "s", project.sections(proj, range))', ""),
        ('add(list, "bpm", "d", grid.bpm + 0.0)', 'add(list, "bpm", "f", grid.bpm + 0.0)'),
        (
            'settings.splitter())\n  add(list, "format", "s", settings.format())',
            "settings.splitter())",
        ),
    ),
    *_of(
        "request", "fetching",
        ('if chosen.mix == "dry" and', "if"),
        ("and chosen.engine == settings.mixing_engine then", "then"),
        (
            'project.sample_rate(proj))\n  add(list, "format", "s", settings.format())',
            "project.sample_rate(proj))",
        ),
    ),
    *_of(
        "memory", "changing",
        ("local PIECE_BYTES = 2000", "local PIECE_BYTES = 4096"),
        ("text:byte(last + 1) & 0xC0 == 0x80 do", "false do"),
        ("piece, from = piece + 1, last + 1", "piece, from = piece + 1, last + 2"),
        ("if found ~= nil then", "if piece > 9 then"),
        ('if more == "" then return nil end', 'if more == "" then return {} end'),
        ("until from > #text", "until true"),
    ),
    *_of(
        "orders", "waiting",
        ("> HAND_OVER_SECONDS then", "> 1e9 then"),
        ('reaper.DeleteExtState(SECTION, "handed over", false)', ""),
    ),
    *_of(
        "follow", "waiting",
        ("for _, new in ipairs(self.new_orders) do left[#left + 1] = new.order.rid end", ""),
        ("if not job:is_over() then left[#left + 1] = job.order.rid end", ""),
        ("if #left > 0 then orders.hand_over(left, self.clock()) end", ""),
    ),
    *_of(
        "generate_window", "waiting",
        ("follow:take_over(function(job) state.job = job end) > 0", "false"),
    ),
    *_of(
        "run", "waiting",
        ("set_options(UNLIT)", ""),
        ("is_switch and END_IT or END_IT | BEGIN_ANEW", "END_IT | BEGIN_ANEW"),
        ("is_switch and END_IT or END_IT | BEGIN_ANEW", "END_IT"),
        ("| LIT)", ")"),
        ("if reaper.set_action_options then", "if true then"),
    ),
    *_of("offers", "waiting", ("follow:close() end, true)", "follow:close() end)")),
    *_of(
        "settings", "wire",
        ('and asked or "spool"', 'and asked or "auto"'),
        ('(asked == "udp" or asked == "auto")', '(asked == "udp")'),
    ),
    *_of("doctor", "wire", ('choice ~= "spool" and udp.socket_core()', "udp.socket_core()")),
    *_of(
        "settings", "asking jobs actions",
        ("last.key = nil", ""),
        ("reaper.SetProjExtState(proj, SECTION, \"settings\", text)", ""),
        ("if each ~= style and #styles < MOST_RECENT then", "if #styles < MOST_RECENT then"),
    ),
    *_of(
        "files", "fetching wire",
        ("if not renames then return write(path, bytes) end", ""),
        ("renames = false\n  return write(path, bytes)", "return nil"),
        ("if files.size(path) then return nil, (", "if false then return nil, ("),
        ("(files.size(path) or 0) > 0 then", "false then"),
        ("if not is_in_the_way then return written, why end", ""),
        (
            "if not is_in_the_way then return written, why end",
            "if true then return written, why end",
        ),
    ),
    *_of(
        "order_index", "scale jobs",
        ("local FILES_A_CALL = 50", "local FILES_A_CALL = 5000"),
        ('entry.title:gsub("%c+", " ")', "entry.title"),
        ("if bytes and bytes == read_bytes then return end", ""),
        ("text:sub(1, #HEADER) ~= HEADER", "false"),
        (
            "entries[entry.rid] = entry.state ~= REMOVED and entry or nil",
            "entries[entry.rid] = entry",
        ),
        ("if lines > 2 * #index.newest_first() + SPARE_LINES then write_anew() end", ""),
        ('entry.state ~= "pending" and ended > MOST_ENDED', "ended > MOST_ENDED"),
        ('if entry.state ~= "pending" then ended = ended + 1 end', "ended = ended + 1"),
        ("#found < PRUNED_A_CALL", "true"),
        ("a.created > b.created", "a.created < b.created"),
        ("    list = nil\n    entries[", "    entries["),
        ("append(table.concat(text), #text)", "append(text[1] or '', 0)"),
        ("  unread = nil\n    write_anew()", "  unread = nil"),
        ("entries, list, lines, read_bytes = {}, nil, 0, bytes", "list, read_bytes = nil, bytes"),
    ),
    *_of(
        "orders", "scale jobs waiting",
        ("index().put(order)", ""),
        ("index().remove({ rid })", ""),
        ("if #outdated > 0 then index().remove(outdated) end", ""),
        ("do files.remove(file_of(rid)) end", "do files.remove(orders.melody_file(rid)) end"),
        ("index().refresh()\n  prune()\n", "index().refresh()\n"),
    ),
    *_of(
        "tracks", "scale changing",
        ("if found[its] == false then", "if true then"),
        ("if looked_at > ITEMS_A_FRAME then", "if false then"),
        ("if there == false then return nil end", ""),
        ("if there and is_still(proj, there, guid) then", "if there then"),
        ("missing > 0 and tracks.is_open(proj) and", "missing > 0 and"),
    ),
    *_of(
        "job", "scale",
        ("made.located, made.family = located, family", ""),
    ),
    *_of(
        "made_items", "scale",
        ("count > MOST_SELECTED and", "false and"),
    ),
    *_of(
        "jobs_window", "scale jobs",
        ("orders.is_complete() and now + LOOK_SECONDS or 0", "now + 1e9"),
    ),
    *_of(
        "generate_window", "scale waiting",
        ("state.knows_orders = orders.is_complete()", "state.knows_orders = true"),
    ),
    *_of(
        "setup", "checks",
        ("if line ~= \"\" and line:sub(-#MARK) ~= MARK then", "if line ~= \"\" then"),
        ("if offers then", "if true then"),
        ('if text == "" then return files.remove(startup_file()) end', ""),
        ("if id > 0 then", "if id > 1e9 then"),
        ("list_actions(false)\n", ""),
        ("  write_startup(false)\n", ""),
        ("files.remove(toolbar_file())", ""),
        ("if not run.ask(NOT_FOUND) then return false end", ""),
        ("if not chosen then return false end", ""),
        ("if not find_program() then return end", "find_program()"),
        ('reaper.DeleteExtState(SECTION, "setup", true)', ""),
        ('if answer == "no" then take_back() end', "if answer then take_back() end"),
        ("doctor.examine()", ""),
        ('if name:find("^backline_.*%.lua$") then', "if true then"),
    ),
    *_of(
        "follow", "actions",
        ("clock() - began > PATIENCE_SECONDS", "true"),
        ("if is_wanted and not window and", "if not window and"),
        ("for _, job in ipairs(self.jobs) do job:cancel() end", ""),
        ("for _, new in ipairs(self.new_orders) do orders.remove(new.order.rid) end", ""),
        ("if not job:is_over() and shown < MOST_BARS then", "if false then"),
        ("if window then window:close() end", ""),
    ),
    *_of(
        "launcher", "checks",
        ('lower():find("^python")', 'find("^python")'),
    ),
    *_of(
        "actions", "splitting",
        ("if name ~= stem then", "if name == stem then"),
        ("stems = stems or settings.stem_names", "stems = settings.stem_names"),
    ),
    *_of("request", "splitting", ('add(list, "stems", "s", stems)', "")),
    *_of(
        "launcher", "checks daemon",
        ("if math.abs(os.time() - state.time) > FRESH_SECONDS then return nil end", ""),
        ("words[1] == found.python and MINIMISED or NO_WAIT", "MINIMISED"),
        ("words[1] == found.python and MINIMISED or NO_WAIT", "NO_WAIT"),
        ("return files.size(same) and same or python", "return same"),
        ("return files.size(same) and same or python", "return python"),
        ('words[#words + 1] = "--log-file"', ""),
        ("'%1%1\\\\\"'", "'%1\\\\\"'"),
        ('"%1%1") .. ', '"%1") .. '),
        ("""("'", "'\\\\''")""", """("'", "'")"""),
        ('{ "--home", found.home }', "{}"),
        ('files.join(reaper.GetResourcePath(), "Scripts", "backline", LAUNCHER), ', ""),
        ("LAUNCHER), launcher.own_file() }", "LAUNCHER) }"),
        ("if found and files.size(found.python) then", "if found then"),
        ("first = first or found\n", ""),
        ("each[2] and STARTER or {}", "STARTER"),
        ("each[2] and STARTER or {}", "{}"),
        ('and utf8.len(text) then', "then"),
        ("if files.size(FLATPAK) then", "if false then"),
        ('add(user, "/.local/bin/backline")', ""),
        ('gmatch("[^:]+")', 'gmatch(".+")'),
    ),
    *_of(
        "window", "asking jobs windows",
        ("self.clicked = down and not self.was_down", "self.clicked = down"),
        ("      break -- what was typed before it", "      -- what was typed before it"),
        ("CONTROL ~= 0)", "CONTROL == 0)"),
        ('(entry:gsub("[|#!<>]", " "))', "entry"),
        ("gfx.ext_retina = 1 --", "--"),
        (
            "if not place and window.scale > 1 and not is_mac then",
            "if not place and window.scale > 1 then",
        ),
        ("if not place and window.scale > 1 and not is_mac then", "if false then"),
        ("scaled(FONT_SIZE)", "FONT_SIZE"),
        ("if math.max(gfx.ext_retina, 1) ~= self.scale then", "if false then"),
        ("math.max(left_edge, math.min(place[2], right_edge - place[4]))", "place[2]"),
        ("math.max(top_edge, math.min(place[3], bottom_edge - place[5]))", "place[3]"),
        ("place[4], place[5], place[1], place[2], place[3])", "place[4], place[5], 0)"),
        ("SHIFT == 0 and 1 or -1", "SHIFT == 0 and 1 or 1"),
        ("self.focus, self.place = self.stops", "self.focus = self.stops"),
        ("not takes_lines or", "true or"),
        ("self.place.caret = byte_at(value, gfx.mouse_x - x - GAP)", ""),
        ("self.place.caret, width - 2 * GAP)", "#value + 1, width - 2 * GAP)"),
        ("if not several and self.at ~= before then", "if false then"),
        ("or pressed == word then", "then"),
        ("self.at + (sign == RIGHT and 1 or -1)", "self.at + 1"),
        ("has_focus and self:_walk(words, true)", "has_focus and self:_walk(words)"),
        ("if self.clicked and not self.has_hit then self.focus = false end", ""),
        ("if sign == SPACE then reaper", "if false then reaper"),
        ("sign == UP and -1 or 1", "1"),
        ("if sign == ENTER then self.was_entered = true end", ""),
        ('reaper.SetExtState(SECTION, "place " .. self.title, text, true)', ""),
        ("if self.focus == nil then", "if not self.focus then"),
    ),
    *_of(
        "text_field", "windows asking",
        ("utf8.offset(text, 2, at) or #text + 1", "at + 1"),
        ("at > 1 and utf8.offset(text, -1, at) or 1", "math.max(at - 1, 1)"),
        ('text, place.caret = "", 1 end\n  while', "text = text end\n  while"),
        ("#text + #new > most", "false"),
        ("place.caret = place.caret + #new", ""),
        ('takes_lines and "[%z\\1-\\9\\11-\\31]" or "%c+"', '"[%z\\1-\\9\\11-\\31]"'),
        ('if not utf8.len(text) then return "" end', ""),
        ("if sign == CUT and is_there then", "if sign == CUT then"),
        ("if sign == CUT and is_there then", "if false then"),
        ("local keeps_all = sign == COPY", "local keeps_all = false"),
        ("place.caret, keeps_all = #text + 1, true", "place.caret, keeps_all = 1, false"),
        ("local code = sign >> 24 == UNICODE and sign & 0xFFFFFF or sign", "local code = sign"),
        ("if place.has_all then from, to = 1, #text + 1 end", ""),
    ),
    *_of(
        "clipboard", "windows",
        ('code == "0" and', "code and"),
        (':gsub("\\r", "")', ""),
        ("return set ~= nil", "return true"),
        ("if get then return", "if false then return"),
        ('system:find("Win") and POWERSHELL', "false"),
    ),
    *_of(
        "theme", "windows",
        ("if native < 0 then return nil end", ""),
        ("theme.contrast(back, text) < LEAST_CONTRAST", "false"),
        ("luminance(back) < luminance(text) and ACCENT.dark or ACCENT.light", "ACCENT.dark"),
        ("luminance(back) < luminance(text) and ACCENT.dark or ACCENT.light", "ACCENT.light"),
        ("box = mixed(back, text, 0.12)", "box = mixed(back, text, 0.6)"),
    ),
    *_of(
        "generate_window", "windows",
        ("return index and list[index]", "return list[index or 1]"),
        ("if wanted ~= format then settings.choose_format(wanted) end", ""),
        ("if state.shows_more then more(window, chosen) end", "more(window, chosen)"),
    ),
    *_of(
        "report", "windows",
        ('"not understood: "', '"understood: "'),
        ("table.move(report.remarks(manifest, take), 1, MOST_REMARKS, #lines + 1, lines)", ""),
    ),
    *_of("job", "windows", ("table.unpack(report.remarks(manifest, 1))", "")),
    *_of(
        "jobs_window", "windows",
        ("math.min(#state.list, state.index + window.moved)", "state.index + window.moved"),
        ("state.top = (state.index - 1) // ROWS * ROWS + 1", ""),
    ),
    *_of(
        "key", "windows",
        ('{ "minor", "major" }) do\n    for _, tonic', '{ "major" }) do\n    for _, tonic'),
    ),
    *_of(
        "run", "daemon waiting failing",
        ("  reaper.atexit(stop)\n", ""),
        ("    if is_over then return end\n    is_over = true", "    is_over = true"),
        ("if fine and goes_on then", "if goes_on then"),
    ),
    *_of(
        "run", "actions",
        ("reaper.defer(function() end)", ""),
    ),
    *_of(
        "actions", "actions splitting changing",
        ('chosen.stems, chosen.takes = "drums,bass", 1', 'chosen.stems, chosen.takes = "drums", 1'),
        ("if not place.melody then", "if false then"),
        ("if #groups == 0 then", "if false then"),
        ("if #problems > 0 then run.tell", "if #problems > 1 then run.tell"),
        ("if #list > 0 then Follow.quietly", "if #problems == 0 then Follow.quietly"),
    ),
    *_of(
        "session", "daemon waiting checks",
        ("if not self.has_started then", "if true then"),
        ("elseif now > self.give_up_at then", "elseif false then"),
        ("    self.link:subscribe()\n", ""),
    ),
    *_of(
        "provenance", "changing",
        ("take = take.take,", "take = 1,"),
        ("keys = order.keys,", "keys = {},"),
    ),
    *_of(
        "report", "fetching splitting",
        ('found.octave_relation ~= "1"', 'found.octave_relation == "1"'),
        ("if silent == stem then", "if true then"),
    ),
    *_of(
        "generate_window", "asking waiting changing",
        ("if now < state.look_at and proj == state.proj then", "if now < state.look_at then"),
        ("or window.entered then", "then"),
        ('if state.chosen.key == "" and state.place.key then', "if false then"),
        ('count > 1 and "are" or "is"', '"is"'),
        ('count > 1 and "Insert them" or "Insert it"', '"Insert them"'),
    ),
    *_of(
        "jobs_window", "jobs tempo",
        ("if follow:has_work() then follow:step() end", "follow:step()"),
        ("if project.known_id(proj) ~= order.project_id then", "if false then"),
        ("and run.ask(question(proj, range, order))", ""),
        ("(moving > 0 and MOVING", "(MOVING"),
        ("local many = moving ~= 1", "local many = true"),
        ('"pending", {}\n', '"pending", order.targets\n'),
        ('order.state == "landed" and "inserted" or order.state', "order.state"),
    ),
    *_of(
        "daemon_switch", "checks",
        ("elseif clock() - asked_at > STOP_SECONDS then", "elseif false then"),
        ("if was_alive and not run.ask(", "if false and not run.ask("),
    ),
    *_of(
        "doctor", "checks",
        ("major >= OLDEST_REAPER", "major >= 6"),
        ("say(fine, \"media folder\", media, why)", 'say(true, "media folder", media, why)'),
        ("say(starts_itself,", "say(false,"),
        ("say(starts_itself,", "say(true,"),
        ("if not fine then problems = problems + 1 end", ""),
    ),
    *_of(
        "support", "checks",
        ('"doctor", "--bundle", "-o", path', '"doctor", "--bundle", path'),
        ("if not started then return run.tell(why) end", ""),
        ("if files.size(path) then said = THERE:format(path) end", ""),
        ("passed > PATIENCE_SECONDS then", "false then"),
        ("return not cancelled", "return true"),
        ("    if said then run.tell(said) end\n", ""),
    ),
    *_of(
        "dialog", "dialog",
        ('("%s*\\n%s*", " / ")', '("%s*\\n%s*", "")'),
        ("if not number or number < low or number > high then", "if not number then"),
        (
            "if not number or number < low or number > high then",
            "if not number or number < low then",
        ),
        ("if not number or number < low or number > high then", "if number < low then"),
        ("      chosen[field.name] = number\n", ""),
        ('field.name == "lyrics" and answer:gsub(" / ", "\\n") or answer', "answer"),
        ("    run.tell(why)\n  end\nend", "    return false\n  end\nend"),
        ("    if fine then return true end", "    if true then return true end"),
        ("if not wants then return false end", "if not wants then return true end"),
        ("if #found == 0 then return found, false, true end", ""),
        ('answer == "no", answer == "cancel"', 'answer == "cancel", answer == "no"'),
        ('if chosen.key == "" then chosen.key = place.key or "" end', 'chosen.key = "C"'),
        ("        settings.write(proj, chosen)\n", ""),
        ("        run.tell(why)\n", ""),
        ("tells_all = true, cancels = cancels", "tells_all = true"),
        ("tells_all = true, cancels = cancels", "cancels = cancels"),
        ("tells_all = true, cancels", "shows_window = true, tells_all = true, cancels"),
    ),
    *_of(
        "follow", "dialog actions waiting",
        ("if ways.cancels and #follow.jobs > 0 then", "if ways.cancels then"),
        ("clock(), nil, ways.shows_window", "clock(), nil, true"),
        ("table.move(list, 1, #list, #all + 1, all)", "all = list"),
    ),
    *_of(
        "window", "windows",
        ("local is_new = down and not self.was_right_down", "local is_new = down"),
        ("gfx.dock(is_docked and 1 or 0)", "gfx.dock(1)"),
        ("Window.is_docked() and \"Undock window\" or \"Dock window\"", "\"Dock window\""),
        ("  self:_menu_of_docking()\n", ""),
    ),
    *_of(
        "generate_window", "windows",
        ('if wish ~= docked then Window.set_docked(wish == "docked") end', ""),
    ),
    *_of(
        "preview", "listening",
        ("return fine and goes_on == true", "return fine"),
        ('if playing then pcall(of_sws("CF_Preview_Stop"), playing) end', ""),
        ("if source then pcall(reaper.PCM_Source_Destroy, source) end", ""),
        ("function preview.play(path)\n  preview.stop()", "function preview.play(path)"),
        ('if not source then return nil, "REAPER cannot open " .. path end', ""),
        ('    preview.stop()\n    return nil, "SWS', '    return nil, "SWS'),
        ('of_sws("CF_Preview_SetValue")(playing, "D_VOLUME", 1)', ""),
        ('(entry.role == "mix" or entry.role == "stem")', '(entry.role == "mix")'),
        ('entry.role == "mix" or not by_take[take]', "not by_take[take]"),
        ('not entry.path:find("..", 1, true) and', ""),
    ),
    *_of(
        "jobs_window", "listening jobs",
        ('if order.state == "pending" and project.known_id(proj) ==', "if nil =="),
        ("and state.take >= state.takes then", "then"),
        ("preview.is_playing() and state.take + 1 or 1", "state.take + 1 or 1"),
        ("    order.rating = rating\n", ""),
        ("    if problem then return end\n", ""),
        ("    state.message = problem\n", ""),
        ("  if not order or not order.folder then return end\n", "  if true then return end\n"),
        ("preview.is_there() and WITH_PLAY or WORDS", "WITH_PLAY"),
        ("    preview.stop()\n    if window", "    if window"),
        ("if follow:has_work() then", "if #follow.new_orders > 0 or #follow.jobs > 0 then"),
    ),
    *_of(
        "job", "listening",
        ("self.order.insert == LATER and not is_wanted then", "self.order.insert == LATER then"),
        ("self.order.insert == LATER and not is_wanted then", "false then"),
        ("      orders.save(self.order)\n      return self", "      return self"),
    ),
    *_of(
        "follow", "listening daemon",
        ("      self.asking = self.asking - 1\n", ""),
        ("or #self.messages > 0 or self.asking > 0 end", "end"),
        ("for _, each in ipairs(self.messages) do each[4](self.session.problem) end", ""),
    ),
    *_of(
        "sheet_items", "planning",
        ('sections = "section"', 'section = "sections"'),
        ("math.tointeger(chord.bass or chord.root)", "math.tointeger(chord.root)"),
        ("if not math.tointeger(chord.root) then return list end", "chord.root = chord.root or 0"),
        ("CHORD_FROM + math.tointeger(class)", "BASS_FROM + math.tointeger(class)"),
        ("range.start_qn + note.from)", "note.from)"),
        ("  reaper.MIDI_Sort(take)\n", ""),
        ("  reaper.SetMediaItemSelected(item, true)\n", ""),
        ("if #chords + #tune == 0 then", "if false then"),
        ("if #chords + #tune > MOST_NOTES then", "if false then"),
        ("    tracks.expect_at(proj, at, made)\n", ""),
        ("reaper.SelectAllMediaItems(proj, false)", ""),
        ("    if #tune > 0 then add_item", "    if true then add_item"),
        ("reaper.Undo_OnStateChangeEx2(proj,", "tostring(proj,"),
        ("if not proj then return", "if false then return"),
        ("launcher.run(words_of(list, folder), nil, true)", "launcher.run(words_of(list, folder))"),
        ("passed > PATIENCE_SECONDS and", "false and"),
        ("return not cancelled", "return true"),
        ('if chosen.key == "" then return run.tell(request.NO_KEY) end', ""),
    ),
    *_of(
        "scroll", "windows",
        ("window.offset or 0) - turned", "window.offset or 0) + turned"),
        ("  gfx.mouse_wheel = 0\n", ""),
        ("math.min(wanted, window.most_offset or 0)", "wanted"),
        ("if top < 0 then", "if false then"),
        ("if bottom > gfx.h then", "if false then"),
        ("if window.most_offset and most > window.most_offset", "if false"),
        ("if window.most_offset and most", "if most"),
        ("bottom + window.offset - gfx.h", "bottom - gfx.h"),
    ),
    *_of(
        "window", "windows",
        ("self.came_by_tab and self.focus == name", "self.focus == name"),
        ("  scroll.finish(self, self.y + MARGIN - GAP)\n", ""),
    ),
)  # fmt: skip


def is_killed(mutant: Mutant, api_table: Path, folder: Path) -> bool:
    """Run its cases over a copy of the scripts with the mistake in it, until one fails."""
    scripts = folder / "scripts"
    shutil.copytree(SCRIPTS, scripts)
    path = scripts / mutant.file
    mistaken = mutant.applied(path.read_text("utf-8"))
    path.write_text(mistaken, encoding="utf-8", newline="\n")
    read = ["lua5.4", "-e", f"assert(loadfile([[{path}]]))"]
    if subprocess.run(read, capture_output=True, check=False).returncode != 0:
        raise ValueError(f"{mutant} is no Lua: any test would notice")
    for cases in mutant.cases:
        command = ["lua5.4", "double/play.lua", str(api_table), str(scripts), str(folder / cases)]
        ran = subprocess.run(
            [*command, f"cases/{cases}.lua"],
            cwd=HERE, env=os.environ | {"DOUBLE_STOPS": "1"}, capture_output=True,
            timeout=MOST_SECONDS, check=False,
        )  # fmt: skip
        if ran.returncode != 0:
            return True
    return False


def survivors(mutants: Iterable[tuple[int, Mutant]], api_table: Path) -> Iterator[str]:
    for number, mutant in mutants:
        with tempfile.TemporaryDirectory() as folder:
            line = f"{number} {mutant.file}: {mutant.text!r} -> {mutant.mistake!r}"
            try:
                killed = is_killed(mutant, api_table, Path(folder))
            except subprocess.TimeoutExpired:  # one that never ends, or a machine with other work
                killed, line = False, f"{line} (no end within {MOST_SECONDS} s)"
            print("." if killed else "S", end="", file=sys.stderr, flush=True)
            if not killed:
                yield line


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the seeded mistakes.")
    parser.add_argument("--only", type=int, nargs="*", help="numbers, from 0")
    asked = parser.parse_args().only
    sys.path.insert(0, str(HERE))
    import reaper_api

    chosen = [(n, each) for n, each in enumerate(MUTANTS) if asked is None or n in asked]
    with tempfile.TemporaryDirectory() as folder:
        api_table = Path(folder) / "api.lua"
        reaper_api.write_table(api_table)
        left = list(survivors(chosen, api_table))
    print(f"{len(chosen)} mutants, {len(chosen) - len(left)} killed")
    for line in left:
        print("survived:", line)
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
