-- Items that backline made, made anew: variations, bars of the time selection, fixed lanes.
local scenes = require("double.scenes")
local start, generated, items, last_keys = scenes.begin, scenes.generated, scenes.items, scenes.last_keys

case("varying all stems of a job asks for the same with the next seed and adds takes", function(w, Daemon)
  local daemon, project = generated(w, Daemon)
  for _, item in ipairs(items(project)) do item.selected = true end
  w:run("backline_vary_selected_items.lua")
  local first, second = daemon.keys(daemon:asked("generate")[1]), last_keys(daemon)
  equal(second.seed, 42)
  equal(second.from, nil)
  for _, name in ipairs({ "tags", "key", "bars", "meter", "lead", "engine", "stems", "lyrics", "bpm" }) do
    equal(second[name], first[name], name)
  end
  equal(#project.tracks, 5, "tracks")
  for _, item in ipairs(items(project)) do
    equal(#item.takes, 2, "takes")
    equal(item.value.I_CURTAKE, 1.0, "shown take")
    contains(item.takes[2].ext.backline, '"seed":42')
  end
  equal(#project.undo, 3, "undo states")
  w:run("backline_vary_selected_items.lua")
  equal(last_keys(daemon).seed, 43, "the seed after that")
end)

case("varying some stems of a job has them made to fit the others", function(w, Daemon)
  local daemon, project = generated(w, Daemon)
  project.tracks[2].items[1].selected = true
  project.tracks[4].items[1].selected = true
  w:run("backline_vary_selected_items.lua")
  equal(last_keys(daemon).from, w.home .. "/jobs/1")
  equal(last_keys(daemon).stems, "drums,melody")
  equal(last_keys(daemon)["bar-range"], nil)
  local counts = {}
  for index, item in ipairs(items(project)) do counts[index] = #item.takes end
  equal(table.concat(counts, ","), "2,1,2,1")
end)

case("varying a moved item leaves it where it is", function(w, Daemon)
  local daemon, project = generated(w, Daemon)
  local item = project.tracks[3].items[1]
  item.selected, item.value.D_POSITION = true, 12.34
  w:run("backline_vary_selected_items.lua")
  equal(last_keys(daemon).stems, "bass")
  equal(item.value.D_POSITION, 12.34, "position")
  equal(#item.takes, 2, "takes")
end)

case("items of two jobs are varied as two jobs", function(w, Daemon)
  local daemon, project = generated(w, Daemon)
  w:run("backline_generate_with_last_settings.lua")
  for _, item in ipairs(items(project)) do item.selected = true end
  w:run("backline_vary_selected_items.lua")
  equal(#daemon:asked("generate"), 4, "requests")
  for _, item in ipairs(items(project)) do equal(#item.takes, 2, "takes") end
end)

case("a stem of each of two jobs is two jobs, too", function(w, Daemon)
  local daemon, project = generated(w, Daemon)
  w:run("backline_generate_with_last_settings.lua")
  project.tracks[2].items[1].selected = true -- drums of the first
  project.tracks[8].items[1].selected = true -- bass of the second
  w:run("backline_vary_selected_items.lua")
  equal(#daemon:asked("generate"), 4, "requests")
end)

case("selected items rule over selected tracks", function(w, Daemon)
  local daemon, project = generated(w, Daemon)
  project.tracks[5].selected = true
  project.tracks[2].items[1].selected = true
  w:run("backline_vary_selected_items.lua")
  equal(last_keys(daemon).stems, "drums")
end)

case("stems of selected tracks are varied where no item is selected", function(w, Daemon)
  local daemon, project = generated(w, Daemon)
  for index, track in ipairs(project.tracks) do track.selected = index == 5 end
  w:run("backline_vary_selected_items.lua")
  equal(last_keys(daemon).stems, "vocals")
end)

case("varying what backline did not make says so", function(w, Daemon)
  local daemon, project = start(w, Daemon)
  w:add_midi_item(project, 0.0, 1.0, { { pitch = 60, start = 0, stop = 1 } })
  w:run("backline_vary_selected_items.lua")
  contains(w.boxes[1], "Select items that backline inserted")
  equal(#daemon.received, 0, "packets")
end)

case("an item whose memory was spoilt is not taken for one of backline's", function(w, Daemon)
  local daemon, project = generated(w, Daemon)
  local item = project.tracks[2].items[1]
  item.selected = true
  for _, text in ipairs({ "", "{", "[]", '{"rid":1}', '{"rid":"r","stem":"drums","keys":[],"title":"t"}' }) do
    item.ext.backline = text
    w:run("backline_vary_selected_items.lua")
  end
  equal(#w.boxes, 5, "boxes")
  equal(#daemon:asked("generate"), 1, "requests")
end)

case("bars of the time selection are made anew in the selected stem only", function(w, Daemon)
  local daemon, project = generated(w, Daemon, 8)
  local item = project.tracks[4].items[1]
  item.selected = true
  project.selection = { 2.4, 4.2 } -- bars of 0.6 s: 5 to 7
  w:run("backline_regenerate_time_selection.lua")
  local keys = last_keys(daemon)
  equal(keys["bar-range"], "5-7")
  equal(keys.from, w.home .. "/jobs/1")
  equal(keys.stems, "melody")
  equal(keys.seed, 42)
  equal(keys.takes, 1)
  equal(keys.bars, 8)
  equal(#item.takes, 2, "takes")
  equal(item.value.I_CURTAKE, 1.0, "shown take")
end)

case("the bars are counted from where a moved and trimmed item would begin", function(w, Daemon)
  local daemon, project = generated(w, Daemon, 8)
  local item = project.tracks[2].items[1]
  item.selected, item.value.D_POSITION = true, 6.6 -- its first two bars cut off: it would begin at 5.4
  item.takes[1].value.D_STARTOFFS = 1.2
  project.selection = { 7.2, 7.8 } -- bar 4 of the item
  w:run("backline_regenerate_time_selection.lua")
  equal(last_keys(daemon)["bar-range"], "4-4")
  equal(item.takes[2].value.D_STARTOFFS, 1.2, "offset of the new take")
end)

for _, each in ipairs({
  { "without a time selection", { 0.0, 0.0 }, "Select the time" },
  { "with a selection beside the item", { 60.0, 66.0 }, "no whole bar" },
  { "with a selection before the item", { 0.0, 0.6 }, "no whole bar" },
}) do
  case("regenerating " .. each[1] .. " is refused with a sentence", function(w, Daemon)
    local daemon, project = generated(w, Daemon, 4)
    local item = project.tracks[2].items[1]
    item.selected, item.value.D_POSITION = true, 6.0
    project.selection = each[2]
    w:run("backline_regenerate_time_selection.lua")
    contains(w.boxes[1], each[3])
    equal(#daemon:asked("generate"), 1, "requests")
  end)
end

local function of_two_takes(w, Daemon)
  local daemon, project = start(w, Daemon, 4)
  project.ext.backline.settings = '{"key":"A minor","bars":4,"takes":2}'
  w:run("backline_generate_with_last_settings.lua")
  local drums, bass = project.tracks[2].items[1], project.tracks[3].items[1]
  drums.selected, drums.value.I_CURTAKE = true, 1.0
  project.selection = { 0.0, 0.6 }
  return daemon, drums, bass
end

case("bars of the second take are made anew from that take", function(w, Daemon)
  local daemon, drums = of_two_takes(w, Daemon)
  w:run("backline_regenerate_time_selection.lua")
  equal(last_keys(daemon)["from-take"], 2)
  equal(last_keys(daemon).from, w.home .. "/jobs/1")
  equal(#drums.takes, 3, "takes")
  drums.value.I_CURTAKE = 0.0
  w:run("backline_regenerate_time_selection.lua")
  equal(last_keys(daemon)["from-take"], nil, "of the first take")
  drums.value.I_CURTAKE = 1.0
  w:run("backline_vary_selected_items.lua")
  equal(last_keys(daemon)["from-take"], 2, "of a variation made to fit")
  equal(last_keys(daemon)["bar-range"], nil)
end)

case("items that show different takes cannot be changed together", function(w, Daemon)
  local daemon, _, bass = of_two_takes(w, Daemon)
  bass.selected = true
  w:run("backline_regenerate_time_selection.lua")
  contains(w.boxes[1], "show the same take")
  equal(#daemon:asked("generate"), 1, "requests")
end)

local function laned(w, Daemon, takes)
  local daemon, project = start(w, Daemon)
  project.ext.backline.settings = ('{"key":"A minor","bars":1,"takes":%d,"stems":"drums,bass","takes_as":"lanes"}'):format(takes)
  w:run("backline_generate_with_last_settings.lua")
  return daemon, project, project.tracks[2]
end

local function lanes(track)
  local found = {}
  for index, item in ipairs(track.items) do
    local playing = track.value[("C_LANEPLAYS:%d"):format(math.tointeger(item.value.I_FIXEDLANE))]
    found[index] = ("%d:%s%s"):format(math.tointeger(item.value.I_FIXEDLANE), item.takes[1].ext.backline:match('"seed":(%d+)'),
      playing == 1.0 and "*" or "")
  end
  return table.concat(found, " ")
end

case("takes come on fixed lanes where that is chosen, and the first plays", function(w, Daemon)
  local _, project, drums = laned(w, Daemon, 3)
  equal(#project.tracks, 3, "tracks")
  equal(drums.value.I_FREEMODE, 2.0, "fixed lanes")
  equal(lanes(drums), "0:41* 1:42 2:43")
  for _, item in ipairs(drums.items) do
    equal(#item.takes, 1, "takes")
    equal(item.value.B_LOOPSRC, 0.0, "loop source")
    contains(item.ext.backline, '"stem":"drums"')
  end
  equal(#project.undo, 2, "undo states")
end)

case("a track with lanes says how many it has: REAPER adds one to those it is not told of", function(w, Daemon)
  local _, project = laned(w, Daemon, 3)
  equal(project.tracks[2].value.I_NUMFIXEDLANES, 3.0, "lanes")
  project.tracks[2].items[1].selected = true
  w.seconds = w.seconds + 5
  w:run("backline_vary_selected_items.lua")
  equal(project.tracks[2].value.I_NUMFIXEDLANES, 4.0, "lanes after a variation")
end)

case("one take alone needs no lanes", function(w, Daemon)
  local _, _, drums = laned(w, Daemon, 1)
  equal(drums.value.I_FREEMODE, 0.0, "free mode")
end)

case("a variation of a lane comes on the next one, with a seed that is new there, and plays", function(w, Daemon)
  local daemon, project, drums = laned(w, Daemon, 2)
  local item = drums.items[1]
  item.selected, item.value.D_POSITION, item.takes[1].value.D_STARTOFFS = true, 4.5, 0.1
  w:run("backline_vary_selected_items.lua")
  equal(last_keys(daemon).seed, 43)
  equal(lanes(drums), "0:41 1:42 2:43*")
  equal(drums.items[3].value.D_POSITION, 4.5, "position")
  equal(drums.items[3].takes[1].value.D_STARTOFFS, 0.1, "offset")
  equal(#drums.items[1].takes, 1, "takes of the first")
  equal(#project.undo, 3, "undo states")
end)

case("a variation of a lane that fails to land leaves the lanes as they were", function(w, Daemon)
  local _, project, drums = laned(w, Daemon, 2)
  drums.items[1].selected = true
  w:run("backline_vary_selected_items.lua", function()
    w.fault = function(name) return name == "Undo_OnStateChangeEx2" and "raise" or nil end
  end)
  w.fault = nil
  contains(w.boxes[1], "The project is as it was")
  equal(#drums.items, 2, "items")
  equal(#project.undo, 2, "undo states")
end)

case("the window asks how takes come once there are several", function(w, Daemon)
  local _, project = start(w, Daemon)
  w:run("backline_generate.lua", function()
    w:wait(function() return w:shows("^Bars") end)
    equal(w:shows("^lanes$"), nil, "the question for one take")
    w:click("2")
    w:click("lanes")
    w:press("enter")
    w:wait(function() return w:shows("^Inserted") end)
    w:press("escape")
  end)
  equal(project.tracks[2].value.I_FREEMODE, 2.0, "fixed lanes")
  contains(project.ext.backline.settings, '"takes_as":"lanes"')
end)

case("an item remembers a long melody and long lyrics whole, in pieces that a project file keeps", function(w, Daemon)
  local daemon, project = start(w, Daemon, 64)
  local lyrics = "it's \"late\" `again`\\" .. ("ü漢"):rep(600)
  project.ext.backline.settings = Daemon.json.encode({ key = "A minor", style = "dub", bars = 64, lyrics = lyrics })
  local notes = {}
  for index = 0, 255 do notes[index + 1] = { pitch = 60 + index % 12, start = index, stop = index + 0.5 } end
  local tune = w:add_midi_item(project, 0.0, 64 * 0.6, notes)
  w:run("backline_generate_with_last_settings.lua")
  local asked = daemon.keys(daemon:asked("generate")[1])
  assert(#asked.notes > 2000, "the melody is short: " .. #asked.notes)
  tune.selected = false
  for _, item in ipairs(items(project)) do
    for name, text in pairs(item.ext) do
      assert(#text <= 2000, name .. " has " .. #text .. " bytes")
      assert(utf8.len(text), name .. " is cut within a letter")
      item.selected = true
    end
  end
  w.seconds = w.seconds + 5
  w:run("backline_vary_selected_items.lua")
  local again = daemon.keys(daemon:asked("generate")[2])
  equal(again.notes, asked.notes)
  equal(again.lyrics, asked.lyrics)
end)

case("what an item remembers may be in one long piece, as delivered projects have it", function(w, Daemon)
  local _, project = generated(w, Daemon)
  local memory = w:lib("memory")
  local item = project.tracks[2].items[1]
  item.ext.backline = '{"a":"' .. ("x"):rep(3000) .. '"}'
  item.ext.backline2 = "left over"
  equal(memory.read(reaper.GetSetMediaItemInfo_String, w:add_midi_item(project, 0.0, 1.0, {}).handle), nil)
  equal(#memory.read(reaper.GetSetMediaItemInfo_String, item.handle).a, 3000)
  w:_unwrap_system()
end)
