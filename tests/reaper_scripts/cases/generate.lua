-- From the key press in the window to items on tracks, and everything that may come between.

local function start(w, Daemon, fields)
  w.ext.backline.settings = '{"key":"A minor","style":"dub techno","bars":1}'
  local project = w:project()
  project.bpm = 400.0 -- one bar of 4/4 lasts 0.6 s: small files
  for name, value in pairs(fields or {}) do project[name] = value end
  project.ext.backline = { settings = '{"key":"A minor","style":"dub techno","bars":1}' }
  return Daemon.new(w), project
end

local function generate(w)
  w:wait(function() return w:shows("^Bars") end)
  w:press("enter")
end

local function is_under_way(w) return w:shows("^diffuse") or w:shows("in the queue") or w:shows("^Starting the engine") end

local function generate_to_the_end(w)
  generate(w)
  w:wait(function() return w:shows("^Inserted") end)
  w:press("escape")
end

case("enter in the window puts four stems on four tracks in one undo step", function(w, Daemon)
  local daemon, project = start(w, Daemon, { cursor = 1.2 })
  daemon.frames = 28800 -- 0.6 s at 48 kHz
  w:run("backline_generate.lua", generate_to_the_end)
  equal(#project.tracks, 5, "tracks")
  local names, depths = {}, {}
  for index, track in ipairs(project.tracks) do
    names[index], depths[index] = track.text.P_NAME, ("%d"):format(math.tointeger(track.value.I_FOLDERDEPTH))
  end
  equal(table.concat(names, ","), "dub techno 400 bpm A minor,drums,bass,melody,vocals")
  equal(table.concat(depths, ","), "1,0,0,0,-1")
  for index = 2, 5 do
    local item = project.tracks[index].items[1]
    near(item.value.D_POSITION, 1.2, 1e-12, "position") -- bar 3 of 0.6 s bars
    equal(item.value.D_LENGTH, 28800 / 48000, "length")
    equal(item.value.B_LOOPSRC, 0.0, "loop source")
    equal(item.value.C_BEATATTACHMODE, -1.0, "time base")
    equal(#item.takes, 1, "takes")
    contains(item.takes[1].source.file, w.folder .. "/media/backline/dub techno 400 bpm A minor r")
    contains(item.takes[1].ext.backline, '"seed":41')
    contains(item.text.P_NOTES, "tempo heard: 128.02 bpm (+0.02 % from what was asked)")
    contains(item.ext.backline, '"stem":"' .. names[index] .. '"')
    equal(item.takes[1].text.P_NAME, names[index] .. " seed 41")
  end
  equal(project.tracks[2].value.I_CUSTOMCOLOR, (242 | 166 << 8 | 90 << 16 | 0x1000000) + 0.0, "colour of drums")
  equal(#project.undo, 2, "undo states")
  equal(project.undo[2].text, "backline: insert dub techno 400 bpm A minor")
  equal(w.sources, 0, "sources without a take")
  equal(table.concat(w.boxes), "")
  equal(table.concat(w.console), "")
  equal(w.commands[1], 40047, "build peaks")
end)

local function files_under(folder)
  local pipe = io.popen(("find '%s' -type f | sort"):format(folder))
  local text = pipe:read("a")
  pipe:close()
  return text
end

local function order_state(w)
  local text = files_under(w.resources .. "/Data/backline/orders")
  local path = text:match("[^\n]+%.json")
  if not path then return nil end
  local file = w.real.io_open(path, "rb")
  local found = file:read("a"):match('"state":"(%a+)"')
  file:close()
  return found
end

local function untouched(w, project)
  equal(#project.tracks, 0, "tracks")
  equal(#project.undo, 1, "undo states")
  equal(files_under(w.folder .. "/media"), "", "media files")
end

case("the request says what the project is", function(w, Daemon)
  local daemon = start(w, Daemon, {
    bpm = 92.7, cursor = 0.1, file = "/music/My song!.rpp",
    info = { PROJECT_SRATE_USE = 1.0, PROJECT_SRATE = 44100.0 },
  })
  daemon.rate, daemon.frames = 44100, 1000
  w:run("backline_generate.lua", generate_to_the_end)
  local keys = daemon.keys(daemon:asked("generate")[1])
  equal(keys.bpm, 92.7, "bpm") -- which 32 bits cannot hold
  equal(math.type(keys.bpm), "float", "bpm travels as a double")
  equal(keys.key, "A minor")
  equal(keys.bars, 1, "bars")
  equal(keys.meter, "4/4")
  equal(keys.tags, "dub techno")
  equal(keys.stems, "drums,bass,melody,vocals")
  equal(keys["sample-rate"], 44100)
  equal(keys.project, "My song")
  equal(keys["at-seconds"], 0.0)
  equal(keys["tempo-map"], nil)
  equal(keys["meter-map"], nil)
  equal(keys.notes, nil)
  near(w:project().tracks[2].items[1].value.D_LENGTH, 1000 / 44100, 0, "length")
end)

case("a time selection is snapped to bars", function(w, Daemon)
  local daemon, project = start(w, Daemon, { bpm = 240.0, selection = { 1.1, 2.8 } }) -- bars of 1 s
  w:run("backline_generate.lua", generate_to_the_end)
  equal(daemon.keys(daemon:asked("generate")[1]).bars, 2, "bars")
  equal(project.tracks[2].items[1].value.D_POSITION, 1.0, "position")
end)

case("regions become sections and known parts lose their numbers", function(w, Daemon)
  local daemon, project = start(w, Daemon, { bpm = 240.0, selection = { 2.0, 8.0 } })
  project.markers = {
    { start = 0.0, stop = 4.0, name = "Verse 2" }, { start = 3.0, name = "a marker" },
    { start = 4.0, stop = 6.1, name = "Big drop" }, { start = 5.0, stop = 7.0, name = "CHORUS" },
    { start = 20.0, stop = 24.0, name = "outro" },
  }
  w:run("backline_generate.lua", generate_to_the_end)
  equal(daemon.keys(daemon:asked("generate")[1]).sections, "1-2:verse 3-4:big-drop 5-5:chorus")
end)

case("the selected MIDI item is the melody and its key is guessed", function(w, Daemon)
  local daemon, project = start(w, Daemon, { bpm = 240.0, selection = { 1.0, 3.0 } })
  project.ext.backline = nil
  local scale = { 62, 64, 66, 67, 69, 71, 73, 74, 69, 66, 62, 62 } -- D major
  local notes = {}
  for index, pitch in ipairs(scale) do notes[index] = { pitch = pitch, start = (index - 1) / 2, stop = index / 2, velocity = 80 } end
  notes[#notes + 1] = { pitch = 60, start = 0, stop = 1, muted = true }
  w:add_midi_item(project, 1.0, 1.75, notes) -- quarters 4 to 11: the last notes are cut off
  w:run("backline_generate.lua", function()
    w:wait(function() return w:shows("melody of %d+ notes") end)
    assert(w:shows("^D major"), "the key is not shown: " .. w:seen())
    generate_to_the_end(w)
  end)
  local keys = daemon.keys(daemon:asked("generate")[1])
  equal(keys.key, "D major")
  equal(keys.notes, "62:0:1/2:80 64:1/2:1/2:80 66:1:1/2:80 67:3/2:1/2:80 69:2:1/2:80 71:5/2:1/2:80 73:3:1/2:80 "
    .. "74:7/2:1/2:80 69:4:1/2:80 66:9/2:1/2:80 62:5:1/2:80 62:11/2:1/2:80")
end)

case("a melody too long for a message goes as a file that stays as long as its order", function(w, Daemon)
  local daemon, project = start(w, Daemon, { bpm = 240.0, selection = { 0.0, 40.0 } })
  local notes = {}
  for index = 1, 640 do notes[index] = { pitch = 60 + index % 12, start = index / 4, stop = index / 4 + 0.25 } end
  w:add_midi_item(project, 0.0, 40.0, notes)
  local path, head
  daemon.ignores = function(message)
    if message.address == "/backline/generate" then
      path = daemon.keys(message)["melody-path"]
      head = w.real.io_open(path, "rb"):read(14)
    end
  end
  w:run("backline_generate.lua", generate_to_the_end)
  equal(head, "MThd\0\0\0\6\0\0\0\1\3\xC0") -- type 0, one track, 960 ticks a quarter
  assert(files_under(w.resources):find(path, 1, true), "a variation would not find it")
  w:lib("orders").remove(path:match("(r%x+)%.mid$"))
  equal(files_under(w.resources), "", "files once the order is forgotten")
end)

case("what was typed is asked for and remembered", function(w, Daemon)
  local daemon = start(w, Daemon, {})
  w:run("backline_generate.lua", function()
    w:wait(function() return w:shows("^Bars") end)
    w:type(", wärm Ω🎸")
    w:press("tab")
    w:press("backspace", "backspace", "backspace", "backspace", "backspace")
    w:type("dorian")
    w:click("vocals")
    w:click("2")
    generate_to_the_end(w)
  end)
  local keys = daemon.keys(daemon:asked("generate")[1])
  equal(keys.tags, "dub techno, wärm Ω🎸")
  equal(keys.key, "A dorian")
  equal(keys.stems, "drums,bass,melody")
  equal(keys.takes, 2)
  contains(w:project().ext.backline.settings, '"style":"dub techno, wärm Ω🎸"')
  contains(w.ext.backline.settings, '"takes":2')
  equal(w.ext.backline.recent_styles, '["dub techno, wärm Ω🎸"]')
  equal(#w:project().tracks, 4, "tracks")
  equal(#w:project().tracks[2].items[1].takes, 2, "takes")
end)

case("a recent style can be chosen from a menu", function(w, Daemon)
  local daemon = start(w, Daemon, {})
  w.ext.backline.recent_styles = '["ambient | slow","jazz"]'
  w:run("backline_generate.lua", function()
    w:wait(function() return w:shows("^Bars") end)
    w.window.menu_answer = 2
    w:click("Recent styles")
    generate_to_the_end(w)
  end)
  equal(w.window.menus[1], "ambient   slow|jazz")
  equal(daemon.keys(daemon:asked("generate")[1]).tags, "jazz")
end)

case("without a key nothing is sent and the window says so", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  project.ext.backline = nil
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return w:shows("Choose a key") end)
    w:press("escape")
  end)
  equal(#daemon:asked("generate"), 0, "requests")
end)

case("without stems nothing is sent and the window says so", function(w, Daemon)
  local daemon = start(w, Daemon, {})
  w:run("backline_generate.lua", function()
    w:wait(function() return w:shows("^Bars") end)
    for _, stem in ipairs({ "drums", "bass", "melody", "vocals" }) do w:click(stem) end
    generate(w)
    w:wait(function() return w:shows("at least one stem") end)
    w:press("escape")
  end)
  equal(#daemon:asked("generate"), 0, "requests")
end)

case("a bar that a meter change cuts short is refused by its number", function(w, Daemon)
  local daemon = start(w, Daemon, { selection = { 0.0, 1.8 } })
  -- 3 quarters after bar 2 began, at 400 bpm: its fourth is cut off.
  w:project().tempo = { { seconds = 7 * 0.15, bpm = 400.0, num = 3, den = 4 } }
  w:run("backline_generate.lua", function()
    w:wait(function() return w:shows("Bar 2 is cut short") end)
    w:press("enter")
    w:pass(10)
    w:press("escape")
  end)
  equal(#daemon:asked("generate"), 0, "requests")
end)

case("the window may be closed and the stems land all the same", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  daemon.holds = true
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return #daemon:asked("generate") > 0 end)
    w:press("close")
    w:wait(function() return not w.window.is_open end)
    daemon.holds = false
  end)
  equal(#project.tracks, 5, "tracks")
  equal(table.concat(w.boxes), "")
end)

case("progress is shown with its stage and the time left", function(w, Daemon)
  local daemon = start(w, Daemon, {})
  daemon.steps = 200
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return w:shows("^diffuse %d+ %%, 3 s left$") end)
    daemon.steps = 1
    w:wait(function() return w:shows("^Inserted") end)
    w:press("escape")
  end)
end)

case("another tab in front changes nothing about where the stems land", function(w, Daemon)
  local daemon, project = start(w, Daemon, { cursor = 1.8 })
  daemon.holds = true
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return #daemon:asked("generate") > 0 end)
    w:open({ file = "/other.rpp" })
    w.front = 2
    daemon.holds = false
    w:wait(function() return #project.undo > 1 end)
    w:press("escape")
  end)
  equal(#project.tracks, 5, "tracks of the project that asked")
  near(project.tracks[2].items[1].value.D_POSITION, 1.8, 1e-12, "position")
  equal(#w.projects[2].tracks, 0, "tracks of the one in front")
end)

case("stems of a project that was closed are kept and offered when it is open again", function(w, Daemon)
  local daemon, project = start(w, Daemon, { file = "/a.rpp" })
  daemon.holds = true
  w:open({ file = "/other.rpp" })
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return #daemon:asked("generate") > 0 end)
    w:close_project(1)
    daemon.holds = false
    w:wait(function() return w:shows("The project is not open") end)
    w:press("escape")
  end)
  equal(#w.projects[1].tracks, 0, "tracks of the other project")
  equal(order_state(w), "pending")
  local again = w:open({ file = "/a.rpp", bpm = 400.0, ext = project.ext })
  w.front = 2
  w.seconds = w.seconds + 100
  w:run("backline_generate.lua", function()
    w:click("Fetch them")
    w:wait(function() return w:shows("^Inserted") end)
    w:press("escape")
  end)
  equal(#again.tracks, 5, "tracks")
  equal(#daemon:asked("generate"), 2, "the order was sent again")
  equal(daemon.number, 1, "but is one job")
  equal(order_state(w), "landed")
end)

case("a job that was finished while REAPER was closed is fetched when the project is back", function(w, Daemon)
  local daemon, project = start(w, Daemon, { file = "/a.rpp" })
  daemon.holds = true
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return is_under_way(w) end)
    w:stop()
  end)
  daemon.holds = false
  equal(#project.tracks, 0, "tracks")
  equal(order_state(w), "pending")
  w:run("backline_generate.lua", function()
    w:pass(60)
    w:click("Fetch them")
    w:wait(function() return w:shows("^Inserted") end)
    w:press("escape")
  end)
  equal(#project.tracks, 5, "tracks")
  equal(daemon.number, 1, "jobs")
end)

case("an order that another script is waiting for is not offered", function(w, Daemon)
  local daemon = start(w, Daemon, {})
  daemon.holds = true
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return is_under_way(w) end)
    w:pass(40)
    local orders, project = require("orders"), require("project")
    equal(#orders.left_behind(project.known_id(w:project().handle), w.seconds), 0, "offered now")
    equal(#orders.left_behind(project.known_id(w:project().handle), w.seconds + 60), 1, "offered after the script was gone")
    w:click("Cancel")
    w:press("escape")
  end)
end)

for _, where in ipairs({ "in the queue", "while it runs", "while its files are copied" }) do
  case("a job cancelled " .. where .. " leaves nothing", function(w, Daemon)
    local daemon, project = start(w, Daemon, {})
    daemon.frames = 400000 -- 3.2 MB a stem: copying takes several frames
    daemon.holds_queue = where == "in the queue"
    daemon.holds = where == "while it runs"
    w:run("backline_generate.lua", function()
      generate(w)
      local wanted = ({ ["in the queue"] = "Waiting in", ["while it runs"] = "Starting the engine", ["while its files are copied"] = "^insert" })[where]
      w:wait(function() return w:shows(wanted) end)
      w:click("Cancel")
      w:wait(function() return w:shows("^Cancelled") end)
      w:pass(30)
      w:press("escape")
    end)
    untouched(w, project)
    equal(order_state(w), "cancelled")
    equal(#daemon:asked("cancel"), where == "while its files are copied" and 0 or 1, "cancels sent")
  end)
end

case("an order cancelled before it was answered is not sent again", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  daemon.ignores = function(message) return message.address == "/backline/generate" end
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return #daemon:asked("generate") == 1 end)
    w:click("Cancel")
    w:pass(200)
    w:press("escape")
  end)
  equal(#daemon:asked("generate"), 1, "requests")
  equal(#daemon:asked("cancel"), 1, "cancels")
  untouched(w, project)
end)

case("a script that REAPER ends while it copies leaves no files and keeps the order", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  daemon.frames = 400000
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return files_under(w.folder .. "/media") ~= "" end)
    w:stop()
  end)
  untouched(w, project)
  equal(order_state(w), "pending")
end)

case("a failed job says why and changes nothing", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  daemon.fails = "the disk is full"
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return w:shows("the disk is full") end)
    w:press("escape")
  end)
  untouched(w, project)
  equal(order_state(w), "failed")
end)

case("a failed job whose window was closed says why in a box", function(w, Daemon)
  local daemon = start(w, Daemon, {})
  daemon.holds = true
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return #daemon:asked("generate") > 0 end)
    w:press("close")
    w:wait(function() return not w.window.is_open end)
    daemon.fails, daemon.holds = "the engine refuses", false
  end)
  equal(table.concat(w.boxes), "the engine refuses")
end)

case("a refused request names the argument at fault", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  daemon.refuses = "key must be a tonic and a mode, not 'H'"
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return w:shows("not 'H' %(key%)") end)
    w:press("escape")
  end)
  untouched(w, project)
end)

case("events that were lost are asked for", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  daemon.loses = { finished = true }
  w:run("backline_generate.lua", generate_to_the_end)
  equal(#project.tracks, 5, "tracks")
  assert(#daemon:asked("job") >= 1, "the daemon was not asked")
end)

case("a daemon that dies and comes back still delivers", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  daemon.holds = true
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return #daemon:asked("generate") > 0 end)
    daemon:die()
    w:pass(400)
    daemon.holds = false
    daemon:come_back()
    w:wait(function() return w:shows("^Inserted") end)
    w:press("escape")
  end)
  equal(#project.tracks, 5, "tracks")
end)

case("a daemon that dies for good is told of and the order is kept", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  daemon.holds = true
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return #daemon:asked("generate") > 0 end)
    daemon:die()
    w:wait(function() return w:shows("The daemon does not answer") end)
    w:press("escape")
  end)
  untouched(w, project)
  equal(order_state(w), "pending")
end)

case("a daemon that never answers the request keeps the order too", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  daemon.ignores = function(message) return message.address == "/backline/generate" end
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return w:shows("The daemon does not answer") end)
    w:press("escape")
  end)
  untouched(w, project)
  assert(#daemon:asked("generate") > 1, "it was not sent again")
  equal(order_state(w), "pending")
end)

case("a job that the daemon has forgotten ends with a sentence", function(w, Daemon)
  local daemon = start(w, Daemon, {})
  daemon.holds = true
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return is_under_way(w) end)
    daemon.jobs = {}
    daemon.head_seq = daemon.head_seq + 5
    w:wait(function() return w:shows("does not know this job") end)
    w:press("escape")
  end)
end)

case("a flooding daemon does not hold up a frame", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  daemon.flood, daemon.steps = 60, 6
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return w:shows("diffuse") end)
    w:pass(10)
    daemon.flood = 0
    w:wait(function() return w:shows("^Inserted") end)
    w:press("escape")
  end)
  equal(#project.tracks, 5, "tracks") -- the bounds of a frame's work are held by the world itself
end)

case("packets of any bytes at all do not end the script", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  daemon.holds = true
  math.randomseed(7)
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return is_under_way(w) end)
    local session = next(daemon.sessions)
    local whole = daemon.osc.encode("/backline/finished", "isisfiss", { 9, "x", 1, "done", 1, 0, "", "/" })
    for _ = 1, 200 do
      local bytes = {}
      for index = 1, math.random(0, 60) do bytes[index] = string.char(math.random(0, 255)) end
      daemon:send_bytes(session, table.concat(bytes))
      local at = math.random(1, #whole)
      daemon:send_bytes(session, whole:sub(1, at - 1) .. string.char(math.random(0, 255)) .. whole:sub(at + 1))
    end
    daemon:answer(session, "/backline/finished", "s", "short")
    daemon:answer(session, "/backline/jobs.item", "siissf", "no-such-rid", -5, 1, "", "", 0)
    w:pass(120)
    daemon.holds = false
    w:wait(function() return w:shows("^Inserted") end)
    w:press("escape")
  end)
  equal(#project.tracks, 5, "tracks")
  equal(table.concat(w.console), "")
end)

local function spoilt(name, pattern, spoil)
  case("a result " .. name .. " changes nothing and is named", function(w, Daemon)
    local daemon, project = start(w, Daemon, {})
    daemon.spoils = function(job, manifest) spoil(w, job, manifest) end
    w:run("backline_generate.lua", function()
      generate(w)
      w:wait(function() return w:shows(pattern) end)
      w:press("escape")
    end)
    untouched(w, project)
    equal(order_state(w), "failed")
    equal(w.sources, 0, "sources left open")
  end)
end

local function rewrite(w, path, change)
  local file = w.real.io_open(path, "rb")
  local bytes = file:read("a")
  file:close()
  file = w.real.io_open(path, "wb")
  file:write(change(bytes))
  file:close()
end

spoilt("whose WAV is cut short", "melody.wav has %d+ bytes", function(w, job)
  rewrite(w, job.folder .. "/melody.wav", function(bytes) return bytes:sub(1, 1000) end)
end)
spoilt("whose WAV is missing", "bass.wav is gone", function(_, job) os.remove(job.folder .. "/bass.wav") end)
spoilt("whose WAV is of another rate", "vocals.wav is no WAV", function(w, job)
  rewrite(w, job.folder .. "/vocals.wav", function(bytes) return bytes:sub(1, 24) .. string.pack("<I4", 44100) .. bytes:sub(29) end)
end)
spoilt("whose manifest lacks a stem", "The job has no vocals", function(_, _, manifest)
  for index = #manifest.files, 1, -1 do
    if manifest.files[index].stem == "vocals" then table.remove(manifest.files, index) end
  end
end)
spoilt("of another schema", "another version of backline", function(_, _, manifest) manifest.schema = "backline.manifest/2" end)
spoilt("whose manifest has no length", "lacks its length", function(_, _, manifest) manifest.grid.frames = nil end)
spoilt("whose manifest leads out of its folder", "The job has no drums", function(_, _, manifest)
  for _, entry in ipairs(manifest.files) do
    if entry.stem == "drums" then entry.path = "../" .. entry.path end
  end
end)

case("a result whose manifest is no JSON changes nothing and is named", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  local make = daemon.make_result
  function daemon:make_result(job)
    make(self, job)
    rewrite(w, job.folder .. "/manifest.json", function(bytes) return bytes:sub(1, #bytes // 2) end)
  end
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return w:shows("manifest cannot be read") end)
    w:press("escape")
  end)
  untouched(w, project)
end)

case("a full disk changes nothing and is named", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  daemon.holds = true
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return is_under_way(w) end)
    w.refuse_open = function(path, mode)
      return path:find("/media/", 1, true) and mode:find("w") and "No space left on device" or nil
    end
    daemon.holds = false
    w:wait(function() return w:shows("No space left") end)
    w.refuse_open = nil
    w:press("escape")
  end)
  untouched(w, project)
end)

case("a project closed while its files are copied leaves no files behind", function(w, Daemon)
  local daemon = start(w, Daemon, { file = "/a.rpp" })
  daemon.frames = 400000
  w:open({ file = "/other.rpp" })
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return files_under(w.folder .. "/media") ~= "" end)
    w:close_project(1)
    w:wait(function() return w:shows("The project was closed") end)
    w:press("escape")
  end)
  equal(files_under(w.folder .. "/media"), "", "media files")
  equal(#w.projects[1].tracks, 0, "tracks of the other project")
  equal(order_state(w), "pending")
end)

