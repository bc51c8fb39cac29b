-- The list of jobs, and the offer of those that a project still waits for.
local scenes = require("double.scenes")
local start, generated, items, launcher = scenes.begin, scenes.generated, scenes.items, scenes.launcher
local insert_from_jobs = scenes.insert_from_jobs

case("a job of the list is inserted again at its own place", function(w, Daemon)
  local daemon, project = generated(w, Daemon)
  project.cursor = 60.0
  w:undo(project)
  equal(#project.tracks, 0, "tracks after undo")
  w:run("backline_show_jobs.lua", insert_from_jobs)
  equal(#project.tracks, 5, "tracks")
  equal(project.tracks[2].items[1].value.D_POSITION, 0.0, "position")
  equal(#daemon:asked("generate"), 1, "requests")
end)

case("in another project a job of the list comes to the edit cursor", function(w, Daemon)
  generated(w, Daemon)
  local other = w:open({ file = "/other.rpp", bpm = 400.0, cursor = 1.85 })
  w.front = 2
  w:run("backline_show_jobs.lua", insert_from_jobs)
  equal(#other.tracks, 5, "tracks")
  near(other.tracks[2].items[1].value.D_POSITION, 1.8, 1e-9, "position")
  equal(#w:project(1).tracks, 5, "tracks of the first project")
end)

case("a variation inserted again comes on tracks of its own", function(w, Daemon)
  local _, project = generated(w, Daemon)
  for _, item in ipairs(items(project)) do item.selected = true end
  w.seconds = w.seconds + 5
  w:run("backline_vary_selected_items.lua")
  w:run("backline_show_jobs.lua", insert_from_jobs)
  equal(#project.tracks, 10, "tracks")
  equal(#project.tracks[2].items[1].takes, 2, "takes of the first")
  contains(project.tracks[7].items[1].takes[1].ext.backline, '"seed":42')
end)

case("a job whose result is gone says so", function(w, Daemon)
  local _, project = generated(w, Daemon)
  os.execute("rm -r '" .. w.home .. "/jobs/1'")
  w:run("backline_show_jobs.lua", function()
    w:wait(function() return w:shows("dub techno") end)
    w:click("Insert")
    w:wait(function() return w:shows("The job's result is gone") end)
    w:press("escape")
  end)
  equal(#project.undo, 2, "undo states")
end)

case("a job of the list can be revealed and forgotten", function(w, Daemon)
  generated(w, Daemon)
  w:run("backline_show_jobs.lua", function()
    w:wait(function() return w:shows(", inserted$") end)
    w:click("Reveal")
    w:wait(function() return #w.executed > 0 end)
    w:click("Forget")
    w:wait(function() return w:shows("No jobs yet") end)
    w:press("escape")
  end)
  equal(w.executed[1], '/usr/bin/xdg-open "' .. w.home .. '/jobs/1"')
end)

case("looking at the jobs starts no daemon", function(w, Daemon)
  local daemon = generated(w, Daemon)
  daemon:die()
  launcher(w, Daemon, { python = "/bin/sh", args = {}, home = w.home, version = "0.1.0" })
  w:run("backline_show_jobs.lua", function()
    w:wait(function() return w:shows(", inserted$") end)
    w:pass(60)
    w:press("escape")
  end)
  equal(#w.executed, 0, "commands")
end)

case("the list chooses the row that is clicked and pages", function(w, Daemon)
  local daemon, project = start(w, Daemon)
  for number = 1, 12 do
    project.ext.backline.settings = ('{"key":"A minor","style":"song %02d","bars":1,"stems":"bass"}'):format(number)
    w:run("backline_generate_with_last_settings.lua")
    w.seconds = w.seconds + 2
  end
  w:run("backline_show_jobs.lua", function()
    w:wait(function() return w:shows("song 12") end)
    equal(w:shows("song 02"), nil, "a row of the second page")
    w:click("Older")
    w:wait(function() return w:shows("song 02") end)
    w:click(w:shows("song 02"))
    w:click("Forget")
    w:wait(function() return not w:shows("song 02") end)
    w:click("Newer")
    w:wait(function() return w:shows("song 12") end)
    w:press("escape")
  end)
  equal(#daemon:asked("generate"), 12, "requests")
end)

local function left_behind(w, Daemon)
  local daemon, project = start(w, Daemon)
  daemon.holds = true
  w:run("backline_generate_with_last_settings.lua", function()
    w:wait(function() return #daemon:asked("generate") > 0 end)
    w:pass(5)
    w:stop()
  end)
  daemon.holds = false
  w.seconds = w.seconds + 60
  daemon:show_life()
  return daemon, project
end

case("what a project waits for is offered when it is open again, and lands on a yes", function(w, Daemon)
  local daemon, project = left_behind(w, Daemon)
  w:run("backline_offer_finished_jobs.lua", function()
    w:wait(function() return #project.undo > 1 end)
    w:pass(100)
    w:stop()
  end)
  equal(table.concat(w.boxes, "/"), "1 job of this project is not inserted yet. Insert what is ready now?")
  equal(#project.tracks, 5, "tracks")
  equal(daemon.number, 1, "jobs")
  w:run("backline_offer_finished_jobs.lua", function()
    w:pass(100)
    w:stop()
  end)
  equal(#w.boxes, 1, "questions once nothing is waited for")
end)

case("on a no, and in a project that waits for nothing, nothing happens and no daemon is asked", function(w, Daemon)
  local daemon, project = left_behind(w, Daemon)
  w.says_yes = false
  local asked = #daemon.received
  w:run("backline_offer_finished_jobs.lua", function()
    w:pass(100)
    w:open({ bpm = 400.0 })
    w.front = 2
    w:pass(100)
    w.front = 1
    w:pass(100)
    w:stop()
  end)
  equal(#w.boxes, 1, "questions") -- once a project
  equal(#project.tracks, 0, "tracks")
  equal(#daemon.received, asked, "packets")
end)

case("an offer that cannot be fetched says why, once", function(w, Daemon)
  local daemon = left_behind(w, Daemon)
  daemon.fails = "the disk is full"
  w:run("backline_offer_finished_jobs.lua", function()
    w:wait(function() return #w.boxes > 1 end)
    w:pass(100)
    w:stop()
  end)
  equal(#w.boxes, 2, "boxes")
  contains(w.boxes[2], "the disk is full")
end)
