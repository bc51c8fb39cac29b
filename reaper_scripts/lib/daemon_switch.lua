-- "Start or stop the daemon".
local launcher = require("launcher")
local run = require("run")
local Session = require("session")

local daemon_switch = {}

local STOP_SECONDS = 15

local function stop(session, done)
  session.link:ask("/backline/quit", "s", { "now" }, function() end, function(problem) done(problem.message) end)
end

function daemon_switch.toggle()
  local clock = reaper.time_precise
  local home = launcher.read().home
  local was_alive = launcher.alive(home) ~= nil
  if was_alive and not run.ask("The backline daemon runs. Stop it? A job that runs goes on when it is started again.") then
    return
  end
  local session, said, asked_at = Session.new(clock), nil, nil
  run.loop(function()
    session:step()
    if session.state == "failed" then said = session.problem end
    if session.state == "ready" and not was_alive then said = "The backline daemon runs." end
    if session.state == "ready" and was_alive then
      if not asked_at then
        asked_at = clock()
        stop(session, function(problem) said = problem end)
      elseif not launcher.alive(home) then
        said = "The backline daemon has stopped."
      elseif clock() - asked_at > STOP_SECONDS then
        said = "The daemon was asked to stop, but still runs; look into its log."
      end
    end
    return said == nil
  end, function()
    session:close()
    if said then run.tell(said) end
  end)
end

return daemon_switch
