-- The daemon as seen from this machine: where its home is, whether it lives, how to start it.
-- `backline install-reaper` writes backline_launcher.json beside the scripts.
local files = require("files")
local json = require("json")

local launcher = {}

local FRESH_SECONDS = 6 -- the daemon writes its state every 2 s
local DEFAULT_PORT = 9787

-- Folder of the shipped scripts, which is the parent of this file's.
launcher.folder = files.folder_of(files.folder_of(debug.getinfo(1, "S").source:sub(2)))

local function is_windows() return reaper.GetOS():find("Win") ~= nil end

local function default_home()
  local chosen = os.getenv("BACKLINE_HOME")
  if chosen and chosen ~= "" then return chosen end
  local user = os.getenv("HOME") or os.getenv("USERPROFILE") or "."
  local system = reaper.GetOS()
  if system:find("Win") then return (os.getenv("LOCALAPPDATA") or user .. "\\AppData\\Local") .. "\\backline" end
  if system:find("OSX") or system:find("macOS") then return user .. "/Library/Application Support/backline" end
  return (os.getenv("XDG_DATA_HOME") or user .. "/.local/share") .. "/backline"
end

-- {python, args, home, version} as installed; without python where nothing was installed.
function launcher.read()
  local text = files.read(files.join(launcher.folder, "backline_launcher.json"))
  local found = text and json.decode(text)
  if type(found) ~= "table" then found = {} end
  if type(found.home) ~= "string" or found.home == "" then found.home = default_home() end
  if type(found.args) ~= "table" then found.args = { "-m", "daemon" } end
  return found
end

-- The state that a living daemon keeps in its spool folder, or nil.
function launcher.alive(home)
  local text = files.read(files.join(home, "spool", "daemon.json"))
  local state = text and json.decode(text)
  if type(state) ~= "table" or type(state.time) ~= "number" then return nil end
  if math.abs(os.time() - state.time) > FRESH_SECONDS then return nil end
  state.osc_port = math.tointeger(state.osc_port) or DEFAULT_PORT
  return state
end

local function script_text(found, log)
  local parts = { found.python }
  for _, each in ipairs(found.args) do parts[#parts + 1] = tostring(each) end
  for _, each in ipairs({ "serve", "--home", found.home }) do parts[#parts + 1] = each end
  if is_windows() then
    for index, part in ipairs(parts) do parts[index] = '"' .. part:gsub("%%", "%%%%") .. '"' end
    return ('@echo off\r\nchcp 65001 >nul\r\nstart "backline" /min %s >>"%s" 2>&1\r\n'):format(
      table.concat(parts, " "), (log:gsub("%%", "%%%%")))
  end
  local function quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end
  for index, part in ipairs(parts) do parts[index] = quoted(part) end
  return ("#!/bin/sh\nnohup %s >>%s 2>&1 </dev/null &\n"):format(table.concat(parts, " "), quoted(log))
end

-- Starts the daemon and returns at once: true, or nil and a sentence with the fix. The command
-- goes through a small file, because each system's REAPER quotes in another way.
function launcher.start()
  local found = launcher.read()
  if type(found.python) ~= "string" or found.python == "" then
    return nil, "I do not know where backline is installed. Run `backline install-reaper` in a terminal once, "
      .. "or start the daemon there yourself with `backline serve`."
  end
  if not files.size(found.python) then
    return nil, ("Python is no longer at %s. Run `backline install-reaper` in a terminal again."):format(found.python)
  end
  reaper.RecursiveCreateDirectory(files.join(found.home, "log"), 0)
  local log = files.join(found.home, "log", "started-by-reaper.log")
  local script = files.join(found.home, is_windows() and "start_daemon.cmd" or "start_daemon.sh")
  local written, why = files.replace(script, script_text(found, log))
  if not written then return nil, why end
  local command = is_windows() and 'cmd.exe /C "%s"' or '/bin/sh "%s"'
  reaper.ExecProcess(command:format(script), is_windows() and -2 or -1)
  return true
end

return launcher
