-- Items that backline made: what they remember of their job, and orders that change them.
local memory = require("memory")
local project = require("project")
local protocol = require("protocol")
local request = require("request")
local settings = require("settings")
local tracks = require("tracks")

local made_items = {}

local MAX_SEED = math.maxinteger
local MOST_SELECTED = 500

local function is_whole(origin)
  return origin and type(origin.rid) == "string" and type(origin.stem) == "string" and type(origin.keys) == "table"
    and math.tointeger(origin.bars) and type(origin.title) == "string"
end

-- Seed of an item's newest take; on fixed lanes of the newest of all that lie there.
local function newest_seed(item)
  local highest
  local function hear(each)
    for index = 0, reaper.CountTakes(each) - 1 do
      local take = reaper.GetTake(each, index)
      local its = take and memory.read(reaper.GetSetMediaItemTakeInfo_String, take)
      local seed = its and math.tointeger(its.seed)
      if seed and (not highest or seed > highest) then highest = seed end
    end
  end
  local track = reaper.GetMediaItem_Track(item)
  if not tracks.has_lanes(track) then
    hear(item)
    return highest
  end
  for index = 0, reaper.CountTrackMediaItems(track) - 1 do hear(reaper.GetTrackMediaItem(track, index)) end
  return highest
end

-- Seed of an item's newest take, and what its shown take remembers.
local function seeds(item)
  local highest = newest_seed(item)
  local shown = reaper.GetActiveTake(item)
  return highest, shown and memory.read(reaper.GetSetMediaItemTakeInfo_String, shown), shown
end

-- {item, guid, origin, seed, take, position, start_offset} of an item of backline's, or nil.
local function read(item)
  local origin = memory.read(reaper.GetSetMediaItemInfo_String, item)
  if not is_whole(origin) then return nil end
  local _, guid = reaper.GetSetMediaItemInfo_String(item, "GUID", "", false)
  local seed, take, shown = seeds(item)
  return {
    item = item, guid = guid, origin = origin, seed = seed, take = take,
    position = reaper.GetMediaItemInfo_Value(item, "D_POSITION"),
    start_offset = shown and reaper.GetMediaItemTakeInfo_Value(shown, "D_STARTOFFS") or 0,
  }
end

-- A sentence where more items are selected than one frame can look at.
function made_items.problem(proj)
  local count = reaper.CountSelectedMediaItems(proj)
  return count > MOST_SELECTED and ("Select fewer items: these are %d, %d at most can be looked at."):format(count, MOST_SELECTED)
    or nil
end

