-- Stems onto tracks: all of it in one frame and one undo step, or nothing at all.
-- Undo is one Undo_OnStateChangeEx2 after everything stands, not a Begin/End block: a block ends
-- in an undo step whatever happened inside, and nothing must be left of a landing that failed.
local memory = require("memory")
local tempo = require("tempo")
local tracks = require("tracks")

local landing = {}

local ALL_STATES, NO_TRACK_PARAMETER = -1, -1
local BUILD_MISSING_PEAKS = 40047 -- "Peaks: Build any missing peaks"
local SCROLL_TO_SELECTED_TRACKS = 40913 -- "Track: Vertical scroll selected tracks into view"

-- What a stem takes over from the sound it was split from, so that all four sound as that did.
local ITEM_VALUES = {
  "D_POSITION", "D_LENGTH", "D_SNAPOFFSET", "D_VOL", "B_LOOPSRC", "C_BEATATTACHMODE", "D_FADEINLEN", "D_FADEOUTLEN",
  "D_FADEINDIR", "D_FADEOUTDIR", "D_FADEINLEN_AUTO", "D_FADEOUTLEN_AUTO", "C_FADEINSHAPE", "C_FADEOUTSHAPE",
}
local TAKE_VALUES = { "D_VOL", "D_PAN", "D_PLAYRATE", "B_PPITCH", "D_PITCH", "I_PITCHMODE", "I_CHANMODE" }

local must = tracks.must

local function set_item(item, name, value)
  must(reaper.SetMediaItemInfo_Value(item, name, value), "REAPER refused the item's " .. name)
end

local function set_take(take, name, value)
  must(reaper.SetMediaItemTakeInfo_Value(take, name, value), "REAPER refused the take's " .. name)
end

local function add_take(item, take, sources, start_offset, made)
  local new = must(reaper.AddTakeToMediaItem(item), "REAPER did not add a take")
  must(reaper.SetMediaItemTake_Source(new, sources[take]), "REAPER refused " .. take.path)
  made.owned[sources[take]] = true
  if start_offset ~= 0 then set_take(new, "D_STARTOFFS", start_offset) end
  must(reaper.GetSetMediaItemTakeInfo_String(new, "P_NAME", take.name, true), "REAPER refused the take's name")
  must(memory.write(reaper.GetSetMediaItemTakeInfo_String, new, take.provenance), "REAPER refused what the take remembers")
  return new
end

local function describe(item, stem)
  must(memory.write(reaper.GetSetMediaItemInfo_String, item, stem.provenance), "REAPER refused what the item remembers")
  pcall(reaper.GetSetMediaItemInfo_String, item, "P_NOTES", stem.notes, true) -- without them it sounds the same
end

-- Adds the stem's takes to an item and shows the first of them.
local function add_takes(item, stem, sources, start_offset, made)
  local first
  for _, take in ipairs(stem.takes) do
    local new = add_take(item, take, sources, start_offset, made)
    first = first or new
  end
  reaper.SetActiveTake(first) -- adding a take does not show it
  describe(item, stem)
end

local function new_item(track, position_seconds, length_seconds)
  local item = must(reaper.AddMediaItemToTrack(track), "REAPER did not add an item")
  set_item(item, "D_POSITION", position_seconds)
  set_item(item, "D_LENGTH", length_seconds) -- from whole frames: REAPER may not know it yet
  set_item(item, "B_LOOPSRC", 0) -- REAPER's default repeats a source in a longer item
  set_item(item, "D_FADEINLEN", 0) -- its default fades would soften the first beat
  set_item(item, "D_FADEOUTLEN", 0)
  return item
end

