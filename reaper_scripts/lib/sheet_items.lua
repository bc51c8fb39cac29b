-- "Plan": chords and a tune as MIDI items, to look at and to edit before any sound; the next Generate plays them.
local files = require("files")
local json = require("json")
local launcher = require("launcher")
local project = require("project")
local request = require("request")
local run = require("run")
local settings = require("settings")
local tracks = require("tracks")
local Window = require("window")

local sheet_items = {}

local WIDTH, HEIGHT = 420, 130
local PATIENCE_SECONDS, USUAL_SECONDS = 180, 8
local MOST_NOTES = 1500 -- two calls each, in one frame
local ALL_STATES, NO_TRACK_PARAMETER = -1, -1
local BASS_FROM, CHORD_FROM = 36, 60 -- MIDI pitches; the lowest is the bass to those who read it
local CHORD_VELOCITY = 80
local NOT_THERE = "The plan is not there after %d s. `backline plan` in a terminal says why."
local READY = "The plan lies on the track %s: chords, and a tune where it has one. Edit them, select them, and run Generate."
local OPTIONS = { sections = "section" } -- of the command line, where they are called otherwise

local function words_of(list, folder)
  local words = { "plan" }
  for _, key in ipairs(list) do
    words[#words + 1] = "--" .. (OPTIONS[key[1]] or key[1])
    words[#words + 1] = math.type(key[3]) == "float" and project.shortest(key[3]) or tostring(key[3])
  end
  words[#words + 1] = "-o"
  words[#words + 1] = folder
  return words
end

-- Where a chord's notes lie: the bass, and the others above it in one octave.
local function pitches(chord)
  local list = {}
  if not math.tointeger(chord.root) then return list end -- no chord
  list[1] = BASS_FROM + math.tointeger(chord.bass or chord.root)
  for _, class in ipairs(chord.pitch_classes) do list[#list + 1] = CHORD_FROM + math.tointeger(class) end
  return list
end

local function spread(chords)
  local notes = {}
  for _, chord in ipairs(chords) do
    for _, pitch in ipairs(pitches(chord)) do
      notes[#notes + 1] = { from = chord.start_beats, length = chord.length_beats, pitch = pitch, velocity = CHORD_VELOCITY }
    end
  end
  return notes
end

local function tune_of(sheet)
  local notes = {}
  for _, note in ipairs(type(sheet.tune) == "table" and sheet.tune.notes or {}) do
    notes[#notes + 1] = { from = note.start_beats, length = note.length_beats, pitch = math.tointeger(note.pitch),
      velocity = math.tointeger(note.velocity) }
  end
  return notes
end

local function add_item(proj, track, range, name, notes)
  local from, to = reaper.TimeMap2_QNToTime(proj, range.start_qn), reaper.TimeMap2_QNToTime(proj, range.end_qn)
  local item = assert(reaper.CreateNewMIDIItemInProj(track, from, to, false), "REAPER did not add a MIDI item")
  local take = assert(reaper.GetActiveTake(item), "REAPER did not add a take")
  assert(reaper.GetSetMediaItemTakeInfo_String(take, "P_NAME", name, true), "REAPER refused the take's name")
  for _, note in ipairs(notes) do
    local start = reaper.MIDI_GetPPQPosFromProjQN(take, range.start_qn + note.from)
    local stop = reaper.MIDI_GetPPQPosFromProjQN(take, range.start_qn + note.from + note.length)
    assert(reaper.MIDI_InsertNote(take, false, false, start, stop, 0, note.pitch, note.velocity, true), "REAPER refused a note")
  end
  reaper.MIDI_Sort(take)
  reaper.SetMediaItemSelected(item, true)
end

-- Inserts a sheet's chords and tune over the bars of `range` on a new track, selected and in one undo step:
-- true, or nil and a sentence, and then nothing is left of it.
function sheet_items.insert(proj, range, sheet, title)
  local chords, tune = spread(sheet.chords), tune_of(sheet)
  if #chords + #tune == 0 then return nil, "The plan has no chords and no tune." end
  if #chords + #tune > MOST_NOTES then
    return nil, ("The plan has %d notes, %d at most can be shown: plan fewer bars."):format(#chords + #tune, MOST_NOTES)
  end
  local made, track = { back = {}, tracks = {} }, nil
  local fine, problem = pcall(function()
    local at = reaper.CountTracks(proj)
    tracks.expect_at(proj, at, made)
    track = tracks.add(proj, at, title, nil, 0, made)
    reaper.SelectAllMediaItems(proj, false)
    if #chords > 0 then add_item(proj, track, range, "chords", chords) end
    if #tune > 0 then add_item(proj, track, range, "tune", tune) end
    reaper.Undo_OnStateChangeEx2(proj, "backline: " .. title, ALL_STATES, NO_TRACK_PARAMETER)
  end)
  if not fine then
    for index = #made.back, 1, -1 do pcall(made.back[index]) end
  end
  pcall(tracks.put_tab_back, made)
  pcall(reaper.UpdateArrange)
  if not fine then return nil, ("The plan could not be inserted: %s. The project is as it was."):format(tostring(problem)) end
  return true
end

local function read(folder)
  local text = files.read(files.join(folder, "lead_sheet.json"))
  local sheet = text and json.decode(text)
  return type(sheet) == "table" and type(sheet.chords) == "table" and sheet or nil
end

-- What came of it, once there is something to say.
local function outcome(id, file, range, folder, title)
  local sheet = read(folder)
  if not sheet then return nil end
  local proj = project.find(id, file)
  if not proj then return "The project was closed: the plan is in " .. folder end
  local fine, why = sheet_items.insert(proj, range, sheet, title)
  return fine and READY:format(title) or why
end

function sheet_items.plan()
  local proj, file = project.current()
  local chosen = settings.read(proj)
  local place = request.place(proj, chosen.bars)
  if chosen.key == "" then chosen.key = place.key or "" end
  if chosen.key == "" then return run.tell(request.NO_KEY) end
  local rid = request.new_rid()
  local list, why = request.musical(place, chosen, rid)
  if not list then return run.tell(why) end
  local folder = files.join(reaper.GetResourcePath(), "Data", "backline", "plans", rid)
  local started
  started, why = launcher.run(words_of(list, folder), nil, true)
  if not started then return run.tell(why) end
  local clock, id, title = reaper.time_precise, project.id(proj), "plan " .. files.tidy_name(chosen.style, 40)
  local began, window, said = clock(), Window.open("backline plan", WIDTH, HEIGHT), nil
  run.loop(function()
    local passed = clock() - began
    said = outcome(id, file, place.range, folder, title) or passed > PATIENCE_SECONDS and NOT_THERE:format(PATIENCE_SECONDS) or nil
    if said or not window:begin() then return false end
    window:bar(1 - 2 ^ (-2 * passed / USUAL_SECONDS), "Planning ...")
    local cancelled = window:buttons({ "Cancel" })
    window:finish()
    return not cancelled
  end, function()
    window:close()
    if said then run.tell(said) end
  end)
end

return sheet_items
