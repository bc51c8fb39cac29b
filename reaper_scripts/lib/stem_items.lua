-- Items of stems: made, filled with takes, and given back where a landing fails (`made.back`, lib/landing.lua).
local memory = require("memory")
local tracks = require("tracks")

local stem_items = {}

local must = tracks.must

function stem_items.set(item, name, value)
  must(reaper.SetMediaItemInfo_Value(item, name, value), "REAPER refused the item's " .. name)
end

function stem_items.set_take(take, name, value)
  must(reaper.SetMediaItemTakeInfo_Value(take, name, value), "REAPER refused the take's " .. name)
end

function stem_items.add_take(item, take, sources, start_offset, made)
  local new = must(reaper.AddTakeToMediaItem(item), "REAPER did not add a take")
  must(reaper.SetMediaItemTake_Source(new, sources[take]), "REAPER refused " .. take.path)
  made.owned[sources[take]] = true
  if start_offset ~= 0 then stem_items.set_take(new, "D_STARTOFFS", start_offset) end
  must(reaper.GetSetMediaItemTakeInfo_String(new, "P_NAME", take.name, true), "REAPER refused the take's name")
  must(memory.write(reaper.GetSetMediaItemTakeInfo_String, new, take.provenance), "REAPER refused what the take remembers")
  return new
end

function stem_items.describe(item, stem)
  must(memory.write(reaper.GetSetMediaItemInfo_String, item, stem.provenance), "REAPER refused what the item remembers")
  pcall(reaper.GetSetMediaItemInfo_String, item, "P_NOTES", stem.notes, true) -- without them it sounds the same
end

-- A stem's notes that REAPER could open, in the order of its takes.
function stem_items.notes(stem, sources)
  local found = {}
  for _, take in ipairs(stem.takes) do
    if take.midi and sources[take.midi] then found[#found + 1] = take.midi end
  end
  return found
end

-- Adds the stem's takes to an item, and behind them `notes`, which are silent as long as they are not
-- shown; shows the first of the takes.
function stem_items.fill(item, stem, notes, sources, start_offset, made)
  local first
  for _, take in ipairs(stem.takes) do
    local new = stem_items.add_take(item, take, sources, start_offset, made)
    first = first or new
  end
  for _, each in ipairs(notes) do stem_items.add_take(item, each, sources, start_offset, made) end
  reaper.SetActiveTake(first) -- adding a take does not show it
  stem_items.describe(item, stem)
end

-- A new item; `track` has others, so that a landing that fails must take this one back.
function stem_items.new(track, position_seconds, length_seconds, made)
  local item = must(reaper.AddMediaItemToTrack(track), "REAPER did not add an item")
  made.back[#made.back + 1] = function() reaper.DeleteTrackMediaItem(track, item) end
  stem_items.set(item, "D_POSITION", position_seconds)
  stem_items.set(item, "D_LENGTH", length_seconds) -- from whole frames: REAPER may not know it yet
  stem_items.set(item, "B_LOOPSRC", 0) -- REAPER's default repeats a source in a longer item
  stem_items.set(item, "D_FADEINLEN", 0) -- its default fades would soften the first beat
  stem_items.set(item, "D_FADEOUTLEN", 0)
  return item
end

-- Notes as takes of a muted item on a track of their own.
function stem_items.add_notes(track, notes, like, sources, made)
  local item = stem_items.new(track, like.position_seconds, like.length_seconds, made)
  for _, each in ipairs(notes) do stem_items.add_take(item, each, sources, like.start_offset or 0, made) end
  stem_items.set(item, "B_MUTE", 1)
  if tracks.has_lanes(track) then stem_items.set(item, "I_FIXEDLANE", tracks.playing_lane(track)) end
end

-- Each take of the stem as an item on a lane of its own: of `lanes`, in their order; with its notes as a
-- second take where `has_notes`.
function stem_items.add_on_lanes(proj, track, stem, has_notes, like, lanes, sources, made)
  local most = tracks.lane_count(track)
  for index, take in ipairs(stem.takes) do
    local item = stem_items.new(track, like.position_seconds, like.length_seconds, made)
    local shown = stem_items.add_take(item, take, sources, like.start_offset or 0, made)
    if has_notes and take.midi and sources[take.midi] then
      stem_items.add_take(item, take.midi, sources, like.start_offset or 0, made)
    end
    reaper.SetActiveTake(shown)
    stem_items.describe(item, stem)
    stem_items.set(item, "I_FIXEDLANE", lanes[index])
    most = math.max(most, lanes[index] + 1)
  end
  tracks.set_lane_count(proj, track, most, made)
end

return stem_items
