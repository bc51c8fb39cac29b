-- REAPER's gfx window: a keyboard queue, a mouse, and a log of what each frame drew.
local drawing = {}

local LETTER_WIDTH, LETTER_HEIGHT = 7 / 15, 1 -- of the font's size

-- `screen` is {scale, is_mac}: how many pixels the screen has for one of a plain screen. A Mac counts a
-- window's size in plain ones, the others in their own.
function drawing.new(screen)
  local gfx = { x = 0, y = 0, w = 0, h = 0, mouse_x = 0, mouse_y = 0, mouse_cap = 0, mouse_wheel = 0, clear = 0, ext_retina = 0 }
  local state = { keys = {}, is_open = false, drawn = {}, shown = {}, colour = { 1, 1, 1 }, menu_answer = 0, menus = {},
    font_size = 8, place = { 0, 100, 100 } }
  local function number(value, name) assert(math.type(value), "gfx." .. name .. " takes numbers") end
  local function open(name) assert(state.is_open, "gfx." .. name .. " without a window") end

  function gfx.init(title, width, height, dock, x, y)
    assert(type(title) == "string" and math.type(width) == "integer" and math.type(height) == "integer", "gfx.init takes a title and a size")
    local factor = screen.is_mac and gfx.ext_retina > 0 and screen.scale or 1
    gfx.w, gfx.h = width * factor, height * factor
    if title == "" then return open("init") end -- only another size
    state.title, state.is_open = title, true
    state.place = { dock or 0, x or 100, y or 100 }
    if gfx.ext_retina > 0 then gfx.ext_retina = screen.scale end
  end
  function gfx.setfont(index, face, size)
    assert(math.type(index) == "integer" and type(face) == "string" and math.type(size) == "integer" and size >= 8)
    state.font_size = size
  end
  function gfx.getchar()
    if not state.is_open then return -1 end
    return table.remove(state.keys, 1) or 0
  end
  function gfx.set(red, green, blue)
    number(red + green + blue, "set")
    state.colour = { red, green, blue }
  end
  function gfx.rect(x, y, width, height, filled)
    open("rect")
    number(x + y + width + height, "rect")
    table.insert(state.drawn, { kind = "rect", x = x, y = y, width = width, height = height, filled = filled, colour = state.colour })
  end
  function gfx.measurestr(text) return utf8.len(text) * LETTER_WIDTH * state.font_size, LETTER_HEIGHT * state.font_size end
  function gfx.drawstr(text, flags, right, bottom)
    open("drawstr")
    assert(utf8.len(text), "gfx.drawstr takes UTF-8")
    table.insert(state.drawn, { kind = "text", text = text, x = gfx.x, y = gfx.y, right = right, bottom = bottom,
      flags = flags or 0, colour = state.colour, size = state.font_size })
  end
  function gfx.showmenu(entries)
    state.menus[#state.menus + 1] = entries
    return state.menu_answer
  end
  function gfx.dock(query, ...)
    open("dock")
    if query >= 0 then state.place[1] = query end
    assert(query >= 0 or select("#", ...) == 0 or select("#", ...) == 4, "gfx.dock tells the place to those who ask with four numbers")
    return state.place[1], state.place[2], state.place[3], gfx.w, gfx.h
  end
  function gfx.update()
    open("update")
    state.shown, state.drawn = state.drawn, {}
  end
  function gfx.quit() state.is_open = false end
  setmetatable(gfx, { __index = function(_, name) error("gfx." .. tostring(name) .. " is not in the double", 2) end })
  return gfx, state
end

return drawing
