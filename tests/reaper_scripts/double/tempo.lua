-- The tempo map of the double. Within a ramp the tempo moves linearly in time, so that the quarters
-- of a stretch of d seconds are (b0 + b1) / 120 * d: REAPER's rule.
local tempo = {}

local function segments(project)
  local list = {}
  local markers = project.tempo
  if #markers == 0 or markers[1].seconds > 0 then
    list[1] = { seconds = 0.0, bpm = project.bpm, num = project.num, den = project.den }
  end
  for _, marker in ipairs(markers) do list[#list + 1] = marker end
  local found, qn, measure, num, den = {}, 0.0, 0, project.num, project.den
  for index, marker in ipairs(list) do
    local following = list[index + 1]
    num, den = marker.num or num, marker.den or den
    local segment = {
      seconds = marker.seconds, qn = qn, from = marker.bpm, num = num, den = den, measure = measure,
      to = marker.ramp and following and following.bpm or marker.bpm, ends = following and following.seconds or math.huge,
      -- A point without a meter goes on counting bars from the one that has it.
      anchor_qn = (marker.num or index == 1) and qn or found[index - 1].anchor_qn,
    }
    if not marker.num and index > 1 then segment.measure = found[index - 1].measure end
    found[index] = segment
    if following then
      qn = qn + (following.seconds - marker.seconds) * (segment.from + segment.to) / 120
      if following.num then
        measure = segment.measure + math.ceil((qn - segment.anchor_qn) / (num * 4 / den) - 1e-9)
      end
    end
  end
  return found
end

local function last(list, is_before)
  local found = list[1]
  for _, each in ipairs(list) do
    if is_before(each) then found = each end
  end
  return found
end

local function bpm_in(segment, seconds)
  if segment.ends == math.huge then return segment.from end
  return segment.from + (segment.to - segment.from) * (seconds - segment.seconds) / (segment.ends - segment.seconds)
end

function tempo.at(project, seconds)
  local segment = last(segments(project), function(each) return each.seconds <= seconds end)
  return segment, bpm_in(segment, seconds)
end

function tempo.to_qn(project, seconds)
  local segment, bpm = tempo.at(project, seconds)
  return segment.qn + (seconds - segment.seconds) * (segment.from + bpm) / 120, segment
end

function tempo.to_seconds(project, qn)
  local segment = last(segments(project), function(each) return each.qn <= qn + 1e-12 end)
  local into = qn - segment.qn
  if segment.from == segment.to then return segment.seconds + into * 60 / segment.from end
  local slope = (segment.to - segment.from) / (segment.ends - segment.seconds)
  return segment.seconds + (math.sqrt(segment.from ^ 2 + 120 * slope * into) - segment.from) / slope
end

function tempo.measure(project, number)
  local list = segments(project)
  local segment = last(list, function(each) return each.measure <= number end)
  local length = segment.num * 4 / segment.den
  local qn = segment.anchor_qn + (number - segment.measure) * length
  local stop = qn + length
  for _, each in ipairs(list) do -- a measure that a time signature cuts short ends there
    if each.measure == number + 1 and each.anchor_qn == each.qn then stop = math.min(stop, each.qn) end
  end
  return tempo.to_seconds(project, qn), qn, stop, segment.num, segment.den, segment.from
end

-- Carries out a change of the tempo map as REAPER does: items on a beat time base stay on their
-- beats, and so move in time. `base` is the project's own: 0 time, 1 position, length and rate.
function tempo.change(project, edit)
  local before, kept = { tempo = project.tempo, bpm = project.bpm, num = project.num, den = project.den }, {}
  before.tempo = table.move(before.tempo, 1, #before.tempo, 1, {})
  for _, track in ipairs(project.tracks) do
    for _, item in ipairs(track.items) do
      local mode = item.value.C_BEATATTACHMODE
      if mode < 0 then mode = project.time_base end
      local from = item.value.D_POSITION
      if mode ~= 0 then
        kept[item] = { mode, (tempo.to_qn(before, from)), (tempo.to_qn(before, from + item.value.D_LENGTH)) }
      end
    end
  end
  edit()
  for item, each in pairs(kept) do
    item.value.D_POSITION = tempo.to_seconds(project, each[2])
    if each[1] == 1 then item.value.D_LENGTH = tempo.to_seconds(project, each[3]) - item.value.D_POSITION end
  end
end

function tempo.beats(project, seconds)
  local qn, segment = tempo.to_qn(project, seconds)
  local length = segment.num * 4 / segment.den
  local bars = math.floor((qn - segment.anchor_qn) / length + 1e-9)
  return (qn - segment.anchor_qn - bars * length) * segment.den / 4, segment.measure + bars, segment.num, qn, segment.den
end

return tempo
