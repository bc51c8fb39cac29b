-- A selected item's sound, split: what is asked, and how the stems come into its place.
local scenes = require("double.scenes")
local files_under = scenes.files_under

local SPLIT = "backline_split_selected_item.lua"

local VALUES = {
  D_POSITION = 7.25, D_LENGTH = 2.0, D_SNAPOFFSET = 0.5, D_VOL = 0.7, B_LOOPSRC = 0.0, C_BEATATTACHMODE = 1.0,
  D_FADEINLEN = 0.1, D_FADEOUTLEN = 0.2, D_FADEINDIR = 0.3, D_FADEOUTDIR = -0.3, D_FADEINLEN_AUTO = 0.01,
  D_FADEOUTLEN_AUTO = 0.02, C_FADEINSHAPE = 2.0, C_FADEOUTSHAPE = 3.0,
}
local OF_TAKE = {
  D_STARTOFFS = 1.00001, D_PLAYRATE = 1.5, D_VOL = -0.9, D_PAN = 0.25, B_PPITCH = 1.0, D_PITCH = 2.0,
  I_PITCHMODE = 65536.0, I_CHANMODE = 2.0,
}

local function start(w, Daemon, values, of_take)
  local daemon = Daemon.new(w)
  local item, take, track = w:add_sound_item(w:project(), "/music/my loop.wav", values or VALUES, of_take or OF_TAKE)
  return daemon, w:project(), item, take, track
end

local function depths(project)
  local found = {}
  for index, each in ipairs(project.tracks) do found[index] = ("%d"):format(math.tointeger(each.value.I_FOLDERDEPTH)) end
  return table.concat(found, ",")
end

local function same(w, Daemon, before, what)
  equal(Daemon.json.encode(w:plain()), before, what or "the project")
end

