-- The daemon as seen from this machine: where its home is, whether it lives, how to start it.
local files = require("files")
local json = require("json")
local protocol = require("protocol")

local launcher = {}

local FRESH_SECONDS = 6 -- the daemon writes its state every 2 s
local LAUNCHER = "backline_launcher.json"
local STARTER = { "-P", "-m", "daemon" } -- as daemon/reaper_install.py writes it
local NO_WAIT, MINIMISED = -1, -2 -- of ExecProcess
local FLATPAK = "/.flatpak-info" -- there is one inside

-- Folder of the shipped scripts, which is the parent of this file's.
launcher.folder = files.folder_of(files.folder_of(debug.getinfo(1, "S").source:sub(2)))

local function is_windows() return reaper.GetOS():find("Win") ~= nil end

-- A variable of the system that holds a path. On Windows it comes in the system's code page, and
-- what is not UTF-8 names no file here; the user's folder is then told by REAPER's own.
local function variable(name)
  local text = os.getenv(name)
  if text and text ~= "" and utf8.len(text) then return text end
  local user = reaper.GetResourcePath():match("^(%a:\\.*)\\AppData\\Roaming\\")
  local beneath = { USERPROFILE = "", LOCALAPPDATA = "\\AppData\\Local", APPDATA = "\\AppData\\Roaming" }
  return text and text ~= "" and user and beneath[name] and user .. beneath[name] or nil
end

local function default_home()
  local chosen = variable("BACKLINE_HOME")
  if chosen then return chosen end
  local user = variable("HOME") or variable("USERPROFILE") or "."
  local system = reaper.GetOS()
  if system:find("Win") then return (variable("LOCALAPPDATA") or user .. "\\AppData\\Local") .. "\\backline" end
  if system:find("OSX") or system:find("macOS") then return user .. "/Library/Application Support/backline" end
  return (variable("XDG_DATA_HOME") or user .. "/.local/share") .. "/backline"
end

-- Where an action asks a user that none of the ways below have found.
function launcher.own_file() return files.join(reaper.GetResourcePath(), "Data", "backline", LAUNCHER) end

-- Remembers a program that the user has shown: a Python, or backline itself.
function launcher.remember(path, home)
  local is_python = path:match("[^/\\]*$"):lower():find("^python") ~= nil
  reaper.RecursiveCreateDirectory(files.folder_of(launcher.own_file()), 0)
  local args = is_python and STARTER or {}
  return files.replace(launcher.own_file(), json.encode({ python = path, args = args, home = home }))
end

local function written(path)
  local text = files.read(path)
  local found = text and json.decode(text)
  return type(found) == "table" and type(found.python) == "string" and found.python ~= "" and found or nil
end

