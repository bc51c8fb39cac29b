-- What the user chose: remembered for each project, and for the next new project.
local json = require("json")
local protocol = require("protocol")

local settings = {}

local SECTION = "backline"
local MOST_RECENT = 8
local KEYS = protocol.commands.generate.keys
local DEFAULTS = {
  style = "", key = "", lead = KEYS.lead.default, takes = KEYS.takes.default, bars = KEYS.bars.default, engine = KEYS.engine.default,
  stems = KEYS.stems.default, lyrics = "", takes_as = "takes", tracks = "same tracks", notes = "take", insert = "at once",
  mix = "mixed",
}

settings.stem_names = protocol.stems
settings.takes_as = { "takes", "lanes" } -- of one item, or fixed lanes of one track
settings.tracks = { "same tracks", "new tracks" } -- for the next section
settings.notes = { "take", "track", "none" } -- where the MIDI of each stem goes
settings.mixes = { "mixed", "dry" } -- by the embedded engine, or left to the user
settings.mixing_engine = KEYS.engine.default -- the one that can leave it
settings.insert = { "at once", "from Show jobs" } -- when results are, the latter after they were listened to
settings.leads = protocol.leads
settings.formats, settings.default_format = protocol.formats, KEYS.format.default -- of the sound files
-- Words that the embedded engine knows, to begin with.
settings.styles = {
  "pop", "rock", "folk", "ballad", "lofi", "hip hop", "trap", "house", "techno", "drum and bass", "synthwave", "funk", "disco",
  "reggae", "jazz", "bossa nova", "cinematic", "waltz", "blues", "country", "soul", "celtic", "ambient",
}
settings.engines = protocol.engines -- the daemon says where one cannot play, and why

local function decoded(text)
  local value = text ~= "" and json.decode(text)
  return type(value) == "table" and value or {}
end

-- The project's choices, else those made last anywhere, else the defaults.
function settings.read(proj)
  local _, here = reaper.GetProjExtState(proj, SECTION, "settings")
  local mine, last = decoded(here), decoded(reaper.GetExtState(SECTION, "settings"))
  last.key = nil -- another project's key is no guess for this one's
  local chosen = {}
  for name, default in pairs(DEFAULTS) do
    local value = mine[name]
    if type(value) ~= type(default) then value = last[name] end
    if type(value) ~= type(default) then value = default end
    chosen[name] = value
  end
  chosen.takes = math.max(KEYS.takes.low, math.min(KEYS.takes.high, math.tointeger(chosen.takes) or KEYS.takes.default))
  chosen.bars = math.max(KEYS.bars.low, math.tointeger(chosen.bars) or KEYS.bars.default)
  return chosen
end

function settings.write(proj, chosen)
  local kept = {}
  for name in pairs(DEFAULTS) do kept[name] = chosen[name] end
  local text = json.encode(kept)
  reaper.SetProjExtState(proj, SECTION, "settings", text)
  reaper.SetExtState(SECTION, "settings", text, true)
  if chosen.style ~= "" then settings.remember_style(chosen.style) end
end

-- Style words used lately, newest first.
function settings.recent_styles()
  local found = {}
  for _, style in ipairs(decoded(reaper.GetExtState(SECTION, "recent_styles"))) do
    if type(style) == "string" then found[#found + 1] = style end
  end
  return found
end

function settings.remember_style(style)
  local styles = { style }
  for _, each in ipairs(settings.recent_styles()) do
    if each ~= style and #styles < MOST_RECENT then styles[#styles + 1] = each end
  end
  reaper.SetExtState(SECTION, "recent_styles", json.encode(styles), true)
end

-- One id for all scripts of this REAPER: request ids count for it, over both carriers.
function settings.client_id()
  local id = reaper.GetExtState(SECTION, "client")
  if not id:find("^reaper%-%x+$") then
    id = ("reaper-%08x%08x"):format(math.random(0, 0xFFFFFFFF), math.random(0, 0xFFFFFFFF))
    reaper.SetExtState(SECTION, "client", id, true)
  end
  return id
end

-- "spool" (the folder), "udp" (LuaSocket) or "auto" (UDP where LuaSocket loads). Without a choice the
-- spool: LuaSocket brings a Lua of its own into REAPER, which only its user may ask for.
function settings.carrier()
  local asked = reaper.GetExtState(SECTION, "carrier")
  return (asked == "udp" or asked == "auto") and asked or "spool"
end

-- Of the sound files, such as "flac"; "" for what the daemon writes by itself.
function settings.format() return reaper.GetExtState(SECTION, "format") end

function settings.choose_format(format) reaper.SetExtState(SECTION, "format", format, true) end

-- The splitter to use, "" for the best that is installed.
function settings.splitter() return reaper.GetExtState(SECTION, "splitter") end

return settings
