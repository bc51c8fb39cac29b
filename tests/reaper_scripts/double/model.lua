-- The state of the REAPER double: projects with tracks, items, takes, sources, a tempo map, undo.
-- Scripts only ever get opaque handles to it.
local model = {}

local registry = setmetatable({}, { __mode = "k" })
local serial = 0

local function opaque(kind)
  return setmetatable({}, {
    __metatable = false,
    __index = function() error("attempt to index a userdata value (" .. kind .. ")", 2) end,
    __newindex = function() error("attempt to index a userdata value (" .. kind .. ")", 2) end,
    __tostring = function() return "userdata: " .. kind end,
  })
end

-- Gives an object a handle, and a GUID where it has none.
function model.new(kind, object)
  object.kind, object.handle = kind, opaque(kind)
  serial = serial + 1
  object.guid = object.guid or ("{%08X-0000-4000-8000-%012X}"):format(serial, serial)
  registry[object.handle] = object
  return object
end

function model.object(handle) return type(handle) == "table" and registry[handle] or nil end

function model.track(fields)
  local track = model.new("MediaTrack", fields or {})
  track.text = track.text or { P_NAME = "" }
  track.value = track.value or { I_FOLDERDEPTH = 0, I_CUSTOMCOLOR = 0, I_FREEMODE = 0.0, I_NUMFIXEDLANES = 1.0, ["C_LANEPLAYS:0"] = 1.0 }
  track.ext, track.items = track.ext or {}, track.items or {}
  return track
end

function model.item(track, fields)
  local item = model.new("MediaItem", fields or {})
  item.track = track
  item.text = item.text or { P_NOTES = "" }
  -- Loop source is on for a new item, and no take is shown but the first.
  item.value = item.value or { D_POSITION = 0.0, D_LENGTH = 0.0, B_LOOPSRC = 1.0, C_BEATATTACHMODE = -1.0, I_CURTAKE = 0.0,
    D_VOL = 1.0, B_MUTE = 0.0 }
  item.ext, item.takes = item.ext or {}, item.takes or {}
  table.insert(track.items, item)
  return item
end

function model.take(item, fields)
  local take = model.new("MediaItem_Take", fields or {})
  take.item = item
  take.text = take.text or { P_NAME = "" }
  take.value = take.value or { D_STARTOFFS = 0.0, D_PLAYRATE = 1.0, D_VOL = 1.0 }
  take.ext = take.ext or {}
  table.insert(item.takes, take)
  return take
end

local function copied(source)
  local copy = {}
  for name, value in pairs(source) do copy[name] = value end
  return copy
end

-- What undo keeps of a project: everything but handles.
function model.snapshot(project)
  local tracks = {}
  for index, track in ipairs(project.tracks) do
    local kept = { guid = track.guid, effects = track.effects, selected = track.selected,
      text = copied(track.text), value = copied(track.value), ext = copied(track.ext), items = {} }
    for at, item in ipairs(track.items) do kept.items[at] = model.item_state(item) end
    tracks[index] = kept
  end
  return tracks
end

function model.item_state(item)
  local kept = { guid = item.guid, text = copied(item.text), value = copied(item.value), ext = copied(item.ext),
    selected = item.selected, takes = {} }
  for index, take in ipairs(item.takes) do
    kept.takes[index] = { guid = take.guid, text = copied(take.text), value = copied(take.value), ext = copied(take.ext),
      source = take.source, notes = take.notes }
  end
  return kept
end

local function kill(item)
  item.deleted = true
  for _, take in ipairs(item.takes) do take.deleted = true end
end

model.kill_item = kill

function model.kill_track(track)
  track.deleted = true
  for _, item in ipairs(track.items) do kill(item) end
end

function model.kill_project(project)
  project.deleted = true
  for _, track in ipairs(project.tracks) do model.kill_track(track) end
end

function model.fill_item(item, state)
  item.guid, item.text, item.value = state.guid, copied(state.text), copied(state.value)
  item.ext, item.selected = copied(state.ext), state.selected
  for _, take in ipairs(item.takes) do take.deleted = true end
  item.takes = {}
  for _, take in ipairs(state.takes) do
    model.take(item, { guid = take.guid, text = copied(take.text), value = copied(take.value), ext = copied(take.ext),
      source = take.source, notes = take.notes })
  end
end

-- Back to a snapshot: undo replaces every track, item and take by new ones of the same GUIDs.
function model.restore(project, tracks)
  for _, track in ipairs(project.tracks) do model.kill_track(track) end
  project.tracks = {}
  for _, kept in ipairs(tracks) do
    local track = model.track({ project = project, effects = kept.effects, selected = kept.selected,
      guid = kept.guid, text = copied(kept.text), value = copied(kept.value), ext = copied(kept.ext) })
    table.insert(project.tracks, track)
    for _, state in ipairs(kept.items) do model.fill_item(model.item(track), state) end
  end
end

function model.project(fields)
  local project = model.new("ReaProject", fields or {})
  project.tracks, project.markers, project.tempo = {}, project.markers or {}, project.tempo or {}
  project.bpm, project.num, project.den = project.bpm or 120.0, project.num or 4, project.den or 4
  project.selection, project.cursor = project.selection or { 0.0, 0.0 }, project.cursor or 0.0
  project.file, project.ext, project.info = project.file or "", project.ext or {}, project.info or {}
  project.time_base = project.time_base or 1 -- beats: REAPER's own default
  project.first_measure = project.first_measure or 1 -- the number its ruler begins with
  project.undo = { { text = "", tracks = model.snapshot(project) } }
  return project
end

-- The model as plain tables, to be compared and shown.
function model.plain(project)
  local tracks = {}
  for index, track in ipairs(model.snapshot(project)) do
    local items = {}
    for at, item in ipairs(track.items) do
      local takes = {}
      for each, take in ipairs(item.takes) do
        takes[each] = { guid = take.guid, name = take.text.P_NAME, ext = take.ext, value = take.value,
          file = take.source and take.source.file, notes = take.notes and #take.notes }
      end
      items[at] = { guid = item.guid, value = item.value, text = item.text, ext = item.ext, takes = takes }
    end
    tracks[index] = { guid = track.guid, name = track.text.P_NAME, value = track.value, ext = track.ext, items = items }
  end
  local undo = {}
  for index = 2, #project.undo do undo[index - 1] = project.undo[index].text end
  return { tracks = tracks, undo = undo, ext = project.ext, file = project.file }
end

return model
