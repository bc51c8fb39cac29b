-- Several jobs over one session: what both the windows and the actions without one run on.
local Job = require("job")
local orders = require("orders")
local run = require("run")
local Session = require("session")
local Window = require("window")

local Follow = {}
Follow.__index = Follow

local PATIENCE_SECONDS = 1 -- before a window shows how far it is
local WIDTH, HEIGHT, MOST_BARS = 420, 150, 3

function Follow.new(clock)
  local follow = setmetatable({}, Follow)
  follow.clock, follow.jobs, follow.new_orders, follow.problem = clock, {}, {}, nil
  follow.messages, follow.asking = {}, 0 -- for the daemon, besides our jobs: waiting, and without an answer yet
  follow.session = Session.new(clock)
  return follow
end

-- Sends or fetches an order as soon as the daemon is there; `on_job` gets the job then.
function Follow:add(order, on_job)
  self.problem = nil
  if self.session.state == "failed" then -- try again: the user may have mended it
    self.session:close()
    self.session = Session.new(self.clock)
  end
  self.new_orders[#self.new_orders + 1] = { order = order, on_job = on_job or function() end }
end

-- Asks the daemon something as soon as it is there; `on_end(problem)` hears what came of it, nil where all
-- went well.
function Follow:ask(address, tags, args, on_end)
  self.messages[#self.messages + 1] = { address, tags, args, on_end }
end

function Follow:_ask_all()
  for _, each in ipairs(self.messages) do
    local address, tags, args, on_end = table.unpack(each)
    self.asking = self.asking + 1
    local function ended(problem)
      self.asking = self.asking - 1
      on_end(problem)
    end
    self.session.link:ask(address, tags, args, function() ended(nil) end, function(problem) ended(problem.message) end)
  end
  self.messages = {}
end

function Follow:has_work() return #self.new_orders > 0 or #self.jobs > 0 or #self.messages > 0 or self.asking > 0 end

-- Goes on with what this action waited for when it was pressed again.
function Follow:take_over(on_job)
  local found = orders.take_over(self.clock())
  for _, order in ipairs(found) do self:add(order, on_job) end
  return #found
end

function Follow:_begin()
  local link = self.session.link
  link.on_event = function(address, args)
    for _, job in ipairs(self.jobs) do job:take(address, args) end
  end
  for _, new in ipairs(self.new_orders) do
    local job = Job.new(new.order, link, self.clock)
    self.jobs[#self.jobs + 1] = job
    new.on_job(job)
  end
  self.new_orders = {}
end

-- Nothing was sent: an order that was never with the daemon is not kept.
function Follow:_give_up()
  self.problem = self.session.problem
  for _, new in ipairs(self.new_orders) do
    if not new.order.job then orders.remove(new.order.rid) end
  end
  self.new_orders = {}
end

function Follow:step()
  self.session:step()
  if #self.new_orders > 0 then
    if self.session.state == "ready" then self:_begin() end
    if self.session.state == "failed" then self:_give_up() end
  end
  if #self.messages > 0 and self.session.state == "ready" then self:_ask_all() end
  if #self.messages > 0 and self.session.state == "failed" then
    for _, each in ipairs(self.messages) do each[4](self.session.problem) end
    self.messages = {}
  end
  for _, job in ipairs(self.jobs) do job:step() end
end

function Follow:is_idle()
  for _, job in ipairs(self.jobs) do
    if not job:is_over() then return false end
  end
  return #self.new_orders == 0 and #self.messages == 0 and self.asking == 0
end

function Follow:close()
  local left = {}
  for _, new in ipairs(self.new_orders) do left[#left + 1] = new.order.rid end
  for _, job in ipairs(self.jobs) do
    if not job:is_over() then left[#left + 1] = job.order.rid end
    job:abandon()
  end
  if #left > 0 then orders.hand_over(left, self.clock()) end
  self.session:close()
end

-- Stops all of it; what was not sent yet is forgotten.
function Follow:cancel()
  for _, job in ipairs(self.jobs) do job:cancel() end
  for _, new in ipairs(self.new_orders) do orders.remove(new.order.rid) end
  self.new_orders = {}
end

local function draw(window, follow)
  local shown = 0
  for _, job in ipairs(follow.jobs) do
    if not job:is_over() and shown < MOST_BARS then
      shown = shown + 1
      window:bar(job.fraction, job:line())
    end
  end
  if shown == 0 then window:bar(0, "Starting the daemon ...") end
  if window:buttons({ "Cancel" }) then follow:cancel() end
end

-- Carries orders out. `ways`: shows_window, where it takes longer, with bars and Cancel, whose closing stops
-- nothing; tells_all, what went well too, else only what went wrong; cancels all as soon as the daemon is there.
function Follow.carry_out(list, ways)
  local clock = reaper.time_precise
  local follow, began, window, is_wanted = Follow.new(clock), clock(), nil, ways.shows_window
  for _, order in ipairs(list) do follow:add(order) end
  run.loop(function()
    follow:step()
    if ways.cancels and #follow.jobs > 0 then follow:cancel() end
    if follow:is_idle() then return false end
    if is_wanted and not window and clock() - began > PATIENCE_SECONDS then window = Window.open("backline progress", WIDTH, HEIGHT) end
    if window and window:begin() then
      draw(window, follow)
      window:finish()
    elseif window then
      window:close()
      window, is_wanted = nil, false
    end
    return true
  end, function()
    if window then window:close() end
    follow:close()
    local said = { follow.problem }
    for _, job in ipairs(follow.jobs) do
      if job.state == "failed" or job.state == "waiting" or (ways.tells_all and job:is_over()) then said[#said + 1] = job.message end
    end
    if #said > 0 then run.tell(table.concat(said, "\n")) end
  end)
end

-- The same for an action without a window of its own, with what it waited for when it was pressed again.
function Follow.quietly(list)
  local all = orders.take_over(reaper.time_precise())
  table.move(list, 1, #list, #all + 1, all)
  Follow.carry_out(all, { shows_window = true })
end

return Follow
