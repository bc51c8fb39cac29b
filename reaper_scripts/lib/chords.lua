-- The chords of a project: regions or markers that read as chord symbols, as the text the daemon
-- takes; and the selected MIDI item that is named "chords".
local melody = require("melody")
local project = require("project")

local chords = {}

local SLOTS = { 1, 2, 3, 4, 6, 8, 12, 16 } -- shares of a bar that may hold a chord each
local NEAR = 0.02 -- of a bar: what a place may miss of its share

-- What a symbol holds after its root, the longer first; no word that names a section is made of them.
local PIECES = {
  "maj", "Maj", "MAJ", "min", "dim", "sus", "aug", "add", "alt", "omit", "no", "ma", "mi", "M", "m", "o7",
  "∆", "Δ", "△", "°", "º", "ø", "♯", "♭", "#", "b", "+", "-", "(", ")", ",", "/",
}

local function without_root(text)
  local rest = text:match("^[A-G](.*)$")
  if not rest then return nil end
  return (rest:gsub("^♯", ""):gsub("^♭", ""):gsub("^[#b]", ""))
end

-- Whether a name reads as a chord symbol, and whether it is more than one bare letter.
function chords.reads(name)
  if name == "N.C." or name == "NC" then return true, true end
  local rest = without_root(name)
  if not rest then return false, false end
  local quality, bass = rest:match("^(.*)/([A-G][^/]*)$")
  if bass then
    if without_root(bass) ~= "" then return false, false end
    rest = quality
  end
  while rest ~= "" do
    local after = rest:match("^%d+(.*)$")
    for _, piece in ipairs(PIECES) do
      if not after and rest:sub(1, #piece) == piece then after = rest:sub(#piece + 1) end
    end
    if not after then return false, false end
    rest = after
  end
  return true, #name > 1
end

-- Marks {qn, stop, name} of a range in order, regions or markers, where all of them read as chords
-- and one is more than a letter, which is more often a part of the song; or nil.
local function marks(proj, range, wants_regions)
  local found, is_sure = {}, false
  for index = 0, reaper.CountProjectMarkers(proj) - 1 do
    local _, is_region, from, to, name = reaper.EnumProjectMarkers3(proj, index)
    local start, stop = reaper.TimeMap2_timeToQN(proj, from), reaper.TimeMap2_timeToQN(proj, to)
    name = name:gsub("%s", "")
    local sounds = start < range.end_qn and (not is_region or stop > range.start_qn)
    if is_region == wants_regions and name ~= "" and sounds then
      local reads, is_more = chords.reads(name)
      if reads then
        found[#found + 1] = { qn = start, stop = is_region and stop or nil, name = name }
        is_sure = is_sure or is_more
      elseif start >= range.start_qn or is_region then
        return nil
      end
    end
  end
  table.sort(found, function(a, b) return a.qn < b.qn end)
  return is_sure and found or nil
end

-- Places {share of the bar, symbol} of one bar as words: the fewest shares that hold them all.
local function bar_words(places)
  local slots
  for _, count in ipairs(SLOTS) do
    local fits = true
    for _, place in ipairs(places) do
      local slot = place.at * count
      fits = fits and math.abs(slot - math.floor(slot + 0.5)) <= NEAR * count
    end
    if fits then slots = count break end
  end
  slots = slots or SLOTS[#SLOTS]
  local words = {}
  for slot = 1, slots do words[slot] = "." end
  for _, place in ipairs(places) do
    words[math.min(math.floor(place.at * slots + 0.5), slots - 1) + 1] = place.name
  end
  return table.concat(words, " ")
end

-- The chords of a range as "Am7 F | . | C", and whether regions gave them; "" where there are none.
function chords.text(proj, range)
  local regions = marks(proj, range, true)
  local found = regions or marks(proj, range, false)
  if not found then return "", false end
  local changes = {}
  for index, mark in ipairs(found) do
    changes[#changes + 1] = mark
    local following = found[index + 1]
    if mark.stop and mark.stop < range.end_qn - 0.01 and (not following or following.qn > mark.stop + 0.01) then
      changes[#changes + 1] = { qn = mark.stop, name = "N.C." }
    end
  end
  local bars, next_one = {}, 1
  for bar = 1, range.bars do
    local lines = project.bars(proj, range.first + bar - 1, 1)
    local from, to = lines.start_qn, lines.end_qn
    local places = {}
    if bar == 1 then places[1] = { at = 0, name = "N.C." } end -- unless one begins there or before
    while changes[next_one] and changes[next_one].qn < to - NEAR * (to - from) do
      places[#places + 1] = { at = math.max((changes[next_one].qn - from) / (to - from), 0), name = changes[next_one].name }
      next_one = next_one + 1
    end
    bars[bar] = bar_words(places)
  end
  return table.concat(bars, " | "), regions ~= nil
end

-- The notes over a range of the first selected MIDI item that is named "chords", or nil.
function chords.notes(proj, range)
  local item, take = melody.selected(proj, true)
  local notes = item and melody.notes(proj, item, take, range) or {}
  return #notes > 0 and notes or nil
end

return chords
