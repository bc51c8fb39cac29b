-- The carrier for those who have LuaSocket (Mavriq's package in ReaPack): the same packets as UDP.
local udp = {}

local HOST = "127.0.0.1"
local PACKAGE = "/Scripts/Mavriq ReaScript Repository/Various/Mavriq-Lua-Sockets/?."

-- LuaSocket's core, or nil where it is not installed or does not load.
function udp.socket_core()
  local suffix = package.config:sub(1, 1) == "\\" and "dll" or "so"
  local place = reaper.GetResourcePath() .. PACKAGE .. suffix
  if not package.cpath:find(place, 1, true) then package.cpath = package.cpath .. ";" .. place end
  local fine, core = pcall(require, "socket.core")
  return fine and core or nil
end

-- A carrier to the daemon's port, or nil and a sentence.
function udp.open(core, port)
  local socket, why = core.udp()
  if socket then socket:settimeout(0) end
  local bound = socket and socket:setsockname(HOST, 0) and socket:setpeername(HOST, port)
  if not bound then return nil, ("UDP port %d cannot be reached: %s"):format(port, why or "no socket") end
  local carrier = { name = "udp", resend_seconds = { 0.25, 0.5, 1, 2, 4 } }

  function carrier.send(packet)
    socket:send(packet) -- a peer that is not there is as a lost datagram: nobody answers
    return true
  end

  function carrier.receive(most)
    local packets = {}
    while #packets < most do
      local packet, problem = socket:receive()
      if packet then
        packets[#packets + 1] = packet
      elseif problem ~= "refused" then -- refused: told once of an earlier send, more may wait
        break
      else
        most = most - 1
      end
    end
    return packets
  end

  function carrier.close() socket:close() end

  return carrier
end

return udp
