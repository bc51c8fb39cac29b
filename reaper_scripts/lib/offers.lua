-- Jobs that a project still waits for, offered once when it comes to the front: those that ended
-- while it, or REAPER, was closed.
local Follow = require("follow")
local orders = require("orders")
local project = require("project")
local run = require("run")

local offers = {}

local LOOK_SECONDS = 1
local QUESTION = "%d job%s of this project %s not inserted yet. Insert what is ready now?"

local function look(follow, asked, now)
  local id = project.known_id(project.current())
  if id == "" or asked[id] then return end
  local waiting = orders.left_behind(id, now)
  asked[id] = orders.is_complete()
  if not asked[id] then return end
  if #waiting == 0 then return end
  if not run.ask(QUESTION:format(#waiting, #waiting > 1 and "s" or "", #waiting > 1 and "are" or "is")) then return end
  for _, order in ipairs(waiting) do follow:add(order) end
end

local function tell_problems(follow, told)
  if follow.problem and follow.problem ~= told.problem then run.tell(follow.problem) end
  told.problem = follow.problem
  for _, job in ipairs(follow.jobs) do
    if (job.state == "failed" or job.state == "waiting") and not told[job] then
      told[job] = true
      run.tell(job.message)
    end
  end
end

-- Goes on until REAPER ends it, or its action is pressed again.
function offers.watch()
  local clock = reaper.time_precise
  local follow, asked, told, look_at = Follow.new(clock), {}, {}, 0
  run.loop(function()
    local now = clock()
    if now >= look_at then
      look_at = now + LOOK_SECONDS
      look(follow, asked, now)
    end
    if #follow.new_orders > 0 or #follow.jobs > 0 then -- looking alone starts no daemon
      follow:step()
      tell_problems(follow, told)
    end
    return true
  end, function() follow:close() end, true)
end

return offers
