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

-- Starts the daemon on a Windows and returns the command line that REAPER was given.
local function started_on_windows(w, Daemon, home, python, has_pythonw)
  local daemon = start(w, Daemon)
  daemon:die()
  w.system = "Win64"
  local waits
  os.execute(("mkdir -p '%s' '%s'"):format(home, w.folder .. "/" .. python))
  for _, name in ipairs({ "python.exe", has_pythonw and "pythonw.exe" or "other.exe" }) do
    w.real.io_open(w.folder .. "/" .. python .. "/" .. name, "wb"):close()
  end
  launcher(w, Daemon, { python = w.folder .. "/" .. python .. "/python.exe", args = { "-P", "-m", "daemon" }, home = home })
  w.home = home
  daemon.home, daemon.spool = home, home .. "/spool"
  os.execute(("mkdir -p '%s/in' '%s/out'"):format(daemon.spool, daemon.spool))
  w.on_execute = function(_, timeout_ms)
    waits = timeout_ms
    daemon:come_back()
  end
  w:run("backline_start_stop_daemon.lua")
  return w.executed[1], waits
end

case("on Windows the daemon is started without a console and without a shell", function(w, Daemon)
  local home = w.folder .. "/Jörg Ö (x64) & 漢 %TEMP%^"
  local line, waits = started_on_windows(w, Daemon, home, "Program Files (x86) & ü", true)
  equal(waits, -1)
  equal(line, ('"%s/Program Files (x86) & ü/pythonw.exe" "-P" "-m" "daemon" "serve" "--home" "%s" "--log-file" "%s/log/started-by-reaper.log"')
    :format(w.folder, home, home))
end)

case("a Python without pythonw is started minimised", function(w, Daemon)
  local line, waits = started_on_windows(w, Daemon, w.folder .. "/home", "Python", false)
  equal(waits, -2)
  contains(line, "/Python/python.exe")
end)

case("a word that ends in a backslash or holds a quote arrives whole on Windows", function(w, Daemon)
  contains((started_on_windows(w, Daemon, w.folder .. '/a\\"b\\', "Python", true)), '/a\\\\\\"b\\\\" "--log-file"')
end)

-- Files that make a program of `path`; the launcher beside the scripts is not there.
local function put(w, path, text)
  os.execute(("mkdir -p '%s'"):format(path:match("^(.*)/")))
  local file = w.real.io_open(path, "wb")
  file:write(text or "")
  file:close()
  return path
end

local function env(w, values)
  local getenv = os.getenv
  os.getenv = function(name)
    if values[name] ~= nil then return values[name] end
    return name == "BACKLINE_HOME" and w.home or nil
  end
  return function() os.getenv = getenv end
end

case("scripts that ReaPack has installed find what install-reaper has written", function(w, Daemon)
  start(w, Daemon)
  put(w, w.resources .. "/Scripts/backline/backline_launcher.json", Daemon.json.encode({ python = "/bin/sh", args = {}, home = w.home }))
  equal(w:lib("launcher").read().python, "/bin/sh")
  w:_unwrap_system()
end)

case("a launcher whose Python has gone gives way to one whose Python is there", function(w, Daemon)
  start(w, Daemon)
  launcher(w, Daemon, { python = "/gone/python", home = "/gone" })
  local back = env(w, { HOME = w.folder, PATH = "" })
  local read = w:lib("launcher").read
  equal(read().python, "/gone/python", "what there is")
  put(w, w.resources .. "/Data/backline/backline_launcher.json", Daemon.json.encode({ python = "/bin/sh", args = {}, home = w.home }))
  equal(read().python, "/bin/sh")
  back()
  w:_unwrap_system()
end)

for place, args in pairs({
  ["/.local/share/pipx/venvs/backline/bin/python"] = "-P -m daemon", ["/.local/pipx/venvs/backline/bin/python"] = "-P -m daemon",
  ["/.local/share/uv/tools/backline/bin/python"] = "-P -m daemon", ["/.local/bin/backline"] = "", ["/path/two/backline"] = "",
}) do
  case("without a launcher the program is found at " .. place, function(w, Daemon)
    start(w, Daemon)
    local back = env(w, { HOME = w.folder, PATH = "/nowhere:" .. w.folder .. "/path/two" })
    local read = w:lib("launcher").read
    equal(read().python, nil)
    put(w, w.folder .. place)
    local found = read()
    equal(found.python, w.folder .. place)
    equal(table.concat(found.args, " "), args)
    equal(found.home, w.home)
    back()
    w:_unwrap_system()
  end)
end

case("on Windows a user's folders are told by REAPER where the system's letters are not UTF-8", function(w, Daemon)
  start(w, Daemon)
  w.system, w.resources = "Win64", "C:\\Users\\Jörg\\AppData\\Roaming\\REAPER"
  local back = env(w, { LOCALAPPDATA = "C:\\Users\\J\xF6rg\\AppData\\Local", APPDATA = "C:\\Users\\J\xF6rg\\AppData\\Roaming", BACKLINE_HOME = "" })
  local launcher_lib = w:lib("launcher")
  equal(launcher_lib.read().home, "C:\\Users\\Jörg\\AppData\\Local\\backline")
  local opened = {}
  w.refuse_open = function(path)
    opened[path] = true
    return "No such file or directory"
  end
  launcher_lib.read()
  assert(opened["C:\\Users\\Jörg\\AppData\\Roaming\\uv\\tools\\backline\\Scripts\\python.exe"], "uv")
  back()
  w:_unwrap_system()
end)

