-- The window of "Generate": what is asked, how far it is, and what came of it.
local Follow = require("follow")
local keys = require("key")
local orders = require("orders")
local project = require("project")
local request = require("request")
local run = require("run")
local settings = require("settings")
local Window = require("window")

local generate_window = {}

local LOOK_SECONDS = 0.5 -- how often the project is read again
local WIDTH, HEIGHT = 520, 700

local function set_of(words)
  local set = {}
  for word in words:gmatch("[^,]+") do set[word] = true end
  return set
end

local function words_of(set, order)
  local words = {}
  for _, word in ipairs(order) do
    if set[word] then words[#words + 1] = word end
  end
  return table.concat(words, ",")
end

local function describe(place)
  local grid, why = project.grid(place.proj, place.range)
  if not grid then return why, "wrong" end
  local first = project.bar_number(place.proj, place.range.first)
  local tempo = grid.tempo_map ~= "" and "a tempo map" or project.shortest(grid.bpm) .. " bpm"
  local meter = grid.meter_map ~= "" and "several meters" or grid.meter
  local text = ("Bars %d to %d, %s, %s"):format(first, first + place.range.bars - 1, tempo, meter)
  if place.melody then text = ("%s, melody of %d notes"):format(text, #place.melody) end
  return text, "text"
end

-- Styles used lately, then those that the engine knows.
local function styles()
  local list, is_there = {}, {}
  for _, each in ipairs({ settings.recent_styles(), settings.styles }) do
    for _, style in ipairs(each) do
      if not is_there[style] then list[#list + 1], is_there[style] = style, true end
    end
  end
  return list
end

local function picked(window, list)
  local index = window.menu(list)
  return index and list[index]
end

-- What few need.
local function more(window, chosen)
  chosen.engine = next(window:choice("Engine", settings.engines, { [chosen.engine] = true }))
  if chosen.engine == settings.mixing_engine then
    chosen.mix = next(window:choice("Mix", settings.mixes, { [chosen.mix] = true }))
  end
  local format = settings.format() ~= "" and settings.format() or settings.default_format
  local wanted = next(window:choice("Files", settings.formats, { [format] = true }))
  if wanted ~= format then settings.choose_format(wanted) end
  chosen.tracks = next(window:choice("Tracks", settings.tracks, { [chosen.tracks] = true }))
  chosen.notes = next(window:choice("MIDI", settings.notes, { [chosen.notes] = true }))
  chosen.insert = next(window:choice("Insert", settings.insert, { [chosen.insert] = true }))
  local docked = Window.is_docked() and "docked" or "floating"
  local wish = next(window:choice("Window", { "floating", "docked" }, { [docked] = true }))
  if wish ~= docked then Window.set_docked(wish == "docked") end
end

local function form(window, state)
  local chosen = state.chosen
  window:line(describe(state.place))
  chosen.style = window:field("Style", chosen.style, 1000)
  if window:buttons({ "Styles" }) then chosen.style = picked(window, styles()) or chosen.style end
  chosen.key = window:field("Key", chosen.key, 40)
  if window:buttons({ "Keys" }) then chosen.key = picked(window, keys.names()) or chosen.key end
  chosen.lyrics = window:field("Lyrics", chosen.lyrics, 4000, true)
  if not state.place.is_selection then
    local bars = window:field("Bars", state.bars_text, 3)
    if bars ~= state.bars_text then
      state.bars_text, chosen.bars = bars, math.max(1, math.tointeger(tonumber(bars)) or 8)
      state.look_at = 0
    end
  end
  chosen.stems = words_of(window:choice("Stems", settings.stem_names, set_of(chosen.stems), true), settings.stem_names)
  chosen.lead = next(window:choice("Lead", settings.leads, { [chosen.lead] = true }))
  local takes = window:choice("Takes", { "1", "2", "3", "4", "8" }, { [tostring(chosen.takes)] = true })
  chosen.takes = math.tointeger(tonumber((next(takes))))
  if chosen.takes > 1 then
    chosen.takes_as = next(window:choice("Takes as", settings.takes_as, { [chosen.takes_as] = true }))
  end
  if window:buttons({ state.shows_more and "Less" or "More" }, "More") then state.shows_more = not state.shows_more end
  if state.shows_more then more(window, chosen) end
end

local function look(state, now)
  local proj = project.current()
  if now < state.look_at and proj == state.proj then return end -- else that one may be closed
  state.look_at = now + LOOK_SECONDS
  if proj ~= state.proj then
    state.proj, state.chosen = proj, settings.read(proj)
    state.bars_text = tostring(state.chosen.bars)
    state.knows_orders = false
  end
  if not state.knows_orders then
    state.left_behind = orders.left_behind(project.known_id(proj), now)
    state.knows_orders = orders.is_complete()
  end
  state.place = request.place(proj, state.chosen.bars)
  if state.chosen.key == "" and state.place.key then state.chosen.key = state.place.key end
end

local function begin(state, follow)
  local order, why = request.order(state.place, state.chosen)
  if not order then
    state.message, state.kind = why, "wrong"
    return
  end
  settings.write(state.place.proj, state.chosen)
  state.message, state.job, state.is_starting = nil, nil, true
  follow:add(order, function(job) state.job = job end)
end

local function progress(window, state, follow)
  local job = state.job
  window:bar(job and job.fraction or 0, job and job:line() or "Starting the daemon ...")
  window:line("You may close this window: the job goes on.", "faint")
  if window:buttons({ "Cancel" }) and job then job:cancel() end
  if follow.problem or (job and job:is_over()) then
    state.is_starting = false
    state.message = follow.problem or job.message
    state.kind = job and job.state == "landed" and "text" or "wrong"
  end
end

local function offer(window, state, follow)
  if #state.left_behind == 0 then return end
  local count = #state.left_behind
  window:line(("%d earlier job%s of this project %s not inserted yet."):format(count, count > 1 and "s" or "",
    count > 1 and "are" or "is"), "faint")
  if window:buttons({ count > 1 and "Insert them" or "Insert it" }) then
    for _, order in ipairs(state.left_behind) do follow:add(order, function(job) state.job = job end) end
    state.left_behind, state.is_starting, state.message = {}, true, nil
  end
end

local function draw(window, state, follow)
  form(window, state)
  if state.is_starting then
    progress(window, state, follow)
  else
    if window:buttons({ "Generate" }) or window.entered then begin(state, follow) end
    offer(window, state, follow)
  end
  if state.message then window:line(state.message, state.kind) end
end

function generate_window.open()
  local clock = reaper.time_precise
  local follow = Follow.new(clock)
  local state = { look_at = 0, left_behind = {}, kind = "text" }
  state.is_starting = follow:take_over(function(job) state.job = job end) > 0
  local window = Window.open("backline", WIDTH, HEIGHT)
  run.loop(function()
    follow:step()
    if not window then return not follow:is_idle() end
    look(state, clock())
    if window:begin() then
      draw(window, state, follow)
      window:finish()
      return true
    end
    settings.write(state.proj, state.chosen)
    window:close()
    window = nil
    return not follow:is_idle()
  end, function()
    if window then window:close() end
    follow:close()
    local job = state.job
    if not window and job and (job.state == "failed" or job.state == "waiting") then run.tell(job.message) end
  end)
end

return generate_window
