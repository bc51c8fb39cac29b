-- What is asked for: the project and the user's choices made into an order.
local chords = require("chords")
local families = require("families")
local files = require("files")
local keys = require("key")
local melody = require("melody")
local orders = require("orders")
local project = require("project")
local settings = require("settings")

local request = {}

local MAX_TITLE = 40
request.NO_KEY = "No key is set for this project yet: run Generate once, or select a MIDI item whose key can be heard."

-- Request ids are drawn here, not by a link: the order is on disk before anything is sent.
function request.new_rid() return ("r%08x%08x"):format(math.random(0, 0xFFFFFFFF), os.time() & 0xFFFFFFFF) end

-- A place {proj, range, melody (notes or nil), key (guessed or nil), is_selection}: what is under
-- the user's hands now. `item`, a MIDI item, gives the bars as well if there is no time selection.
function request.place(proj, bars, wants_item_range)
  local item, take = melody.selected(proj)
  local range, is_selection = project.range(proj, bars)
  if item and wants_item_range and not is_selection then range = melody.range(proj, item) end
  local notes = item and melody.notes(proj, item, take, range) or {}
  return {
    proj = proj, range = range, is_selection = is_selection,
    melody = #notes > 0 and notes or nil, key = #notes > 0 and keys.guess(notes) or nil,
  }
end

local function title_of(chosen, grid)
  local style = files.tidy_name(chosen.style, MAX_TITLE)
  return ("%s %s bpm %s"):format(style ~= "" and style or "backline", project.shortest(grid.bpm), chosen.key)
end

local function add(list, name, tag, value)
  if value ~= "" then list[#list + 1] = { name, tag, value } end
end

local function add_notes_file(list, name, path, notes)
  reaper.RecursiveCreateDirectory(files.folder_of(path), 0)
  local written, why = files.replace(path, melody.as_smf(notes))
  add(list, name, "s", path)
  return written, why
end

-- The melody into the message where it fits, else into a file the message names.
local function add_melody(list, notes, rid)
  local text = melody.as_text(notes)
  if melody.fits_text(text) then
    add(list, "notes", "s", text)
    return true
  end
  return add_notes_file(list, "melody-path", orders.melody_file(rid), notes)
end

-- The chords into the message: a selected item named "chords", else regions or markers that read as
-- chords. Returns whether regions are chords, and so no sections; or nil and a sentence.
local function add_chords(list, proj, range, rid)
  local notes = chords.notes(proj, range)
  local text, are_regions = chords.text(proj, range)
  if not notes then
    add(list, "chords", "s", text)
    return are_regions
  end
  local written, why = add_notes_file(list, "chords-path", orders.chords_file(rid), notes)
  if not written then return nil, why end
  return are_regions
end

-- What both a plan and its sound are asked for: the project's grid, chords and sections, and the words. A list
-- of keys and the grid, or nil and a sentence. `rid` names files beside it.
function request.musical(place, chosen, rid)
  if chosen.key == "" then return nil, "Choose a key, such as A minor." end
  if chosen.stems == "" then return nil, "Choose at least one stem." end
  local proj, range = place.proj, place.range
  local grid, why = project.grid(proj, range)
  if not grid then return nil, why end
  local list = {}
  add(list, "bpm", "d", grid.bpm + 0.0)
  add(list, "key", "s", chosen.key)
  add(list, "bars", "i", range.bars)
  add(list, "meter", "s", grid.meter)
  add(list, "tempo-map", "s", grid.tempo_map)
  add(list, "meter-map", "s", grid.meter_map)
  local regions_are_chords
  regions_are_chords, why = add_chords(list, proj, range, rid)
  if regions_are_chords == nil then return nil, why end
  if not regions_are_chords then add(list, "sections", "s", project.sections(proj, range)) end
  add(list, "tags", "s", chosen.style)
  add(list, "lyrics", "s", chosen.lyrics)
  add(list, "stems", "s", chosen.stems)
  add(list, "lead", "s", chosen.lead)
  return list, grid
end

-- An order for the place and the choices: saved and ready to be sent, or nil and a sentence.
function request.order(place, chosen)
  local proj, range, rid = place.proj, place.range, request.new_rid()
  local list, grid = request.musical(place, chosen, rid)
  if not list then return nil, grid end
  add(list, "takes", "i", chosen.takes)
  add(list, "engine", "s", chosen.engine)
  if chosen.mix == "dry" and chosen.engine == settings.mixing_engine then add(list, "dry", "i", 1) end
  add(list, "sample-rate", "i", project.sample_rate(proj))
  add(list, "format", "s", settings.format())
  add(list, "at-seconds", "d", math.max(reaper.TimeMap2_QNToTime(proj, range.start_qn), 0.0))
  add(list, "project", "s", project.label(proj))
  if place.melody then
    local fine, why = add_melody(list, place.melody, rid)
    if not fine then return nil, why end
  end
  return request.save(rid, place, title_of(chosen, grid), list, chosen.stems, nil,
    { takes_as = chosen.takes_as, tracks = chosen.tracks, family = families.in_hand(proj), notes = chosen.notes,
      insert = chosen.insert })
end

-- `more` are further fields of the order.
function request.save(rid, place, title, list, stems, targets, more)
  local names = {}
  for name in stems:gmatch("%a+") do names[#names + 1] = name end
  local where = {
    project_id = project.id(place.proj), project_file = project.file_of(place.proj),
    start_qn = place.range.start_qn, bars = place.range.bars, first_bar = place.range.first + 1,
  }
  local order = orders.new(rid, where, title, list, names, targets)
  for name, value in pairs(more or {}) do order[name] = value end
  local saved, why = orders.save(order)
  if not saved then return nil, why end
  return order
end

-- An order to split a sound, as sound_items.read tells it, into `stems`: names with commas.
function request.split(proj, sound, stems)
  local list = {}
  add(list, "stems", "s", stems)
  add(list, "start-seconds", "d", sound.from_seconds + 0.0)
  add(list, "length-seconds", "d", sound.length_seconds + 0.0)
  add(list, "at-seconds", "d", math.max(sound.position_seconds, 0.0))
  if sound.loops then add(list, "loop", "i", 1) end
  add(list, "model", "s", settings.splitter())
  add(list, "format", "s", settings.format())
  local start_qn = reaper.TimeMap2_timeToQN(proj, sound.position_seconds)
  local bar = project.nearest_bar(proj, sound.position_seconds)
  local place = { proj = proj, range = { first = bar, bars = 0, start_qn = start_qn } }
  return request.save(request.new_rid(), place, sound.title .. " stems", list, stems, nil,
    { sound = { item = sound.item, take = sound.take, path = sound.path } })
end

-- The choices that keys of an order stand for.
function request.chosen(list)
  local chosen = settings.read(project.current())
  local names = { tags = "style", key = "key", lead = "lead", takes = "takes", bars = "bars",
    engine = "engine", stems = "stems", lyrics = "lyrics" }
  chosen.style, chosen.lyrics, chosen.mix = "", "", "mixed"
  for _, each in ipairs(list) do
    if each[1] == "dry" then chosen.mix = each[3] == 1 and "dry" or "mixed" end
    if names[each[1]] then chosen[names[each[1]]] = each[3] end
  end
  return chosen
end

return request