case("a Flatpak is told what it cannot do", function(w, Daemon)
  local daemon = start(w, Daemon)
  daemon:die()
  local open = w.real.io_open
  w.real.io_open = function(path, mode) return open(path == "/.flatpak-info" and "/bin/sh" or path, mode) end
  w:run("backline_start_stop_daemon.lua")
  w.real.io_open = open
  contains(w.boxes[1], "This REAPER is a Flatpak")
  equal(#w.executed, 0, "commands")
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

local function read(w, path)
  local file = w.real.io_open(path, "rb")
  local text = file and file:read("a")
  if file then file:close() end
  return text
end

local function actions(w)
  local names = {}
  for path in pairs(w.actions) do names[#names + 1] = path:match("[^/]*$") end
  table.sort(names)
  return names
end

case("setup adds the actions, a toolbar and the offer at each start, and ends with the doctor", function(w, Daemon)
  start(w, Daemon)
  launcher(w, Daemon, { python = "/bin/sh", args = {}, home = w.home, version = "0.1.0" })
  put(w, w.resources .. "/Scripts/__startup.lua", "print('mine')")
  w:run("backline_setup.lua")
  local names = actions(w)
  assert(#names >= 14, #names .. " actions")
  for _, name in ipairs(names) do contains(name, "backline_") end
  equal(read(w, w.resources .. "/Scripts/__startup.lua"),
    "print('mine')\ndofile(\"" .. w.scripts .. "/backline_offer_finished_jobs.lua\") -- backline\n")
  local toolbar = read(w, w.resources .. "/MenuSets/backline.ReaperMenu")
  contains(toolbar, "backline: generate\n")
  contains(toolbar, "title=backline\nitem_0=_RS")
  contains(table.concat(w.console), "All is well")
  equal(w.ext.backline.setup, "0.1.0")
end)

case("setup pressed again takes all of it back, and nothing else", function(w, Daemon)
  start(w, Daemon)
  launcher(w, Daemon, { python = "/bin/sh", args = {}, home = w.home, version = "0.1.0" })
  put(w, w.resources .. "/Scripts/__startup.lua", "print('mine')\n")
  w:run("backline_setup.lua")
  w.answers = { "cancel" }
  w:run("backline_setup.lua")
  assert(#actions(w) > 0, "cancelled, and yet taken back")
  w.answers = { "yes", "no" } -- again, but without the offer
  w:run("backline_setup.lua")
  equal(read(w, w.resources .. "/Scripts/__startup.lua"), "print('mine')\n")
  w.answers = { "yes", "yes" }
  w:run("backline_setup.lua")
  equal(select(2, read(w, w.resources .. "/Scripts/__startup.lua"):gsub("dofile", "")), 1, "offers")
  w.answers = { "no" }
  w:run("backline_setup.lua")
  equal(#actions(w), 0, "actions")
  equal(read(w, w.resources .. "/Scripts/__startup.lua"), "print('mine')\n")
  equal(read(w, w.resources .. "/MenuSets/backline.ReaperMenu"), nil)
  equal(w.ext.backline.setup, nil)
end)

case("a startup file that held only the offer goes with it", function(w, Daemon)
  start(w, Daemon)
  launcher(w, Daemon, { python = "/bin/sh", args = {}, home = w.home, version = "0.1.0" })
  os.execute(("mkdir -p '%s/Scripts'"):format(w.resources))
  w:run("backline_setup.lua")
  w.answers = { "no" }
  w:run("backline_setup.lua")
  equal(read(w, w.resources .. "/Scripts/__startup.lua"), nil)
end)

for name, args in pairs({ ["Python3.11"] = "-P -m daemon", backline = "" }) do
  case("setup asks where the program is, and remembers " .. name, function(w, Daemon)
    local daemon = start(w, Daemon)
    daemon:die()
    w.chosen_file = put(w, w.folder .. "/of mine/" .. name)
    w:run("backline_setup.lua")
    contains(w.boxes[1], "program was not found")
    local found = w:lib("launcher").read()
    equal(found.python, w.chosen_file)
    equal(table.concat(found.args, " "), args)
    w:_unwrap_system()
  end)
end

case("without a program, and without one shown, setup changes nothing", function(w, Daemon)
  local daemon = start(w, Daemon)
  daemon:die()
  for _, answers in ipairs({ { "no" }, { "yes" } }) do
    w.answers = answers
    w:run("backline_setup.lua")
    equal(#actions(w), 0, "actions")
    equal(w.ext.backline.setup, nil)
  end
end)

local WAYS = { "first_marker_is_alone", "deletes_last_marker", "tells_bpm_in_denominators", "names_only_ascii",
  "default_fade_seconds", "screen_scale", "ext_bytes", "has_action_options" }

for name, seen in pairs({
  ["as the double is by itself"] = { first_marker_is_alone = false, deletes_last_marker = false, tells_bpm_in_denominators = false,
    names_only_ascii = false, default_fade_seconds = 0.01, screen_scale = 1, ext_bytes = 4095, has_action_options = true },
  ["of the other ways"] = { first_marker_is_alone = true, deletes_last_marker = true, tells_bpm_in_denominators = true,
    names_only_ascii = true, default_fade_seconds = 0.0, screen_scale = 2, ext_bytes = 0, has_action_options = false },
}) do
  case("a REAPER " .. name .. " passes the self-test, whose report makes the double like it", function(w, Daemon)
    start(w, Daemon)
    w:be_like(seen)
    w:run("selftest.lua")
    local report = Daemon.json.decode(read(w, w.resources .. "/backline_selftest.json"))
    for _, each in ipairs(report.checks) do
      if not each.ok then error(each.name .. ": " .. each.seen) end
    end
    for _, way in ipairs(WAYS) do equal(report.seen[way], seen[way], way) end
  end)

  case("stems land in a REAPER " .. name, function(w, Daemon)
    local _, project = start(w, Daemon)
    w:be_like(seen)
    w:run("backline_generate_with_last_settings.lua")
    equal(#project.tracks, 5, "tracks")
    project.tracks[2].items[1].selected, w.seconds = true, w.seconds + 5
    w:run("backline_vary_selected_items.lua")
    equal(#project.tracks[2].items[1].takes, 2, "takes")
  end)
end

case("the self-test closes no project of the user's, and says so where it could not open its own again", function(w, Daemon)
  start(w, Daemon)
  local project = w:project()
  project.file = "/music/mine.rpp"
  local command, tabs = w.calls.Main_OnCommandEx, 0
  function w.calls.Main_OnCommandEx(number, ...)
    command(number, ...)
    if number == 40859 then tabs = tabs + 1 end
    if tabs == 3 then w.front = 1 end -- the user goes back to it in this very moment
  end
  w:run("selftest.lua")
  equal(w.projects[1], project, "the user's project")
  equal(#project.tracks, 0, "tracks in it")
  contains(read(w, w.resources .. "/backline_selftest.json"), "the new tab is in front")
end)

case("a lane too many in a project that is opened again is in the report, and in a double that is like it", function(w, Daemon)
  start(w, Daemon)
  w.adds_a_lane = true
  w:run("selftest.lua")
  local report = Daemon.json.decode(read(w, w.resources .. "/backline_selftest.json"))
  equal(report.seen.lanes_reloaded, 1, "lanes too many")
  equal(report.failed, 1, "failed checks")
  w.adds_a_lane = nil
  w:be_like(report.seen)
  equal(w.adds_a_lane, true, "the double")
end)

local function bundle(w, Daemon, more)
  Daemon.new(w)
  scenes.launcher(w, Daemon, { python = w.scripts .. "/selftest.lua", args = { "-P", "-m", "daemon" }, home = w.home })
  w.on_execute = more
  return w
end

case("a support bundle is asked of the program, and where it lies is said", function(w, Daemon)
  local frames, path = 0, nil
  bundle(w, Daemon, function(command)
    local file = w.real.io_open(command:match('"(.-)"'), "rb")
    local text = file:read("a")
    file:close()
    contains(text, "'-P' '-m' 'daemon' 'doctor' '--bundle' '-o' '" .. w.resources .. "/backline-support-")
    contains(text, "'--home' '" .. w.home .. "'")
    path = text:match("'%-o' '([^']+)'")
  end)
  w:run("backline_support_bundle.lua", function()
    w:wait(function()
      frames = frames + 1
      return frames > 40
    end)
    assert(w:shows("^Checking this installation"), w:seen())
    equal(#w.boxes, 0, "messages before it is there")
    local file = w.real.io_open(path, "wb")
    file:write("PK")
    file:close()
  end)
  contains(w.boxes[1], path)
end)

case("waiting for a support bundle can be cancelled, and has an end", function(w, Daemon)
  bundle(w, Daemon)
  w:run("backline_support_bundle.lua", function() w:click("Cancel") end)
  equal(#w.boxes, 0, "messages")
  w:run("backline_support_bundle.lua", function()
    w:pass(10)
    w.seconds = w.seconds + 301
    w:pass(2)
  end)
  contains(w.boxes[1], "not there after 300 s")
end)

case("without a program a support bundle says what to do", function(w, Daemon)
  Daemon.new(w)
  w:run("backline_support_bundle.lua")
  contains(w.boxes[1], "backline_setup")
  contains(w.boxes[1], "backline doctor --bundle")
end)

case("on Windows a support bundle is written without a console and without a log of the daemon's", function(w, Daemon)
  bundle(w, Daemon)
  w.system = "Win64"
  w:run("backline_support_bundle.lua", function() w:click("Cancel") end)
  contains(w.executed[1], '"doctor" "--bundle" "-o"')
  equal(w.executed[1]:find("--log-file", 1, true), nil, "a log file")
end)
