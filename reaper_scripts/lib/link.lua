-- A conversation with the daemon over either carrier. A request is sent again, byte for byte,
-- until its answer is there: the daemon takes identical packets as one request.
local osc = require("osc")
local version = require("version")

local Link = {}
Link.__index = Link

local PACKETS_A_FRAME = 32 -- a flooding daemon must not hold REAPER's main thread
local LEASE_SECONDS = 60
-- What is understood, and the type tags it begins with; anything else is passed over.
local REPLIES = {
  ["/backline/welcome"] = "ssiiis", ["/backline/status.reply"] = "sis", ["/backline/accepted"] = "sisi",
  ["/backline/done"] = "ss", ["/backline/job.reply"] = "sisssffiiss", ["/backline/jobs.end"] = "sii",
  ["/backline/jobs.item"] = "siissf", ["/backline/error"] = "ssisss",
}
local EVENTS = {
  ["/backline/queued"] = "isii", ["/backline/started"] = "isi", ["/backline/progress"] = "isisff",
  ["/backline/stem"] = "isiiis", ["/backline/finished"] = "isisfiss", ["/backline/heartbeat"] = "iiii",
  ["/backline/bye"] = "s",
}
local TIMEOUT = { code = 17, symbol = "timeout", message = "The backline daemon does not answer.", argument = "" }

-- `carrier` as spool.open gives it; `clock` gives seconds; `client_id` is the same for all scripts
-- of this REAPER, so that each may ask for the jobs of the others.
function Link.new(carrier, clock, client_id)
  local link = setmetatable({}, Link)
  link.carrier, link.clock, link.client_id = carrier, clock, client_id
  link.waiting = {} -- requests without an answer, by their id
  link.on_event = function() end
  link.prefix, link.count = ("%08x"):format(math.random(0, 0xFFFFFFFF)), 0
  link.heard_at = clock() -- the last sign of life
  link.is_subscribed, link.renew_at = false, 0
  return link
end

function Link:new_rid()
  self.count = self.count + 1
  return ("%s.%d"):format(self.prefix, self.count)
end

function Link:_hello_packet()
  local args = { self:new_rid(), "REAPER scripts " .. version.scripts, "id", self.client_id, "proto", version.protocol }
  return osc.encode("/backline/hello", "sssssi", args)
end

function Link:_send(request)
  -- A daemon that was restarted in between knows us no more, and would look for the job of a
  -- stranger: so each request comes after a hello.
  local sent = true
  if request.address ~= "/backline/hello" then sent = self.carrier.send(self:_hello_packet()) end
  local fine, why = self.carrier.send(request.packet)
  request.trouble = not (sent and fine) and why or nil
  local wait = self.carrier.resend_seconds[request.attempt]
  request.resend_at = self.clock() + wait
end

