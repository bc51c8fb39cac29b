-- "Doctor": what the scripts need, a line each, and what to do where something is missing.
local files = require("files")
local launcher = require("launcher")
local Link = require("link")
local project = require("project")
local run = require("run")
local Session = require("session")
local settings = require("settings")
local udp = require("udp")
local version = require("version")

local doctor = {}

local OLDEST_REAPER = 7

local function can_write(folder)
  reaper.RecursiveCreateDirectory(folder, 0)
  local path = files.join(folder, "backline-doctor.tmp")
  local fine, why = files.replace(path, "x")
  files.remove(path)
  return fine, why
end

local function check_reaper(say)
  local running = reaper.GetAppVersion()
  local major = tonumber(running:match("^(%d+)"))
  say(major and major >= OLDEST_REAPER, "REAPER", running, "update REAPER: the scripts need version 7 or later")
end

local function check_install(say, found)
  if type(found.python) ~= "string" then
    say(false, "installation", "the program was not found", "run the action backline_setup, or `backline install-reaper` in a terminal")
    return
  end
  say(files.size(found.python) ~= nil, "Python", found.python, "it is gone: run `backline install-reaper` again")
  local theirs = type(found.version) == "string" and found.version or ""
  local problem = Link.version_problem(version.protocol, theirs)
  local by = theirs ~= "" and "installed by " .. theirs or "the program found by itself"
  say(not problem, "versions", ("scripts %s, %s"):format(version.scripts, by), problem)
end

local function check_places(say, proj, home)
  local media = reaper.GetProjectPathEx(proj)
  local fine, why = can_write(media)
  say(fine, "media folder", media, why)
  local data = files.join(reaper.GetResourcePath(), "Data", "backline")
  fine, why = can_write(data)
  say(fine, "orders", data, why)
  local choice = settings.carrier()
  local has_udp = choice ~= "spool" and udp.socket_core() ~= nil
  local socket = choice == "spool" and "" or has_udp and ", LuaSocket is there" or ", LuaSocket is not there"
  say(has_udp or choice ~= "udp", "carrier", choice .. socket, "set the carrier to spool")
  say(true, "daemon's home", home)
end

-- Prints its findings to the console; asks the daemon if it runs, and never starts it.
function doctor.examine()
  local lines, problems = { ("backline doctor, scripts %s"):format(version.scripts) }, 0
  local function say(fine, subject, text, fix)
    if not fine then problems = problems + 1 end
    lines[#lines + 1] = ("%-8s %s: %s%s"):format(fine and "ok" or "PROBLEM", subject, text,
      not fine and fix and " -> " .. fix or "")
  end
  local function show()
    lines[#lines + 1] = problems == 0 and "All is well: select some bars and run backline_generate."
      or ("%d to mend: what to do stands after each arrow."):format(problems)
    reaper.ShowConsoleMsg(table.concat(lines, "\n") .. "\n")
  end
  local found = launcher.read()
  check_reaper(say)
  check_install(say, found)
  check_places(say, (project.current()), found.home)
  if not launcher.alive(found.home) then
    local starts_itself = type(found.python) == "string" and files.size(found.python) ~= nil
    say(starts_itself, "daemon", "it does not run" .. (starts_itself and " now; the first Generate starts it" or ""),
      "run `backline serve` in a terminal")
    return show()
  end
  local session = Session.new(reaper.time_precise)
  run.loop(function()
    session:step()
    return session.state ~= "ready" and session.state ~= "failed"
  end, function()
    local carrier = session.link and session.link.carrier.name or "none"
    say(session.state == "ready", "daemon", session.problem and session.state or "it answers over " .. carrier, session.problem)
    session:close()
    show()
  end)
end

return doctor
