-- One script's way to the daemon: started if it does not run, connected, versions compared.
local files = require("files")
local launcher = require("launcher")
local Link = require("link")
local settings = require("settings")
local spool = require("spool")
local udp = require("udp")

local Session = {}
Session.__index = Session

local START_SECONDS = 60 -- a cold disk; the daemon itself needs about one
local LOOK_SECONDS = 0.25

-- `clock` gives seconds. Call step() every frame; state is starting, connecting, ready or failed.
function Session.new(clock)
  local session = setmetatable({}, Session)
  session.clock, session.state, session.problem = clock, "starting", nil
  session.home = launcher.read().home
  session.look_at, session.give_up_at, session.has_started = 0, nil, false
  return session
end

function Session:_fail(problem) self.state, self.problem = "failed", problem end

function Session:_connect(daemon)
  local choice = settings.carrier()
  local core = choice ~= "spool" and udp.socket_core() or nil
  if choice == "udp" and not core then
    return self:_fail("The carrier is set to udp, but LuaSocket does not load. Set it to spool, or install Mavriq-Lua-Sockets.")
  end
  local carrier, why
  if core then
    carrier, why = udp.open(core, daemon.osc_port)
    if not carrier then return self:_fail(why) end
  else
    local name = ("%08x%08x"):format(math.random(0, 0xFFFFFFFF), math.random(0, 0xFFFFFFFF))
    carrier = spool.open(files.join(self.home, "spool"), name, self.clock)
  end
  self.link = Link.new(carrier, self.clock, settings.client_id())
  self.state = "connecting"
  self.link:hello(function()
    self.state = "ready"
    self.link:subscribe()
  end, function(problem) self:_fail(problem.message) end)
end

function Session:_look_for_daemon()
  local now = self.clock()
  if now < self.look_at then return end
  self.look_at = now + LOOK_SECONDS
  local daemon = launcher.alive(self.home)
  if daemon then return self:_connect(daemon) end
  if not self.has_started then
    self.has_started, self.give_up_at = true, now + START_SECONDS
    local fine, why = launcher.start()
    if not fine then self:_fail(why) end
  elseif now > self.give_up_at then
    self:_fail(("The daemon did not start within %d s; its log is in %s."):format(START_SECONDS,
      files.join(self.home, "log")))
  end
end

function Session:step()
  if self.state == "starting" then self:_look_for_daemon() end
  if self.link then self.link:step() end
end

function Session:close()
  if self.link then self.link:close() end
  self.link = nil
end

return Session
