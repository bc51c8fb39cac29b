-- What is to be landed of a job: {title, position_seconds, length_seconds, as_lanes, tempo, sound, notes,
-- family, stems = {{name, notes, provenance, target (an item's GUID or nil), takes = {{path, name, provenance,
-- midi = {path, name, provenance} or nil}}}}}.
-- `notes` says where the MIDI of each take goes: "take", "track" or "none"; `family`, as families.find gives it,
-- has the tracks that the stems come onto.
-- `tempo`, a manifest's grid, has the project take up its tempo and meter over those bars.
-- `located` has items by GUID where they were looked for before (tracks.locate).
-- `sound` = {item, take (GUIDs), from_seconds} is what the stems were split from, if they were.
local provenance = require("provenance")
local report = require("report")

local plan = {}

local function of_music(order, manifest, stems, made)
  for index, stem in ipairs(stems) do
    local takes = {}
    for each, take in ipairs(stem.takes) do
      local seed = type(manifest.takes[take.take]) == "table" and manifest.takes[take.take].seed
      local name = ("%s seed %s"):format(stem.name, tostring(seed or "?"))
      local origin = provenance.of_take(order, manifest, take)
      takes[each] = { path = take.path, name = name, provenance = origin,
        midi = take.midi and { path = take.midi.path, name = name .. " notes", provenance = origin } }
    end
    made.stems[index] = {
      name = stem.name, takes = takes, target = order.targets[stem.name], notes = report.text(manifest, 1),
      provenance = provenance.of_item(order, manifest, stem.name),
    }
  end
end

local function of_sound(order, manifest, stems, made)
  local position = type(manifest.position) == "table" and manifest.position or {}
  made.sound = { item = order.sound.item, take = order.sound.take, from_seconds = tonumber(position.from_seconds) or 0 }
  for index, stem in ipairs(stems) do
    local take = stem.takes[1]
    made.stems[index] = {
      name = stem.name, notes = report.of_sound(manifest, order.sound.path, stem.name),
      provenance = provenance.of_split(order, manifest, stem.name),
      takes = { { path = take.path, name = stem.name, provenance = provenance.of_take(order, manifest, take) } },
    }
  end
end

-- The plan of an order whose files are `stems`, as media.fetch gave them.
function plan.of(order, proj, manifest, stems)
  local made = {
    title = order.title, stems = {}, as_lanes = order.takes_as == "lanes", notes = order.notes or "none",
    position_seconds = reaper.TimeMap2_QNToTime(proj, order.start_qn),
    length_seconds = manifest.grid.frames / manifest.grid.sample_rate,
  }
  if order.brings_tempo then made.tempo = manifest.grid end
  local fill = order.sound and of_sound or of_music
  fill(order, manifest, stems, made)
  return made
end

return plan
