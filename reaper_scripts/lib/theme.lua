-- The window's colours: REAPER's own theme where its text can be read on its background.
local theme = {}

local DARK = { back = { 0.16, 0.17, 0.19 }, text = { 0.90, 0.91, 0.93 } }
local ACCENT = {
  dark = { bright = { 0.44, 0.66, 0.96 }, wrong = { 0.97, 0.52, 0.45 } },
  light = { bright = { 0.10, 0.36, 0.74 }, wrong = { 0.72, 0.10, 0.06 } },
}
local LEAST_CONTRAST = 4.5 -- of WCAG 2, for text of this size

local function linear(part) return part <= 0.04045 and part / 12.92 or ((part + 0.055) / 1.055) ^ 2.4 end

local function luminance(colour)
  return 0.2126 * linear(colour[1]) + 0.7152 * linear(colour[2]) + 0.0722 * linear(colour[3])
end

function theme.contrast(a, b)
  local light, dark = luminance(a), luminance(b)
  if light < dark then light, dark = dark, light end
  return (light + 0.05) / (dark + 0.05)
end

local function mixed(a, b, share)
  local colour = {}
  for part = 1, 3 do colour[part] = a[part] + (b[part] - a[part]) * share end
  return colour
end

local function of_reaper(name)
  local native = reaper.GetThemeColor(name, 0)
  if native < 0 then return nil end
  local red, green, blue = reaper.ColorFromNative(native & 0xFFFFFF)
  return { red / 255, green / 255, blue / 255 }
end

-- {back, box, text, faint, bright, done, wrong}, each red, green, blue from 0 to 1.
function theme.colours()
  local back, text = of_reaper("col_main_bg2"), of_reaper("col_main_text2")
  if not back or not text or theme.contrast(back, text) < LEAST_CONTRAST then back, text = DARK.back, DARK.text end
  local accent = luminance(back) < luminance(text) and ACCENT.dark or ACCENT.light
  return {
    back = back, text = text, box = mixed(back, text, 0.12), faint = mixed(back, text, 0.65),
    bright = accent.bright, done = mixed(back, accent.bright, 0.45), wrong = accent.wrong,
  }
end

return theme
