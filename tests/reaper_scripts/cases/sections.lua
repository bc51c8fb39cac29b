-- The next section onto the same tracks, and the MIDI of each stem beside its sound.
local scenes = require("double.scenes")

local STEMS = { "drums", "bass", "melody", "vocals" }

local function settings(w, project, more)
  local text = ('{"key":"A minor","style":"dub techno","bars":1%s}'):format(more and "," .. more or "")
  project.ext.backline.settings = text
end

local function generate(w) w:run("backline_generate_with_last_settings.lua") end

-- One section at bar 1, with settings such as '"notes":"track"'.
local function begin(w, Daemon, more)
  local daemon, project = scenes.begin(w, Daemon)
  settings(w, project, more)
  daemon.writes_notes = true
  generate(w)
  return daemon, project
end

local function names(project)
  local list = {}
  for index, track in ipairs(project.tracks) do list[index] = ("%s:%d"):format(track.text.P_NAME, #track.items) end
  return table.concat(list, " ")
end

local function depths(project)
  local list = {}
  for index, track in ipairs(project.tracks) do list[index] = ("%d"):format(track.value.I_FOLDERDEPTH) end
  return table.concat(list, " ")
end

local TITLE = "dub techno 400 bpm A minor"

case("the next section comes onto the same tracks, as one undo step", function(w, Daemon)
  local _, project = begin(w, Daemon)
  project.cursor = 0.6 -- bar 2
  for _, track in ipairs(project.tracks) do track.selected = false end
  generate(w)
  equal(names(project), TITLE .. ":0 drums:2 bass:2 melody:2 vocals:2")
  near(project.tracks[2].items[2].value.D_POSITION, 0.6, 1e-9, "position")
  equal(#project.undo, 3, "undo states")
  for index = 2, 5 do equal(project.tracks[index].selected, true, "selected track " .. index) end
end)

case("a section that touches the one before it counts as free, one that overlaps gets tracks of its own", function(w, Daemon)
  local daemon, project = begin(w, Daemon)
  daemon.frames = 28800 -- 0.6 s, a whole bar: the first was shorter
  project.cursor = 0.6
  generate(w)
  equal(#project.tracks, 5, "tracks after the second")
  project.cursor = 1.2
  generate(w)
  equal(#project.tracks, 5, "tracks after the third")
  equal(#project.tracks[2].items, 3, "drums")
  project.cursor = 0.6
  generate(w)
  equal(#project.tracks, 10, "tracks after the one that overlaps")
  equal(depths(project), "1 0 0 0 -1 1 0 0 0 -1")
end)

case("new tracks is a choice", function(w, Daemon)
  local _, project = begin(w, Daemon, '"tracks":"new tracks"')
  project.cursor = 0.6
  generate(w)
  equal(#project.tracks, 10, "tracks")
end)

case("a stem that the first section had not gets a track in the same folder", function(w, Daemon)
  local _, project = begin(w, Daemon, '"stems":"drums,bass"')
  settings(w, project, '"stems":"drums,vocals"')
  project.cursor = 0.6
  generate(w)
  equal(names(project), "dub techno 400 bpm A minor:0 vocals:1 drums:2 bass:1")
  equal(depths(project), "1 0 0 -1")
end)

case("the selected track says which tracks, not the newest", function(w, Daemon)
  local _, project = begin(w, Daemon)
  settings(w, project, '"tracks":"new tracks"')
  generate(w)
  equal(#project.tracks, 10, "tracks")
  settings(w, project)
  project.cursor = 0.6
  for index, track in ipairs(project.tracks) do track.selected = index == 3 end
  generate(w)
  equal(#project.tracks[2].items, 2, "drums of the first")
  equal(#project.tracks[7].items, 1, "drums of the second")
  project.cursor = 1.2
  for _, track in ipairs(project.tracks) do track.selected = false end
  for _, item in ipairs(scenes.items(project)) do item.selected = false end
  project.tracks[9].items[1].selected = true -- melody of the second
  generate(w)
  equal(#project.tracks[7].items, 2, "drums of the second, by its item")
end)

case("two sections ordered before the first is there come onto the same tracks", function(w, Daemon)
  local daemon, project = scenes.begin(w, Daemon)
  daemon.holds = true
  w:run("backline_generate_with_last_settings.lua", function()
    w:pass(10)
    w:stop()
  end)
  project.cursor = 0.6
  w:run("backline_generate_with_last_settings.lua", function()
    w:pass(10)
    w:stop()
  end)
  daemon.holds = false
  project.cursor = 1.2
  generate(w)
  equal(#project.tracks, 5, "tracks")
  equal(#project.tracks[2].items, 3, "drums")
end)

case("two results for one place that come at once lie on tracks of their own", function(w, Daemon)
  local daemon, project = begin(w, Daemon)
  daemon.holds = true
  project.cursor = 0.6
  for _ = 1, 2 do
    w:run("backline_generate_with_last_settings.lua", function()
      w:pass(10)
      w:stop()
    end)
  end
  daemon.holds = false
  project.cursor = 1.2
  generate(w)
  equal(#project.tracks, 10, "tracks")
  equal(#project.tracks[2].items, 3, "drums of the first")
  equal(#project.tracks[7].items, 1, "drums of the second")
end)

case("tracks that were deleted, or a folder that is none any more, give new tracks", function(w, Daemon)
  local _, project = begin(w, Daemon)
  project.tracks[1].value.I_FOLDERDEPTH = 0.0
  project.tracks[5].value.I_FOLDERDEPTH = 0.0
  project.cursor = 0.6
  generate(w)
  equal(#project.tracks, 10, "tracks")
  for _ = 6, 10 do w.calls.DeleteTrack(project.tracks[6].handle) end
  project.cursor = 1.2
  generate(w)
  equal(#project.tracks, 10, "tracks once more")
end)

for _, at in ipairs({ 1, 4 }) do -- the folder, the melody
case("a track that goes while the stems are copied is not written to, be it number " .. at, function(w, Daemon)
  local _, project = begin(w, Daemon)
  project.cursor = 0.6
  local find = w.calls.ValidatePtr2
  local has_gone = false
  function w.calls.ValidatePtr2(proj, pointer, kind) -- the user deletes it between the search and the landing
    if kind == "MediaTrack*" and not has_gone and #scenes.files_under(w.folder .. "/media") > 0 and w.counts then
      has_gone = true
      w.calls.DeleteTrack(project.tracks[at].handle)
    end
    return find(proj, pointer, kind)
  end
  w.counts = true
  generate(w)
  equal(has_gone, true, "deleted")
  for _, track in ipairs(project.tracks) do equal(track.deleted, nil, "deleted track") end
  equal(#w.boxes, 0, "messages")
end)
end

case("a landing onto existing tracks that fails leaves each of them as it was", function(w, Daemon)
  local _, project = begin(w, Daemon, '"stems":"drums,bass"')
  settings(w, project, '"stems":"drums,vocals"')
  project.cursor = 0.6
  local before = Daemon.json.encode(w:plain(1).tracks)
  local add, count = w.calls.AddMediaItemToTrack, 0
  function w.calls.AddMediaItemToTrack(track)
    count = count + 1
    if count == 2 then return nil end
    return add(track)
  end
  generate(w)
  contains(w.boxes[1], "The project is as it was")
  equal(Daemon.json.encode(w:plain(1).tracks), before)
  equal(#project.undo, 2, "undo states")
end)

case("takes on lanes beside an earlier section leave the lane that plays", function(w, Daemon)
  local _, project = begin(w, Daemon, '"takes":2,"takes_as":"lanes","stems":"drums"')
  local drums = project.tracks[2]
  drums.value["C_LANEPLAYS:0"], drums.value["C_LANEPLAYS:1"] = 0.0, 1.0 -- the user prefers the second
  project.cursor = 0.6
  generate(w)
  equal(#drums.items, 4, "items")
  equal(drums.items[3].value.I_FIXEDLANE, 1.0, "lane of the new first take")
  equal(drums.items[4].value.I_FIXEDLANE, 0.0, "lane of the new second take")
  equal(drums.value["C_LANEPLAYS:1"], 1.0, "the second plays on")
  settings(w, project, '"stems":"drums"')
  project.cursor = 1.2
  generate(w)
  equal(drums.items[5].value.I_FIXEDLANE, 1.0, "lane of a single take")
  equal(drums.value.I_NUMFIXEDLANES, 2.0, "lanes")
end)

case("a track without lanes gets them for takes on lanes, and its earlier items play on", function(w, Daemon)
  local _, project = begin(w, Daemon, '"stems":"drums"')
  settings(w, project, '"takes":3,"takes_as":"lanes","stems":"drums"')
  project.cursor = 0.6
  generate(w)
  local drums = project.tracks[2]
  equal(#drums.items, 4, "items")
  equal(drums.value.I_FREEMODE, 2.0, "lanes")
  equal(drums.value["C_LANEPLAYS:0"], 1.0, "the first lane plays")
  equal(drums.items[4].value.I_FIXEDLANE, 2.0, "lane of the third take")
end)

case("the notes of each stem are a take behind its sound, which stays shown", function(w, Daemon)
  local _, project = begin(w, Daemon)
  for index, stem in ipairs(STEMS) do
    local item = project.tracks[index + 1].items[1]
    equal(#item.takes, 2, "takes of " .. stem)
    equal(item.value.I_CURTAKE, 0.0, "shown take")
    equal(item.takes[2].text.P_NAME, stem .. " seed 41 notes")
    contains(item.takes[2].source.file, "_" .. stem)
    contains(item.takes[2].source.file, ".mid")
  end
  equal(w.sources, 0, "sources without an owner")
end)

case("a variation brings its notes as well, and they are no take to vary from", function(w, Daemon)
  local daemon, project = begin(w, Daemon, '"stems":"bass"')
  project.tracks[2].items[1].selected = true
  w:run("backline_vary_selected_items.lua")
  local item = project.tracks[2].items[1]
  equal(#item.takes, 4, "takes")
  equal(item.takes[item.value.I_CURTAKE + 1].text.P_NAME, "bass seed 42", "shown take")
  equal(scenes.last_keys(daemon).seed, 42, "seed")
  item.value.I_CURTAKE = 1.0 -- the notes are shown: their take says which job it is
  w:run("backline_vary_selected_items.lua")
  equal(scenes.last_keys(daemon).seed, 43, "seed")
end)

case("notes on tracks of their own are muted, below their stem", function(w, Daemon)
  local _, project = begin(w, Daemon, '"notes":"track","stems":"drums,bass"')
  equal(names(project), TITLE .. ":0 drums:1 drums notes:1 bass:1 bass notes:1")
  equal(depths(project), "1 0 0 0 -1")
  equal(project.tracks[3].items[1].value.B_MUTE, 1.0, "muted")
  equal(project.tracks[2].items[1].value.B_MUTE, 0.0, "the sound is not")
  equal(#project.tracks[2].items[1].takes, 1, "takes of the sound")
  project.cursor = 0.6
  settings(w, project, '"notes":"track","stems":"drums,bass"')
  generate(w)
  equal(names(project), TITLE .. ":0 drums:2 drums notes:2 bass:2 bass notes:2")
  project.tracks[2].items[2].selected = true
  w:run("backline_vary_selected_items.lua")
  equal(#project.tracks[2].items[2].takes, 2, "takes of the sound that was varied")
  equal(#project.tracks[3].items[2].takes, 2, "takes of its notes")
  equal(#project.tracks[3].items[1].takes, 1, "takes of the notes before")
end)

case("a variation of an item whose notes have gone has them as a take", function(w, Daemon)
  local _, project = begin(w, Daemon, '"notes":"track","stems":"drums"')
  w.calls.DeleteTrack(project.tracks[3].handle)
  project.tracks[2].items[1].selected = true
  w:run("backline_vary_selected_items.lua")
  equal(#project.tracks[2].items[1].takes, 3, "takes")
end)

case("without a wish for notes none are copied", function(w, Daemon)
  local _, project = begin(w, Daemon, '"notes":"none"')
  equal(#project.tracks[2].items[1].takes, 1, "takes")
  equal(scenes.files_under(w.folder .. "/media"):find(".mid", 1, true), nil, "MIDI files")
end)

case("notes that REAPER cannot open keep no stem away", function(w, Daemon)
  local _, project = scenes.begin(w, Daemon)
  local daemon = w.calls.PCM_Source_CreateFromFile
  function w.calls.PCM_Source_CreateFromFile(path)
    if path:find("%.mid$") then return nil end
    return daemon(path)
  end
  local fake = Daemon.new(w)
  fake.writes_notes = true
  settings(w, project, '"notes":"track"')
  generate(w)
  equal(names(project), TITLE .. ":0 drums:1 bass:1 melody:1 vocals:1")
end)

case("a MIDI file that is damaged is said, and nothing is left", function(w, Daemon)
  local daemon, project = scenes.begin(w, Daemon)
  daemon.writes_notes = true
  daemon.spoils = function(job) scenes.rewrite(w, job.folder .. "/bass.mid", function(bytes) return bytes:sub(1, 9) end) end
  generate(w)
  contains(w.boxes[1], "bass.mid has 9 bytes")
  scenes.untouched(w, project)
end)

case("takes on lanes have their notes in the same item", function(w, Daemon)
  local _, project = begin(w, Daemon, '"takes":2,"takes_as":"lanes","stems":"drums"')
  for lane = 1, 2 do
    equal(#project.tracks[2].items[lane].takes, 2, "takes on lane " .. lane)
    equal(project.tracks[2].items[lane].value.I_CURTAKE, 0.0, "shown take")
  end
end)

case("notes wanted as a take are one, although those before have a track", function(w, Daemon)
  local _, project = begin(w, Daemon, '"notes":"track","stems":"drums"')
  settings(w, project, '"notes":"take","stems":"drums"')
  project.tracks[2].items[1].selected = true
  w:run("backline_vary_selected_items.lua")
  equal(#project.tracks[2].items[1].takes, 3, "takes of the sound")
  equal(#project.tracks[3].items[1].takes, 1, "takes of the notes")
end)

case("a variation that fails takes its notes back from their track", function(w, Daemon)
  local _, project = begin(w, Daemon, '"notes":"track","stems":"drums,bass"')
  project.tracks[2].items[1].selected, project.tracks[4].items[1].selected = true, true
  local add, count = w.calls.AddTakeToMediaItem, 0
  function w.calls.AddTakeToMediaItem(item)
    count = count + 1
    if count == 4 then return nil end
    return add(item)
  end
  w:run("backline_vary_selected_items.lua")
  contains(w.boxes[1], "The project is as it was")
  for index = 2, 5 do equal(#project.tracks[index].items[1].takes, 1, "takes on track " .. index) end
end)

case("a variation on lanes with a track of notes has its notes there alone", function(w, Daemon)
  local _, project = begin(w, Daemon, '"notes":"track","takes":2,"takes_as":"lanes","stems":"drums"')
  equal(#project.tracks[3].items[1].takes, 2, "takes of the notes")
  project.tracks[2].items[1].selected = true
  w:run("backline_vary_selected_items.lua")
  equal(#project.tracks[2].items, 3, "lanes")
  equal(#project.tracks[2].items[3].takes, 1, "takes of the variation")
  equal(#project.tracks[3].items[1].takes, 3, "takes of the notes after it")
end)

case("notes that REAPER cannot open keep no take off its lane", function(w, Daemon)
  local daemon, project = scenes.begin(w, Daemon)
  daemon.writes_notes = true
  local open = w.calls.PCM_Source_CreateFromFile
  function w.calls.PCM_Source_CreateFromFile(path) return not path:find("%.mid$") and open(path) or nil end
  settings(w, project, '"takes":2,"takes_as":"lanes","stems":"drums"')
  generate(w)
  equal(#project.tracks[2].items, 2, "lanes")
  equal(#project.tracks[2].items[1].takes, 1, "takes")
end)

case("two takes beside three leave the third lane", function(w, Daemon)
  local _, project = begin(w, Daemon, '"takes":3,"takes_as":"lanes","stems":"drums"')
  settings(w, project, '"takes":2,"takes_as":"lanes","stems":"drums"')
  project.cursor = 0.6
  generate(w)
  equal(#project.tracks[2].items, 5, "items")
  equal(project.tracks[2].value.I_NUMFIXEDLANES, 3.0, "lanes")
end)

case("an end that rounding has moved behind the bar line does not overlap", function(w, Daemon)
  local _, project = begin(w, Daemon)
  for index = 2, 5 do project.tracks[index].items[1].value.D_LENGTH = 0.6 + 1e-9 end
  project.cursor = 0.6
  generate(w)
  equal(#project.tracks, 5, "tracks")
end)

case("among thousands of tracks and items the same tracks are found, a few in each frame", function(w, Daemon)
  local _, project = begin(w, Daemon)
  local model = require("double.model")
  for _ = 1, 2500 do table.insert(project.tracks, model.track({ project = project })) end
  for number = 1, 2500 do
    local item = model.item(project.tracks[2])
    item.value.D_POSITION, item.value.D_LENGTH = 100.0 + number, 1.0
  end
  project.cursor = 0.6
  generate(w)
  equal(#project.tracks, 2505, "tracks")
  equal(#project.tracks[2].items, 2502, "drums")
end)

case("a section before one that is there comes onto the same tracks", function(w, Daemon)
  local daemon, project = scenes.begin(w, Daemon)
  daemon.frames = 28800 -- a whole bar
  project.cursor = 0.6
  generate(w)
  project.cursor = 0.0
  generate(w)
  equal(#project.tracks, 5, "tracks")
end)

case("what lies on a track of notes is in the way as well", function(w, Daemon)
  local _, project = begin(w, Daemon, '"notes":"track","stems":"drums"')
  local item = require("double.model").item(project.tracks[3])
  item.value.D_POSITION, item.value.D_LENGTH = 0.7, 0.1
  project.cursor = 0.6
  generate(w)
  equal(#project.tracks, 6, "tracks")
  equal(#project.tracks[3].items, 2, "items beside what lies there")
end)

case("notes are not put onto the track below where that is another's", function(w, Daemon)
  local _, project = begin(w, Daemon, '"notes":"track","stems":"drums,bass"')
  table.remove(project.tracks, 3) -- the notes of the drums: the bass is below them now
  project.tracks[2].items[1].selected = true
  w:run("backline_vary_selected_items.lua")
  equal(#project.tracks[3].items[1].takes, 1, "takes of the bass")
  equal(#project.tracks[2].items[1].takes, 3, "takes of the drums")
end)

case("a family's tracks that were copied below another's are no place for its notes", function(w, Daemon)
  local _, project = begin(w, Daemon, '"notes":"track","stems":"drums"')
  settings(w, project, '"notes":"track","tracks":"new tracks","stems":"drums"')
  generate(w)
  equal(#project.tracks, 6, "tracks")
  local moved = table.remove(project.tracks, 6) -- the second's notes below the first's drums
  table.insert(project.tracks, 3, moved)
  for _, item in ipairs(scenes.items(project)) do item.selected = false end
  project.tracks[2].items[1].selected = true
  w:run("backline_vary_selected_items.lua")
  equal(#moved.items[1].takes, 1, "takes of the other's notes")
end)
