-- The daemon started and stopped, the doctor, the self-test.
local scenes = require("double.scenes")
local start, launcher = scenes.begin, scenes.launcher

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
  contains(text, "All is well")
  equal(#w.executed, 0, "commands")
end)

case("a daemon that does not run is nothing to mend where it can be started", function(w, Daemon)
  local daemon = start(w, Daemon)
  daemon:die()
  launcher(w, Daemon, { python = "/bin/sh", args = { "-m", "daemon" }, home = w.home, version = "0.1.0" })
  w:run("backline_doctor.lua")
  local text = table.concat(w.console)
  contains(text, "ok       daemon: it does not run now; the first Generate starts it")
  contains(text, "All is well")
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
    "PROBLEM  media folder", "Permission denied", "PROBLEM  daemon: it does not run -> run `backline serve`",
    "4 to mend: what to do stands after each arrow." }) do contains(text, line) end
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
  w.says_yes = true
  w:run("selftest.lua")
  local file = assert(w.real.io_open(w.resources .. "/backline_selftest.json", "rb"))
  local report = Daemon.json.decode(file:read("a"))
  file:close()
  for _, each in ipairs(report.checks) do
    if not each.ok then error(each.name .. ": " .. each.seen) end
  end
  assert(#report.checks > 30, "checks")
  equal(report.failed, 0)
  contains(w.boxes[2], "0 failed") -- after the question
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
