-- The folder that a job's stems lie in remembers its family, and its tracks which stem they hold: so the
-- next section comes onto the same tracks. Without such a folder, or where something lies there already, it
-- gets tracks of its own.
local memory = require("memory")
local tracks = require("tracks")

local families = {}

local SECTION, NEWEST = "backline", "family"
local FOLDER, NOTES = "folder", "notes"
local CALLS_A_FRAME = 1500

function families.new_id() return ("f%08x%08x"):format(math.random(0, 0xFFFFFFFF), os.time() & 0xFFFFFFFF) end

local function role(stem, holds_notes) return holds_notes and stem .. " " .. NOTES or stem end

-- Says of a new track what it is for; `stem` is nil for the folder. A track that REAPER lets remember
-- nothing sounds the same.
function families.mark(track, id, stem, holds_notes)
  local words = ('{"family":"%s","role":"%s"}'):format(id, stem and role(stem, holds_notes) or FOLDER)
  pcall(memory.write, reaper.GetSetMediaTrackInfo_String, track, words)
end

local function marked(track)
  local found = memory.read(reaper.GetSetMediaTrackInfo_String, track)
  if found and type(found.family) == "string" and type(found.role) == "string" then return found end
end

-- The family of the newest stems of a project, "" where there is none.
function families.newest(proj)
  local _, newest = reaper.GetProjExtState(proj, SECTION, NEWEST)
  return newest
end

-- The family of the track that is selected, or that the selected item lies on; "" where there is none: then
-- the newest is meant.
function families.in_hand(proj)
  local item = reaper.GetSelectedMediaItem(proj, 0)
  local track = reaper.GetSelectedTrack(proj, 0)
  for _, each in ipairs({ track or false, item and reaper.GetMediaItem_Track(item) or false }) do
    local found = each and marked(each)
    if found then return found.family end
  end
  return ""
end

-- Remembers which family the newest stems of a project are of.
function families.remember(proj, id)
  if families.newest(proj) ~= id then reaper.SetProjExtState(proj, SECTION, NEWEST, id) end
end

-- Looks at the project's tracks, a few each frame; nil where the project was closed meanwhile.
local function members(proj, id, rest)
  local by_role, at = {}, 0
  while tracks.is_open(proj) and at < reaper.CountTracks(proj) do
    for _ = 1, CALLS_A_FRAME // 3 do
      local track = reaper.GetTrack(proj, at)
      if not track then break end
      local found = marked(track)
      if found and found.family == id and not by_role[found.role] then by_role[found.role] = { track = track, at = at } end
      at = at + 1
    end
    rest()
  end
  return by_role
end

-- Whether nothing of a track sounds between two times.
local function is_free(proj, track, from, to, rest)
  local index, slack = 0, (to - from) * 1e-6 -- neighbours touch
  while tracks.is_open(proj) and reaper.ValidatePtr2(proj, track, "MediaTrack*") and index < reaper.CountTrackMediaItems(track) do
    for _ = 1, CALLS_A_FRAME // 3 do
      local item = reaper.GetTrackMediaItem(track, index)
      if not item then break end
      local start = reaper.GetMediaItemInfo_Value(item, "D_POSITION")
      local stop = start + reaper.GetMediaItemInfo_Value(item, "D_LENGTH")
      if start < to - slack and stop > from + slack then return false end
      index = index + 1
    end
    rest()
  end
  return true
end

-- {id, folder, by_role = {role = {track, at}}} of the family where all of `stems` have room between two
-- times, or nil. Yields: to be run in a coroutine.
function families.find(proj, id, stems, from, to)
  if id == "" then return nil end
  local by_role = members(proj, id, coroutine.yield)
  local folder = by_role[FOLDER]
  by_role[FOLDER] = nil
  if not folder or not tracks.is_folder(folder.track) then return nil end
  for _, stem in ipairs(stems) do
    for _, name in ipairs({ role(stem), role(stem, true) }) do
      if by_role[name] and not is_free(proj, by_role[name].track, from, to, coroutine.yield) then return nil end
    end
  end
  return { id = id, folder = folder.track, by_role = by_role }
end

-- Whether all of its tracks are still there.
function families.stands(proj, family)
  local function is_there(track) return reaper.ValidatePtr2(proj, track, "MediaTrack*") end
  for _, each in pairs(family.by_role) do
    if not is_there(each.track) then return false end
  end
  return is_there(family.folder)
end

-- Its track for a stem or for the stem's notes, or nil.
function families.track(family, stem, holds_notes)
  local found = family.by_role[role(stem, holds_notes)]
  return found and found.track
end

-- The track below that one where it holds the notes of the same stem, or nil.
function families.notes_below(proj, track)
  local its = marked(track)
  local below = its and reaper.GetTrack(proj, math.tointeger(reaper.GetMediaTrackInfo_Value(track, "IP_TRACKNUMBER")))
  local other = below and marked(below)
  return other and other.family == its.family and other.role == role(its.role, true) and below or nil
end

return families
