-- How far a window's content lies above its upper edge, where all of it does not fit.
local scroll = {}

local NOTCH = 120 -- of gfx.mouse_wheel
local ROWS_A_NOTCH = 2

-- At the beginning of a frame: turns by the wheel, and says where the content begins.
function scroll.begin(window, row)
  local turned = gfx.mouse_wheel / NOTCH
  gfx.mouse_wheel = 0
  local wanted = (window.offset or 0) - turned * ROWS_A_NOTCH * row
  window.offset = math.floor(math.max(0, math.min(wanted, window.most_offset or 0)))
  return -window.offset
end

-- Brings what Tab has reached, from `top` to `bottom`, into view with the next frame.
function scroll.show(window, top, bottom)
  if top < 0 then window.offset = window.offset + top end
  if bottom > gfx.h then window.offset = window.offset + bottom - gfx.h end
end

-- At the end of a frame, whose content went down to `bottom`. What is new at the end is shown.
function scroll.finish(window, bottom)
  local most = math.max(0, bottom + window.offset - gfx.h)
  if window.most_offset and most > window.most_offset then window.offset = most end
  window.most_offset = most
end

return scroll
