-- "Support bundle": what others need in order to help, in one file, without names and paths.
local files = require("files")
local launcher = require("launcher")
local run = require("run")
local Window = require("window")

local support = {}

local WIDTH, HEIGHT = 420, 130
local PATIENCE_SECONDS = 300 -- the program checks itself for that: a cold disk may take minutes
local USUAL_SECONDS = 30
local NOT_THERE = "The bundle is not there after %d s. Run `backline doctor --bundle` in a terminal: it says why."
local THERE = "The bundle is\n%s\n\nPaths, names and the words of songs were taken out of it. Look through it, then attach it "
  .. "to your report."

local function file()
  return files.join(reaper.GetResourcePath(), ("backline-support-%s.zip"):format(os.date("%Y%m%d-%H%M%S")))
end

-- The program writes the file whole: it is done once the file is there.
function support.bundle()
  local path, clock = file(), reaper.time_precise
  local started, why = launcher.run({ "doctor", "--bundle", "-o", path })
  if not started then return run.tell(why) end
  local began, window, said = clock(), Window.open("backline support bundle", WIDTH, HEIGHT), nil
  run.loop(function()
    local passed = clock() - began
    if files.size(path) then said = THERE:format(path) end
    if not said and passed > PATIENCE_SECONDS then said = NOT_THERE:format(PATIENCE_SECONDS) end
    if said then return false end
    if not window:begin() then return false end
    window:bar(1 - 2 ^ (-2 * passed / USUAL_SECONDS), "Checking this installation, collecting logs ...")
    local cancelled = window:buttons({ "Cancel" })
    window:finish()
    return not cancelled
  end, function()
    window:close()
    if said then run.tell(said) end
  end)
end

return support
