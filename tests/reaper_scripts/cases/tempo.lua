-- A result inserted into a project of another tempo: the markers it brings, and when it is not asked.
local insert_from_jobs = require("double.scenes").insert_from_jobs

-- A song of `bars` bars at 120, then another project in front, at 400; `grid` changes what the
-- manifest says of its tempo.
local function elsewhere(w, Daemon, bars, grid, fields)
  local first = w:project()
  first.bpm = 120.0
  first.ext.backline = { settings = ('{"key":"A minor","bars":%d,"style":"dub"}'):format(bars) }
  local daemon = Daemon.new(w)
  daemon.spoils = function(_, manifest)
    for name, value in pairs(grid or {}) do manifest.grid[name] = value end
  end
  w:run("backline_generate_with_last_settings.lua")
  local second = w:open(fields or { bpm = 400.0, cursor = 1.2 })
  w.front = 2
  return second, first
end

local function markers(project)
  local found = {}
  for index, each in ipairs(project.tempo) do
    found[index] = ("%.6f %s%s%s"):format(each.seconds, ("%.6g"):format(each.bpm),
      each.num and (" %d/%d"):format(each.num, each.den) or "", each.ramp and " ramp" or "")
  end
  return table.concat(found, ", ")
end

case("a song for another tempo brings it on a yes, and the project then goes on as before", function(w, Daemon)
  local project = elsewhere(w, Daemon, 2)
  w:run("backline_show_jobs.lua", insert_from_jobs)
  contains(w.boxes[1], "was made for another tempo or meter")
  -- Bar 3 of 0.6 s bars is at 1.2 s; two bars of 4/4 at 120 last 4 s.
  equal(markers(project), "0.000000 400 4/4, 1.200000 120 4/4, 5.200000 400 4/4")
  equal(#project.tracks, 5, "tracks")
  equal(#project.undo, 2, "undo states")
  near(project.tracks[2].items[1].value.D_POSITION, 1.2, 1e-9, "position")
end)

case("a map of meters and a ramp becomes markers on its bar lines", function(w, Daemon)
  -- 4/4 at 120, from quarter 4 a ramp to 60 at quarter 10, within which 3/4 begins at quarter 7;
  -- bars: 4, then 3/4 from bar 2 on: 4, 7, 10, 13 quarters.
  local project = elsewhere(w, Daemon, 4, {
    bars = 4, tempo_map = { { beat = 0, bpm = 120, ramp = false }, { beat = 4, bpm = 120, ramp = true }, { beat = 10, bpm = 60, ramp = false } },
    meter_map = { { bar = 0, meter = "4/4" }, { bar = 1, meter = "3/4" }, { bar = 2, meter = "6/8" } },
  })
  w:run("backline_show_jobs.lua", insert_from_jobs)
  -- The ramp of 6 quarters lasts 6 * 120 / (120 + 60) = 4 s. Half-way in quarters the tempo is the
  -- root of (120^2 + 60^2) / 2, 94.8683 bpm, reached after 3 * 120 / (120 + 94.8683) = 1.675445 s.
  equal(markers(project), "0.000000 400 4/4, 1.200000 120 4/4, 3.200000 120 3/4 ramp, 4.875445 94.8683 6/8 ramp, 7.200000 60, 10.200000 400 4/4")
  -- Their quarters are the song's, by the double's own map.
  local tempo = require("double.tempo")
  for seconds, quarters in pairs({ [1.2] = 8, [3.2] = 12, [4.8754447] = 15, [7.2] = 18, [10.2] = 21 }) do
    near(tempo.to_qn(project, seconds), quarters, 1e-5, ("quarter at %g s"):format(seconds))
  end
end)

case("a tempo that the song would only take up after its end is left out", function(w, Daemon)
  local map = { { beat = 0, bpm = 120, ramp = false }, { beat = 8, bpm = 90, ramp = false } }
  local project = elsewhere(w, Daemon, 2, { tempo_map = map })
  w:run("backline_show_jobs.lua", insert_from_jobs)
  equal(markers(project), "0.000000 400 4/4, 1.200000 120 4/4, 5.200000 400 4/4")
end)

case("on a no the tempo stays and the stems come all the same", function(w, Daemon)
  local project = elsewhere(w, Daemon, 2)
  w.says_yes = false
  w:run("backline_show_jobs.lua", insert_from_jobs)
  equal(#w.boxes, 1, "questions")
  equal(#project.tempo, 0, "markers")
  equal(#project.tracks, 5, "tracks")
end)

for _, each in ipairs({
  { "of the same tempo", nil, { bpm = 120.0, cursor = 4.0 } },
  { "with markers of its own there", nil, { bpm = 400.0, cursor = 1.2, tempo = { { seconds = 1.3, bpm = 300.0 } } } },
  { "where the song ends in a ramp", { tempo_map = { { beat = 0, bpm = 120, ramp = true }, { beat = 8, bpm = 60, ramp = false } } },
    { bpm = 400.0, cursor = 1.2 } },
}) do
  case("in a project " .. each[1] .. " nothing is asked", function(w, Daemon)
    local project = elsewhere(w, Daemon, 2, each[2], each[3])
    local before = #project.tempo
    w:run("backline_show_jobs.lua", insert_from_jobs)
    equal(table.concat(w.boxes), "")
    equal(#project.tempo, before, "markers")
    equal(#project.tracks, 5, "tracks")
  end)
end

case("markers go again where the landing fails, and only ours", function(w, Daemon)
  local project = elsewhere(w, Daemon, 2, nil, { bpm = 400.0, cursor = 1.2, tempo = { { seconds = 60.0, bpm = 100.0 } } })
  w:run("backline_show_jobs.lua", function()
    w.fault = function(name) return name == "Undo_OnStateChangeEx2" and "raise" or nil end
    w:click("Insert")
    w:wait(function() return w:shows("could not be inserted") end)
    w:press("escape")
  end)
  w.fault = nil
  equal(markers(project), "60.000000 100")
  equal(#project.tracks, 0, "tracks")
end)

case("a marker right after the song is left as it is", function(w, Daemon)
  local project = elsewhere(w, Daemon, 2, nil, { bpm = 400.0, cursor = 1.2, tempo = { { seconds = 5.2, bpm = 100.0, num = 3, den = 4 } } })
  w:run("backline_show_jobs.lua", insert_from_jobs)
  equal(markers(project), "1.200000 120 4/4, 5.200000 100 3/4")
end)

local function fail_to_land(w)
  w:run("backline_show_jobs.lua", function()
    w.fault = function(name) return name == "Undo_OnStateChangeEx2" and "raise" or nil end
    w:click("Insert")
    w:wait(function() return w:shows("could not be inserted") end)
    w:press("escape")
  end)
  w.fault = nil
end

for _, is_deleted in ipairs({ false, true }) do
  case("the first markers a project ever had go again where REAPER " .. (is_deleted and "deletes" or "keeps") .. " the last", function(w, Daemon)
    w.deletes_last_marker = is_deleted
    local project = elsewhere(w, Daemon, 2, nil, { bpm = 400.0, num = 3, den = 8, cursor = 1.2 })
    local item = w:add_midi_item(project, 30.0, 2.0, {})
    item.selected = false
    fail_to_land(w)
    equal(markers(project), is_deleted and "" or "0.000000 400 3/8")
    near(item.value.D_POSITION, 30.0, 1e-9, "position of an item on beats")
    near(item.value.D_LENGTH, 2.0, 1e-9, "its length")
    equal(#project.tracks, 1, "tracks")
  end)
end

case("markers that are there already are set again where a landing that fails has moved them", function(w, Daemon)
  local project = elsewhere(w, Daemon, 2, nil, { bpm = 400.0, cursor = 1.2, tempo = { { seconds = 60.0, bpm = 100.0 } } })
  local set = w.calls.SetTempoTimeSigMarker
  function w.calls.SetTempoTimeSigMarker(proj, index, seconds, ...)
    if seconds == 5.2 then project.tempo[#project.tempo].seconds = 61.0 end
    return set(proj, index, seconds, ...)
  end
  w:run("backline_show_jobs.lua", function()
    w:click("Insert")
    w:wait(function() return w:shows("REAPER moved tempo markers") end)
    w:press("escape")
  end)
  equal(markers(project), "60.000000 100")
end)

case("who is asked for tempo markers is told of the items that would move with them", function(w, Daemon)
  local project = elsewhere(w, Daemon, 2)
  w.says_yes = false
  w:add_midi_item(project, 0.0, 0.6, {}) -- ends before the song begins
  w:add_midi_item(project, 2.0, 0.6, {})
  w:add_midi_item(project, 30.0, 0.6, {}).value.C_BEATATTACHMODE = 0.0 -- holds on to its time
  w:run("backline_show_jobs.lua", insert_from_jobs)
  contains(w.boxes[1], "1 item after that place may move or stretch: its time base is beats.")
end)

case("in a project on a time base of time no item is said to move", function(w, Daemon)
  local project = elsewhere(w, Daemon, 2, nil, { bpm = 400.0, cursor = 1.2, time_base = 0 })
  project.time_base, w.says_yes = 0, false
  w:add_midi_item(project, 30.0, 0.6, {})
  w:run("backline_show_jobs.lua", insert_from_jobs)
  equal(w.boxes[1]:find("time base"), nil)
end)

for _, meter in ipairs({ { 6, 8 }, { 7, 8 }, { 2, 2 } }) do
  case(("after a song a project in %d/%d goes on at its own tempo however REAPER tells it"):format(meter[1], meter[2]), function(w, Daemon)
    w.tells_bpm_in_denominators = true
    local project = elsewhere(w, Daemon, 2, nil, { bpm = 200.0, num = meter[1], den = meter[2], cursor = 0.0 })
    w:run("backline_show_jobs.lua", insert_from_jobs)
    equal(markers(project), ("0.000000 120 4/4, 4.000000 200 %d/%d"):format(meter[1], meter[2]))
  end)
end

case("after a song the project goes on at the tempo it has there, not at its first", function(w, Daemon)
  local project = elsewhere(w, Daemon, 2, nil, { bpm = 400.0, cursor = 3.0, tempo = { { seconds = 0.0, bpm = 400.0, num = 4, den = 4 },
    { seconds = 0.6, bpm = 200.0 } } })
  w:run("backline_show_jobs.lua", insert_from_jobs)
  equal(markers(project), "0.000000 400 4/4, 0.600000 200, 3.000000 120 4/4, 7.000000 200 4/4")
end)
