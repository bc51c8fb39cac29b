-- Typing into a line of text: what keys do to it and to the place where they write.
local clipboard = require("clipboard")

local text_field = {}

local BACKSPACE, DELETE = 8, 0x64656C
local LEFT, RIGHT, HOME, END = 0x6C656674, 0x72676874, 0x686F6D65, 0x656E64
local SELECT_ALL, COPY, PASTE, CUT = 1, 3, 22, 24 -- Ctrl and a letter
local UNICODE = 0x75 -- "u", over the code point, as gfx.getchar gives signs past 255

local function after(text, at) -- the byte after the letter that begins at `at`
  return (utf8.offset(text, 2, at) or #text + 1)
end

local function before(text, at) return at > 1 and utf8.offset(text, -1, at) or 1 end

-- What a key writes, nil for one that writes nothing.
local function written(sign)
  local code = sign >> 24 == UNICODE and sign & 0xFFFFFF or sign
  local is_text = code >= 32 and code ~= 127 and (code < 256 or sign >> 24 == UNICODE) and code <= 0x10FFFF
  return is_text and utf8.char(code) or nil
end

local function pasted(takes_lines)
  local text = clipboard.text()
  if not utf8.len(text) then return "" end
  return (text:gsub(takes_lines and "[%z\1-\9\11-\31]" or "%c+", " "))
end

-- A place in a text: `caret` is the byte it writes before; with `has_all` all of it is selected.
function text_field.at_end(text) return { caret = #text + 1, has_all = false } end

local function insert(text, place, new, most)
  if place.has_all then text, place.caret = "", 1 end
  while #text + #new > most do
    if new == "" then return text end
    new = new:sub(1, (utf8.offset(new, -1) or 1) - 1)
  end
  local longer = text:sub(1, place.caret - 1) .. new .. text:sub(place.caret)
  place.caret = place.caret + #new
  return longer
end

local function cut(text, place, from, to)
  if place.has_all then from, to = 1, #text + 1 end
  place.caret = from
  return text:sub(1, from - 1) .. text:sub(to)
end

-- `text` after one key; a text that `takes_lines` may hold line ends. `most` are the bytes it may have.
function text_field.press(text, place, sign, most, takes_lines)
  place.caret = math.min(place.caret, #text + 1)
  local keeps_all = sign == COPY
  if sign == LEFT then
    place.caret = before(text, place.caret)
  elseif sign == RIGHT then
    place.caret = after(text, place.caret)
  elseif sign == HOME then
    place.caret = 1
  elseif sign == END then
    place.caret = #text + 1
  elseif sign == SELECT_ALL then
    place.caret, keeps_all = #text + 1, true
  elseif sign == BACKSPACE then
    text = cut(text, place, before(text, place.caret), place.caret)
  elseif sign == DELETE then
    text = cut(text, place, place.caret, after(text, place.caret))
  elseif sign == COPY or sign == CUT then
    local is_there = clipboard.put(text)
    if sign == CUT and is_there then text, place.caret = "", 1 end
  elseif sign == PASTE then
    text = insert(text, place, pasted(takes_lines), most)
  elseif sign == 13 then
    text = insert(text, place, "\n", most)
  elseif written(sign) then
    text = insert(text, place, written(sign), most)
  else
    keeps_all = place.has_all
  end
  place.has_all = keeps_all and (place.has_all or sign == SELECT_ALL)
  return text
end

return text_field
