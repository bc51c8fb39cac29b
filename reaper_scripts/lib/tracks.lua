-- Tracks for stems: added to the project that asked, with name, colour and icon; and items found
-- again. `made.back` gets what takes each change back: a landing leaves all or nothing.
local files = require("files")

local tracks = {}

local WITH_DEFAULTS = 1
local CUSTOM_COLOUR = 0x1000000 -- without this bit REAPER ignores the colour
local FIXED_LANES = 2

-- Red, green, blue: as in the pictures of a job.
tracks.colours = {
  drums = { 242, 166, 90 }, bass = { 111, 168, 245 }, melody = { 127, 212, 140 }, vocals = { 226, 132, 196 },
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

-- The item of that GUID and its track, or nil. By GUID, because undo gives items new pointers.
function tracks.find_item(proj, guid)
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
    reaper.InsertTrackInProject(proj, at, WITH_DEFAULTS)
    return
  end
  -- Before that only into the tab in front, which is changed for this frame.
  local in_front = must(reaper.EnumProjects(-1), "REAPER does not tell which project is in front")
  if in_front ~= proj then
    made.in_front = in_front
    reaper.SelectProjectInstance(proj)
  end
  reaper.InsertTrackAtIndex(at, true)
end

function tracks.put_tab_back(made)
  if made.in_front then reaper.SelectProjectInstance(made.in_front) end
end

-- Adds a track as the one at `at`; `stem`, nil for a folder, gives it colour and icon.
function tracks.add(proj, at, name, stem, depth, made)
  insert(proj, at, made)
  local track = must(reaper.GetTrack(proj, at), "REAPER did not add a track")
  must(reaper.GetSetMediaTrackInfo_String(track, "P_NAME", name, true), "REAPER refused the track's name")
  local red, green, blue = table.unpack(stem and tracks.colours[stem] or tracks.folder_colour)
  tracks.set(track, "I_CUSTOMCOLOR", reaper.ColorToNative(red, green, blue) | CUSTOM_COLOUR)
  tracks.set(track, "I_FOLDERDEPTH", depth)
  local icon = icons .. (stem or "folder") .. ".png"
  if files.size(icon) then -- without one the track is as good
    must(reaper.GetSetMediaTrackInfo_String(track, "P_ICON", icon, true), "REAPER refused the track's icon")
  end
  return track
end

-- Fixed item lanes: each take on a lane of its own, of which one plays.
function tracks.has_lanes(track) return reaper.GetMediaTrackInfo_Value(track, "I_FREEMODE") == FIXED_LANES end

function tracks.give_lanes(track)
  tracks.set(track, "I_FREEMODE", FIXED_LANES)
  reaper.UpdateTimeline()
end

function tracks.play_lane(track, lane)
  tracks.set(track, ("C_LANEPLAYS:%d"):format(lane), 1)
end

return tracks
