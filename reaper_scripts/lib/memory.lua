-- What items and takes remember in the project: JSON under P_EXT:backline, a long one in pieces under
-- backline2, backline3 and so on, because a line of a project file may be cut at 4 KB.
local json = require("json")

local memory = {}

local KEY = "P_EXT:backline"
local PIECE_BYTES = 2000

local function name_of(piece) return piece == 1 and KEY or KEY .. piece end

-- Where the piece that begins at `from` ends: not within a letter.
local function end_of(text, from)
  local last = from + PIECE_BYTES - 1
  if last >= #text then return #text end
  while text:byte(last + 1) & 0xC0 == 0x80 do last = last - 1 end
  return last
end

-- `call` is the GetSet..._String of the thing's kind; false where REAPER refuses.
function memory.write(call, thing, text)
  local piece, from = 1, 1
  repeat
    local last = end_of(text, from)
    if not call(thing, name_of(piece), text:sub(from, last), true) then return false end
    piece, from = piece + 1, last + 1
  until from > #text
  return true
end

-- The table that was written, or nil. Pieces are taken until they are whole: what lies behind them
-- is left over from a longer text.
function memory.read(call, thing)
  local text, piece = "", 1
  while true do
    local _, more = call(thing, name_of(piece), "", false)
    if more == "" then return nil end
    text, piece = text .. more, piece + 1
    local found = json.decode(text)
    if found ~= nil then return type(found) == "table" and found or nil end
  end
end

return memory
