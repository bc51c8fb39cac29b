-- Stems onto tracks: all of it in one frame and one undo step, or nothing at all.
-- Undo is one Undo_OnStateChangeEx2 after everything stands, not a Begin/End block: a block ends
-- in an undo step whatever happened inside, and nothing must be left of a landing that failed.
local landing = {}

local ALL_STATES, NO_TRACK_PARAMETER = -1, -1
local BUILD_MISSING_PEAKS = 40047 -- "Peaks: Build any missing peaks"
local WITH_DEFAULTS = 1
local CUSTOM_COLOUR = 0x1000000 -- without this bit REAPER ignores the colour

-- Red, green, blue: as in the pictures of a job.
landing.colours = {
  drums = { 242, 166, 90 }, bass = { 111, 168, 245 }, melody = { 127, 212, 140 }, vocals = { 226, 132, 196 },
}
landing.folder_colour = { 150, 156, 168 }

local function must(value, what)
  if not value then error(what, 0) end
  return value
end

local function set_track(track, name, value)
  must(reaper.SetMediaTrackInfo_Value(track, name, value), "REAPER refused the track's " .. name)
end

local function set_item(item, name, value)
  must(reaper.SetMediaItemInfo_Value(item, name, value), "REAPER refused the item's " .. name)
end

-- The item of that GUID, or nil. By GUID, because undo gives items new pointers.
function landing.find_item(proj, guid)
  for at = 0, reaper.CountTracks(proj) - 1 do
    local track = reaper.GetTrack(proj, at)
    for index = 0, reaper.CountTrackMediaItems(track) - 1 do
      local item = reaper.GetTrackMediaItem(track, index)
      local _, its = reaper.GetSetMediaItemInfo_String(item, "GUID", "", false)
      if its == guid then return item, track end
    end
  end
end

local function insert_track(proj, at, made)
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

local function put_tab_back(made)
  if made.in_front then reaper.SelectProjectInstance(made.in_front) end
end

local function add_track(proj, name, colour, depth, made)
  local at = reaper.CountTracks(proj)
  insert_track(proj, at, made)
  local track = must(reaper.GetTrack(proj, at), "REAPER did not add a track")
  must(reaper.GetSetMediaTrackInfo_String(track, "P_NAME", name, true), "REAPER refused the track's name")
  local red, green, blue = table.unpack(colour)
  set_track(track, "I_CUSTOMCOLOR", reaper.ColorToNative(red, green, blue) | CUSTOM_COLOUR)
  set_track(track, "I_FOLDERDEPTH", depth)
  return track
end

local function set_text(call, thing, name, text)
  must(call(thing, name, text, true), "REAPER refused " .. name)
end

-- Adds the stem's takes to an item and shows the first of them.
local function add_takes(item, stem, sources, start_offset, made)
  local first
  for _, take in ipairs(stem.takes) do
    local new = must(reaper.AddTakeToMediaItem(item), "REAPER did not add a take")
    first = first or new
    must(reaper.SetMediaItemTake_Source(new, sources[take]), "REAPER refused " .. take.path)
    made.owned[sources[take]] = true
    if start_offset ~= 0 then
      must(reaper.SetMediaItemTakeInfo_Value(new, "D_STARTOFFS", start_offset), "REAPER refused the take's offset")
    end
    set_text(reaper.GetSetMediaItemTakeInfo_String, new, "P_NAME", take.name)
    set_text(reaper.GetSetMediaItemTakeInfo_String, new, "P_EXT:backline", take.provenance)
  end
  reaper.SetActiveTake(first) -- adding a take does not show it
  set_text(reaper.GetSetMediaItemInfo_String, item, "P_NOTES", stem.notes)
  set_text(reaper.GetSetMediaItemInfo_String, item, "P_EXT:backline", stem.provenance)
end

local function add_item(track, plan, stem, sources, made)
  local item = must(reaper.AddMediaItemToTrack(track), "REAPER did not add an item")
  set_item(item, "D_POSITION", plan.position_seconds)
  set_item(item, "D_LENGTH", plan.length_seconds) -- from whole frames: REAPER may not know it yet
  set_item(item, "B_LOOPSRC", 0) -- REAPER's default repeats a source in a longer item
  add_takes(item, stem, sources, 0, made)
end

local function extend_item(proj, stem, sources, made)
  local item = stem.target and landing.find_item(proj, stem.target)
  if not item then return false end
  local known, chunk = reaper.GetItemStateChunk(item, "", false)
  must(known, "REAPER does not tell an item's state")
  made.chunks[#made.chunks + 1] = { guid = stem.target, chunk = chunk }
  local shown = reaper.GetActiveTake(item)
  add_takes(item, stem, sources, shown and reaper.GetMediaItemTakeInfo_Value(shown, "D_STARTOFFS") or 0, made)
  return true
end

local function place(proj, plan, sources, made)
  made.track_count = reaper.CountTracks(proj)
  local rest = {}
  for _, stem in ipairs(plan.stems) do
    if not extend_item(proj, stem, sources, made) then rest[#rest + 1] = stem end
  end
  if #rest > 0 then add_track(proj, plan.title, landing.folder_colour, 1, made) end
  for index, stem in ipairs(rest) do
    local track = add_track(proj, stem.name, landing.colours[stem.name], index == #rest and -1 or 0, made)
    add_item(track, plan, stem, sources, made)
  end
  put_tab_back(made)
  reaper.Undo_OnStateChangeEx2(proj, "backline: insert " .. plan.title, ALL_STATES, NO_TRACK_PARAMETER)
end

-- Takes back what a failed landing had done. All of it happened in this frame, so tracks beyond
-- those that were there are ours; they take their items with them.
local function take_back(proj, made)
  for index = made.track_count and reaper.CountTracks(proj) - 1 or 0, made.track_count or 1, -1 do
    reaper.DeleteTrack(reaper.GetTrack(proj, index))
  end
  for _, saved in ipairs(made.chunks) do
    local item = landing.find_item(proj, saved.guid)
    if item then reaper.SetItemStateChunk(item, saved.chunk, false) end
  end
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

-- Inserts `plan` = {title, position_seconds, length_seconds, stems = {{name, notes, provenance,
-- target (an item's GUID or nil), takes = {{path, name, provenance}}}}} into the project: true, or
-- nil and a sentence, and then the project is as it was.
function landing.insert(proj, plan)
  local sources, made = {}, { chunks = {}, owned = {} }
  local is_held = false
  local fine, problem = pcall(function()
    open_sources(plan, sources)
    reaper.PreventUIRefresh(1)
    is_held = true
    place(proj, plan, sources, made)
  end)
  if not fine then
    pcall(take_back, proj, made)
    pcall(destroy_unowned, sources, made)
    pcall(put_tab_back, made)
  end
  if is_held then reaper.PreventUIRefresh(-1) end
  pcall(reaper.UpdateArrange)
  if not fine then
    return nil, ("The stems could not be inserted: %s. The project is as it was."):format(tostring(problem))
  end
  pcall(reaper.Main_OnCommandEx, BUILD_MISSING_PEAKS, 0, proj)
  return true
end

return landing
