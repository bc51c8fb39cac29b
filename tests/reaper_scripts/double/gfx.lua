-- REAPER's gfx window: a keyboard queue, a mouse, and a log of what each frame drew.
local drawing = {}

local LETTER_WIDTH, LETTER_HEIGHT = 7, 15

function drawing.new()
  local gfx = { x = 0, y = 0, w = 0, h = 0, mouse_x = 0, mouse_y = 0, mouse_cap = 0, clear = 0 }
  local state = { keys = {}, is_open = false, drawn = {}, shown = {}, colour = { 1, 1, 1 }, menu_answer = 0, menus = {} }
  local function number(value, name) assert(math.type(value), "gfx." .. name .. " takes numbers") end
  local function open(name) assert(state.is_open, "gfx." .. name .. " without a window") end

  function gfx.init(title, width, height, dock)
    assert(type(title) == "string" and math.type(dock), "gfx.init takes a title, a size and a dock state")
    gfx.w, gfx.h, state.title, state.is_open = width, height, title, true
  end
  function gfx.setfont(index, face, size) assert(math.type(index) == "integer" and type(face) == "string" and size >= 8) end
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
  function gfx.measurestr(text) return utf8.len(text) * LETTER_WIDTH, LETTER_HEIGHT end
  function gfx.drawstr(text, flags, right, bottom)
    open("drawstr")
    assert(utf8.len(text), "gfx.drawstr takes UTF-8")
    table.insert(state.drawn, { kind = "text", text = text, x = gfx.x, y = gfx.y, right = right, bottom = bottom,
      flags = flags or 0, colour = state.colour })
  end
  function gfx.showmenu(entries)
    state.menus[#state.menus + 1] = entries
    return state.menu_answer
  end
  function gfx.dock(query)
    assert(query == -1, "gfx.dock(-1) asks")
    return 0
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
