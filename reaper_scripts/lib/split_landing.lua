-- Stems in the place of the sound they were split from.
local stem_items = require("stem_items")
local tracks = require("tracks")

local split_landing = {}

-- What a stem takes over from the sound it was split from, so that all four sound as that did.
local ITEM_VALUES = {
  "D_POSITION", "D_LENGTH", "D_SNAPOFFSET", "D_VOL", "B_LOOPSRC", "C_BEATATTACHMODE", "D_FADEINLEN", "D_FADEOUTLEN",
  "D_FADEINDIR", "D_FADEOUTDIR", "D_FADEINLEN_AUTO", "D_FADEOUTLEN_AUTO", "C_FADEINSHAPE", "C_FADEOUTSHAPE",
}
local TAKE_VALUES = { "D_VOL", "D_PAN", "D_PLAYRATE", "B_PPITCH", "D_PITCH", "I_PITCHMODE", "I_CHANMODE" }

local must = tracks.must

local function take_of(item, guid)
  for index = 0, reaper.CountTakes(item) - 1 do
    local take = reaper.GetTake(item, index)
    local its = take and select(2, reaper.GetSetMediaItemTakeInfo_String(take, "GUID", "", false))
    if its == guid then return take end
  end
end

local function change(get, set, thing, name, value, made)
  local before = get(thing, name)
  made.back[#made.back + 1] = function() set(thing, name, before) end
  must(set(thing, name, value), "REAPER refused " .. name)
end

-- Stems in the place of the sound they were split from: on tracks within that track, which becomes
-- their folder, so that they go through its effects and fader; the sound itself is muted. False
-- where it is not there any more.
function split_landing.place(proj, plan, sources, made)
  local item, parent = tracks.find_item(proj, plan.sound.item, plan.located)
  local take = item and take_of(item, plan.sound.take)
  if not take then return false end
  local first = math.tointeger(reaper.GetMediaTrackInfo_Value(parent, "IP_TRACKNUMBER")) -- from 1: the one after it
  local depth = math.tointeger(reaper.GetMediaTrackInfo_Value(parent, "I_FOLDERDEPTH"))
  tracks.expect_at(proj, first, made)
  for index, stem in ipairs(plan.stems) do
    -- The last one closes the folder, unless there was one already, and what the track had closed.
    local its_depth = index == #plan.stems and depth - 1 or 0
    local new = must(reaper.AddMediaItemToTrack(tracks.add(proj, first + index - 1, stem.name, stem.name, its_depth, made)),
      "REAPER did not add an item")
    for _, name in ipairs(ITEM_VALUES) do stem_items.set(new, name, reaper.GetMediaItemInfo_Value(item, name)) end
    local offset = reaper.GetMediaItemTakeInfo_Value(take, "D_STARTOFFS") - plan.sound.from_seconds
    local its_take = stem_items.add_take(new, stem.takes[1], sources, offset, made)
    for _, name in ipairs(TAKE_VALUES) do stem_items.set_take(its_take, name, reaper.GetMediaItemTakeInfo_Value(take, name)) end
    reaper.SetActiveTake(its_take)
    stem_items.describe(new, stem)
  end
  change(reaper.GetMediaTrackInfo_Value, reaper.SetMediaTrackInfo_Value, parent, "I_FOLDERDEPTH", 1, made)
  change(reaper.GetMediaItemInfo_Value, reaper.SetMediaItemInfo_Value, item, "B_MUTE", 1, made)
  return true
end

return split_landing
