-- The tempo a result was made at, brought into a project that has another there: markers from its
-- first bar on, and one after its last that has the project go on as before.
local project = require("project")

local tempo = {}

local SAME_SECONDS = 1e-6
local MOST_ITEMS = 500 -- to be looked through in one frame

local function wanted(order, name)
  for _, key in ipairs(order.keys) do
    if key[1] == name then return key[3] end
  end
  return ""
end

local function markers_within(proj, from, to)
  local count = 0
  for index = 0, reaper.CountTempoTimeSigMarkers(proj) - 1 do
    local _, seconds = reaper.GetTempoTimeSigMarker(proj, index)
    if seconds > from - SAME_SECONDS and seconds < to - SAME_SECONDS then count = count + 1 end
  end
  return count
end

-- Whether the order was for another tempo or meter than the project has over `range`, and markers
-- could be set for its `grid`: where the project has some of its own they are left alone, and no
-- marker can both end a ramp and have the project go on at another tempo.
function tempo.is_foreign(proj, range, order, grid)
  if order.sound or tempo.ends_in_ramp(grid) then return false end
  local from = reaper.TimeMap2_QNToTime(proj, range.start_qn)
  local to = reaper.TimeMap2_QNToTime(proj, range.end_qn)
  if markers_within(proj, from, to) > 0 then return false end
  local its = project.grid(proj, range)
  if not its then return false end
  return math.abs(its.bpm - (tonumber(wanted(order, "bpm")) or 0)) > 1e-9 or its.meter ~= wanted(order, "meter")
    or its.tempo_map ~= wanted(order, "tempo-map") or its.meter_map ~= wanted(order, "meter-map")
end

-- How many items end after `range` begins and lie on a time base of beats: their own, or the
-- project's where they have none.
function tempo.items_that_move(proj, range)
  local from, moving = reaper.TimeMap2_QNToTime(proj, range.start_qn), 0
  local known, base = reaper.get_config_var_string("itemtimelock")
  for index = 0, math.min(reaper.CountMediaItems(proj), MOST_ITEMS) - 1 do
    local item = reaper.GetMediaItem(proj, index)
    local mode = reaper.GetMediaItemInfo_Value(item, "C_BEATATTACHMODE")
    local holds_time = mode == 0 or (mode < 0 and known and base == "0")
    local stop = reaper.GetMediaItemInfo_Value(item, "D_POSITION") + reaper.GetMediaItemInfo_Value(item, "D_LENGTH")
    if not holds_time and stop > from + SAME_SECONDS then moving = moving + 1 end
  end
  return moving
end

-- Tempo `x` quarters into a stretch of `length`: within a ramp it moves linearly in time, so its
-- square does in quarters.
local function bpm_in(from, to, x, length)
  return length > 0 and (from ^ 2 + (to ^ 2 - from ^ 2) * x / length) ^ 0.5 or from
end

