-- Backline self-test: run it once in your REAPER (Actions > Load ReaScript). It opens new project
-- tab, tries in it every call the scripts rely on, and writes what it saw as JSON beside REAPER's
-- other resources. Nothing of your open projects is touched; close the new tab without saving.
package.path = debug.getinfo(1, "S").source:match("^@(.*[/\\])") .. "lib/?.lua;" .. package.path
local families = require("families")
local files = require("files")
local json = require("json")
local landing = require("landing")
local launcher = require("launcher")
local made_items = require("made_items")
local melody = require("melody")
local memory = require("memory")
local orders = require("orders")
local project = require("project")
local run = require("run")
local Session = require("session")
local settings = require("settings")
local sound_items = require("sound_items")
local tempo = require("tempo")
local tracks = require("tracks")
local udp = require("udp")
local version = require("version")
local Window = require("window")

local NEW_TAB = 40859 -- "New project tab"
local RATE, FRAMES = 48000, 24001
local HALF_A_FRAME_SECONDS = 0.5 / RATE
-- 4800 frames of stereo silence at 48 kHz, 24 bits, as backline writes FLAC.
local FLAC = "664c614300000022100010000000100000120bb80370000012c054a0397ad63b7b1272f5ac87fa2d"
  .. "dde184000028200000007265666572656e6365206c6962464c414320312e342e3320323032333036"
  .. "323300000000fff8ca1c002b0000000000000000d683fff87a1c0102bf8d000000000000000025f2"

local checks, seen = {}, {}

