-- A small window: labels, fields, choices, buttons, a bar. Drawn anew each frame with gfx, which
-- every REAPER has; there is no state but what is typed into and where the mouse was.
local Window = {}
Window.__index = Window

local SECTION = "backline"
local ENTER, ESCAPE, TAB, BACKSPACE, DELETE = 13, 27, 9, 8, 6579564
local UNICODE = 0x75 -- "u", over the code point, as gfx.getchar gives signs past 255
local MARGIN, ROW, LABEL, GAP = 12, 28, 92, 6
local COLOURS = {
  back = { 0.16, 0.17, 0.19 }, box = { 0.23, 0.25, 0.28 }, text = { 0.90, 0.91, 0.93 },
  faint = { 0.58, 0.61, 0.66 }, bright = { 0.44, 0.66, 0.96 }, done = { 0.22, 0.38, 0.60 }, wrong = { 0.97, 0.52, 0.45 },
}
local KEYS_A_FRAME = 64

function Window.open(title, width, height)
  local window = setmetatable({}, Window)
  window.title = title
  gfx.init(title, width, height, tonumber(reaper.GetExtState(SECTION, "dock " .. title)) or 0)
  gfx.setfont(1, "Arial", 15)
  gfx.clear = 0x2F2B29
  window.focus, window.fields, window.was_down = nil, {}, false
  return window
end

local function colour(name) gfx.set(table.unpack(COLOURS[name])) end

-- Begins a frame; false once the user has closed the window. `entered` says that Enter was pressed.
function Window:begin()
  self.typed, self.entered = {}, false
  if self.has_tabbed then self:_focus_next() end
  self.has_tabbed = false
  for _ = 1, KEYS_A_FRAME do
    local sign = gfx.getchar()
    if sign == -1 or sign == ESCAPE then return false end
    if sign == 0 then break end
    if sign == ENTER then
      self.entered = true
    elseif sign == TAB then
      self.has_tabbed = true -- what was typed before it belongs to this field, the rest to the next
      break
    else
      self.typed[#self.typed + 1] = sign
    end
  end
  local down = gfx.mouse_cap & 1 == 1
  self.clicked = down and not self.was_down
  self.was_down = down
  self.fields, self.y = {}, MARGIN
  colour("back")
  gfx.rect(0, 0, gfx.w, gfx.h, 1)
  return true
end

function Window:_focus_next()
  local here = 0
  for index, name in ipairs(self.fields) do
    if name == self.focus then here = index end
  end
  self.focus = self.fields[here % math.max(#self.fields, 1) + 1]
end

local function is_under_mouse(x, y, width, height)
  return gfx.mouse_x >= x and gfx.mouse_x < x + width and gfx.mouse_y >= y and gfx.mouse_y < y + height
end

local function text_at(text, x, y, right, bottom, flags)
  gfx.x, gfx.y = x, y
  gfx.drawstr(text, flags or 4, right, bottom)
end

local function label(window, text)
  colour("faint")
  text_at(text, MARGIN, window.y, MARGIN + LABEL, window.y + ROW)
end

-- A line of text over the whole width; `kind` is text, faint or wrong. Long ones take more lines.
function Window:line(text, kind)
  colour(kind or "text")
  local width, rest = gfx.w - 2 * MARGIN, text
  while rest ~= "" do
    local shown = rest
    while gfx.measurestr(shown) > width and shown:find(" ") do shown = shown:match("^(.*) [^ ]*$") end
    text_at(shown, MARGIN, self.y, gfx.w - MARGIN, self.y + ROW)
    self.y = self.y + 20
    rest = rest:sub(#shown + 1):gsub("^ +", "")
  end
  self.y = self.y + GAP
end

local function edited(value, signs, most)
  for _, sign in ipairs(signs) do
    if sign == BACKSPACE or sign == DELETE then
      value = value:gsub("[^\128-\191][\128-\191]*$", "")
    else
      local code = sign >> 24 == UNICODE and sign & 0xFFFFFF or sign
      local is_text = code >= 32 and code ~= 127 and (code < 256 or sign >> 24 == UNICODE) and code <= 0x10FFFF
      if is_text then
        local longer = value .. utf8.char(code)
        if #longer <= most then value = longer end
      end
    end
  end
  return value
end

-- A field of text; returns its text, changed by what was typed if it has the focus.
function Window:field(name, value, most)
  self.fields[#self.fields + 1] = name
  self.focus = self.focus or name
  local x, width = MARGIN + LABEL, gfx.w - 2 * MARGIN - LABEL
  if self.clicked and is_under_mouse(x, self.y, width, ROW) then self.focus = name end
  label(self, name)
  colour("box")
  gfx.rect(x, self.y, width, ROW - 2, 1)
  local has_focus = self.focus == name
  if has_focus then
    value = edited(value, self.typed, most)
    colour("bright")
    gfx.rect(x, self.y, width, ROW - 2, 0)
  end
  colour("text")
  local shown = value .. (has_focus and "|" or "")
  while gfx.measurestr(shown) > width - 2 * GAP and #shown > 1 do shown = shown:gsub("^[^\128-\191][\128-\191]*", "") end
  text_at(shown, x + GAP, self.y, x + width - GAP, self.y + ROW)
  self.y = self.y + ROW + GAP
  return value
end

-- A row of words of which one is chosen, or with `several` any number; `chosen` maps words to true.
function Window:choice(name, words, chosen, several)
  label(self, name)
  local left = MARGIN + (name ~= "" and LABEL or 0)
  local x = left
  for _, word in ipairs(words) do
    local width = gfx.measurestr(word) + 3 * GAP
    if x + width > gfx.w - MARGIN and x > left then
      x, self.y = left, self.y + ROW + GAP
    end
    if self.clicked and is_under_mouse(x, self.y, width, ROW) then
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
    x = x + width + GAP
  end
  self.y = self.y + ROW + GAP
  return chosen
end

-- Buttons side by side; returns the word of the one that was clicked, or nil.
function Window:buttons(words)
  local x, hit = MARGIN, nil
  for _, word in ipairs(words) do
    local width = gfx.measurestr(word) + 6 * GAP
    if self.clicked and is_under_mouse(x, self.y, width, ROW) then hit = word end
    colour("box")
    gfx.rect(x, self.y, width, ROW, 1)
    colour("text")
    text_at(word, x, self.y, x + width, self.y + ROW, 5)
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

function Window.finish() gfx.update() end

function Window:close()
  reaper.SetExtState(SECTION, "dock " .. self.title, tostring(gfx.dock(-1)), true)
  gfx.quit()
end

return Window
