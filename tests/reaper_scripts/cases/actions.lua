-- The actions other than Generate, each from its key press to what it leaves.

local function start(w, Daemon, bars)
  local project = w:project()
  project.bpm = 400.0 -- one bar of 4/4 lasts 0.6 s
  project.ext.backline = { settings = ('{"key":"A minor","style":"dub techno","bars":%d,"lyrics":"la la"}'):format(bars or 1) }
  return Daemon.new(w), project
end

-- Four stems of a job on tracks, as Generate leaves them.
local function generated(w, Daemon, bars)
  local daemon, project = start(w, Daemon, bars)
  w:run("backline_generate_with_last_settings.lua")
  equal(#project.tracks, 5, "tracks")
  return daemon, project
end

local function items(project)
  local found = {}
  for _, track in ipairs(project.tracks) do
    for _, item in ipairs(track.items) do found[#found + 1] = item end
  end
  return found
end

local function last_keys(daemon)
  local asked = daemon:asked("generate")
  return daemon.keys(asked[#asked])
end

local function launcher(w, Daemon, found)
  local file = w.real.io_open(w.scripts .. "/backline_launcher.json", "wb")
  file:write(Daemon.json.encode(found))
  file:close()
end

case("generating with the last settings opens no window and lands", function(w, Daemon)
  local daemon, project = generated(w, Daemon)
  equal(w.window.title, nil, "a window")
  equal(last_keys(daemon).tags, "dub techno")
  equal(last_keys(daemon).lyrics, "la la")
  equal(#project.undo, 2, "undo states")
  equal(table.concat(w.boxes), "")
end)

case("generating with the last settings needs a key from somewhere", function(w, Daemon)
  local daemon, project = start(w, Daemon)
  project.ext.backline = nil
  w.ext.backline.settings = '{"key":"C major","style":"x"}' -- of another project: no guess for this one
  w:run("backline_generate_with_last_settings.lua")
  equal(#daemon.received, 0, "packets")
  contains(w.boxes[1], "No key is set")
end)

case("varying all stems of a job asks for the same with the next seed and adds takes", function(w, Daemon)
  local daemon, project = generated(w, Daemon)
  for _, item in ipairs(items(project)) do item.selected = true end
  w:run("backline_vary_selected_items.lua")
  local first, second = daemon.keys(daemon:asked("generate")[1]), last_keys(daemon)
  equal(second.seed, 42)
  equal(second.source, nil)
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
  equal(last_keys(daemon).source, w.home .. "/jobs/1")
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
  project.tracks[5].selected = true
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
  equal(keys.source, w.home .. "/jobs/1")
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
  equal(last_keys(daemon)["source-take"], 2)
  equal(last_keys(daemon).source, w.home .. "/jobs/1")
  equal(#drums.takes, 3, "takes")
  drums.value.I_CURTAKE = 0.0
  w:run("backline_regenerate_time_selection.lua")
  equal(last_keys(daemon)["source-take"], nil, "of the first take")
  drums.value.I_CURTAKE = 1.0
  w:run("backline_vary_selected_items.lua")
  equal(last_keys(daemon)["source-take"], 2, "of a variation made to fit")
  equal(last_keys(daemon)["bar-range"], nil)
end)

case("items that show different takes cannot be changed together", function(w, Daemon)
  local daemon, _, bass = of_two_takes(w, Daemon)
  bass.selected = true
  w:run("backline_regenerate_time_selection.lua")
  contains(w.boxes[1], "show the same take")
  equal(#daemon:asked("generate"), 1, "requests")
end)

case("a melody gets drums and bass over its own bars", function(w, Daemon)
  local daemon, project = start(w, Daemon)
  w:add_midi_item(project, 1.2, 1.2, { -- bars 3 and 4
    { pitch = 57, start = 0, stop = 4 }, { pitch = 64, start = 4, stop = 6 }, { pitch = 60, start = 6, stop = 8 },
  })
  w:run("backline_melody_to_accompaniment.lua")
  local keys = last_keys(daemon)
  equal(keys.stems, "drums,bass")
  equal(keys.bars, 2)
  equal(keys.notes, "57:0:4:90 64:4:2:90 60:6:2:90")
  equal(#project.tracks, 4, "tracks: the melody's own, a folder, two stems")
  near(project.tracks[3].items[1].value.D_POSITION, 1.2, 1e-9, "position")
end)

case("a time selection rules over the melody's own bars", function(w, Daemon)
  local daemon, project = start(w, Daemon)
  w:add_midi_item(project, 0.0, 2.4, { { pitch = 57, start = 0, stop = 4 }, { pitch = 64, start = 4, stop = 6 } })
  project.selection = { 0.6, 1.2 }
  w:run("backline_melody_to_accompaniment.lua")
  equal(last_keys(daemon).bars, 1)
  equal(last_keys(daemon).notes, "64:0:2:90")
end)

case("an accompaniment without a melody says so", function(w, Daemon)
  local daemon = start(w, Daemon)
  w:run("backline_melody_to_accompaniment.lua")
  contains(w.boxes[1], "Select a MIDI item")
  equal(#daemon.received, 0, "packets")
end)

case("the settings of an item come back into the window", function(w, Daemon)
  local daemon, project = generated(w, Daemon)
  project.ext.backline.settings = '{"key":"D major","style":"jazz","takes":4,"bars":2}'
  project.tracks[3].items[1].selected = true
  w:run("backline_use_these_settings.lua", function()
    w:wait(function() return w:shows("^dub techno") end)
    assert(w:shows("^A minor"), w:seen())
    assert(w:shows("^la la"), w:seen())
    w:press("escape")
  end)
  equal(#daemon:asked("generate"), 1, "requests")
  contains(project.ext.backline.settings, '"takes":1')
end)

case("settings of nothing are refused with a sentence", function(w, Daemon)
  start(w, Daemon)
  w:run("backline_use_these_settings.lua")
  contains(w.boxes[1], "Select an item")
end)

local function insert_from_jobs(w)
  w:wait(function() return w:shows("dub techno") end)
  w:click("Insert")
  w:wait(function() return w:shows("^Inserted") end)
  w:press("escape")
end

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
    w:wait(function() return w:shows("landed$") end)
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
    w:wait(function() return w:shows("landed$") end)
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

case("the daemon is started, and said to run once it answers", function(w, Daemon)
  local daemon = start(w, Daemon)
  daemon:die()
  launcher(w, Daemon, { python = "/bin/sh", args = { "-m", "daemon" }, home = w.home, version = "0.1.0" })
  w.on_execute = function() daemon:come_back() end
  w:run("backline_start_stop_daemon.lua")
  equal(table.concat(w.boxes, "/"), "The backline daemon runs.")
end)

case("paths with quotes start the daemon as well", function(w, Daemon)
  local daemon = start(w, Daemon)
  daemon:die()
  local python = w.folder .. "/it's python"
  w.real.io_open(python, "wb"):close()
  launcher(w, Daemon, { python = python, args = {}, home = w.home, version = "0.1.0" })
  w.on_execute = function() daemon:come_back() end
  w:run("backline_start_stop_daemon.lua")
  local script = w.real.io_open(w.home .. "/start_daemon.sh", "rb"):read("a")
  contains(script, "nohup '" .. w.folder .. "/it'\\''s python' 'serve'")
end)

case("the daemon is stopped if the user says so, and only then", function(w, Daemon)
  local daemon = start(w, Daemon)
  w.says_yes = false
  w:run("backline_start_stop_daemon.lua")
  equal(#daemon:asked("quit"), 0, "quits")
  w.says_yes = true
  w:run("backline_start_stop_daemon.lua")
  equal(#daemon:asked("quit"), 1, "quits")
  contains(w.boxes[#w.boxes], "has stopped")
end)

case("a daemon that will not stop is told of", function(w, Daemon)
  local daemon = start(w, Daemon)
  function daemon:quit(session, args) self:answer(session, "/backline/done", "sss", args[1], "/backline/quit", args[2]) end
  w:run("backline_start_stop_daemon.lua")
  contains(w.boxes[#w.boxes], "still runs")
end)

case("on Windows the daemon is started through a command file without a console of its own", function(w, Daemon)
  local daemon = start(w, Daemon)
  daemon:die()
  w.system = "Win64"
  launcher(w, Daemon, { python = "/bin/sh", args = { "-m", "daemon" }, home = w.home, version = "0.1.0" })
  local timeout
  w.on_execute = function(_, timeout_ms)
    timeout = timeout_ms
    daemon:come_back()
  end
  w:run("backline_start_stop_daemon.lua")
  equal(timeout, -2)
  equal(w.executed[1], 'cmd.exe /C "' .. w.home .. '/start_daemon.cmd"')
  local script = w.real.io_open(w.home .. "/start_daemon.cmd", "rb"):read("a")
  contains(script, '"/bin/sh" "-m" "daemon" "serve" "--home" "' .. w.home .. '"')
  contains(script, "\r\n")
end)

case("the doctor finds a sound installation sound", function(w, Daemon)
  start(w, Daemon)
  launcher(w, Daemon, { python = "/bin/sh", args = { "-m", "daemon" }, home = w.home, version = "0.1.0" })
  w:run("backline_doctor.lua")
  local text = table.concat(w.console)
  for _, line in ipairs({ "ok       REAPER: 7.77", "ok       Python: /bin/sh", "ok       versions", "ok       media folder",
    "ok       orders", "ok       carrier", "ok       daemon: it answers over spool" }) do contains(text, line) end
  equal(text:find("PROBLEM"), nil, "problems")
  equal(#w.executed, 0, "commands")
end)

case("the doctor names what is wrong and the fix", function(w, Daemon)
  local daemon, project = start(w, Daemon)
  daemon:die()
  w.version = "6.82/x64"
  project.media = w.folder .. "/media/sub"
  w.refuse_open = function(path) return path:find("/media/sub/", 1, true) and "Permission denied" or nil end
  w:run("backline_doctor.lua")
  local text = table.concat(w.console)
  for _, line in ipairs({ "PROBLEM  REAPER: 6.82/x64 -> update REAPER", "PROBLEM  installation", "install-reaper",
    "PROBLEM  media folder", "Permission denied", "PROBLEM  daemon: it does not run -> run the action" }) do contains(text, line) end
end)

case("the doctor tells when scripts and daemon do not fit", function(w, Daemon)
  local daemon = start(w, Daemon)
  daemon.version = "0.3.0"
  launcher(w, Daemon, { python = "/nowhere/python", args = {}, home = w.home, version = "0.0.1" })
  w:run("backline_doctor.lua")
  local text = table.concat(w.console)
  contains(text, "PROBLEM  Python: /nowhere/python")
  contains(text, "The backline daemon is too old")
  contains(text, "PROBLEM  daemon: failed -> The REAPER scripts are too old")
end)

case("the self-test passes in the double and writes its report", function(w, Daemon)
  start(w, Daemon)
  w:run("selftest.lua")
  local file = assert(w.real.io_open(w.resources .. "/backline_selftest.json", "rb"))
  local report = Daemon.json.decode(file:read("a"))
  file:close()
  for _, each in ipairs(report.checks) do
    if not each.ok then error(each.name .. ": " .. each.seen) end
  end
  assert(#report.checks > 25, "checks")
  equal(report.failed, 0)
  contains(w.boxes[1], "0 failed")
  equal(#w:project(1).tracks, 0, "tracks of the user's project")
end)

case("the self-test tells a call that fails", function(w, Daemon)
  start(w, Daemon)
  w.fault = function(name) return name == "SetActiveTake" and "raise" or nil end
  w:run("selftest.lua")
  local text = w.real.io_open(w.resources .. "/backline_selftest.json", "rb"):read("a")
  contains(text, "injected: SetActiveTake")
  contains(text, '"ok":false')
end)

case("actions that only have something to say leave no undo step", function(w, Daemon)
  local daemon, project = start(w, Daemon)
  project.ext.backline = nil
  daemon:die()
  for _, name in ipairs({ "generate_with_last_settings", "vary_selected_items", "regenerate_time_selection",
    "melody_to_accompaniment", "doctor", "use_these_settings" }) do
    w:run("backline_" .. name .. ".lua")
  end
  equal(#w.boxes, 5, "boxes")
  equal(#w.console, 1, "messages")
  equal(#project.undo, 1, "undo states")
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

case("one take alone needs no lanes", function(w, Daemon)
  local _, _, drums = laned(w, Daemon, 1)
  equal(drums.value.I_FREEMODE, nil, "free mode")
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
  equal(table.concat(w.boxes, "/"), "1 job of this project has not landed yet. Fetch what is ready now?")
  equal(#project.tracks, 5, "tracks")
  equal(daemon.number, 1, "jobs")
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
