-- What the actions do that have no window of their own.
local Follow = require("follow")
local made_items = require("made_items")
local project = require("project")
local request = require("request")
local run = require("run")
local settings = require("settings")
local sound_items = require("sound_items")

local actions = {}

local function carry_out(order, why)
  if order then return Follow.quietly({ order }) end
  run.tell(why)
end

function actions.generate_with_last_settings()
  local proj = project.current()
  local chosen = settings.read(proj)
  local place = request.place(proj, chosen.bars)
  if chosen.key == "" then chosen.key = place.key or "" end
  if chosen.key == "" then return run.tell(request.NO_KEY) end
  carry_out(request.order(place, chosen))
end

function actions.melody_to_accompaniment()
  local proj = project.current()
  local chosen = settings.read(proj)
  local place = request.place(proj, chosen.bars, true)
  if not place.melody then return run.tell("Select a MIDI item with notes first: it becomes the melody.") end
  if chosen.key == "" then chosen.key = place.key or "" end
  if chosen.key == "" then return run.tell(request.NO_KEY) end
  chosen.stems, chosen.takes = "drums,bass", 1
  carry_out(request.order(place, chosen))
end

local function change(make)
  local proj = project.current()
  local too_many = made_items.problem(proj)
  if too_many then return run.tell(too_many) end
  local groups, list = made_items.groups(made_items.selected(proj)), {}
  if #groups == 0 then return run.tell("Select items that backline inserted first.") end
  for _, group in ipairs(groups) do
    local order, why = make(proj, group)
    if not order then return run.tell(why) end
    list[#list + 1] = order
  end
  Follow.quietly(list)
end

function actions.vary_selected_items() change(made_items.vary) end

function actions.regenerate_time_selection() change(made_items.regenerate) end

-- Each selected item of sound into `stems`, all of them without a choice; one that cannot be split
-- stops none of the others.
function actions.split_selected_items(stems)
  stems = stems or settings.stem_names
  local proj = project.current()
  local list, problems = {}, {}
  for index = 0, reaper.CountSelectedMediaItems(proj) - 1 do
    local sound, why = sound_items.read(reaper.GetSelectedMediaItem(proj, index))
    local order
    if sound then order, why = request.split(proj, sound, table.concat(stems, ",")) end
    if order then list[#list + 1] = order else problems[#problems + 1] = why end
  end
  if #list + #problems == 0 then return run.tell("Select an item with sound first.") end
  if #problems > 0 then run.tell(table.concat(problems, "\n")) end
  if #list > 0 then Follow.quietly(list) end
end

-- All stems but one.
function actions.split_without(stem)
  local rest = {}
  for _, name in ipairs(settings.stem_names) do
    if name ~= stem then rest[#rest + 1] = name end
  end
  actions.split_selected_items(rest)
end

function actions.use_these_settings()
  local proj = project.current()
  local first = made_items.selected(proj)[1]
  if not first then return run.tell("Select an item that backline inserted first.") end
  settings.write(proj, request.chosen(first.origin.keys))
  require("generate_window").open()
end

return actions