-- The manifest's maps as points {beat, bpm, ramps, numerator, denominator}, the last at the end.
local function points_of(grid)
  local points, meters, beat, meter = {}, {}, 0.0, nil
  for bar = 0, grid.bars - 1 do
    for _, change in ipairs(grid.meter_map) do
      if change.bar == bar then
        local numerator, denominator = change.meter:match("^(%d+)/(%d+)$")
        meter = { math.tointeger(tonumber(numerator)), math.tointeger(tonumber(denominator)) }
        meters[#meters + 1] = { beat = beat, meter = meter }
      end
    end
    beat = beat + meter[1] * 4 / meter[2]
  end
  for index, each in ipairs(grid.tempo_map) do
    local following = grid.tempo_map[index + 1]
    points[#points + 1] = {
      beat = each.beat, bpm = each.bpm, ramps = each.ramp and following ~= nil,
      aim = following and following.bpm, length = following and following.beat - each.beat,
    }
  end
  for _, change in ipairs(meters) do
    local ruling, here
    for _, point in ipairs(points) do
      if point.beat <= change.beat and (not ruling or point.beat > ruling.beat) then ruling = point end
      if point.beat == change.beat then here = point end
    end
    if not here then
      local x = change.beat - ruling.beat
      here = { beat = change.beat, bpm = ruling.bpm, ramps = ruling.ramps, aim = ruling.aim }
      if ruling.ramps then
        here.bpm = bpm_in(ruling.bpm, ruling.aim, x, ruling.length)
        here.length, ruling.length, ruling.aim = ruling.length - x, x, here.bpm
      end
      points[#points + 1] = here
    end
    here.numerator, here.denominator = change.meter[1], change.meter[2]
  end
  table.sort(points, function(a, b) return a.beat < b.beat end)
  return points, beat
end

function tempo.ends_in_ramp(grid)
  local points, beats = points_of(grid)
  local last
  for _, point in ipairs(points) do
    if point.beat < beats then last = point end
  end
  return last.ramps
end

-- All markers as {seconds, bpm, numerator, denominator (0: as before), ramps}.
local function markers_of(proj)
  local found = {}
  for index = 0, reaper.CountTempoTimeSigMarkers(proj) - 1 do
    local _, seconds, _, _, bpm, numerator, denominator, ramps = reaper.GetTempoTimeSigMarker(proj, index)
    found[#found + 1] = { seconds, bpm, numerator, denominator, ramps }
  end
  return found
end

local function has(list, marker)
  for _, each in ipairs(list) do
    if math.abs(each[1] - marker[1]) < SAME_SECONDS then return true end
  end
  return false
end

local function must_be_among(list, marker)
  if not has(list, marker) then error("REAPER moved tempo markers", 0) end
end

local function set(proj, index, marker)
  local seconds, bpm, numerator, denominator, ramps = table.unpack(marker, 1, 5)
  if not reaper.SetTempoTimeSigMarker(proj, index, seconds, -1, -1, bpm, numerator, denominator, ramps) then
    error("REAPER refused a tempo marker", 0)
  end
end

-- The markers as they were. REAPER may keep the last one of all: a project that had none then has
-- one at its start which says what ruled there before.
local function put_back(proj, before, at_start)
  local now = markers_of(proj)
  for _, each in ipairs(before) do
    if not has(now, each) then set(proj, -1, each) end
  end
  for index = reaper.CountTempoTimeSigMarkers(proj) - 1, 0, -1 do
    local _, seconds = reaper.GetTempoTimeSigMarker(proj, index)
    if not has(before, { seconds }) and not reaper.DeleteTempoTimeSigMarker(proj, index) then set(proj, index, at_start) end
  end
  reaper.UpdateTimeline()
end

-- Quarters a minute at a time, by the map up to the next marker.
local function bpm_after(proj, seconds)
  local qn = reaper.TimeMap2_timeToQN(proj, seconds)
  local until_qn = qn + 4
  for _, each in ipairs(markers_of(proj)) do
    if each[1] > seconds + SAME_SECONDS then until_qn = math.min(until_qn, reaper.TimeMap2_timeToQN(proj, each[1])) end
  end
  return project.bpm_at(proj, qn, until_qn)
end

-- Inserts markers for a manifest's grid from `start_seconds` on; `made.back` gets their removal.
function tempo.insert(proj, grid, start_seconds, made)
  local points, beats = points_of(grid)
  local seconds, list = start_seconds, {}
  for index, point in ipairs(points) do
    if point.beat >= beats then break end
    list[#list + 1] = { seconds, point.bpm, point.numerator or 0, point.denominator or 0, point.ramps }
    local following = points[index + 1]
    local length = math.min(following and following.beat or beats, beats) - point.beat
    seconds = seconds + length * 120 / (point.bpm + (point.ramps and point.aim or point.bpm))
  end
  if markers_within(proj, seconds, seconds + 3 * SAME_SECONDS) == 0 then
    local numerator, denominator = reaper.TimeMap_GetTimeSigAtTime(proj, seconds)
    list[#list + 1] = { seconds, bpm_after(proj, seconds), numerator, denominator, false }
  end
  local before = markers_of(proj)
  local numerator, denominator = reaper.TimeMap_GetTimeSigAtTime(proj, 0.0)
  local at_start = { 0.0, bpm_after(proj, 0.0), numerator, denominator, false }
  made.back[#made.back + 1] = function() put_back(proj, before, at_start) end
  for _, each in ipairs(list) do set(proj, -1, each) end
  local after = markers_of(proj)
  for _, each in ipairs(before) do must_be_among(after, each) end
  for _, each in ipairs(list) do must_be_among(after, each) end
  reaper.UpdateTimeline()
end

return tempo
