-- The user's project: its bars, tempo map, regions, and how to find it again among the tabs.
-- Everything musical is asked of REAPER in quarter notes (QN); seconds come from REAPER too.
local files = require("files")

local project = {}

local SAME_BPM = 1e-6 -- as a share
local MEASURES_AND_BEATS = 2 -- of format_timestr_pos
local SAME_QN = 1e-6 -- REAPER's own rounding of positions is far below, the smallest note far above
local TICKS_PER_BEAT = 960
local SECTION = "backline" -- of the project's extended state
local MAX_NAME_BYTES = 128
local SAMPLE_RATES = { [44100] = 44100, [48000] = 48000, [96000] = 96000 } -- which backline renders at

-- The shortest decimal text that is this number again.
function project.shortest(number)
  for digits = 6, 17 do
    local text = ("%." .. digits .. "g"):format(number)
    if tonumber(text) == number then return text end
  end
end

-- A position in quarters as text that is exact where it lies on a 960th: "16", "31/2", "1/3".
function project.beats_text(beats)
  local ticks = math.floor(beats * TICKS_PER_BEAT + 0.5)
  if math.abs(beats * TICKS_PER_BEAT - ticks) > SAME_QN * TICKS_PER_BEAT then return ("%.9f"):format(beats) end
  local a, b = math.abs(ticks), TICKS_PER_BEAT
  while b > 0 do a, b = b, a % b end -- greatest common divisor
  local below = TICKS_PER_BEAT // a
  return below == 1 and ("%d"):format(ticks // a) or ("%d/%d"):format(ticks // a, below)
end

function project.current()
  local proj, file = reaper.EnumProjects(-1)
  return proj, file or ""
end

-- The file of an open project, "" where it was never saved.
function project.file_of(proj)
  for index = 0, 255 do
    local each, name = reaper.EnumProjects(index)
    if not each then break end
    if each == proj then return name or "" end
  end
  return ""
end

-- The project's own name for backline, "" where none was needed yet. Reading changes nothing.
function project.known_id(proj)
  local _, id = reaper.GetProjExtState(proj, SECTION, "id")
  return id
end

-- The same, made on first use: the project keeps it, so that its jobs find it again.
function project.id(proj)
  local id = project.known_id(proj)
  if id == "" then
    id = ("%08x%08x"):format(math.random(0, 0xFFFFFFFF), os.time())
    reaper.SetProjExtState(proj, SECTION, "id", id)
  end
  return id
end

-- The open project of that id, or nil. A copy saved under another name has the same id: `file`
-- tells them apart, and without a match the one in front is taken.
function project.find(id, file)
  local found
  for index = 0, 255 do
    local proj, name = reaper.EnumProjects(index)
    if not proj then break end
    if project.known_id(proj) == id then
      if name == file then return proj end
      if not found or proj == project.current() then found = proj end
    end
  end
  return found
end

local function measure_start(proj, measure)
  local seconds, qn, _, numerator, denominator = reaper.TimeMap_GetMeasureInfo(proj, measure)
  return qn, numerator, denominator, seconds
end

-- Measure (from 0) whose bar line lies nearest to a time.
function project.nearest_bar(proj, seconds)
  local _, measure = reaper.TimeMap2_timeToBeats(proj, seconds)
  measure = math.max(measure, 0)
  local qn = reaper.TimeMap2_timeToQN(proj, seconds)
  local this, following = measure_start(proj, measure), measure_start(proj, measure + 1)
  return qn - this > following - qn and measure + 1 or measure
end

-- Bars from measure `first` (from 0) on, with their ends in quarters.
function project.bars(proj, first, count)
  local start_qn, end_qn = measure_start(proj, first), measure_start(proj, first + count)
  return { first = first, bars = count, start_qn = start_qn, end_qn = end_qn }
end

-- The time selection snapped to bars, or without one `bars` bars from the edit cursor on.
function project.range(proj, bars)
  local from, to = reaper.GetSet_LoopTimeRange2(proj, false, false, 0, 0, false)
  if to <= from then return project.bars(proj, project.nearest_bar(proj, reaper.GetCursorPositionEx(proj)), bars), false end
  local first, after = project.nearest_bar(proj, from), project.nearest_bar(proj, to)
  return project.bars(proj, first, math.max(after - first, 1)), true
end

local function meters(proj, range)
  local changes, before = {}, nil
  for bar = 1, range.bars do
    local qn, numerator, denominator = measure_start(proj, range.first + bar - 1)
    local following = measure_start(proj, range.first + bar)
    if math.abs(following - qn - numerator * 4 / denominator) > SAME_QN then
      return nil, ("Bar %d is cut short by a time signature change; choose whole bars only."):format(
        project.bar_number(proj, range.first + bar - 1))
    end
    local meter = ("%d/%d"):format(numerator, denominator)
    if meter ~= before then changes[#changes + 1] = { bar = bar, meter = meter } end
    before = meter
  end
  return changes
end

-- Tempo markers as {qn, bpm, ramps}. The bpm of a project without markers is one at its start.
local function tempo_markers(proj)
  local markers = {}
  for index = 0, reaper.CountTempoTimeSigMarkers(proj) - 1 do
    local _, seconds, _, _, bpm, _, _, ramps = reaper.GetTempoTimeSigMarker(proj, index)
    markers[#markers + 1] = { qn = reaper.TimeMap2_timeToQN(proj, seconds), bpm = bpm, ramps = ramps }
  end
  return markers
end

-- Quarters a minute at `qn`; no marker lies between it and `until_qn`. Counted in REAPER's own map,
-- because what REAPER tells may count a meter's beats: within a ramp quarters grow as a square of
-- time, and three points give its slope. Where both agree the told one has the exact decimals.
function project.bpm_at(proj, qn, until_qn)
  local from = reaper.TimeMap2_QNToTime(proj, qn)
  local half = (reaper.TimeMap2_QNToTime(proj, until_qn) - from) / 2
  local quarters = {}
  for index = 0, 2 do quarters[index] = reaper.TimeMap2_timeToQN(proj, from + index * half) end
  local counted = 30 * (4 * quarters[1] - 3 * quarters[0] - quarters[2]) / half
  local _, _, told = reaper.TimeMap_GetTimeSigAtTime(proj, from)
  return math.abs(told - counted) <= SAME_BPM * counted and told or counted
end

-- The number of a measure (from 0) on the ruler, which a project may begin with any; of the project
-- in front. Asked for at its middle: at its line rounding could tell the one before.
function project.bar_number(proj, measure)
  local middle = (measure_start(proj, measure) + measure_start(proj, measure + 1)) / 2
  local text = reaper.format_timestr_pos(reaper.TimeMap2_QNToTime(proj, middle), "", MEASURES_AND_BEATS)
  return math.tointeger(tonumber(text:match("^(-?%d+)%."))) or measure + 1
end

-- Points {beat, bpm, ramps}, beats from the start of the range; a ramp aims at the point after it.
local function tempo_points(proj, range)
  local markers, points = tempo_markers(proj), {}
  local ruling -- the last marker at or before the start
  for index, marker in ipairs(markers) do
    if marker.qn <= range.start_qn + SAME_QN then ruling = index end
  end
  local at_start = ruling and markers[ruling]
  if not at_start then
    local following = markers[1]
    local until_qn = following and math.min(following.qn, range.end_qn) or range.end_qn
    points[1] = { beat = 0, bpm = project.bpm_at(proj, range.start_qn, until_qn), ramps = false }
  elseif at_start.qn >= range.start_qn - SAME_QN or not at_start.ramps then
    points[1] = { beat = 0, bpm = at_start.bpm, ramps = at_start.ramps }
  else
    local until_qn = markers[ruling + 1] and markers[ruling + 1].qn or range.end_qn
    points[1] = { beat = 0, bpm = project.bpm_at(proj, range.start_qn, until_qn), ramps = true }
  end
  local next_one = (ruling or 0) + 1
  while markers[next_one] and markers[next_one].qn < range.end_qn - SAME_QN do
    local marker = markers[next_one]
    points[#points + 1] = { beat = marker.qn - range.start_qn, bpm = marker.bpm, ramps = marker.ramps }
    next_one = next_one + 1
  end
  local last, aim = points[#points], markers[next_one]
  if not aim then
    last.ramps = false -- the last marker of all has nothing to ramp to
  elseif last.ramps then
    local reached = aim.qn <= range.end_qn + SAME_QN
    points[#points + 1] = { beat = range.end_qn - range.start_qn,
      bpm = reached and aim.bpm or project.bpm_at(proj, range.end_qn, aim.qn), ramps = false }
  end
  return points
end

-- What the daemon is told of musical time: {bpm, meter, tempo_map, meter_map}, maps "" where
-- nothing changes; or nil and a sentence.
function project.grid(proj, range)
  local changes, why = meters(proj, range)
  if not changes then return nil, why end
  local points, words = tempo_points(proj, range), {}
  local changes_tempo = false
  for _, point in ipairs(points) do
    changes_tempo = changes_tempo or point.bpm ~= points[1].bpm
    words[#words + 1] = ("%s:%s%s"):format(project.beats_text(point.beat), project.shortest(point.bpm),
      point.ramps and ":ramp" or "")
  end
  local bars = {}
  for _, change in ipairs(changes) do bars[#bars + 1] = ("%d:%s"):format(change.bar, change.meter) end
  return {
    bpm = points[1].bpm, meter = changes[1].meter,
    tempo_map = changes_tempo and table.concat(words, " ") or "",
    meter_map = #bars > 1 and table.concat(bars, " ") or "",
  }
end

-- A region's name as the daemon reads what a section is called ("Verse 2, soft pads"), in one line;
-- a colon would begin another section. "" where there is nothing to read.
local function section_name(text)
  local name = text:gsub(":", ","):gsub("[%s%c]+", " "):gsub("^[ ,;]+", ""):sub(1, MAX_NAME_BYTES)
  while not utf8.len(name) do name = name:sub(1, -2) end -- cut within a letter
  return name:find("[%w\128-\255]") and name:gsub("[ ,;]+$", "") or ""
end

-- The project's regions over the range as "1-4:Verse 1 5-8:Chorus, loud", their ends on the nearest
-- bar lines; where regions overlap, the earlier one rules.
function project.sections(proj, range)
  local found = {}
  for index = 0, reaper.CountProjectMarkers(proj) - 1 do
    local _, is_region, from, to, name = reaper.EnumProjectMarkers3(proj, index)
    local part = is_region and section_name(name) or ""
    if part ~= "" then
      local first = math.max(project.nearest_bar(proj, from) - range.first + 1, 1)
      local last = math.min(project.nearest_bar(proj, to) - range.first, range.bars)
      if first <= last then found[#found + 1] = { first = first, last = last, name = part } end
    end
  end
  table.sort(found, function(a, b) return a.first < b.first or (a.first == b.first and a.last < b.last) end)
  local words, after = {}, 0
  for _, each in ipairs(found) do
    local first = math.max(each.first, after + 1)
    if first <= each.last then
      words[#words + 1] = ("%d-%d:%s"):format(first, each.last, each.name)
      after = each.last
    end
  end
  return table.concat(words, " ")
end

-- The project's own sample rate where backline renders at it, else 48000 Hz.
function project.sample_rate(proj)
  if reaper.GetSetProjectInfo(proj, "PROJECT_SRATE_USE", 0, false) == 0 then return 48000 end
  return SAMPLE_RATES[reaper.GetSetProjectInfo(proj, "PROJECT_SRATE", 0, false)] or 48000
end

-- The project's name as a label the daemon takes.
function project.label(proj)
  return files.tidy_name((reaper.GetProjectName(proj):gsub("%.[Rr][Pp][Pp]$", "")), 64)
end

return project
