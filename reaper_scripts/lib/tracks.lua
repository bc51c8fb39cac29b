-- Tracks for stems: added to the project that asked, with name, colour and icon; and items found
-- again. `made.tracks` gets the new ones, `made.back` what takes each change back: a landing leaves
-- all or nothing.
local files = require("files")

local tracks = {}

local PLAIN = 0 -- not the user's default effects, which would change the sound
local CUSTOM_COLOUR = 0x1000000 -- without this bit REAPER ignores the colour
local FIXED_LANES = 2
local ITEMS_A_FRAME = 800 -- two or three calls each

-- Red, green, blue: as in the pictures of a job.
tracks.colours = {
  drums = { 242, 166, 90 }, bass = { 111, 168, 245 }, melody = { 127, 212, 140 }, vocals = { 226, 132, 196 },
  guitar = { 199, 209, 92 }, piano = { 96, 206, 206 }, instrumental = { 168, 148, 238 },
}
tracks.folder_colour = { 150, 156, 168 }

local icons = debug.getinfo(1, "S").source:match("^@(.*[/\\])lib[/\\]") .. "icons" .. files.separator

function tracks.must(value, what)
  if not value then error(what, 0) end
  return value
end
local must = tracks.must

function tracks.set(track, name, value)
  must(reaper.SetMediaTrackInfo_Value(track, name, value), "REAPER refused the track's " .. name)
end

-- Whether a pointer that was found earlier is still that item: undo gives items new ones.
local function is_still(proj, item, guid)
  if not reaper.ValidatePtr2(proj, item, "MediaItem*") then return false end
  local _, its = reaper.GetSetMediaItemInfo_String(item, "GUID", "", false)
  return its == guid
end

function tracks.is_open(proj)
  for index = 0, 255 do
    local each = reaper.EnumProjects(index)
    if not each or each == proj then return each == proj end
  end
end

-- The items of those GUIDs by GUID, false for those that are not there; yields every few hundred
-- items, for a coroutine that must not hold up a frame.
function tracks.locate(proj, guids)
  local found, looked_at, missing = {}, 0, 0
  for _, guid in ipairs(guids) do
    found[guid], missing = false, missing + 1
  end
  local at = 0
  while missing > 0 and tracks.is_open(proj) and at < reaper.CountTracks(proj) do
    local track = reaper.GetTrack(proj, at)
    for index = 0, reaper.CountTrackMediaItems(track) - 1 do
      local item = reaper.GetTrackMediaItem(track, index)
      local _, its = reaper.GetSetMediaItemInfo_String(item, "GUID", "", false)
      if found[its] == false then found[its], missing = item, missing - 1 end
      looked_at = looked_at + 1
    end
    at = at + 1
    if looked_at > ITEMS_A_FRAME then
      looked_at = 0
      coroutine.yield()
    end
  end
  return found
end

-- The item of that GUID and its track, or nil; `located`, if given, is what locate() found.
function tracks.find_item(proj, guid, located)
  local there = located and located[guid]
  if there == false then return nil end
  if there and is_still(proj, there, guid) then return there, reaper.GetMediaItem_Track(there) end
  for at = 0, reaper.CountTracks(proj) - 1 do
    local track = reaper.GetTrack(proj, at)
    for index = 0, reaper.CountTrackMediaItems(track) - 1 do
      local item = reaper.GetTrackMediaItem(track, index)
      local _, its = reaper.GetSetMediaItemInfo_String(item, "GUID", "", false)
      if its == guid then return item, track end
    end
  end
end