case("a daemon that does not run is started by the launcher", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  daemon:die()
  local file = w.real.io_open(w.scripts .. "/backline_launcher.json", "wb")
  file:write(Daemon.json.encode({ python = "/bin/sh", args = { "-m", "daemon" }, home = w.home, version = "0.1.0" }))
  file:close()
  local timeout
  w.on_execute = function(_, timeout_ms)
    timeout = timeout_ms
    daemon:come_back()
  end
  w:run("backline_generate.lua", generate_to_the_end)
  equal(#w.executed, 1, "commands")
  equal(timeout, -1, "REAPER waits") -- no wait at all
  equal(w.executed[1], '/bin/sh "' .. w.home .. '/start_daemon.sh"')
  local script = w.real.io_open(w.home .. "/start_daemon.sh", "rb"):read("a")
  contains(script, ("nohup '/bin/sh' '-m' 'daemon' 'serve' '--home' '%s'"):format(w.home))
  equal(#project.tracks, 5, "tracks")
end)

case("without an installation the window says what to run", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  daemon:die()
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return w:shows("install%-reaper") end)
    w:press("escape")
  end)
  equal(#w.executed, 0, "commands")
  equal(order_state(w), nil, "orders kept")
  untouched(w, project)
end)

case("a daemon that does not start is told of with the place of its log", function(w, Daemon)
  local daemon = start(w, Daemon, {})
  daemon:die()
  local file = w.real.io_open(w.scripts .. "/backline_launcher.json", "wb")
  file:write(Daemon.json.encode({ python = "/bin/sh", args = {}, home = w.home, version = "0.1.0" }))
  file:close()
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return w:shows("did not start within 60 s") end)
    w:press("escape")
  end)
  equal(#w.executed, 1, "commands")
end)

