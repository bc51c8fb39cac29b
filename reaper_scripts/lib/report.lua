-- What was measured on a take, in words for an item's notes.
local report = {}

local MOST_REMARKS = 8

-- Notes of the tempo asked for that a pulse may be heard in, by how many there are to a quarter.
local NOTES = {
  ["2"] = "the eighths", ["4"] = "the sixteenths", ["3"] = "the triplets",
  ["1/2"] = "the half notes", ["1/4"] = "the whole notes",
}

local function number(value, form) return type(value) == "number" and form:format(value) or nil end

local function list_of(value) return type(value) == "table" and value or {} end

-- What the engine says of a take besides its sound: words of the prompt that it does not know, remarks,
-- and what was changed in the melody. A list of lines.
function report.remarks(manifest, take)
  local entry = list_of(manifest.takes)[take]
  local facts, lines, words = list_of(list_of(entry).facts), {}, {}
  for _, remark in ipairs(list_of(facts.remarks)) do
    if type(remark) == "string" then lines[#lines + 1] = remark end
  end
  local said = table.concat(lines, " ")
  for _, word in ipairs(list_of(facts.unknown_words)) do
    if not said:find(tostring(word), 1, true) then words[#words + 1] = tostring(word) end
  end
  if #words > 0 then table.insert(lines, 1, "not understood: " .. table.concat(words, ", ")) end
  for _, change in ipairs(list_of(list_of(manifest.melody).changes)) do
    if type(change) == "string" then lines[#lines + 1] = "melody: " .. change end
  end
  return lines
end

-- A few lines; "not measured" where a figure is missing, never a guess.
function report.text(manifest, take)
  local entry = type(manifest.takes[take]) == "table" and manifest.takes[take] or {}
  local found = type(entry.report) == "table" and entry.report or {}
  local request = type(manifest.request) == "table" and manifest.request or {}
  local key = type(manifest.key) == "table" and manifest.key.name
  local lines = {
    ("backline job %s, take %d, seed %s"):format(tostring(manifest.job), take, tostring(entry.seed)),
    ("style: %s"):format(type(request.tags) == "string" and request.tags ~= "" and request.tags or "none asked"),
  }
  local bpm = number(found.bpm, "%.2f bpm")
  if bpm and found.octave_relation ~= "1" then
    local notes = NOTES[found.octave_relation]
    bpm = notes and ("%s, %s of what was asked"):format(bpm, notes)
      or ("%s, %s was asked"):format(bpm, number(found.bpm_asked, "%.2f bpm") or "another tempo")
  elseif bpm then
    bpm = ("%s (%s %% from what was asked)"):format(bpm, number(found.bpm_error_percent, "%+.2f") or "?")
  end
  lines[#lines + 1] = "tempo heard: " .. (bpm or "not measured")
  lines[#lines + 1] = "beats: " .. (number(found.beat_offset_ms, "%+.1f ms off the grid (median)") or "not measured")
  local heard = type(found.key) == "string" and found.key
  lines[#lines + 1] = "key heard: " .. (heard or "not measured")
    .. (heard and key and (" (asked: %s)"):format(key) or "")
  lines[#lines + 1] = "peak of the mix: " .. (number(found.peak_dbfs, "%.1f dBFS") or "not measured")
  lines[#lines + 1] = ("length: %d frames at %d Hz"):format(manifest.grid.frames, manifest.grid.sample_rate)
  table.move(report.remarks(manifest, take), 1, MOST_REMARKS, #lines + 1, lines)
  return table.concat(lines, "\n")
end

-- What a stem was split from, and by what.
function report.of_sound(manifest, path, stem)
  local engine = type(manifest.engine) == "table" and manifest.engine or {}
  local take = type(manifest.takes[1]) == "table" and manifest.takes[1] or {}
  local facts = type(take.facts) == "table" and take.facts or {}
  local lines = { ("%s of %s, split by %s"):format(stem, path:match("[^/\\]*$"), tostring(engine.name or "an unnamed splitter")) }
  for _, silent in ipairs(type(facts.silent) == "table" and facts.silent or {}) do
    if silent == stem then lines[#lines + 1] = "nothing is heard in it" end
  end
  lines[#lines + 1] = ("length: %d frames at %d Hz"):format(manifest.grid.frames, manifest.grid.sample_rate)
  return table.concat(lines, "\n")
end

return report
