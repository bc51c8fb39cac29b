-- A plan as MIDI items, before any sound.
local scenes = require("double.scenes")

local SHEET = {
  sections = {}, parts = {}, tune = { part = "melody", notes = { { start_beats = 1.5, length_beats = 0.5, pitch = 69, velocity = 70 },
    { start_beats = 0.0, length_beats = 1.0, pitch = 72, velocity = 100 } } },
  chords = {
    { start_beats = 0.0, length_beats = 2.0, symbol = "Am7", root = 9, bass = 9, pitch_classes = { 9, 0, 4, 7 } },
    { start_beats = 2.0, length_beats = 1.0, symbol = "N.C.", pitch_classes = {} },
    { start_beats = 3.0, length_beats = 1.0, symbol = "F/A", root = 5, bass = 9, pitch_classes = { 5, 9, 0 } },
  },
}

-- A program that plans; `told` gets its command line.
local function begin(w, Daemon, told)
  local daemon, project = scenes.begin(w, Daemon)
  project.cursor = 0.6 -- bar 2
  scenes.launcher(w, Daemon, { python = w.scripts .. "/selftest.lua", args = { "-P", "-m", "daemon" }, home = w.home })
  w.on_execute = function(command)
    local file = w.real.io_open(command:match('"(.-)"'), "rb")
    told.line = file:read("a")
    told.folder = told.line:match("'%-o' '([^']+)'")
    file:close()
  end
  return daemon, project
end

local function deliver(w, Daemon, told, sheet)
  os.execute(("mkdir -p '%s'"):format(told.folder))
  local file = w.real.io_open(told.folder .. "/lead_sheet.json", "wb")
  file:write(Daemon.json.encode(sheet or SHEET))
  file:close()
end

local function plan(w, Daemon, told, sheet)
  w:run("backline_plan.lua", function()
    w:wait(function() return told.folder end)
    w:pass(5)
    assert(w:shows("^Planning"), w:seen())
    deliver(w, Daemon, told, sheet)
  end)
end

local function notes_of(item)
  local words = {}
  for index, note in ipairs(item.takes[1].notes) do
    words[index] = ("%d:%g-%g:%d"):format(note.pitch, note.start, note.stop, note.velocity)
  end
  return table.concat(words, " ")
end

case("a plan comes as two selected MIDI items on a track, in one undo step", function(w, Daemon)
  local told = {}
  local _, project = begin(w, Daemon, told)
  plan(w, Daemon, told)
  equal(#project.tracks, 1, "tracks")
  equal(project.tracks[1].text.P_NAME, "plan dub techno")
  local chords, tune = table.unpack(project.tracks[1].items)
  equal(chords.takes[1].text.P_NAME, "chords")
  equal(notes_of(chords), "45:0-2:80 60:0-2:80 64:0-2:80 67:0-2:80 69:0-2:80 45:3-4:80 60:3-4:80 65:3-4:80 69:3-4:80")
  equal(notes_of(tune), "72:0-1:100 69:1.5-2:70")
  near(chords.value.D_POSITION, 0.6, 1e-9, "position")
  near(chords.value.D_LENGTH, 0.6, 1e-9, "length")
  equal(chords.selected and tune.selected, true, "selected")
  equal(#project.undo, 2, "undo states")
  contains(w.boxes[1], "plan dub techno")
end)

case("the project's own words and bars are planned, and Generate then plays what was planned", function(w, Daemon)
  local told = {}
  local daemon, project = begin(w, Daemon, told)
  project.markers = { { start = 0.6, stop = 1.2, name = "Verse 2, soft" } }
  plan(w, Daemon, told)
  for _, part in ipairs({ "'plan' '--bpm' '400' '--key' 'A minor' '--bars' '1' '--meter' '4/4'", "'--section' '1-1:Verse 2, soft'",
    "'--tags' 'dub techno'", "'--lyrics' 'la la'", "'--lead' 'melody'" }) do
    contains(told.line, part)
  end
  equal(told.line:find("--home", 1, true), nil, "a home, which plan does not take")
  equal(told.line:find("--takes", 1, true), nil, "takes")
  w:run("backline_generate_with_last_settings.lua")
  local keys = scenes.last_keys(daemon)
  equal(keys.notes, "72:0:1:100 69:3/2:1/2:70")
  contains(keys["chords-path"], "-chords.mid")
end)

case("a plan without a tune is one item, and one without anything is said", function(w, Daemon)
  local told = {}
  local _, project = begin(w, Daemon, told)
  plan(w, Daemon, told, { chords = SHEET.chords })
  equal(#project.tracks[1].items, 1, "items")
  told.folder = nil
  plan(w, Daemon, told, { chords = { SHEET.chords[2] } })
  contains(w.boxes[2], "no chords and no tune")
  equal(#project.tracks, 1, "tracks")
end)

case("a plan that REAPER refuses leaves nothing", function(w, Daemon)
  for at, name in ipairs({ "MIDI_InsertNote", "CreateNewMIDIItemInProj", "GetSetMediaItemTakeInfo_String" }) do
    local told = {}
    local _, project = begin(w, Daemon, told)
    local call, count = w.calls[name], 0
    w.calls[name] = function(...)
      count = count + 1
      if count == (at == 1 and 10 or 2) then return name ~= "CreateNewMIDIItemInProj" and false or nil end
      return call(...)
    end
    plan(w, Daemon, told)
    contains(w.boxes[at], "The project is as it was")
    equal(#project.tracks, 0, "tracks after " .. name)
    equal(#project.undo, 1, "undo states")
    w.calls[name] = call
  end
end)

case("planning can be cancelled, has an end, and survives a project that is closed", function(w, Daemon)
  local told = {}
  begin(w, Daemon, told)
  w:run("backline_plan.lua", function() w:click("Cancel") end)
  equal(#w.boxes, 0, "messages")
  w:run("backline_plan.lua", function()
    w:pass(5)
    w.seconds = w.seconds + 181
    w:pass(2)
  end)
  contains(w.boxes[1], "not there after 180 s")
  w:open({})
  told.folder = nil
  w:run("backline_plan.lua", function()
    w:wait(function() return told.folder end)
    w:close_project(1)
    deliver(w, Daemon, told)
  end)
  contains(w.boxes[2], "The project was closed")
end)

case("more notes than one frame can insert are refused with a sentence", function(w, Daemon)
  local told, many = {}, {}
  local _, project = begin(w, Daemon, told)
  for index = 1, 301 do
    many[index] = { start_beats = index - 1.0, length_beats = 1.0, symbol = "Am7", root = 9, bass = 9, pitch_classes = { 9, 0, 4, 7 } }
  end
  plan(w, Daemon, told, { chords = many })
  contains(w.boxes[1], "1505 notes, 1500 at most")
  scenes.untouched(w, project)
end)

case("without a key or a program a plan says what to do", function(w, Daemon)
  local project = select(2, scenes.begin(w, Daemon))
  w:run("backline_plan.lua")
  contains(w.boxes[1], "backline_setup")
  project.ext.backline.settings = '{"key":""}'
  w:run("backline_plan.lua")
  contains(w.boxes[2], "No key is set")
end)

case("after a plan its items alone are selected, so that Generate plays no others", function(w, Daemon)
  local told = {}
  local _, project = begin(w, Daemon, told)
  local other = w:add_midi_item(project, 0.0, 0.6, { { pitch = 60, start = 0, stop = 1 } })
  plan(w, Daemon, told)
  equal(other.selected, false, "the item that was selected")
  equal(#project.tracks[2].items, 2, "items of the plan")
end)