-- Each take of the stem as an item on a lane of its own, from `lane` on; the first of them plays.
local function add_lanes(proj, track, stem, like, lane, sources, made)
  for index, take in ipairs(stem.takes) do
    local item = new_item(track, like.position_seconds, like.length_seconds)
    made.back[#made.back + 1] = function() reaper.DeleteTrackMediaItem(track, item) end
    reaper.SetActiveTake(add_take(item, take, sources, like.start_offset or 0, made))
    describe(item, stem)
    set_item(item, "I_FIXEDLANE", lane + index - 1)
  end
  tracks.set_lane_count(proj, track, lane + #stem.takes)
  tracks.play_lane(track, lane)
end

local function add_stem(proj, track, plan, stem, sources, made)
  if plan.as_lanes and #stem.takes > 1 then
    tracks.give_lanes(track)
    return add_lanes(proj, track, stem, plan, 0, sources, made)
  end
  add_takes(new_item(track, plan.position_seconds, plan.length_seconds), stem, sources, 0, made)
end

local function next_lane(track)
  local highest = -1
  for index = 0, reaper.CountTrackMediaItems(track) - 1 do
    local lane = reaper.GetMediaItemInfo_Value(reaper.GetTrackMediaItem(track, index), "I_FIXEDLANE")
    highest = math.max(highest, math.floor(lane))
  end
  return highest + 1
end

-- Whether the stem's target is still there, and then has its new takes: in the item, or on further
-- lanes of its track.
local function extend_item(proj, plan, stem, sources, made)
  local item, track = nil, nil
  if stem.target then item, track = tracks.find_item(proj, stem.target, plan.located) end
  if not item then return false end
  local shown = reaper.GetActiveTake(item)
  local start_offset = shown and reaper.GetMediaItemTakeInfo_Value(shown, "D_STARTOFFS") or 0
  if tracks.has_lanes(track) then
    local like = {
      position_seconds = reaper.GetMediaItemInfo_Value(item, "D_POSITION"),
      length_seconds = reaper.GetMediaItemInfo_Value(item, "D_LENGTH"), start_offset = start_offset,
    }
    add_lanes(proj, track, stem, like, next_lane(track), sources, made)
    return true
  end
  local known, chunk = reaper.GetItemStateChunk(item, "", false)
  must(known, "REAPER does not tell an item's state")
  made.back[#made.back + 1] = function()
    local again = tracks.find_item(proj, stem.target)
    if again then reaper.SetItemStateChunk(again, chunk, false) end
  end
  add_takes(item, stem, sources, start_offset, made)
  return true
end

local function place(proj, plan, sources, made)
  local first, rest = reaper.CountTracks(proj), {}
  tracks.expect_at(proj, first, made)
  for _, stem in ipairs(plan.stems) do
    if not extend_item(proj, plan, stem, sources, made) then rest[#rest + 1] = stem end
  end
  if #rest > 0 then tracks.add(proj, first, plan.title, nil, 1, made) end
  for index, stem in ipairs(rest) do
    local track = tracks.add(proj, first + index, stem.name, stem.name, index == #rest and -1 or 0, made)
    add_stem(proj, track, plan, stem, sources, made)
  end
end

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
local function place_within(proj, plan, sources, made)
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
    for _, name in ipairs(ITEM_VALUES) do set_item(new, name, reaper.GetMediaItemInfo_Value(item, name)) end
    local offset = reaper.GetMediaItemTakeInfo_Value(take, "D_STARTOFFS") - plan.sound.from_seconds
    local its_take = add_take(new, stem.takes[1], sources, offset, made)
    for _, name in ipairs(TAKE_VALUES) do set_take(its_take, name, reaper.GetMediaItemTakeInfo_Value(take, name)) end
    reaper.SetActiveTake(its_take)
    describe(new, stem)
  end
  change(reaper.GetMediaTrackInfo_Value, reaper.SetMediaTrackInfo_Value, parent, "I_FOLDERDEPTH", 1, made)
  change(reaper.GetMediaItemInfo_Value, reaper.SetMediaItemInfo_Value, item, "B_MUTE", 1, made)
  return true
end

local function destroy_unowned(sources, made)
  for _, source in pairs(sources) do
    if not made.owned[source] then reaper.PCM_Source_Destroy(source) end
  end
end

local function open_sources(plan, sources)
  for _, stem in ipairs(plan.stems) do
    for _, take in ipairs(stem.takes) do
      sources[take] = must(reaper.PCM_Source_CreateFromFile(take.path), "REAPER cannot open " .. take.path)
    end
  end
end

-- The new tracks, selected and in view, unless another tab is in front.
local function show(proj, made)
  if #made.tracks == 0 or reaper.EnumProjects(-1) ~= proj then return end
  reaper.SetOnlyTrackSelected(made.tracks[1])
  for _, track in ipairs(made.tracks) do reaper.SetTrackSelected(track, true) end
  reaper.Main_OnCommandEx(SCROLL_TO_SELECTED_TRACKS, 0, proj)
end

-- Inserts `plan` (lib/plan.lua says what it holds) into the project: true, or nil and a sentence,
-- and then the project is as it was.
function landing.insert(proj, plan)
  local sources, made = {}, { back = {}, owned = {}, tracks = {} }
  local is_held = false
  local fine, problem = pcall(function()
    open_sources(plan, sources)
    reaper.PreventUIRefresh(1)
    is_held = true
    if plan.tempo then tempo.insert(proj, plan.tempo, plan.position_seconds, made) end
    if not (plan.sound and place_within(proj, plan, sources, made)) then place(proj, plan, sources, made) end
    tracks.put_tab_back(made)
    reaper.Undo_OnStateChangeEx2(proj, "backline: insert " .. plan.title, ALL_STATES, NO_TRACK_PARAMETER)
  end)
  if not fine then
    for index = #made.back, 1, -1 do pcall(made.back[index]) end
    pcall(destroy_unowned, sources, made)
    pcall(tracks.put_tab_back, made)
  end
  if fine then pcall(show, proj, made) end
  if is_held then reaper.PreventUIRefresh(-1) end
  pcall(reaper.UpdateArrange)
  if not fine then
    return nil, ("The stems could not be inserted: %s. The project is as it was."):format(tostring(problem))
  end
  pcall(reaper.Main_OnCommandEx, BUILD_MISSING_PEAKS, 0, proj)
  return true
end

return landing