case("the part that the item plays is asked for, of its file", function(w, Daemon)
  local daemon = start(w, Daemon)
  w.ext.backline.splitter, w.ext.backline.format = "htdemucs_ft", "flac"
  w:run(SPLIT)
  local asked = daemon:asked("split")
  equal(#asked, 1, "requests")
  equal(asked[1].args[2], "/music/my loop.wav")
  local keys = daemon.keys(asked[1])
  equal(keys["start-seconds"], 1.00001)
  near(keys["length-seconds"], 3.0, 1e-12, "length") -- 2 s at 1.5 times the speed
  equal(keys["at-seconds"], 7.25)
  equal(keys.loop, nil)
  equal(keys.model, "htdemucs_ft")
  equal(keys.format, "flac")
  contains(w:project().tracks[2].items[1].takes[1].source.file, "/backline_0001_drums.flac")
  equal(#daemon:asked("generate"), 0, "requests to generate")
end)

case("four stems take the item's place in one undo step, and it is muted", function(w, Daemon)
  local _, project, item, _, track = start(w, Daemon)
  w:run(SPLIT)
  equal(#project.tracks, 5, "tracks")
  equal(depths(project), "1,0,0,0,-1")
  equal(item.value.B_MUTE, 1.0, "mute")
  equal(#track.items, 1, "items of its own")
  for index, name in ipairs({ "drums", "bass", "melody", "vocals" }) do
    local stem = project.tracks[index + 1]
    equal(stem.text.P_NAME, name)
    local its = stem.items[1]
    for each, value in pairs(VALUES) do equal(its.value[each], value, each) end
    equal(its.value.B_MUTE, 0.0, "mute of the stem")
    equal(#its.takes, 1, "takes")
    for each, value in pairs(OF_TAKE) do
      -- The file's part begins at the frame before: 1.00001 s is 0.48 frames after frame 48000.
      if each == "D_STARTOFFS" then value = 1.00001 - 48000 / 48000 end
      near(its.takes[1].value[each], value, 1e-12, each)
    end
    contains(its.takes[1].source.file, w.folder .. "/media/backline/my loop stems r")
    contains(its.takes[1].source.file, "/backline_0001_" .. name .. ".wav")
    contains(its.text.P_NOTES, name .. " of my loop.wav, split by htdemucs")
    equal(its.text.P_NOTES:find("nothing is heard", 1, true) ~= nil, name == "vocals", "silence told")
    contains(its.ext.backline, '"split":"/music/my loop.wav"')
  end
  equal(#project.undo, 2, "undo states")
  equal(project.undo[2].text, "backline: insert my loop stems")
  equal(table.concat(w.boxes) .. table.concat(w.console), "")
  equal(w.sources, 0, "sources without a take")
end)

case("the stems stand right after the track, whatever comes behind it", function(w, Daemon)
  local _, project = start(w, Daemon)
  w:add_sound_item(project, "/other.wav", { D_LENGTH = 1.0 })
  project.tracks[2].items[1].selected = false
  w:run(SPLIT)
  equal(project.tracks[6].items[1].takes[1].source.file, "/other.wav")
  equal(depths(project), "1,0,0,0,-1,0")
end)

case("a track that closes a folder still closes it", function(w, Daemon)
  local _, project, _, _, track = start(w, Daemon)
  track.value.I_FOLDERDEPTH = -1.0
  w:run(SPLIT)
  equal(depths(project), "1,0,0,0,-2")
end)

case("a track that is a folder already gets them as its first children", function(w, Daemon)
  local _, project, _, _, track = start(w, Daemon)
  track.value.I_FOLDERDEPTH = 1.0
  w:run(SPLIT)
  equal(depths(project), "1,0,0,0,0")
end)

case("an item that repeats its file is split as a loop, and its stems repeat", function(w, Daemon)
  local daemon, project, _, take = start(w, Daemon, { D_LENGTH = 9.0, B_LOOPSRC = 1.0 }, { D_STARTOFFS = 0.5 })
  take.source.seconds = 4.0
  w:run(SPLIT)
  local keys = daemon.keys(daemon:asked("split")[1])
  equal(keys.loop, 1)
  equal(keys["start-seconds"], 0.0)
  equal(keys["length-seconds"], 0.0)
  local stem = project.tracks[2].items[1]
  equal(stem.value.B_LOOPSRC, 1.0, "loop source")
  equal(stem.takes[1].value.D_STARTOFFS, 0.5, "offset")
end)

case("loop source alone, which REAPER sets by itself, makes no loop", function(w, Daemon)
  local daemon, _, item, take = start(w, Daemon, { D_LENGTH = 4.0, B_LOOPSRC = 1.0 })
  take.source.seconds = 8.0
  w:run(SPLIT)
  equal(daemon.keys(daemon:asked("split")[1]).loop, nil)
  item.takes[1].source.seconds = nil -- REAPER does not know it yet
  item.selected = true
  w:run(SPLIT)
  equal(daemon.keys(daemon:asked("split")[2]).loop, nil, "loop of an unknown length")
end)

case("an item that begins before its file keeps its silence", function(w, Daemon)
  local daemon, project = start(w, Daemon, { D_LENGTH = 4.0, B_LOOPSRC = 0.0 }, { D_STARTOFFS = -1.0 })
  w:run(SPLIT)
  local keys = daemon.keys(daemon:asked("split")[1])
  equal(keys["start-seconds"], 0.0)
  equal(keys["length-seconds"], 3.0)
  equal(project.tracks[2].items[1].takes[1].value.D_STARTOFFS, -1.0)
end)

for _, each in ipairs({
  { "is a section", "section or reversed", function(take) take.source.type = "SECTION" end },
  { "has stretch markers", "stretch markers", function(take) take.stretch_markers = 2 end },
  { "has effects on its take", "effects on the take", function(take) take.effects = 1 end },
  { "has envelopes of its take", "envelopes of the take", function(take) take.envelopes = 1 end },
  { "has no file", "no sound file", function(take) take.source.file = nil end },
  { "is empty", "empty or MIDI", function(take) take.item.takes = {} end },
  { "is MIDI", "empty or MIDI", function(take) take.notes = {} end },
  { "plays nothing", "plays nothing", function(take) take.item.value.D_LENGTH = 0.0 end },
}) do
  case("an item that " .. each[1] .. " is refused with a sentence", function(w, Daemon)
    local daemon, _, _, take = start(w, Daemon)
    each[3](take)
    w:run(SPLIT)
    equal(#w.boxes, 1, "boxes")
    contains(w.boxes[1], each[2])
    equal(#daemon.received, 0, "packets")
  end)
end

case("an item whose take has no name goes by its file", function(w, Daemon)
  local _, project, _, take = start(w, Daemon)
  take.text.P_NAME, take.effects = "", 1
  w:run(SPLIT)
  contains(w.boxes[1], "my loop.wav: effects on the take")
  take.effects = 0
  w:run(SPLIT)
  contains(project.undo[#project.undo].text, "insert my loop.wav stems")
end)

case("nothing selected is said, and one item that cannot be split stops no other", function(w, Daemon)
  local daemon, project, item = start(w, Daemon)
  item.selected = false
  w:run(SPLIT)
  contains(w.boxes[1], "Select an item with sound first")
  item.selected = true
  w:add_midi_item(project, 0.0, 1.0, { { pitch = 60, start = 0, stop = 1 } })
  w:run(SPLIT)
  contains(w.boxes[2], "MIDI")
  equal(#daemon:asked("split"), 1, "requests")
  equal(#project.tracks, 6, "tracks")
end)

case("an item that was deleted meanwhile has its stems at its place on tracks of their own", function(w, Daemon)
  local daemon, project, _, _, track = start(w, Daemon)
  daemon.holds = true
  w:run(SPLIT, function()
    w:wait(function() return #daemon:asked("split") > 0 end)
    w:call("DeleteTrack", track.handle)
    daemon.holds = false
  end)
  equal(#project.tracks, 5, "tracks")
  equal(project.tracks[1].text.P_NAME, "my loop stems")
  near(project.tracks[2].items[1].value.D_POSITION, 7.25, 1e-9, "position")
end)

case("an item whose take was replaced keeps its sound", function(w, Daemon)
  local daemon, project, item, take = start(w, Daemon)
  daemon.holds = true
  w:run(SPLIT, function()
    w:wait(function() return #daemon:asked("split") > 0 end)
    take.guid = "{another}"
    daemon.holds = false
  end)
  equal(item.value.B_MUTE, 0.0, "mute")
  equal(#project.tracks, 6, "tracks")
end)

case("an item moved meanwhile is followed", function(w, Daemon)
  local daemon, project, item = start(w, Daemon)
  daemon.holds = true
  w:run(SPLIT, function()
    w:wait(function() return #daemon:asked("split") > 0 end)
    item.value.D_POSITION = 99.5
    daemon.holds = false
  end)
  equal(project.tracks[2].items[1].value.D_POSITION, 99.5, "position")
end)

case("a split that fails says why and changes nothing", function(w, Daemon)
  local daemon = start(w, Daemon)
  daemon.fails = "the sound has 6 channels"
  local before = Daemon.json.encode(w:plain())
  w:run(SPLIT)
  equal(w.boxes[1], "the sound has 6 channels")
  w:project().ext = {} -- the project's name for backline, which is no change
  same(w, Daemon, before)
end)

case("stems of a split are nothing to vary or to take settings from", function(w, Daemon)
  local daemon, project, item = start(w, Daemon)
  w:run(SPLIT)
  item.selected = false
  project.tracks[2].items[1].selected = true
  w:run("backline_vary_selected_items.lua")
  w:run("backline_use_these_settings.lua")
  equal(#w.boxes, 2, "boxes")
  contains(w.boxes[1], "Select items that backline inserted")
  equal(#daemon:asked("generate"), 0, "requests")
end)

-- Failing, these leave the landing whole: answers that are asked for to be kept, or not needed; an
-- item that is not found has its stems on tracks of their own.
local HARMLESS = {
  none = true, UpdateArrange = true, Main_OnCommandEx = true, SetActiveTake = true, APIExists = true, CountTracks = true,
  GetMediaItemInfo_Value = true, GetMediaTrackInfo_Value = true, GetTake = true, GetSetMediaItemInfo_String = true,
  GetSetMediaItemTakeInfo_String = true, ColorToNative = true, SetOnlyTrackSelected = true, SetTrackSelected = true,
  I_CUSTOMCOLOR = true, P_ICON = true, EnumProjects = true,
}

case("each call of the landing fails in turn and all is as it was", function(w, Daemon)
  local _, project, _, _, track = start(w, Daemon)
  track.value.I_FOLDERDEPTH = -1.0
  local path = w.folder .. "/stem.wav"
  local file = w.real.io_open(path, "wb")
  file:write("RIFF", string.pack("<I4", 44), "WAVE", "fmt ", string.pack("<s4", string.pack("<I2I2I4I4I2I2", 3, 2, 48000, 384000, 8, 32)),
    "data", string.pack("<s4", ("\0"):rep(8)))
  file:close()
  local landing = w:lib("landing")
  w:call("Undo_OnStateChangeEx2", project.handle, "the beginning", -1, -1)
  local sound = { item = track.items[1].guid, take = track.items[1].takes[1].guid, from_seconds = 1.0 }
  local function plan()
    local made = { title = "t", stems = {}, position_seconds = 0.0, length_seconds = 1.0, sound = sound }
    for index, name in ipairs({ "drums", "bass" }) do
      made.stems[index] = { name = name, notes = "n", provenance = "{}", takes = { { path = path, name = name, provenance = "{}" } } }
    end
    return made
  end
  local handle, before = project.handle, Daemon.json.encode(w:plain())
  local first = w.call_count
  w.fault = function(name, at) return at > first and name == "Undo_OnStateChangeEx2" and "raise" or nil end
  assert(not landing.insert(handle, plan()))
  same(w, Daemon, before)
  local total = w.call_count - first
  assert(total > 100, "too few calls: " .. total)
  local harmless = {}
  for _, how in ipairs({ "raise", "refuse" }) do
    for number = 1, total do
      local begin, failing = w.call_count, nil
      w.fault = function(name, at, arguments)
        -- What gives no answer cannot refuse.
        local cannot = name == "PreventUIRefresh" or (how == "refuse" and name == "Undo_OnStateChangeEx2")
        if at == begin + number and not cannot then
          failing = HARMLESS[arguments[2]] and arguments[2] or name
          return how
        end
      end
      local landed = landing.insert(handle, plan())
      w.fault = nil
      equal(w.held, 0, "PreventUIRefresh")
      if not landed then
        same(w, Daemon, before, ("the project after %s of call %d, %s,"):format(how, number, tostring(failing)))
      else -- a call whose failure does no harm
        harmless[#harmless + 1] = failing or "none"
        w:undo(project)
        same(w, Daemon, before, "the project after undo")
      end
    end
  end
  for _, name in ipairs(harmless) do
    assert(HARMLESS[name], name .. " failed and the landing went on")
  end
end)

case("a split leaves no media behind when its landing is refused", function(w, Daemon)
  start(w, Daemon)
  w.fault = function(name) return name == "Undo_OnStateChangeEx2" and "raise" or nil end
  w:run(SPLIT)
  contains(w.boxes[1], "The project is as it was")
  equal(files_under(w.folder .. "/media"), "", "media files")
end)

for _, each in ipairs({ { "vocals_only", "vocals" }, { "drums_only", "drums" }, { "karaoke", "drums,bass,melody" } }) do
  case("an action splits into " .. each[2] .. " alone", function(w, Daemon)
    local daemon, project, item = start(w, Daemon)
    w:run(("backline_split_%s.lua"):format(each[1]))
    equal(daemon.keys(daemon:asked("split")[1]).stems, each[2])
    local names = {}
    for index = 2, #project.tracks do names[#names + 1] = project.tracks[index].text.P_NAME end
    equal(table.concat(names, ","), each[2])
    equal(project.tracks[#project.tracks].value.I_FOLDERDEPTH, -1.0, "the last closes the folder")
    equal(item.value.B_MUTE, 1.0, "mute")
  end)
end
