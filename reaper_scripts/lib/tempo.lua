-- The tempo a result was made at, brought into a project that has another there: markers from its
-- first bar on, and one after its last that has the project go on as before.
local project = require("project")

local tempo = {}

local SAME_SECONDS = 1e-6

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
  local numerator, denominator, bpm = reaper.TimeMap_GetTimeSigAtTime(proj, seconds)
  if markers_within(proj, seconds, seconds + 3 * SAME_SECONDS) == 0 then
    list[#list + 1] = { seconds, bpm, numerator, denominator, false }
  end
  made.back[#made.back + 1] = function()
    for index = reaper.CountTempoTimeSigMarkers(proj) - 1, 0, -1 do
      local _, at = reaper.GetTempoTimeSigMarker(proj, index)
      for _, each in ipairs(list) do
        if at == each[1] then
          reaper.DeleteTempoTimeSigMarker(proj, index)
          break
        end
      end
    end
  end
  for _, each in ipairs(list) do
    if not reaper.SetTempoTimeSigMarker(proj, -1, each[1], -1, -1, each[2], each[3], each[4], each[5]) then
      error("REAPER refused a tempo marker", 0)
    end
  end
  reaper.UpdateTimeline()
end

return tempo