-- To be called before tracks are inserted at `at`: all that are added there go again on a failure,
-- and take their items with them. All happens in one frame, so they can only be ours.
function tracks.expect_at(proj, at, made)
  local count = reaper.CountTracks(proj)
  made.back[#made.back + 1] = function()
    for index = at + reaper.CountTracks(proj) - count - 1, at, -1 do reaper.DeleteTrack(reaper.GetTrack(proj, index)) end
  end
end

local function insert(proj, at, made)
  if reaper.APIExists("InsertTrackInProject") then -- since REAPER 7.18
    reaper.InsertTrackInProject(proj, at, PLAIN)
    return
  end
  -- Before that only into the tab in front, which is changed for this frame.
  local in_front = must(reaper.EnumProjects(-1), "REAPER does not tell which project is in front")
  if in_front ~= proj then
    made.in_front = in_front
    reaper.SelectProjectInstance(proj)
  end
  reaper.InsertTrackAtIndex(at, false)
end

function tracks.put_tab_back(made)
  if made.in_front then reaper.SelectProjectInstance(made.in_front) end
end

-- Colour and icon: a track without them is as good.
local function dress(track, stem)
  local red, green, blue = table.unpack(stem and tracks.colours[stem] or tracks.folder_colour)
  reaper.SetMediaTrackInfo_Value(track, "I_CUSTOMCOLOR", reaper.ColorToNative(red, green, blue) | CUSTOM_COLOUR)
  local icon = icons .. (stem or "folder") .. ".png"
  if files.size(icon) then reaper.GetSetMediaTrackInfo_String(track, "P_ICON", icon, true) end
end

-- Adds a track as the one at `at`; `stem`, nil for a folder, gives it colour and icon.
function tracks.add(proj, at, name, stem, depth, made)
  insert(proj, at, made)
  local track = must(reaper.GetTrack(proj, at), "REAPER did not add a track")
  must(reaper.GetSetMediaTrackInfo_String(track, "P_NAME", name, true), "REAPER refused the track's name")
  tracks.set(track, "I_FOLDERDEPTH", depth)
  tracks.set(track, "I_RECARM", 0)
  pcall(dress, track, stem)
  made.tracks[#made.tracks + 1] = track
  return track
end

function tracks.is_folder(track) return reaper.GetMediaTrackInfo_Value(track, "I_FOLDERDEPTH") == 1 end

-- Fixed item lanes: each take on a lane of its own, of which one plays.
function tracks.has_lanes(track) return reaper.GetMediaTrackInfo_Value(track, "I_FREEMODE") == FIXED_LANES end

function tracks.give_lanes(track, made)
  local before = reaper.GetMediaTrackInfo_Value(track, "I_FREEMODE")
  made.back[#made.back + 1] = function() reaper.SetMediaTrackInfo_Value(track, "I_FREEMODE", before) end
  tracks.set(track, "I_FREEMODE", FIXED_LANES)
  reaper.UpdateTimeline()
end

function tracks.lane_count(track) return math.floor(reaper.GetMediaTrackInfo_Value(track, "I_NUMFIXEDLANES")) end

-- The lane that is heard, the first of several.
function tracks.playing_lane(track)
  for lane = 0, tracks.lane_count(track) - 1 do
    if reaper.GetMediaTrackInfo_Value(track, ("C_LANEPLAYS:%d"):format(lane)) > 0 then return lane end
  end
  return 0
end

-- Sets a number of a track that the stems are heard without; a landing that fails takes it back.
local function try(track, name, value, made)
  local before = reaper.GetMediaTrackInfo_Value(track, name)
  if pcall(reaper.SetMediaTrackInfo_Value, track, name, value) then
    made.back[#made.back + 1] = function() reaper.SetMediaTrackInfo_Value(track, name, before) end
  end
end

-- REAPER counts a lane too many when a project is opened again, unless it was told how many.
function tracks.set_lane_count(proj, track, count, made)
  try(track, "I_NUMFIXEDLANES", count, made)
  if reaper.APIExists("UpdateItemLanes") then pcall(reaper.UpdateItemLanes, proj) end -- since REAPER 7
end

-- Has that lane alone be heard. Where REAPER refuses the takes are there all the same.
function tracks.play_lane(track, lane, made) try(track, ("C_LANEPLAYS:%d"):format(lane), 1, made) end

return tracks