-- Sends address, request id and args. `on_answer(args, items)` gets the answer's arguments (after
-- the id) and the items of a list; `on_error({code, symbol, message, argument})` what went wrong.
function Link:ask(address, tags, args, on_answer, on_error, rid)
  rid = rid or self:new_rid()
  local request = {
    address = address, attempt = 1, items = {}, on_answer = on_answer, on_error = on_error or function() end,
    packet = osc.encode(address, "s" .. tags, { rid, table.unpack(args, 1, #tags) }),
  }
  self.waiting[rid] = request
  self:_send(request)
  return rid
end

-- Forget a request: its answer, if any, is of no interest any more.
function Link:drop(rid) self.waiting[rid] = nil end

-- Says hello and compares versions: `on_ready()` or `on_error`, whose message names the side to
-- update.
function Link:hello(on_ready, on_error)
  local rid = self:new_rid()
  local args = { "REAPER scripts " .. version.scripts, "id", self.client_id, "proto", version.protocol }
  self:ask("/backline/hello", "ssssi", args, function(answer)
    local problem = Link.version_problem(answer[2], answer[5])
    if problem then
      on_error({ code = 22, symbol = "incompatible-protocol", message = problem, argument = "" })
    else
      on_ready()
    end
  end, function(problem)
    local spoken = problem.code == 22 and tonumber(problem.message:match("proto must be (%d+)"))
    if spoken then problem.message = Link.version_problem(spoken, "") end
    on_error(problem)
  end, rid)
end

-- A sentence that names the side to update, or nil where both fit. 0.1 and 0.2 do not: before
-- version 1 the second number tells changes that matter.
function Link.version_problem(protocol, daemon_version)
  local stale
  if protocol ~= version.protocol then
    stale = protocol > version.protocol and "scripts" or "daemon"
  else
    local function age(text)
      local major, minor = text:match("^(%d+)%.(%d+)")
      return major and tonumber(major) * 100000 + tonumber(minor)
    end
    local theirs, ours = age(daemon_version or ""), age(version.scripts)
    if not theirs or theirs == ours then return nil end
    stale = theirs > ours and "scripts" or "daemon"
  end
  local sides = ("the scripts are %s (protocol %d), the daemon is %s (protocol %d)"):format(
    version.scripts, version.protocol, daemon_version ~= "" and daemon_version or "another version", protocol)
  if stale == "scripts" then
    return "The REAPER scripts are too old: run `backline install-reaper` again, or update them in ReaPack (" .. sides .. ")."
  end
  return "The backline daemon is too old: update the Python package and start it again (" .. sides .. ")."
end

-- Has the daemon tell the events of our jobs from now on, and renews that in time.
function Link:subscribe()
  self.is_subscribed = true
  self.renew_at = self.clock() + LEASE_SECONDS / 2
  local keys = { 1, "lease", LEASE_SECONDS, "scope", "mine", "rate", 5 }
  self:ask("/backline/notify", "isisssi", keys, function(answer) self.epoch = answer[5] end)
end

local function has_shape(message, shape)
  return shape and message.tags:sub(1, #shape) == shape
end

function Link:_take(packet)
  local message = osc.decode(packet)
  if not message then return end -- garbage: nothing to be done about it
  self.heard_at = self.clock()
  if has_shape(message, REPLIES[message.address]) then
    self:_take_reply(message.address, message.args, #message.tags)
  elseif has_shape(message, EVENTS[message.address]) then
    local args = message.args
    if message.address == "/backline/heartbeat" and self.epoch and args[1] ~= self.epoch then
      self.epoch = args[1]
      self:subscribe() -- restarted: it knows nothing of our lease
    end
    self.on_event(message.address, args)
  end
end

function Link:_take_reply(address, args, count)
  local rid = args[1]
  local request = self.waiting[rid]
  if not request then return end -- the answer to a packet sent twice
  if address == "/backline/error" then
    self.waiting[rid] = nil
    request.on_error({ code = args[3], symbol = args[4], message = args[5], argument = args[6] })
  elseif address == "/backline/jobs.item" then
    request.items[args[2] + 1] = { job = args[3], rid = args[4], state = args[5], fraction = args[6] }
  elseif address ~= "/backline/jobs.end" or #request.items >= args[2] then -- else some were lost
    self.waiting[rid] = nil
    if request.on_answer then request.on_answer(table.move(args, 2, count, 1, {}), request.items) end
  end
end

-- One frame's work: what has come, what must be sent again, the lease. Bounded.
function Link:step()
  for _, packet in ipairs(self.carrier.receive(PACKETS_A_FRAME)) do self:_take(packet) end
  local now, over = self.clock(), {}
  for rid, request in pairs(self.waiting) do
    if now >= request.resend_at then over[#over + 1] = rid end
  end
  for _, rid in ipairs(over) do
    local request = self.waiting[rid]
    request.attempt = request.attempt + 1
    if request.attempt > #self.carrier.resend_seconds then
      self.waiting[rid] = nil
      request.on_error({ code = TIMEOUT.code, symbol = TIMEOUT.symbol, argument = "",
        message = request.trouble or TIMEOUT.message })
    else
      self:_send(request)
    end
  end
  if self.is_subscribed and now >= self.renew_at then self:subscribe() end
end

function Link:silence_seconds() return self.clock() - self.heard_at end

function Link:close()
  if self.is_subscribed then
    self.carrier.send(osc.encode("/backline/notify", "si", { self:new_rid(), 0 }))
  end
  self.carrier.close()
end

return Link
