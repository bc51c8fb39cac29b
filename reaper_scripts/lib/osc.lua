-- OSC 1.0 messages: Lua values to bytes and back, with Lua's own string.pack and nothing else.
-- Spec: Wright, "The Open Sound Control 1.0 Specification", 2002. Bundles are not read: the daemon
-- sends none.
local osc = {}

local MAX_ARGUMENTS = 256
local FIXED = { i = ">i4", h = ">i8", f = ">f", d = ">d" }
local WITHOUT_BYTES = { T = true, F = true, N = true, I = true }

local function padded(text)
  return text .. ("\0"):rep(4 - #text % 4) -- at least one NUL: it ends the text
end

-- One message. `tags` has a letter for each of `args` (i h f d s b T F); text must not hold NUL.
function osc.encode(address, tags, args)
  local body = {}
  for index = 1, #tags do
    local tag, value = tags:sub(index, index), args[index]
    if FIXED[tag] then
      body[index] = string.pack(FIXED[tag], value)
    elseif tag == "s" then
      assert(not value:find("\0", 1, true), "text for OSC must not hold NUL")
      body[index] = padded(value)
    elseif tag == "b" then
      body[index] = string.pack(">s4", value) .. ("\0"):rep(-#value % 4)
    else
      assert(tag == "T" or tag == "F", "OSC type " .. tag .. " is not sent")
      body[index] = ""
    end
  end
  return padded(address) .. padded("," .. tags) .. table.concat(body)
end

local function text_at(packet, position)
  local stop = packet:find("\0", position, true)
  if not stop then error("text has no end", 0) end
  return packet:sub(position, stop - 1), position + ((stop - position) // 4 + 1) * 4
end

local function parse(packet)
  local address, position = text_at(packet, 1)
  if address:sub(1, 1) ~= "/" then error("its address does not begin with /", 0) end
  local tags = ""
  if position <= #packet then tags, position = text_at(packet, position) end
  if tags ~= "" and tags:sub(1, 1) ~= "," then error("its type tags have no comma", 0) end
  tags = tags:sub(2)
  if #tags > MAX_ARGUMENTS then error("it has too many arguments", 0) end
  local args = {}
  for index = 1, #tags do
    local tag = tags:sub(index, index)
    if FIXED[tag] then
      args[index], position = string.unpack(FIXED[tag], packet, position)
    elseif tag == "s" or tag == "S" then
      args[index], position = text_at(packet, position)
    elseif tag == "b" then
      local size = string.unpack(">i4", packet, position)
      if size < 0 or position + 3 + size > #packet then error("a blob is cut short", 0) end
      args[index] = packet:sub(position + 4, position + 3 + size)
      position = position + 4 + size + -size % 4
    elseif WITHOUT_BYTES[tag] then
      args[index] = tag == "T" or tag == "I"
    else
      error("type " .. tag .. " is not known", 0)
    end
  end
  if position ~= #packet + 1 then error("bytes are left after its last argument", 0) end
  return { address = address, tags = tags, args = args }
end

-- {address, tags, args} of a packet, or nil and what is wrong with it; no bytes can raise.
-- A float32 comes as the double it is; N comes as false.
function osc.decode(packet)
  local fine, found = pcall(parse, packet)
  if fine then return found end
  return nil, "this packet cannot be read: " .. tostring(found)
end

return osc