-- One check: `test` returns what it saw; an error or a false `fine` is a failure.
local function check(name, test)
  local went, fine, saw = pcall(test)
  if not went then fine, saw = false, fine end
  checks[#checks + 1] = { name = name, ok = fine and true or false, seen = tostring(saw) }
end

local function near(found, wanted, tolerance) return math.abs(found - wanted) <= tolerance end

local function wave(path)
  local format = string.pack("<I2I2I4I4I2I2", 3, 2, RATE, RATE * 8, 8, 32)
  local body = "fmt " .. string.pack("<s4", format) .. "data" .. string.pack("<s4", ("\0"):rep(FRAMES * 8))
  if files.size(path) ~= 12 + #body then assert(files.replace(path, "RIFF" .. string.pack("<I4", 4 + #body) .. "WAVE" .. body)) end
  return path
end

local function plan(proj, folder, position)
  local made = { title = "backline selftest", position_seconds = position, length_seconds = FRAMES / RATE, stems = {} }
  for index, name in ipairs({ "drums", "bass" }) do
    made.stems[index] = { name = name, notes = "notes", provenance = '{"a":1}', takes = {
      { path = wave(files.join(folder, name .. ".wav")), name = name, provenance = '{"take":1}' } } }
  end
  return made, proj
end

-- 4/4 at 120, from bar 3 (4 s, quarter 8) a ramp to 60 at 8 s, where 3/4 begins: by the rule that
-- tempo moves linearly in time the ramp holds (120 + 60) / 120 * 4 = 6 quarters, 1 1/2 bars of 4/4.
local function check_time(proj)
  local function set(seconds, bpm, numerator, denominator, ramps)
    return reaper.SetTempoTimeSigMarker(proj, -1, seconds, -1, -1, bpm, numerator, denominator, ramps)
  end
  check("tempo markers can be set", function()
    return set(0.0, 120.0, 4, 4, false) and set(4.0, 120.0, 0, 0, true) and set(8.0, 60.0, 0, 0, false), "three"
  end)
  for seconds, quarters in pairs({ [0.0] = 0.0, [2.0] = 4.0, [4.0] = 8.0, [8.0] = 14.0, [10.0] = 16.0 }) do
    check(("%g s is quarter %g"):format(seconds, quarters), function()
      local qn = reaper.TimeMap2_timeToQN(proj, seconds)
      return near(qn, quarters, 1e-9), ("%.17g"):format(qn)
    end)
    check(("quarter %g is at %g s"):format(quarters, seconds), function()
      local time = reaper.TimeMap2_QNToTime(proj, quarters)
      return near(time, seconds, HALF_A_FRAME_SECONDS / 100), ("%.17g"):format(time)
    end)
  end
  check("quarter 11, half-way up the ramp, follows the rule", function()
    -- bpm^2 falls from 14400 by 60 * 2 * 15 a quarter (15 bpm a second): 14400 - 1800 * 3 = 9000.
    local wanted = 4 + (120 - math.sqrt(9000)) / 15
    local time = reaper.TimeMap2_QNToTime(proj, 11.0)
    return near(time, wanted, HALF_A_FRAME_SECONDS / 100), ("%.17g, wanted %.17g"):format(time, wanted)
  end)
  check("bars are found from their lines", function()
    local found = { project.nearest_bar(proj, 0.0), project.nearest_bar(proj, 2.0), project.nearest_bar(proj, 4.0) }
    return found[1] == 0 and found[2] == 1 and found[3] == 2, table.concat(found, " ")
  end)
  check("the tempo map is told as it is", function()
    local grid, why = project.grid(proj, project.bars(proj, 0, 4))
    local text = grid and grid.tempo_map .. " | " .. grid.meter_map or why
    return text == "0:120 8:120:ramp 14:60 | ", text
  end)
end

local function count_of(proj) return reaper.CountTracks(proj) end

local function check_landing(proj, folder)
  local before = count_of(proj)
  local position = reaper.TimeMap2_QNToTime(proj, 4.0)
  check("stems land", function() return landing.insert(proj, (plan(proj, folder, position))) end)
  local track = reaper.GetTrack(proj, before + 1)
  local item = track and reaper.GetTrackMediaItem(track, 0)
  check("on a folder and its tracks", function()
    local depths = {}
    for index = before, count_of(proj) - 1 do
      depths[#depths + 1] = ("%d"):format(math.floor(reaper.GetMediaTrackInfo_Value(reaper.GetTrack(proj, index), "I_FOLDERDEPTH")))
    end
    return table.concat(depths, " ") == "1 0 -1", table.concat(depths, " ")
  end)
  check("at the position and length asked, to the sample", function()
    local at, length = reaper.GetMediaItemInfo_Value(item, "D_POSITION"), reaper.GetMediaItemInfo_Value(item, "D_LENGTH")
    return near(at, position, 1e-9) and near(length, FRAMES / RATE, 1e-9), ("%.17g %.17g"):format(at, length)
  end)
  check("with one undo step of its name", function()
    local text = reaper.Undo_CanUndo2(proj)
    return text == "backline: insert backline selftest", text
  end)
  local _, guid = reaper.GetSetMediaItemInfo_String(item, "GUID", "", false)
  check("undo takes all of it away", function()
    reaper.Undo_DoUndo2(proj)
    return count_of(proj) == before, count_of(proj)
  end)
  check("redo brings it back under the same GUID", function()
    reaper.Undo_DoRedo2(proj)
    item = tracks.find_item(proj, guid)
    return item ~= nil, guid
  end)
  check("a further take is added and shown", function()
    local more = plan(proj, folder, position)
    more.stems[1].target, more.stems[2] = guid, nil
    assert(landing.insert(proj, more))
    local shown = reaper.GetActiveTake(item)
    return reaper.CountTakes(item) == 2 and shown == reaper.GetTake(item, 1), reaper.CountTakes(item)
  end)
  check("provenance and notes are kept", function()
    local _, text = reaper.GetSetMediaItemInfo_String(item, "P_EXT:backline", "", false)
    local _, notes = reaper.GetSetMediaItemInfo_String(item, "P_NOTES", "", false)
    return text == '{"a":1}' and notes == "notes", text .. " " .. notes
  end)
  check("a landing that fails leaves the project and its undo as they were", function()
    local count, text = count_of(proj), reaper.Undo_CanUndo2(proj)
    local bad = plan(proj, folder, position)
    bad.stems[2].takes[1].path = files.join(folder, "is not there.wav")
    local fine, why = landing.insert(proj, bad)
    return fine == nil and count_of(proj) == count and reaper.Undo_CanUndo2(proj) == text, why
  end)
  check("an item's state can be taken back", function()
    local _, chunk = reaper.GetItemStateChunk(item, "", false)
    assert(reaper.AddTakeToMediaItem(item))
    reaper.SetItemStateChunk(item, chunk, false)
    local again = tracks.find_item(proj, guid)
    return reaper.CountTakes(again) == 2, #chunk
  end)
  check("an item's sound is told for splitting", function()
    reaper.SetActiveTake(reaper.GetTake(item, 0))
    local sound, why = sound_items.read(item)
    if not sound then return false, why end
    local rest = sound.path:match("[^/\\]*$")
    return rest == "drums.wav" and sound.from_seconds == 0 and near(sound.length_seconds, FRAMES / RATE, 1e-9), sound.path
  end)
  check("stems of an item come within its track, which is muted", function()
    local _, take = reaper.GetSetMediaItemTakeInfo_String(reaper.GetActiveTake(item), "GUID", "", false)
    local made = plan(proj, folder, position)
    made.sound = { item = guid, take = take, from_seconds = 0 }
    local count = count_of(proj)
    assert(landing.insert(proj, made))
    local its_track = reaper.GetMediaItem_Track(item)
    local at = math.floor(reaper.GetMediaTrackInfo_Value(its_track, "IP_TRACKNUMBER"))
    local depth = reaper.GetMediaTrackInfo_Value(its_track, "I_FOLDERDEPTH")
    local first = reaper.GetTrackMediaItem(reaper.GetTrack(proj, at), 0)
    local fine = count_of(proj) == count + 2 and depth == 1 and reaper.GetMediaItemInfo_Value(item, "B_MUTE") == 1
      and reaper.GetMediaItemInfo_Value(first, "D_POSITION") == reaper.GetMediaItemInfo_Value(item, "D_POSITION")
    reaper.Undo_DoUndo2(proj)
    return fine and count_of(proj) == count, ("%d tracks, depth %g"):format(count_of(proj) - count, depth)
  end)
  check("takes come on fixed lanes", function()
    local made = plan(proj, folder, position)
    made.as_lanes, made.stems[2] = true, nil
    made.stems[1].takes[2] = { path = made.stems[1].takes[1].path, name = "second", provenance = "{}" }
    assert(landing.insert(proj, made))
    local last = reaper.GetTrack(proj, count_of(proj) - 1)
    local lane = reaper.GetMediaItemInfo_Value(reaper.GetTrackMediaItem(last, 1), "I_FIXEDLANE")
    local plays = reaper.GetMediaTrackInfo_Value(last, "C_LANEPLAYS:0")
    return tracks.has_lanes(last) and lane == 1 and plays == 1, ("lane %g, first plays %g"):format(lane, plays)
  end)
  check("a track's icon is kept", function()
    local _, icon = reaper.GetSetMediaTrackInfo_String(reaper.GetTrack(proj, count_of(proj) - 1), "P_ICON", "", false)
    return icon:find("drums.png", 1, true) ~= nil, icon
  end)
  check("tempo markers come and are taken back", function()
    local count, made = reaper.CountTempoTimeSigMarkers(proj), { back = {} }
    local grid = { bars = 2, tempo_map = { { beat = 0, bpm = 90, ramp = false } }, meter_map = { { bar = 0, meter = "3/4" } } }
    tempo.insert(proj, grid, 60.0, made)
    local more = reaper.CountTempoTimeSigMarkers(proj)
    made.back[1]()
    return more == count + 2 and reaper.CountTempoTimeSigMarkers(proj) == count, more - count
  end)
  check("REAPER opens FLAC as well", function()
    local path = files.join(folder, "silence.flac")
    assert(files.replace(path, (FLAC:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))))
    local source = assert(reaper.PCM_Source_CreateFromFile(path), "no source")
    local kind = reaper.GetMediaSourceType(source)
    reaper.PCM_Source_Destroy(source)
    return kind == "FLAC", kind
  end)
  check("REAPER opens a MIDI file as a take's source", function()
    local path = files.join(folder, "notes.mid")
    assert(files.replace(path, melody.as_smf({ { start = 0, length = 960, pitch = 60, velocity = 90 } })))
    local source = assert(reaper.PCM_Source_CreateFromFile(path), "no source")
    local kind = reaper.GetMediaSourceType(source)
    reaper.PCM_Source_Destroy(source)
    return kind == "MIDI", kind
  end)
  check("a folder remembers its family, and the next section finds its tracks", function()
    assert(landing.insert(proj, (plan(proj, folder, position))))
    local family
    local search = coroutine.wrap(function()
      family = families.find(proj, families.newest(proj), { "drums", "bass" }, 40.0, 41.0) or false
    end)
    for _ = 1, 1000 do
      if family == nil then search() end
    end
    local following = plan(proj, folder, 40.0)
    following.family = family or nil
    local count = count_of(proj)
    assert(landing.insert(proj, following))
    return family and count_of(proj) == count, ("%d new tracks"):format(count_of(proj) - count)
  end)
  seen.source_length_right_after_insert = reaper.GetMediaSourceLength(reaper.PCM_Source_CreateFromFile(files.join(folder, "drums.wav")))
end

-- What Vary, Regenerate, Use these settings and the offers read and write.
local function check_changing(proj, folder)
  local made, rid, position = plan(proj, folder, 0), "selftest", reaper.TimeMap2_QNToTime(proj, 4.0)
  made.position_seconds = position
  for _, stem in ipairs(made.stems) do
    stem.provenance = json.encode({ rid = rid, stem = stem.name, title = "self-test", bars = 1,
      keys = { { "bars", "i", 1 }, { "stems", "s", "drums,bass" }, { "seed", "h", 41 } } })
    stem.takes[1].provenance = json.encode({ rid = rid, take = 1, seed = 41, folder = folder })
  end
  local first = count_of(proj) + 1
  check("stems that can be changed land", function() return landing.insert(proj, made) end)
  local groups
  check("selected items are found as one job's", function()
    reaper.SelectAllMediaItems(proj, false)
    for index = first, first + 1 do
      reaper.SetMediaItemSelected(reaper.GetTrackMediaItem(reaper.GetTrack(proj, index), 0), true)
    end
    groups = made_items.groups(made_items.selected(proj))
    return #groups == 1 and #groups[1].items == 2 and groups[1].by_stem.bass.seed == 41, #groups
  end)
  check("without a time selection there is nothing to make anew", function()
    local order, why = made_items.regenerate(proj, groups[1])
    return not order and why:find("Select the time", 1, true), why
  end)
  check("a variation is ordered for the same items, kept, and offered", function()
    local order = assert(made_items.vary(proj, groups[1]))
    local now, id = reaper.time_precise(), project.id(proj)
    local offered = orders.left_behind(id, now)
    orders.follow(order.rid, now)
    local followed = orders.left_behind(id, now)
    orders.leave(order.rid)
    local left = orders.left_behind(id, now)
    local kept = orders.load(order.rid)
    orders.remove(order.rid)
    local seed = kept and orders.key(kept, "seed")
    local saw = ("%d, %d and %d offered, seed %s, quarter %g"):format(#offered, #followed, #left, tostring(seed), order.start_qn)
    return #offered == 1 and #followed == 0 and #left == 1 and seed == 42 and near(order.start_qn, 4.0, 1e-9)
      and kept.targets.drums == groups[1].by_stem.drums.guid and orders.load(order.rid) == nil, saw
  end)
end

local function check_midi(proj)
  check("notes of a MIDI item are read in quarters", function()
    local track = reaper.GetTrack(proj, 0)
    local item = reaper.CreateNewMIDIItemInProj(track, 0.0, 4.0, false)
    local take = reaper.GetActiveTake(item)
    local ppq = reaper.MIDI_GetPPQPosFromProjQN(take, 1.5)
    assert(reaper.MIDI_InsertNote(take, false, false, ppq, reaper.MIDI_GetPPQPosFromProjQN(take, 2.0), 0, 64, 90, false))
    local text = melody.as_text(melody.notes(proj, item, take, project.bars(proj, 0, 2)))
    return text == "64:3/2:1/2:90", text
  end)
end

local function check_state(proj, folder)
  check("a project keeps and is found by its id", function()
    return project.find(project.id(proj), "") == proj, project.known_id(proj)
  end)
  check("listings are fresh after index -1", function()
    local before = #files.list(folder)
    assert(files.replace(files.join(folder, "new.txt"), "x"))
    local after = #files.list(folder)
    files.remove(files.join(folder, "new.txt"))
    return after == before + 1, ("%d then %d"):format(before, after)
  end)
  check("the media folder is told", function() return reaper.GetProjectPathEx(proj) ~= "", reaper.GetProjectPathEx(proj) end)
  check("a window opens, draws and closes", function()
    local window = Window.open("backline selftest", 200, 80)
    local is_open = window:begin()
    window:line("self-test")
    window:finish()
    window:close()
    seen.screen_scale = math.max(gfx.ext_retina, 1)
    return is_open, gfx.w .. " x " .. gfx.h
  end)
  for _, name in ipairs({ "InsertTrackInProject", "EnumProjectMarkers3", "Undo_OnStateChangeEx2", "ExecProcess" }) do
    seen["has " .. name] = reaper.APIExists(name)
  end
  seen.carrier = settings.carrier()
  if seen.carrier ~= "spool" then seen.luasocket = udp.socket_core() ~= nil end
end

-- What no list of functions says, and REAPERs may do in one way or another: kept in the report, and the
-- test double is set to it (double/world.lua, be_like). The scripts must get along with either.
local function look_at_ways(proj, folder)
  local function set(index, seconds, bpm, numerator, denominator)
    return reaper.SetTempoTimeSigMarker(proj, index, seconds, -1, -1, bpm, numerator, denominator, false)
  end
  check("a new tab has no tempo markers", function()
    local count = reaper.CountTempoTimeSigMarkers(proj)
    return count == 0, count
  end)
  check("a first marker can be set behind the start, and markers are deleted", function()
    assert(set(-1, 4.0, 90.0, 7, 8))
    seen.first_marker_is_alone = reaper.CountTempoTimeSigMarkers(proj) == 1
    while reaper.CountTempoTimeSigMarkers(proj) > 1 do
      assert(reaper.DeleteTempoTimeSigMarker(proj, reaper.CountTempoTimeSigMarkers(proj) - 1), "one of several stays")
    end
    seen.deletes_last_marker = reaper.DeleteTempoTimeSigMarker(proj, 0) and reaper.CountTempoTimeSigMarkers(proj) == 0
    return true, reaper.CountTempoTimeSigMarkers(proj)
  end)
  for _, meter in ipairs({ { 6, 8 }, { 7, 8 }, { 3, 2 } }) do
    local name = ("%d/%d"):format(meter[1], meter[2])
    check("quarters are counted in " .. name, function()
      assert(set(reaper.CountTempoTimeSigMarkers(proj) > 0 and 0 or -1, 0.0, 90.0, meter[1], meter[2]))
      local _, _, told = reaper.TimeMap_GetTimeSigAtTime(proj, 1.0)
      local counted = project.bpm_at(proj, 0.0, 12.0)
      local _, first, after = reaper.TimeMap_GetMeasureInfo(proj, 3)
      seen.tells_bpm_in_denominators = not near(told, 90, 1e-6)
      return near(counted, 90, 1e-6) and near(after - first, meter[1] * 4 / meter[2], 1e-9), ("%g, told %g"):format(counted, told)
    end)
  end
  check("bars have the ruler's numbers", function()
    local text = reaper.format_timestr_pos(reaper.TimeMap2_QNToTime(proj, 1.0), "", 2)
    seen.project_offset_seconds = reaper.GetProjectTimeOffset(proj, false)
    return project.bar_number(proj, 0) == 1, ("%s, offset %g s"):format(text, seen.project_offset_seconds)
  end)
  check("what an item remembers outlives undo in pieces, whatever is in it", function()
    reaper.InsertTrackAtIndex(0, false)
    local item = reaper.AddMediaItemToTrack(reaper.GetTrack(proj, 0))
    seen.default_fade_seconds = reaper.GetMediaItemInfo_Value(item, "D_FADEINLEN")
    local call = reaper.GetSetMediaItemInfo_String
    local long = ("x\"y'z` ö 漢 "):rep(600)
    call(item, "P_EXT:selftest", long, true)
    assert(memory.write(call, item, json.encode({ text = long })))
    reaper.Undo_OnStateChangeEx2(proj, "self-test: an item", -1, -1)
    reaper.Undo_DoUndo2(proj)
    reaper.Undo_DoRedo2(proj)
    item = reaper.GetTrackMediaItem(reaper.GetTrack(proj, 0), 0)
    local _, kept = call(item, "P_EXT:selftest", "", false)
    seen.ext_bytes = #kept < #long and #kept or 0 -- 0: all of them
    local found = memory.read(call, item)
    return found and found.text == long, ("%d of %d bytes in one piece"):format(#kept, #long)
  end)
  check("a folder of letters from everywhere takes files, and gives them back", function()
    local place = files.join(folder, "ö 漢")
    reaper.RecursiveCreateDirectory(place, 0)
    local path = files.join(place, "file.txt")
    assert(files.replace(path, "one"))
    assert(files.replace(path, "two"))
    local text = files.read(path)
    seen.names_only_ascii = not files.remove(path)
    return text == "two", tostring(text)
  end)
  seen.has_action_options = reaper.set_action_options ~= nil
  seen.theme_background = reaper.GetThemeColor("col_main_bg2", 0)
end

local LANES = 3

-- What a project file keeps: saved, and opened again in its own new tab. Never where another project is in
-- front: opening would replace it.
local function look_at_reload(proj, folder, others)
  if not reaper.APIExists("Main_SaveProjectEx") then return end
  local function is_ours()
    local front, file = project.current()
    for _, other in ipairs(others) do
      if front == other then return false end
    end
    return front == proj and file == ""
  end
  check("the new tab is in front, to be opened again", function() return is_ours(), #others end)
  if not is_ours() then return end
  local path, id = files.join(folder, "backline selftest.rpp"), families.new_id()
  local long = ("x\"y'z` ö 漢 "):rep(600)
  check("a project with lanes and long memories can be saved", function()
    local made = plan(proj, folder, 1.0)
    made.as_lanes, made.stems[2] = true, nil
    for take = 2, LANES do made.stems[1].takes[take] = made.stems[1].takes[1] end
    made.stems[1].provenance = json.encode({ text = long })
    assert(landing.insert(proj, made))
    local track = reaper.GetTrack(proj, 1)
    families.mark(track, id, "drums")
    reaper.GetSetMediaTrackInfo_String(track, "P_EXT:selftest", long, true)
    reaper.Main_SaveProjectEx(proj, path, 0)
    return files.size(path) ~= nil, path
  end)
  if not files.size(path) or not is_ours() then return end
  reaper.Main_openProject("noprompt:" .. path)
  local again = project.current()
  local track = reaper.GetTrack(again, 1)
  check("what an item remembers is whole in a project that is opened again", function()
    local found = memory.read(reaper.GetSetMediaItemInfo_String, reaper.GetTrackMediaItem(track, 0))
    local _, kept = reaper.GetSetMediaTrackInfo_String(track, "P_EXT:selftest", "", false)
    seen.ext_bytes_reloaded = #kept < #long and #kept or 0 -- 0: all of them
    return found and found.text == long, ("%d of %d bytes in one piece"):format(#kept, #long)
  end)
  check("a track still knows its family and its lanes", function()
    local found = memory.read(reaper.GetSetMediaTrackInfo_String, track)
    seen.lanes_reloaded = tracks.lane_count(track) - LANES -- more than there were
    local last = reaper.GetMediaItemInfo_Value(reaper.GetTrackMediaItem(track, LANES - 1), "I_FIXEDLANE")
    return found and found.family == id and tracks.has_lanes(track) and last == LANES - 1 and seen.lanes_reloaded == 0,
      ("%d lanes, the last item on %g"):format(tracks.lane_count(track), last)
  end)
  check("items are without fades in it, and tracks without effects and not armed", function()
    local item = reaper.GetTrackMediaItem(track, 0)
    local fade, effects = reaper.GetMediaItemInfo_Value(item, "D_FADEINLEN"), reaper.TrackFX_GetCount(track)
    local armed = reaper.GetMediaTrackInfo_Value(track, "I_RECARM")
    return fade == 0 and effects == 0 and armed == 0, ("fade %g s, %d effects, armed %g"):format(fade, effects, armed)
  end)
end

local function write_report(folder)
  check("a question is answered", function()
    return run.ask("One question, to see that questions work: please press Yes."), "yes, or else no"
  end)
  local failed = 0
  for _, each in ipairs(checks) do
    if not each.ok then failed = failed + 1 end
  end
  local report = {
    reaper = reaper.GetAppVersion(), system = reaper.GetOS(), scripts = version.scripts,
    checks = checks, seen = seen, failed = failed,
  }
  local path = files.join(reaper.GetResourcePath(), "backline_selftest.json")
  local written, why = files.replace(path, json.encode(report) .. "\n")
  for _, name in ipairs(files.list(folder)) do files.remove(files.join(folder, name)) end
  run.tell(written and ("%d checks, %d failed. The report is %s; please send it in. Close the new project tabs without saving."):format(
    #checks, failed, path) or why)
end

local function check_daemon(folder)
  if not launcher.alive(launcher.read().home) then
    seen.daemon = "does not run"
    return write_report(folder)
  end
  local session = Session.new(reaper.time_precise)
  run.loop(function()
    session:step()
    return session.state ~= "ready" and session.state ~= "failed"
  end, function()
    check("the daemon answers over " .. (session.link and session.link.carrier.name or "nothing"), function()
      return session.state == "ready", session.problem or session.state
    end)
    session:close()
    write_report(folder)
  end)
end

local function main()
  local before = reaper.EnumProjects(-1)
  reaper.Main_OnCommandEx(NEW_TAB, 0, before)
  local proj = project.current()
  if proj == before then return run.tell("REAPER did not open a new project tab; nothing was tried.") end
  local folder = files.join(reaper.GetResourcePath(), "Data", "backline", "selftest")
  reaper.RecursiveCreateDirectory(folder, 0)
  local function new_tab()
    reaper.Main_OnCommandEx(NEW_TAB, 0, before)
    return project.current()
  end
  for _, each in ipairs({ { "time", check_time }, { "landing", check_landing },
    { "changing", check_changing }, { "MIDI", check_midi }, { "state", check_state },
    { "ways", function() look_at_ways(new_tab(), folder) end },
    { "saving", function() look_at_reload(new_tab(), folder, { before, proj }) end } }) do
    local went, problem = pcall(each[2], proj, folder)
    if not went then check("the checks of " .. each[1] .. " ran to their end", function() return false, problem end) end
  end
  check_daemon(folder)
end

main()
