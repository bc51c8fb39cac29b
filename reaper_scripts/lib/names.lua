-- Names of the sound files in a project's media folder: backline_0042_drums_92.5bpm_Cmin.wav, in the
-- same words as `backline export --files`.
local names = {}

local MODES = {
  major = "maj", minor = "min", dorian = "dor", phrygian = "phr", lydian = "lyd", mixolydian = "mix", locrian = "loc",
}
local MAX_LABEL = 40

local function plain(text)
  return (text:gsub("[^A-Za-z0-9]+", "-"):gsub("^%-+", ""):gsub("%-+$", ""):sub(1, MAX_LABEL))
end

local function tempo_word(bpm)
  return (("%.3f"):format(bpm):gsub("0+$", ""):gsub("%.$", "")) .. "bpm"
end

-- "C minor" is Cmin; nil for what is no key.
local function key_word(name)
  local tonic, mode = name:match("^([A-G][b#]?) (%l+)$")
  return MODES[mode] and tonic .. MODES[mode]
end

-- The end of a file's name that says its format.
function names.suffix(path)
  local suffix = path:lower():match("%.%w+$")
  return (suffix == ".flac" or suffix == ".mid") and suffix or ".wav"
end

-- The name of a stem's take, by the job's manifest, with the suffix of its file there; what the
-- manifest does not say is left out.
function names.of(manifest, stem, take, path)
  local request = type(manifest.request) == "table" and manifest.request or {}
  local job, words = tostring(manifest.job or ""), { "backline" }
  if job:find("^%d+$") then
    words[2] = ("%04d"):format(math.tointeger(tonumber(job)))
  elseif type(request.project) == "string" and plain(request.project) ~= "" then
    words[2] = plain(request.project)
  end
  words[#words + 1] = stem
  if #manifest.takes > 1 then words[#words + 1] = ("take%d"):format(take) end
  local bpm, key = manifest.grid.bpm, type(manifest.key) == "table" and manifest.key.name
  local its_key = type(key) == "string" and key_word(key)
  if type(bpm) == "number" and its_key then
    words[#words + 1] = tempo_word(bpm)
    words[#words + 1] = its_key
  end
  return table.concat(words, "_") .. names.suffix(path)
end

return names
