-- Stems onto tracks: all of it in one frame and one undo step, or nothing at all.
-- Undo is one Undo_OnStateChangeEx2 after everything stands, not a Begin/End block: a block ends
-- in an undo step whatever happened inside, and nothing must be left of a landing that failed.
local families = require("families")
local split_landing = require("split_landing")
local stem_items = require("stem_items")
local tempo = require("tempo")
local tracks = require("tracks")

local landing = {}

local ALL_STATES, NO_TRACK_PARAMETER = -1, -1
local BUILD_MISSING_PEAKS = 40047 -- "Peaks: Build any missing peaks"
local SCROLL_TO_SELECTED_TRACKS = 40913 -- "Track: Vertical scroll selected tracks into view"
local SAME_SECONDS = 1e-6

local must = tracks.must

local function lanes_from(first, count)
  local lanes = {}
  for index = 1, count do lanes[index] = first + index - 1 end
  return lanes
end

-- The lane that plays and then the others: for takes beside items that are on lanes already.
local function lanes_around(playing, count)
  local lanes = { playing }
  for lane = 0, count do
    if lane ~= playing and #lanes < count then lanes[#lanes + 1] = lane end
  end
  return lanes
end

-- The stem onto a track, where nothing lies at its time.
local function add_stem(proj, track, plan, stem, sources, made)
  local has_notes = plan.notes == "take"
  local on_lanes, had_lanes = plan.as_lanes and #stem.takes > 1, tracks.has_lanes(track)
  if on_lanes then
    if not had_lanes then tracks.give_lanes(track, made) end
    local playing = had_lanes and tracks.playing_lane(track) or 0
    stem_items.add_on_lanes(proj, track, stem, has_notes, plan, lanes_around(playing, #stem.takes), sources, made)
    if not had_lanes then tracks.play_lane(track, 0, made) end
    return
  end
  local item = stem_items.new(track, plan.position_seconds, plan.length_seconds, made)
  stem_items.fill(item, stem, has_notes and stem_items.notes(stem, sources) or {}, sources, 0, made)
  if had_lanes then stem_items.set(item, "I_FIXEDLANE", tracks.playing_lane(track)) end
end

local function next_lane(track)
  local highest = -1
  for index = 0, reaper.CountTrackMediaItems(track) - 1 do
    local lane = reaper.GetMediaItemInfo_Value(reaper.GetTrackMediaItem(track, index), "I_FIXEDLANE")
    highest = math.max(highest, math.floor(lane))
  end
  return highest + 1
end

-- What takes an item's takes back, as long as it is there.
local function keep_state(proj, item, guid, made)
  local known, chunk = reaper.GetItemStateChunk(item, "", false)
  must(known, "REAPER does not tell an item's state")
  made.back[#made.back + 1] = function()
    local again = tracks.find_item(proj, guid)
    if again then reaper.SetItemStateChunk(again, chunk, false) end
  end
end

-- The item on the track of notes below that lies where `item` does, or nil.
local function notes_item(proj, track, like)
  local below = families.notes_below(proj, track)
  for index = 0, below and reaper.CountTrackMediaItems(below) - 1 or -1 do
    local item = reaper.GetTrackMediaItem(below, index)
    if math.abs(reaper.GetMediaItemInfo_Value(item, "D_POSITION") - like.position_seconds) < SAME_SECONDS then return item end
  end
end

-- Whether the stem's target is still there, and then has its new takes: in the item, or on further
-- lanes of its track.
local function extend_item(proj, plan, stem, sources, made)
  local item, track = nil, nil
  if stem.target then item, track = tracks.find_item(proj, stem.target, plan.located) end
  if not item then return false end
  local shown = reaper.GetActiveTake(item)
  local start_offset = shown and reaper.GetMediaItemTakeInfo_Value(shown, "D_STARTOFFS") or 0
  local like = {
    position_seconds = reaper.GetMediaItemInfo_Value(item, "D_POSITION"),
    length_seconds = reaper.GetMediaItemInfo_Value(item, "D_LENGTH"), start_offset = start_offset,
  }
  local notes = stem_items.notes(stem, sources)
  local beside = plan.notes == "track" and #notes > 0 and notes_item(proj, track, like)
  if beside then
    local _, guid = reaper.GetSetMediaItemInfo_String(beside, "GUID", "", false)
    keep_state(proj, beside, guid, made)
    for _, each in ipairs(notes) do stem_items.add_take(beside, each, sources, start_offset, made) end
    notes = {}
  end
  if tracks.has_lanes(track) then
    local lane = next_lane(track)
    stem_items.add_on_lanes(proj, track, stem, #notes > 0, like, lanes_from(lane, #stem.takes), sources, made)
    tracks.play_lane(track, lane, made)
    return true
  end
  keep_state(proj, item, stem.target, made)
  stem_items.fill(item, stem, notes, sources, start_offset, made)
  return true
end

-- Stems, and their notes where those have tracks of their own: {stem, holds_notes, track (nil: a new one)}.
local function rows_of(plan, stems, family, sources)
  local rows = {}
  local function add(stem, holds_notes)
    local track = family and families.track(family, stem.name, holds_notes)
    rows[#rows + 1] = { stem = stem, holds_notes = holds_notes, track = track, is_new = not track }
  end
  for _, stem in ipairs(stems) do
    add(stem, false)
    if plan.notes == "track" and #stem_items.notes(stem, sources) > 0 then add(stem, true) end
  end
  return rows
end

-- Tracks for the rows that have none: in the family's folder, or in a new one. Returns the family's id.
local function add_tracks(proj, plan, rows, family, made)
  local id, at, count = family and family.id or families.new_id(), reaper.CountTracks(proj), 0
  if family then -- right below the folder, where no track's depth has to change
    at = math.tointeger(reaper.GetMediaTrackInfo_Value(family.folder, "IP_TRACKNUMBER"))
    tracks.expect_at(proj, at, made)
  else
    tracks.expect_at(proj, at, made)
    families.mark(tracks.add(proj, at, plan.title, nil, 1, made), id)
    at = at + 1
  end
  for index, row in ipairs(rows) do
    if row.is_new then
      local name = row.holds_notes and row.stem.name .. " notes" or row.stem.name
      local depth = not family and index == #rows and -1 or 0
      row.track = tracks.add(proj, at + count, name, row.stem.name, depth, made)
      families.mark(row.track, id, row.stem.name, row.holds_notes)
      count = count + 1
    else
      made.tracks[#made.tracks + 1] = row.track
    end
  end
  return id
end

local function place(proj, plan, sources, made)
  local rest = {}
  for _, stem in ipairs(plan.stems) do
    if not extend_item(proj, plan, stem, sources, made) then rest[#rest + 1] = stem end
  end
  if #rest == 0 then return end
  local family = plan.family and families.stands(proj, plan.family) and plan.family or nil
  local rows = rows_of(plan, rest, family, sources)
  made.family = add_tracks(proj, plan, rows, family, made)
  for _, row in ipairs(rows) do
    if row.holds_notes then
      stem_items.add_notes(row.track, stem_items.notes(row.stem, sources), plan, sources, made)
    else
      add_stem(proj, row.track, plan, row.stem, sources, made)
    end
  end
end

local function destroy_unowned(sources, made)
  for _, source in pairs(sources) do
    if not made.owned[source] then reaper.PCM_Source_Destroy(source) end
  end
end

-- Without the notes the stems sound the same.
local function open_notes(midi, sources)
  local opened, source = pcall(reaper.PCM_Source_CreateFromFile, midi.path)
  if opened then sources[midi] = source end
end

local function open_sources(plan, sources)
  for _, stem in ipairs(plan.stems) do
    for _, take in ipairs(stem.takes) do
      sources[take] = must(reaper.PCM_Source_CreateFromFile(take.path), "REAPER cannot open " .. take.path)
      if take.midi then open_notes(take.midi, sources) end
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
    if not (plan.sound and split_landing.place(proj, plan, sources, made)) then place(proj, plan, sources, made) end
    tracks.put_tab_back(made)
    reaper.Undo_OnStateChangeEx2(proj, "backline: insert " .. plan.title, ALL_STATES, NO_TRACK_PARAMETER)
  end)
  if not fine then
    for index = #made.back, 1, -1 do pcall(made.back[index]) end
    pcall(destroy_unowned, sources, made)
    pcall(tracks.put_tab_back, made)
  end
  if fine and made.family and not plan.sound then pcall(families.remember, proj, made.family) end
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
