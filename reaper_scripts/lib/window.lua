-- A small window: labels, fields, choices, buttons, a bar. Drawn anew each frame with gfx, which
-- every REAPER has; there is no state but what is typed into and where the mouse was.
local project = require("project")
local scroll = require("scroll")
local text_field = require("text_field")
local theme = require("theme")

local Window = {}
Window.__index = Window

local SECTION = "backline"
local ENTER, ESCAPE, TAB, SPACE = 13, 27, 9, 32
local LEFT, RIGHT, UP, DOWN = 0x6C656674, 0x72676874, 0x7570, 0x646F776E
local CONTROL, SHIFT = 4, 8 -- of gfx.mouse_cap
local PLAY_OR_STOP = 40044 -- "Transport: Play/stop"
local KEYS_A_FRAME = 64
local FONT, FONT_SIZE = "Arial", 15
local MARGIN, ROW, LABEL, GAP, LINE -- in the window's own pixels, by its scale
local COLOURS

local function set_scale(window, scale)
  window.scale = scale
  local function scaled(size) return math.floor(size * scale + 0.5) end
  MARGIN, ROW, LABEL, GAP, LINE = scaled(12), scaled(28), scaled(92), scaled(6), scaled(20)
  gfx.setfont(1, FONT, scaled(FONT_SIZE))
end

-- Where the window was when it was closed: {dock, x, y, width, height}; on a screen that is there.
local function last_place(title)
  local text = reaper.GetExtState(SECTION, "place " .. title)
  local dock, x, y, width, height = text:match("^(%d+) (-?%d+) (-?%d+) (%d+) (%d+)$")
  if not dock then return nil end
  local place = { tonumber(dock), tonumber(x), tonumber(y), tonumber(width), tonumber(height) }
  for index, number in ipairs(place) do place[index] = math.tointeger(number) end
  local right, bottom = place[2] + place[4], place[3] + place[5]
  local fine, left_edge, top_edge, right_edge, bottom_edge = -- of the nearest screen
    pcall(reaper.my_getViewport, 0, 0, 0, 0, place[2], place[3], right, bottom, true)
  if fine and left_edge and right_edge > left_edge then
    place[2] = math.max(left_edge, math.min(place[2], right_edge - place[4]))
    place[3] = math.max(top_edge, math.min(place[3], bottom_edge - place[5]))
  end
  return place
end

-- A window of that size in pixels of a plain screen; on a fine one it has as many more.
function Window.open(title, width, height)
  local window = setmetatable({}, Window)
  window.title = title
  COLOURS = theme.colours()
  gfx.ext_retina = 1 -- asks for the screen's own pixels; then says how many there are for one
  local place = last_place(title)
  if place then
    gfx.init(title, place[4], place[5], place[1], place[2], place[3])
  else
    gfx.init(title, width, height, 0)
  end
  set_scale(window, math.max(gfx.ext_retina, 1))
  local is_mac = reaper.GetOS():find("OSX") or reaper.GetOS():find("macOS") -- counts in points by itself
  if not place and window.scale > 1 and not is_mac then
    gfx.init("", math.floor(width * window.scale), math.floor(height * window.scale))
  end
  gfx.clear = 0x2F2B29
  window.focus, window.stops, window.was_down = nil, {}, false
  return window
end

local function colour(name) gfx.set(table.unpack(COLOURS[name])) end

