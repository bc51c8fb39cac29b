-- A daemon that is not there, dies, floods, lags, forgets, or is of another version.
local scenes = require("double.scenes")
local start = scenes.start
local generate = scenes.generate
local is_under_way = scenes.is_under_way
local generate_to_the_end = scenes.generate_to_the_end
local files_under = scenes.files_under
local order_state = scenes.order_state
local untouched = scenes.untouched

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
    w:wait(function() return w:shows("Composing") end)
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

case("a session leaves nothing in the spool", function(w, Daemon)
  start(w, Daemon, {})
  w:run("backline_generate.lua", generate_to_the_end)
  local left = files_under(w.home .. "/spool"):gsub(w.home:gsub("%p", "%%%0") .. "/spool/", "")
  assert(not left:find("out/"), left)
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
