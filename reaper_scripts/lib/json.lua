-- JSON: what the daemon writes (manifest, spool state, launcher) and what the scripts remember.
-- Spec: RFC 8259. Objects and arrays become tables, null becomes json.null.
local json = { null = setmetatable({}, { __tostring = function() return "null" end }) }

local MAX_DEPTH = 64
local ESCAPES = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\", ["/"] = "/" }
local WORDS = { ["true"] = true, ["false"] = false, null = json.null }

local function fail(position, what) error(("%s at byte %d"):format(what, position), 0) end

local function skip(text, position) return text:find("[^ \t\r\n]", position) or #text + 1 end

local function unicode(text, position) -- of the hexadecimal digits after \u; pairs make one sign
  local code = tonumber(text:match("^%x%x%x%x", position) or fail(position, "bad \\u"), 16)
  position = position + 4
  local low = code >= 0xD800 and code < 0xDC00 and text:match("^\\u([dD][c-fC-F]%x%x)", position)
  if low then
    return utf8.char(0x10000 + (code - 0xD800) * 0x400 + tonumber(low, 16) - 0xDC00), position + 6
  end
  return utf8.char(code), position
end

local function read_string(text, position)
  local parts = {}
  while true do
    local stop = text:find('["\\]', position)
    if not stop then fail(position, "a string has no end") end
    parts[#parts + 1] = text:sub(position, stop - 1)
    if text:sub(stop, stop) == '"' then return table.concat(parts), stop + 1 end
    local letter = text:sub(stop + 1, stop + 1)
    if letter == "u" then
      parts[#parts + 1], position = unicode(text, stop + 2)
    else
      parts[#parts + 1] = ESCAPES[letter] or fail(stop, "bad escape")
      position = stop + 2
    end
  end
end

local read_value

local function read_members(text, position, depth, close, read_member)
  position = skip(text, position)
  if text:sub(position, position) == close then return position + 1 end
  while true do
    position = skip(text, read_member(skip(text, position), depth + 1))
    local sign = text:sub(position, position)
    if sign == close then return position + 1 end
    if sign ~= "," then fail(position, "a comma is missing") end
    position = position + 1
  end
end

function read_value(text, position, depth)
  if depth > MAX_DEPTH then fail(position, "nested too deep") end
  local sign = text:sub(position, position)
  if sign == '"' then return read_string(text, position + 1) end
  if sign == "{" then
    local object = {}
    return object, read_members(text, position + 1, depth, "}", function(at, deeper)
      if text:sub(at, at) ~= '"' then fail(at, "a name is missing") end
      local name, value
      name, at = read_string(text, at + 1)
      at = skip(text, at)
      if text:sub(at, at) ~= ":" then fail(at, "a colon is missing") end
      value, at = read_value(text, skip(text, at + 1), deeper)
      object[name] = value
      return at
    end)
  end
  if sign == "[" then
    local array = {}
    return array, read_members(text, position + 1, depth, "]", function(at, deeper)
      array[#array + 1], at = read_value(text, at, deeper)
      return at
    end)
  end
  local word = text:match("^%l+", position)
  if word and WORDS[word] ~= nil then return WORDS[word], position + #word end
  local number = text:match("^-?%d[%d.eE+-]*", position)
  local value = number and tonumber(number)
  if not value then fail(position, "unexpected text") end
  return value, position + #number
end

-- The value in `text`, or nil and what is wrong.
function json.decode(text)
  local fine, value, position = pcall(read_value, text, skip(text, 1), 1)
  if not fine then return nil, tostring(value) end
  if skip(text, position) <= #text then return nil, "more text after the end" end
  return value
end

local function quoted(text)
  return '"' .. text:gsub('[%c"\\\127]', function(sign) return ("\\u%04x"):format(sign:byte()) end) .. '"'
end

-- One line of JSON. A table with [1] or without members is an array;
-- names are sorted, so equal values give equal text.
function json.encode(value)
  local kind = type(value)
  if value == json.null or value == nil then return "null" end
  if kind == "string" then return quoted(value) end
  if kind == "boolean" then return tostring(value) end
  if kind == "number" then
    if math.type(value) == "integer" then return ("%d"):format(value) end
    assert(value == value and value ~= math.huge and value ~= -math.huge, "JSON has no such number")
    return ("%.17g"):format(value)
  end
  assert(kind == "table", "JSON cannot hold a " .. kind)
  local parts = {}
  if #value > 0 or next(value) == nil then
    for index, each in ipairs(value) do parts[index] = json.encode(each) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  local names = {}
  for name in pairs(value) do names[#names + 1] = name end
  table.sort(names)
  for index, name in ipairs(names) do parts[index] = quoted(name) .. ":" .. json.encode(value[name]) end
  return "{" .. table.concat(parts, ",") .. "}"
end

return json