-- What pipx, uv and pip install, by their usual places: {path, whether it is a Python}.
local function usual_places()
  local list = {}
  local function add(folder, below, is_python)
    if folder then list[#list + 1] = { folder .. below, is_python } end
  end
  if is_windows() then
    add(variable("USERPROFILE"), "\\pipx\\venvs\\backline\\Scripts\\python.exe", true)
    add(variable("LOCALAPPDATA"), "\\pipx\\pipx\\venvs\\backline\\Scripts\\python.exe", true)
    add(variable("APPDATA"), "\\uv\\tools\\backline\\Scripts\\python.exe", true)
    return list
  end
  local user = variable("HOME")
  for _, each in ipairs({ "/.local/share/pipx", "/.local/pipx", "/Library/Application Support/pipx" }) do
    add(user, each .. "/venvs/backline/bin/python", true)
  end
  add(user, "/.local/share/uv/tools/backline/bin/python", true)
  add(user, "/.local/bin/backline")
  for folder in (variable("PATH") or ""):gmatch("[^:]+") do add(folder, "/backline") end
  add("/usr/local/bin", "/backline")
  add("/opt/homebrew/bin", "/backline")
  return list
end

-- {python, args, home, version}: as `backline install-reaper` has written it beside these scripts or,
-- where ReaPack has installed those, into REAPER's Scripts/backline; as the user has shown it; or as
-- found where programs are installed. Without python where there is none.
function launcher.read()
  local first
  for _, path in ipairs({ files.join(launcher.folder, LAUNCHER),
    files.join(reaper.GetResourcePath(), "Scripts", "backline", LAUNCHER), launcher.own_file() }) do
    local found = written(path)
    if found and files.size(found.python) then
      first = found
      break
    end
    first = first or found
  end
  if not first or not files.size(first.python) then
    for _, each in ipairs(usual_places()) do
      if files.size(each[1]) then
        first = { python = each[1], args = each[2] and STARTER or {} }
        break
      end
    end
  end
  first = first or {}
  if type(first.home) ~= "string" or first.home == "" then first.home = default_home() end
  if type(first.args) ~= "table" then first.args = STARTER end
  return first
end

-- The state that a living daemon keeps in its spool folder, or nil.
function launcher.alive(home)
  local text = files.read(files.join(home, "spool", "daemon.json"))
  local state = text and json.decode(text)
  if type(state) ~= "table" or type(state.time) ~= "number" then return nil end
  if math.abs(os.time() - state.time) > FRESH_SECONDS then return nil end
  state.osc_port = math.tointeger(state.osc_port) or protocol.port
  return state
end

-- A word of a Windows command line, as its programs take lines apart.
local function windows_quoted(text)
  return '"' .. text:gsub('(\\*)"', '%1%1\\"'):gsub("(\\+)$", "%1%1") .. '"'
end

local function shell_quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local function quoted(words, quote)
  local list = {}
  for index, word in ipairs(words) do list[index] = quote(tostring(word)) end
  return table.concat(list, " ")
end

-- pythonw, beside python, has no console that could be closed with the daemon in it.
local function without_console(python)
  local folder = files.folder_of(python)
  local same = files.join(folder, "pythonw.exe")
  return files.size(same) and same or python
end

local function run_on_windows(found, words, log)
  words[1] = without_console(found.python)
  if log then
    words[#words + 1] = "--log-file"
    words[#words + 1] = log
  end
  reaper.ExecProcess(quoted(words, windows_quoted), words[1] == found.python and MINIMISED or NO_WAIT)
  return true
end

-- Through a small file, because each system's REAPER takes command lines apart in its own way.
local function run_in_shell(found, words, log)
  local script = files.join(found.home, log and "start_daemon.sh" or "run_backline.sh")
  local fine, why = files.replace(script, ("#!/bin/sh\nnohup %s >>%s 2>&1 </dev/null &\n"):format(
    quoted(words, shell_quoted), shell_quoted(log or "/dev/null")))
  if not fine then return nil, why end
  reaper.ExecProcess(('/bin/sh "%s"'):format(script), NO_WAIT)
  return true
end

-- Runs the program with those words and returns at once: true, or nil and a sentence with the fix.
-- `log` is a name for what a daemon prints, in the home's log folder; `is_homeless` says that the words take
-- no home.
function launcher.run(more, log, is_homeless)
  if files.size(FLATPAK) then
    return nil, ("This REAPER is a Flatpak: it cannot start programs outside. Run it yourself in a terminal: `backline %s`."):format(
      table.concat(more, " "))
  end
  local found = launcher.read()
  if not found.python then
    return nil, ("I do not know where backline is installed. Run the action backline_setup, or `backline install-reaper` "
      .. "in a terminal once; or run it there yourself: `backline %s`."):format(table.concat(more, " "))
  end
  if not files.size(found.python) then
    return nil, ("Python is no longer at %s. Run the action backline_setup, or `backline install-reaper` in a terminal."):format(
      found.python)
  end
  reaper.RecursiveCreateDirectory(files.join(found.home, "log"), 0)
  local words = { found.python, table.unpack(found.args) }
  for _, each in ipairs(more) do words[#words + 1] = each end
  for _, each in ipairs(is_homeless and {} or { "--home", found.home }) do words[#words + 1] = each end
  return (is_windows() and run_on_windows or run_in_shell)(found, words, log and files.join(found.home, "log", log))
end

-- Starts the daemon.
function launcher.start() return launcher.run({ "serve" }, "started-by-reaper.log") end

return launcher