-- Begins a frame; false once the user has closed the window. `entered` says that Enter was pressed,
-- `moved` is -1 or 1 where an arrow was that nothing in the window takes.
function Window:begin()
  if math.max(gfx.ext_retina, 1) ~= self.scale then set_scale(self, math.max(gfx.ext_retina, 1)) end
  self.typed, self.entered, self.moved = {}, self.was_entered, self.was_moved or 0
  self.was_entered, self.was_moved = false, 0
  self.came_by_tab = self.tabs ~= nil
  if self.tabs then self:_focus_next(self.tabs) end
  self.tabs = nil
  for _ = 1, KEYS_A_FRAME do
    local sign = gfx.getchar()
    if sign == -1 or sign == ESCAPE then return false end
    if sign == 0 then break end
    if sign == TAB then
      self.tabs = gfx.mouse_cap & SHIFT == 0 and 1 or -1
      break -- what was typed before it belongs to this field, the rest to the next
    end
    self.typed[#self.typed + 1] = sign
  end
  local down = gfx.mouse_cap & 1 == 1
  self.clicked = down and not self.was_down
  self.was_down, self.has_hit = down, false
  self.stops, self.y = {}, MARGIN + scroll.begin(self, ROW)
  colour("back")
  gfx.rect(0, 0, gfx.w, gfx.h, 1)
  return true
end

function Window:_focus_next(step)
  local here, count = step > 0 and 0 or 1, math.max(#self.stops, 1)
  for index, name in ipairs(self.stops) do
    if name == self.focus then here = index end
  end
  self.focus, self.place = self.stops[(here - 1 + step) % count + 1], nil
end

local function is_under_mouse(x, y, width, height)
  return gfx.mouse_x >= x and gfx.mouse_x < x + width and gfx.mouse_y >= y and gfx.mouse_y < y + height
end

function Window:_is_hit(x, y, width, height)
  local hit = self.clicked and is_under_mouse(x, y, width, height)
  if hit then self.has_hit = true end
  return hit
end

-- Whether something that can have the keyboard has it now; it is reached by Tab in its turn.
function Window:_stop(name)
  self.stops[#self.stops + 1] = name
  if self.came_by_tab and self.focus == name then scroll.show(self, self.y - MARGIN, self.y + ROW + MARGIN) end
  return self.focus == name
end

-- The keys typed in this frame, for the one that has the keyboard: nothing is left for others.
function Window:_keys()
  local keys = self.typed
  self.typed = {}
  return keys
end

local function text_at(text, x, y, right, bottom, flags)
  gfx.x, gfx.y = x, y
  gfx.drawstr(text, flags or 4, right, bottom)
end

local function label(window, text)
  colour("faint")
  text_at(text, MARGIN, window.y, MARGIN + LABEL, window.y + ROW)
end

local function outline(x, y, width)
  colour("bright")
  gfx.rect(x, y, width, ROW - 2, 0)
end

-- A line of text over the whole width; `kind` is text, faint or wrong. Long ones take more lines.
function Window:line(text, kind)
  colour(kind or "text")
  local width, rest = gfx.w - 2 * MARGIN, text
  while rest ~= "" do
    local shown = rest
    while gfx.measurestr(shown) > width and shown:find(" ") do shown = shown:match("^(.*) [^ ]*$") end
    text_at(shown, MARGIN, self.y, gfx.w - MARGIN, self.y + ROW)
    self.y = self.y + LINE
    rest = rest:sub(#shown + 1):gsub("^ +", "")
  end
  self.y = self.y + GAP
end

-- The part of a field's text that fits `width` with its caret in it.
local function visible(value, caret, width)
  local left, right = value:sub(1, caret - 1):gsub("\n", " / "), value:sub(caret):gsub("\n", " / ")
  while gfx.measurestr(left .. "|") > width and left ~= "" do left = left:gsub("^[^\128-\191][\128-\191]*", "") end
  local shown = left .. "|" .. right
  while gfx.measurestr(shown) > width and right ~= "" do
    right = right:sub(1, utf8.offset(right, -1) - 1)
    shown = left .. "|" .. right
  end
  return shown
end

-- The byte of a text that is nearest to `x` pixels from its start.
local function byte_at(value, x)
  local at = 1
  while at <= #value do
    local following = utf8.offset(value, 2, at) or #value + 1
    local middle = (gfx.measurestr(value:sub(1, at - 1)) + gfx.measurestr(value:sub(1, following - 1))) / 2
    if middle > x then break end
    at = following
  end
  return at
end

-- A field of text; returns its text, changed by what was typed if it has the focus. One that
-- `takes_lines` begins a new line at Enter, and leaves Ctrl+Enter to the window.
function Window:field(name, value, most, takes_lines)
  if self.focus == nil then self.focus = name end
  local x, width = MARGIN + LABEL, gfx.w - 2 * MARGIN - LABEL
  if self:_is_hit(x, self.y, width, ROW) then
    self.focus, self.place = name, text_field.at_end(value)
    self.place.caret = byte_at(value, gfx.mouse_x - x - GAP)
  end
  local has_focus = self:_stop(name)
  label(self, name)
  colour("box")
  gfx.rect(x, self.y, width, ROW - 2, 1)
  local shown = value:gsub("\n", " / ")
  if has_focus then
    self.place = self.place or text_field.at_end(value)
    for _, sign in ipairs(self:_keys()) do
      if sign == ENTER and (not takes_lines or gfx.mouse_cap & CONTROL ~= 0) then
        self.entered = true
      else
        value = text_field.press(value, self.place, sign, most, takes_lines)
      end
    end
    if self.place.has_all then
      colour("done")
      gfx.rect(x, self.y, width, ROW - 2, 1)
    end
    outline(x, self.y, width)
    shown = visible(value, self.place.caret, width - 2 * GAP)
  end
  colour("text")
  while gfx.measurestr(shown) > width - 2 * GAP and #shown > 1 do shown = shown:sub(1, utf8.offset(shown, -1) - 1) end
  text_at(shown, x + GAP, self.y, x + width - GAP, self.y + ROW)
  self.y = self.y + ROW + GAP
  return value
end

local function place_of(word, words)
  for index, each in ipairs(words) do
    if each == word then return index end
  end
end

-- What keys do in a row of words: arrows go along it; returns the word that Space or Enter pressed.
function Window:_walk(words, wants_enter)
  local pressed
  for _, sign in ipairs(self:_keys()) do
    if sign == LEFT or sign == RIGHT then
      self.at = math.max(1, math.min(#words, self.at + (sign == RIGHT and 1 or -1)))
    elseif sign == SPACE or (sign == ENTER and wants_enter) then
      pressed = words[self.at]
    elseif sign == ENTER then
      self.entered = true
    else
      self.typed[#self.typed + 1] = sign
    end
  end
  return pressed
end

-- Begins a row of words; whether it has the keyboard.
function Window:_row(name, first)
  local has_focus = self:_stop(name)
  if has_focus and self.row ~= name then self.at = first or 1 end
  if has_focus then self.row = name elseif self.row == name then self.row = nil end
  return has_focus
end

-- A row of words of which one is chosen, or with `several` any number; `chosen` maps words to true.
function Window:choice(name, words, chosen, several)
  label(self, name)
  local left = MARGIN + (name ~= "" and LABEL or 0)
  local x, pressed = left, nil
  local has_focus = name ~= "" and self:_row(name, not several and place_of(next(chosen), words))
  if has_focus then
    local before = self.at
    pressed = self:_walk(words)
    if not several and self.at ~= before then pressed = words[self.at] end
  end
  for index, word in ipairs(words) do
    local width = gfx.measurestr(word) + 3 * GAP
    if x + width > gfx.w - MARGIN and x > left then
      x, self.y = left, self.y + ROW + GAP
    end
    if self:_is_hit(x, self.y, width, ROW) or pressed == word then
      if several then
        chosen[word] = not chosen[word] or nil
      else
        chosen = { [word] = true }
      end
    end
    colour(chosen[word] and "bright" or "box")
    gfx.rect(x, self.y, width, ROW - 2, 1)
    colour(chosen[word] and "back" or "text")
    text_at(word, x, self.y, x + width, self.y + ROW, 5)
    if has_focus and index == self.at then outline(x - 2, self.y - 1, width + 4) end
    x = x + width + GAP
  end
  self.y = self.y + ROW + GAP
  return chosen
end

-- Buttons side by side; returns the word of the one that was clicked or pressed, or nil.
-- Where the words change, `name` keeps the keyboard with them.
function Window:buttons(words, name)
  local x = MARGIN
  local has_focus = self:_row(name or table.concat(words, " "))
  local hit = has_focus and self:_walk(words, true) or nil
  for index, word in ipairs(words) do
    local width = gfx.measurestr(word) + 6 * GAP
    if self:_is_hit(x, self.y, width, ROW) then hit = word end
    colour("box")
    gfx.rect(x, self.y, width, ROW, 1)
    colour("text")
    text_at(word, x, self.y, x + width, self.y + ROW, 5)
    if has_focus and index == self.at then outline(x, self.y, width) end
    x = x + width + GAP
  end
  self.y = self.y + ROW + GAP
  return hit
end

-- How far something is, 0 to 1, with a line about it.
function Window:bar(fraction, text)
  local width = gfx.w - 2 * MARGIN
  colour("box")
  gfx.rect(MARGIN, self.y, width, ROW, 1)
  colour("done")
  gfx.rect(MARGIN, self.y, math.floor(width * math.max(0, math.min(1, fraction))), ROW, 1)
  colour("text")
  text_at(text, MARGIN + GAP, self.y, MARGIN + width - GAP, self.y + ROW)
  self.y = self.y + ROW + GAP
end

-- A popup menu at the mouse; returns the number of the entry, or nil. Holds REAPER while open.
function Window.menu(entries)
  local plain = {}
  for index, entry in ipairs(entries) do plain[index] = (entry:gsub("[|#!<>]", " ")) end
  gfx.x, gfx.y = gfx.mouse_x, gfx.mouse_y
  local chosen = gfx.showmenu(table.concat(plain, "|"))
  return chosen > 0 and chosen or nil
end

function Window.is_docked() return gfx.dock(-1) & 1 == 1 end

-- Docks the window where docked ones were last, or lets it float.
function Window.set_docked(is_docked) gfx.dock(is_docked and 1 or 0) end

-- The menu of a right click, as other windows of REAPER have it.
function Window:_menu_of_docking()
  local down = gfx.mouse_cap & 2 == 2
  local is_new = down and not self.was_right_down
  self.was_right_down = down
  if is_new and Window.menu({ Window.is_docked() and "Undock window" or "Dock window" }) then Window.set_docked(not Window.is_docked()) end
end

-- What nothing in the window took: a click beside everything takes the keyboard from it, and Space
-- then plays and stops as everywhere else in REAPER.
function Window:finish()
  self:_menu_of_docking()
  scroll.finish(self, self.y + MARGIN - GAP)
  if self.clicked and not self.has_hit then self.focus = false end
  for _, sign in ipairs(self.typed) do
    if sign == ENTER then self.was_entered = true end -- the next frame's
    if sign == UP or sign == DOWN then self.was_moved = sign == UP and -1 or 1 end
    if sign == SPACE then reaper.Main_OnCommandEx(PLAY_OR_STOP, 0, (project.current())) end
  end
  gfx.update()
end

function Window:close()
  local dock, x, y, width, height = gfx.dock(-1, 0, 0, 0, 0)
  local text = ("%d %d %d %d %d"):format(dock, x, y, width, height)
  reaper.SetExtState(SECTION, "place " .. self.title, text, true)
  gfx.quit()
end

return Window
