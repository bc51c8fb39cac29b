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
  equal(markers(project), "1.200000 120 4/4, 5.200000 400 4/4")
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
  equal(markers(project), "1.200000 120 4/4, 3.200000 120 3/4 ramp, 4.875445 94.8683 6/8 ramp, 7.200000 60, 10.200000 400 4/4")
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
  equal(markers(project), "1.200000 120 4/4, 5.200000 400 4/4")
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