-- The selected items that are backline's; without selected items, those on selected tracks.
function made_items.selected(proj)
  local found = {}
  local count = reaper.CountSelectedMediaItems(proj)
  for index = 0, count - 1 do found[#found + 1] = read(reaper.GetSelectedMediaItem(proj, index)) end
  if count > 0 then return found end
  for index = 0, reaper.CountSelectedTracks(proj) - 1 do
    local track = reaper.GetSelectedTrack(proj, index)
    for each = 0, reaper.CountTrackMediaItems(track) - 1 do
      found[#found + 1] = read(reaper.GetTrackMediaItem(track, each))
    end
  end
  return found
end

-- Items of one job together, in the order they were found; a stem twice begins another group.
function made_items.groups(items)
  local groups = {}
  for _, each in ipairs(items) do
    local home
    for _, group in ipairs(groups) do
      if group.rid == each.origin.rid and not group.by_stem[each.origin.stem] then home = home or group end
    end
    if not home then
      home = { rid = each.origin.rid, by_stem = {}, items = {} }
      groups[#groups + 1] = home
    end
    home.by_stem[each.origin.stem] = each
    home.items[#home.items + 1] = each
  end
  return groups
end

local function with_keys(list, changes)
  local result = {}
  for _, each in ipairs(list) do
    if changes[each[1]] == nil then result[#result + 1] = { each[1], each[2], each[3] } end
  end
  for _, name in ipairs({ "stems", "takes", "seed", "from", "from-take", "bar-range" }) do
    if changes[name] then result[#result + 1] = { name, changes[name][1], changes[name][2] } end
  end
  return result
end

local function order(proj, group, changes)
  local stems, targets, first = {}, {}, group.items[1]
  for _, name in ipairs(protocol.stems) do
    local each = group.by_stem[name]
    if each then stems[#stems + 1], targets[name] = name, each.guid end
  end
  changes.stems = { "s", table.concat(stems, ",") }
  local start = project.nearest_bar(proj, first.position - first.start_offset)
  local place = { proj = proj, range = project.bars(proj, start, first.origin.bars) }
  return request.save(request.new_rid(), place, first.origin.title, with_keys(first.origin.keys, changes),
    changes.stems[2], targets, { notes = settings.read(proj).notes })
end

local function next_seed(group)
  local highest = -1
  for _, each in ipairs(group.items) do highest = math.max(highest, each.seed or -1) end
  if highest < 0 then return nil end -- none known: the daemon draws one
  return { "h", highest < MAX_SEED and highest + 1 or 0 }
end

-- Folder and number of the take that is shown, which must be one of one job.
local function source_of(group)
  local take = group.items[1].take
  if not take or type(take.folder) ~= "string" then return nil, "This item does not say which job it came from." end
  for _, each in ipairs(group.items) do
    if not each.take or each.take.folder ~= take.folder then
      return nil, "The selected items show takes of different jobs; choose takes of one job, or one item."
    end
    if each.take.take ~= take.take then
      return nil, "The selected items show different takes of their job; show the same take of each."
    end
  end
  return take.folder, take.take
end

-- What a change of a result leaves out of an earlier one; items of version 0.1.0 say "source".
local function without_source(changes)
  for _, name in ipairs({ "from", "from-take", "source", "source-take" }) do changes[name] = false end
  return changes
end

-- The keys that have a job's take changed in part.
local function set_source(changes, folder, take)
  changes.from = { "s", folder }
  if math.tointeger(take) and take > 1 then changes["from-take"] = { "i", math.tointeger(take) } end
end

local function key_of(group, name)
  for _, each in ipairs(group.items[1].origin.keys) do
    if each[1] == name then return each[3] end
  end
end

-- The same settings with the next seed, to become takes of the same items. Where only some of a
-- job's stems are chosen they are made to fit those that stay.
function made_items.vary(proj, group)
  local changes = without_source({ seed = next_seed(group), ["bar-range"] = false, takes = { "i", 1 } })
  local _, commas = (key_of(group, "stems") or table.concat(protocol.stems, ",")):gsub(",", "")
  if #group.items < commas + 1 or key_of(group, "from") or key_of(group, "source") then -- that job, too, only changed some
    local folder, take = source_of(group)
    if not folder then return nil, take end
    set_source(changes, folder, take)
  end
  if not changes.seed then changes.seed = false end
  return order(proj, group, changes)
end

-- Only the bars of the time selection anew, with the next seed.
function made_items.regenerate(proj, group)
  local from, to = reaper.GetSet_LoopTimeRange2(proj, false, false, 0, 0, false)
  if to <= from then return nil, "Select the time to make anew first." end
  local folder, take = source_of(group)
  if not folder then return nil, take end
  local each = group.items[1]
  local start = project.nearest_bar(proj, each.position - each.start_offset)
  local first = math.max(project.nearest_bar(proj, from) - start + 1, 1)
  local last = math.min(project.nearest_bar(proj, to) - start, each.origin.bars)
  if first > last then return nil, "The time selection holds no whole bar of the selected item." end
  local changes = without_source({
    seed = next_seed(group) or false, takes = { "i", 1 },
    ["bar-range"] = { "s", ("%d-%d"):format(first, last) },
  })
  set_source(changes, folder, take)
  return order(proj, group, changes)
end

return made_items
