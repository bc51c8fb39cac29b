-- A MIDI item as a melody: notes in quarters from the start of the range, as text or as a file.
local project = require("project")

local melody = {}

local TICKS_PER_BEAT = 960
local MAX_TEXT_BYTES = 6000 -- beyond, a file: the whole request must fit one datagram of 8192

-- The first selected item whose active take is MIDI, or nil; one named "chords" is no melody, and
-- the only kind there is where `of_chords`.
function melody.selected(proj, of_chords)
  for index = 0, reaper.CountSelectedMediaItems(proj) - 1 do
    local item = reaper.GetSelectedMediaItem(proj, index)
    local take = reaper.GetActiveTake(item)
    if take and reaper.TakeIsMIDI(take) then
      local _, name = reaper.GetSetMediaItemTakeInfo_String(take, "P_NAME", "", false)
      local holds_chords = name:lower():match("^%s*chords") ~= nil
      if holds_chords == (of_chords or false) then return item, take end
    end
  end
end

-- An item's bars: from the bar line nearest to its start to the one nearest to its end.
function melody.range(proj, item)
  local from = reaper.GetMediaItemInfo_Value(item, "D_POSITION")
  local to = from + reaper.GetMediaItemInfo_Value(item, "D_LENGTH")
  local first, after = project.nearest_bar(proj, from), project.nearest_bar(proj, to)
  return project.bars(proj, first, math.max(after - first, 1))
end

-- {start, length, pitch, velocity} in 960ths of a quarter from the range's start: what sounds of
-- the item within its own bounds and within the range. Muted notes are left out.
function melody.notes(proj, item, take, range)
  local position = reaper.GetMediaItemInfo_Value(item, "D_POSITION")
  local item_end = position + reaper.GetMediaItemInfo_Value(item, "D_LENGTH")
  local from = math.max(range.start_qn, reaper.TimeMap2_timeToQN(proj, position))
  local to = math.min(range.end_qn, reaper.TimeMap2_timeToQN(proj, item_end))
  local function ticks(qn) return math.floor((qn - range.start_qn) * TICKS_PER_BEAT + 0.5) end
  local first, last, found = ticks(from), ticks(to), {}
  local _, count = reaper.MIDI_CountEvts(take)
  for index = 0, count - 1 do
    local _, _, is_muted, start_ppq, end_ppq, _, pitch, velocity = reaper.MIDI_GetNote(take, index)
    local start = ticks(reaper.MIDI_GetProjQNFromPPQPos(take, start_ppq))
    local stop = math.min(ticks(reaper.MIDI_GetProjQNFromPPQPos(take, end_ppq)), last)
    if not is_muted and start >= first and stop > start then
      found[#found + 1] = { start = start, length = stop - start, pitch = pitch, velocity = math.max(velocity, 1) }
    end
  end
  return found
end

-- "60:0:1:90 62:1:1/2:90": pitch, start and length in quarters, velocity.
function melody.as_text(notes)
  local words = {}
  for index, note in ipairs(notes) do
    words[index] = ("%d:%s:%s:%d"):format(note.pitch, project.beats_text(note.start / TICKS_PER_BEAT),
      project.beats_text(note.length / TICKS_PER_BEAT), note.velocity)
  end
  return table.concat(words, " ")
end

function melody.fits_text(text) return #text <= MAX_TEXT_BYTES end

local function variable_length(number)
  local bytes = string.char(number & 0x7F)
  number = number >> 7
  while number > 0 do
    bytes = string.char(number & 0x7F | 0x80) .. bytes
    number = number >> 7
  end
  return bytes
end

-- A Standard MIDI File of type 0 with 960 ticks a quarter.
function melody.as_smf(notes)
  local events = {}
  for _, note in ipairs(notes) do
    events[#events + 1] = { note.start, 1, string.char(0x90, note.pitch, note.velocity) }
    events[#events + 1] = { note.start + note.length, 0, string.char(0x80, note.pitch, 0) }
  end
  table.sort(events, function(a, b) -- at one tick a note ends before the next begins
    if a[1] ~= b[1] then return a[1] < b[1] end
    if a[2] ~= b[2] then return a[2] < b[2] end
    return a[3] < b[3]
  end)
  local track, now = {}, 0
  for _, event in ipairs(events) do
    track[#track + 1] = variable_length(event[1] - now) .. event[3]
    now = event[1]
  end
  track[#track + 1] = "\0\xFF\x2F\0"
  return "MThd" .. string.pack(">I4I2I2I2", 6, 0, 1, TICKS_PER_BEAT) .. "MTrk" .. string.pack(">s4", table.concat(track))
end

return melody
