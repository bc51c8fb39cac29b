-- The key of a melody: how long each pitch class sounds, against the profiles of the 24 keys.
local key = {}

-- Albrecht and Shanahan, "The Use of Large Corpora to Train a New Type of Key-Finding Algorithm",
-- Music Perception 31(1), 2013: share of each scale step from the tonic upwards.
local PROFILES = {
  major = { 0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081 },
  minor = { 0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052 },
}
local NAMES = {
  major = { "C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B" },
  minor = { "C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B" },
}
local MIN_CORRELATION = 0.6

-- All keys by name, to be picked from.
function key.names()
  local names = {}
  for _, mode in ipairs({ "minor", "major" }) do
    for _, tonic in ipairs(NAMES[mode]) do names[#names + 1] = tonic .. " " .. mode end
  end
  return names
end

local function correlation(a, b)
  local mean_a, mean_b = 0, 0
  for step = 1, 12 do mean_a, mean_b = mean_a + a[step] / 12, mean_b + b[step] / 12 end
  local ab, aa, bb = 0, 0, 0
  for step = 1, 12 do
    local x, y = a[step] - mean_a, b[step] - mean_b
    ab, aa, bb = ab + x * y, aa + x * x, bb + y * y
  end
  return aa > 0 and bb > 0 and ab / math.sqrt(aa * bb) or 0
end

-- Such as "A minor", from notes as melody.notes gives them; nil where no key fits well.
function key.guess(notes)
  local heard = {}
  for step = 1, 12 do heard[step] = 0 end
  for _, note in ipairs(notes) do
    heard[note.pitch % 12 + 1] = heard[note.pitch % 12 + 1] + note.length
  end
  local best, name = MIN_CORRELATION, nil
  for _, mode in ipairs({ "major", "minor" }) do
    for tonic = 0, 11 do
      local turned = {}
      for step = 0, 11 do turned[step + 1] = heard[(tonic + step) % 12 + 1] end
      local fit = correlation(turned, PROFILES[mode])
      if fit > best then best, name = fit, NAMES[mode][tonic + 1] .. " " .. mode end
    end
  end
  return name
end

return key
