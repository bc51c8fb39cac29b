-- A script's life: one step each frame until it is over, whatever happens tidied up once.
local run = {}

-- What becomes of an action that is pressed again while its script runs (REAPER 7.03 or later; without
-- a choice REAPER asks in a box of its own), and whether its button is lit.
local END_IT, BEGIN_ANEW, LIT, UNLIT = 1, 2, 4, 8

local function set_options(flags)
  if reaper.set_action_options then reaper.set_action_options(flags) end
end

-- A script that ends without ever deferring gets an undo step of its own from REAPER, even if it
-- only showed a message.
reaper.defer(function() end)

-- Calls `step` every frame until it returns false; then, or on an error, or when REAPER ends the
-- script, `finish` once. An error is told once and ends the script: no storm of messages. Pressed
-- again it begins anew, or with `is_switch` only ends.
function run.loop(step, finish, is_switch)
  local is_over = false
  local function stop()
    if is_over then return end
    is_over = true
    set_options(UNLIT)
    finish()
  end
  local function frame()
    if is_over then return end
    local fine, goes_on = xpcall(step, debug.traceback)
    if fine and goes_on then return reaper.defer(frame) end
    local closed, problem = pcall(stop)
    if not fine or not closed then
      reaper.ShowConsoleMsg(("backline stopped because of an error in its script. Please report this:\n%s\n"):format(
        tostring(not fine and goes_on or problem)))
    end
  end
  reaper.atexit(stop)
  set_options((is_switch and END_IT or END_IT | BEGIN_ANEW) | LIT)
  frame()
end

-- A message the user must see; the only thing here that holds REAPER up, until it is read.
function run.tell(text) reaper.MB(text, "backline", 0) end

-- "yes", "no" or "cancel".
function run.choose(text)
  return ({ [6] = "yes", [7] = "no" })[reaper.MB(text, "backline", 3)] or "cancel"
end

-- Yes or no.
function run.ask(text) return reaper.MB(text, "backline", 4) == 6 end

return run