for _, each in ipairs({
  { "0.2.0", 1, "The REAPER scripts are too old" }, { "1.0.0", 1, "The REAPER scripts are too old" },
  { "0.0.9", 1, "The backline daemon is too old" }, { "0.2.0", 2, "The REAPER scripts are too old" },
  { "0.1.0", 0, "The backline daemon is too old" },
}) do
  case(("daemon %s of protocol %d: %s"):format(each[1], each[2], each[3]), function(w, Daemon)
    local daemon, project = start(w, Daemon, {})
    daemon.version, daemon.protocol = each[1], each[2]
    w:run("backline_generate.lua", function()
      generate(w)
      w:wait(function() return w:shows(each[3]) end)
      w:press("escape")
    end)
    equal(#daemon:asked("generate"), 0, "requests")
    untouched(w, project)
  end)
end

for _, version in ipairs({ "0.1.0", "0.1.7", "unknown" }) do
  case("daemon " .. version .. " fits these scripts", function(w, Daemon)
    local daemon, project = start(w, Daemon, {})
    daemon.version = version
    w:run("backline_generate.lua", generate_to_the_end)
    equal(#project.tracks, 5, "tracks")
  end)
end

case("an error in a script is told once and ends it", function(w, Daemon)
  local daemon = start(w, Daemon, {})
  daemon.holds = true
  local failing = false
  w.fault = function(name) return failing and name == "GetCursorPositionEx" and "raise" or nil end
  w:run("backline_generate.lua", function()
    w:wait(function() return w:shows("^Bars") end)
    failing = true
  end)
  equal(#w.console, 1, "messages")
  contains(w.console[1], "injected: GetCursorPositionEx")
  equal(w.window.is_open, false, "the window")
end)

case("two songs generated one after the other lie in folders of their own", function(w, Daemon)
  local _, project = start(w, Daemon, {})
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return #project.undo == 2 end)
    w:pass(5)
    w:press("enter")
    w:wait(function() return #project.undo == 3 end)
    w:press("escape")
  end)
  equal(#project.tracks, 10, "tracks")
  local first, second = project.tracks[2].items[1].takes[1].source.file, project.tracks[7].items[1].takes[1].source.file
  assert(first ~= second, "both lie in " .. first)
end)

case("renaming that refuses to replace, as on Windows, is enough", function(w, Daemon)
  local _, project = start(w, Daemon, {})
  w.is_windows_rename = true
  w:run("backline_generate.lua", generate_to_the_end)
  equal(#project.tracks, 5, "tracks")
  equal(order_state(w), "landed")
end)

case("a session leaves nothing in the spool", function(w, Daemon)
  start(w, Daemon, {})
  w:run("backline_generate.lua", generate_to_the_end)
  local left = files_under(w.home .. "/spool"):gsub(w.home:gsub("%p", "%%%0") .. "/spool/", "")
  assert(not left:find("out/"), left)
end)

case("what has landed, and what another project waits for, is not offered", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  w:run("backline_generate.lua", generate_to_the_end)
  daemon.holds = true
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return is_under_way(w) end)
    w:stop()
  end)
  local function offered()
    local text
    w.seconds = w.seconds + 60
    daemon:show_life()
    w:run("backline_generate.lua", function()
      w:wait(function() return w:shows("^Bars") end)
      w:pass(5)
      text = w:shows("have not landed")
      w:press("escape")
    end)
    return text
  end
  equal(offered(), "1 earlier jobs of this project have not landed.")
  w:open({ bpm = 400.0, ext = { backline = { id = "of-another-project" } } })
  w.front = 2
  equal(offered(), nil, "offered in another project")
  equal(#project.tracks, 5, "tracks")
end)

case("a job that is done already is fetched at once, without a heartbeat", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return is_under_way(w) end)
    w:stop()
  end)
  for _ = 1, 20 do daemon:step() end -- it finishes while nobody listens
  daemon.beat_at = math.huge
  w.seconds = w.seconds + 60
  daemon:show_life()
  w:run("backline_generate.lua", function()
    w:click("Fetch them")
    local since = w.seconds
    w:wait(function() return w:shows("^Inserted") end)
    assert(w.seconds - since < 4, "it waited for a silence")
    w:press("escape")
  end)
  equal(#project.tracks, 5, "tracks")
end)

case("a sign of life that a crash has left is not taken for a daemon", function(w, Daemon)
  local daemon = start(w, Daemon, {})
  daemon.is_silent = true
  w.seconds = w.seconds + 20
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return w:shows("install%-reaper") end)
    w:press("escape")
  end)
  equal(#daemon:asked("generate"), 0, "requests")
end)

case("a daemon that lags three seconds behind everything still delivers, once", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  local frames = 0
  w.on_frame = function()
    frames = frames + 1
    if frames % 90 == 0 then daemon:step() end
  end
  daemon.beat_at, daemon.steps = math.huge, 2
  local show_life = 0
  function daemon:step()
    show_life = show_life + 1
    self:show_life()
    Daemon.step(self)
  end
  w:run("backline_generate.lua", generate_to_the_end)
  equal(#project.tracks, 5, "tracks")
  equal(daemon.number, 1, "jobs")
end)

-- Every function fails once, at its first and at its last call, from key press to items.
local HARMLESS = { -- what REAPER itself cannot fail at, and nothing could be done about
  defer = true, atexit = true, PreventUIRefresh = true, ShowConsoleMsg = true,
}

case("any call that fails leaves all or nothing and at most one message", function(w, Daemon)
  local World = getmetatable(w)
  local number = 0
  local function world()
    number = number + 1
    local made = World.new(w.api, w.keys, w.folder .. "/" .. number, w.scripts)
    made.home = made.folder .. "/home"
    made.ext.backline = { carrier = "spool" }
    w.home = made.home -- what BACKLINE_HOME says
    return made
  end
  local function play(made)
    local daemon, project = start(made, Daemon, {})
    daemon.frames = 4800
    made:run("backline_generate.lua", function()
      for frame = 1, 160 do
        coroutine.yield()
        if frame == 5 then made:press("enter") end
        if #project.undo > 1 and frame > 20 then break end
      end
      made:press("escape")
      made:pass(20)
      made:stop()
    end)
    return project
  end
  local clean, calls = world(), {}
  clean.fault = function(name, count) calls[name] = calls[name] or {} table.insert(calls[name], count) end
  equal(#play(clean).tracks, 5, "tracks of the clean run")
  local tried = 0
  for name, counts in pairs(calls) do
    for _, count in ipairs(HARMLESS[name] and {} or { counts[1], counts[#counts] }) do
      tried = tried + 1
      local made = world()
      made.fault = function(_, at) return at == count and "raise" or nil end
      local fine, problem = pcall(play, made)
      local where = ("%s, call %d: "):format(name, count)
      if not fine then contains(problem, "injected:") end -- while loading: REAPER shows that itself
      local project = made:project()
      equal(made.held, 0, where .. "PreventUIRefresh")
      equal(made.sources, 0, where .. "sources left open")
      local tracks, undo = #project.tracks, #project.undo
      if not (tracks == 0 and undo == 1 or tracks == 5 and undo == 2) then
        error(("%s%d tracks, %d undo states"):format(where, tracks, undo))
      end
      if #made.console > 1 or #made.boxes > 1 then error(where .. made:seen()) end
    end
  end
  assert(tried > 80, "too few calls were tried: " .. tried)
end)
