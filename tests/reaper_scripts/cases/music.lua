-- What is read from a project: bars, tempo maps, sections, melodies, keys. Sums are counted by hand.

local function grid_of(w, fields, first, bars)
  local project = w:lib("project")
  for name, value in pairs(fields) do w:project()[name] = value end
  local proj = w:project().handle
  return project.grid(proj, project.bars(proj, first, bars)), project, proj
end

case("a constant tempo needs no map and keeps its decimals", function(w)
  local grid, project = grid_of(w, { bpm = 61.7, num = 7, den = 8 }, 3, 2)
  equal(grid.bpm, 61.7)
  equal(grid.meter, "7/8")
  equal(grid.tempo_map, "")
  equal(grid.meter_map, "")
  equal(project.shortest(61.7), "61.7")
  equal(project.shortest(1 / 3), "0.3333333333333333")
  equal(project.shortest(120.0), "120")
end)

case("a step within the range becomes a point in quarters from its start", function(w)
  -- 120 bpm: bars of 2 s. At 6 s, the start of bar 4, 90 bpm. Range: bars 3 to 5.
  local grid = grid_of(w, { bpm = 120.0, tempo = { { seconds = 6.0, bpm = 90.0 } } }, 2, 3)
  equal(grid.bpm, 120.0)
  equal(grid.tempo_map, "0:120 4:90")
end)

case("a step on the first bar line of the range already rules", function(w)
  local grid = grid_of(w, { bpm = 120.0, tempo = { { seconds = 6.0, bpm = 90.0 } } }, 3, 2)
  equal(grid.bpm, 90.0)
  equal(grid.tempo_map, "")
end)

case("a ramp that ends beyond the range aims at the tempo reached at its end", function(w)
  -- From 60 at 0 s to 120 at 8 s: (60 + 120) / 120 * 8 = 12 quarters. After 2 bars, 8 quarters,
  -- bpm^2 has grown from 3600 by 2/3 of 10800: 10800, so that the tempo is sqrt(10800).
  local grid = grid_of(w, { tempo = { { seconds = 0.0, bpm = 60.0, ramp = true }, { seconds = 8.0, bpm = 120.0 } } }, 0, 2)
  local reached = tonumber(grid.tempo_map:match("^0:60:ramp 8:(%S+)$"))
  near(reached, math.sqrt(10800), 1e-9, "tempo at the end")
end)

case("a ramp that began before the range goes on from the tempo it has there", function(w)
  local grid = grid_of(w, { tempo = { { seconds = 0.0, bpm = 60.0, ramp = true }, { seconds = 8.0, bpm = 120.0 } } }, 2, 2)
  near(grid.bpm, math.sqrt(10800), 1e-9, "tempo at the start")
  local first, rest = grid.tempo_map:match("^0:(%S+):ramp (.+)$")
  near(tonumber(first), math.sqrt(10800), 1e-9, "tempo of the first point")
  equal(rest, "4:120")
end)

case("a last marker that would ramp has nothing to ramp to", function(w)
  local grid = grid_of(w, { tempo = { { seconds = 0.0, bpm = 100.0, ramp = true } } }, 0, 4)
  equal(grid.tempo_map, "")
  equal(grid.bpm, 100.0)
end)

case("nor does a last marker within the range", function(w)
  -- 100 bpm: 4.8 s are 8 quarters.
  local grid = grid_of(w, { bpm = 100.0, tempo = { { seconds = 4.8, bpm = 90.0, ramp = true } } }, 0, 4)
  equal(grid.tempo_map, "0:100 8:90")
end)

case("points between beats stay exact as fractions", function(w)
  -- 120 bpm: 2.75 s are 5 1/2 quarters.
  local grid, project = grid_of(w, { bpm = 120.0, tempo = { { seconds = 2.75, bpm = 100.0 } } }, 0, 4)
  equal(grid.tempo_map, "0:120 11/2:100")
  equal(project.beats_text(1 / 3), "1/3")
  equal(project.beats_text(0.1234567891), "0.123456789")
  equal(project.beats_text(16.0000000001), "16")
end)

for _, den in ipairs({ 2, 8 }) do
  case("a tempo is that of quarters in a meter of /" .. den .. " however REAPER tells it", function(w)
    w.tells_bpm_in_denominators = true
    local grid = grid_of(w, { bpm = 61.7, num = 7, den = den }, 3, 2)
    near(grid.bpm, 61.7, 1e-6, "without markers")
    grid = grid_of(w, { num = 6, den = den, tempo = { { seconds = 0.0, bpm = 60.0, ramp = true }, { seconds = 80.0, bpm = 120.0 } } }, 1, 1)
    local start = (den == 8 and 3 or 12) -- a bar of 6/8, of 6/2
    near(grid.bpm, math.sqrt(3600 + 10800 * start / 120), 1e-6, "within a ramp")
    local first, last = grid.tempo_map:match("^0:(%S+):ramp %d+:(%S+)$")
    near(tonumber(first), grid.bpm, 1e-9)
    near(tonumber(last), math.sqrt(3600 + 10800 * 2 * start / 120), 1e-6, "at the end of the range")
  end)
end

case("the tempo that REAPER tells is taken as it is where it agrees with its own map", function(w)
  equal(grid_of(w, { bpm = 61.7, num = 7, den = 8 }, 3, 2).bpm, 61.7)
end)

case("bars have the numbers of the ruler", function(w)
  local _, project, proj = grid_of(w, { bpm = 120.0, first_measure = -3 }, 0, 1)
  equal(project.bar_number(proj, 0), -3)
  equal(project.bar_number(proj, 7), 4)
  w:project().first_measure = 1
  equal(project.bar_number(proj, 7), 8)
  w.calls.format_timestr_pos = function() return "0:02.000" end
  equal(project.bar_number(proj, 7), 8, "where the ruler tells no bars")
end)

case("meters that change are told by bar", function(w)
  -- 4/4 for 2 bars of 2 s, then 6/8: bars of 3 quarters, 1.5 s.
  local grid = grid_of(w, { tempo = { { seconds = 0.0, bpm = 120.0, num = 4, den = 4 }, { seconds = 4.0, bpm = 120.0, num = 6, den = 8 } } }, 0, 4)
  equal(grid.meter, "4/4")
  equal(grid.meter_map, "1:4/4 3:6/8")
  equal(grid.tempo_map, "")
end)

case("a meter that a tempo step follows goes on counting its bars", function(w)
  -- 3/4 from the start; at 3 s, after 2 bars of 1.5 s at 120, 60 bpm: bar 3 begins there.
  local fields = { num = 3, tempo = { { seconds = 0.0, bpm = 120.0, num = 3, den = 4 }, { seconds = 3.0, bpm = 60.0 } } }
  local grid, project, proj = grid_of(w, fields, 1, 3)
  equal(grid.meter, "3/4")
  equal(grid.tempo_map, "0:120 3:60")
  equal(project.nearest_bar(proj, 3.0), 2, "bar at 3 s")
  equal(project.nearest_bar(proj, 4.4), 2, "bar nearest to 4.4 s") -- bars of 3 s now
  equal(project.nearest_bar(proj, 4.6), 3, "bar nearest to 4.6 s")
end)

case("the nearest bar line is found from either side", function(w)
  local _, project, proj = grid_of(w, { bpm = 240.0 }, 0, 1) -- bars of 1 s
  for seconds, bar in pairs({ [0.0] = 0, [0.49] = 0, [0.51] = 1, [1.0] = 1, [7.9999999] = 8, [8.0000001] = 8, [56.0] = 56 }) do
    equal(project.nearest_bar(proj, seconds), bar, "bar at " .. seconds)
  end
end)

case("without a selection the range begins at the cursor", function(w)
  local _, project, proj = grid_of(w, { bpm = 240.0, cursor = 4.2 }, 0, 1)
  local range, is_selection = project.range(proj, 8)
  equal(is_selection, false)
  equal(range.first, 4)
  equal(range.bars, 8)
  equal(range.start_qn, 16.0)
  equal(range.end_qn, 48.0)
end)

case("a selection shorter than a bar is one bar", function(w)
  local _, project, proj = grid_of(w, { bpm = 240.0, selection = { 2.1, 2.2 } }, 0, 1)
  local range, is_selection = project.range(proj, 8)
  equal(is_selection, true)
  equal(range.first, 2)
  equal(range.bars, 1)
end)

case("regions that overlap or reach beyond the range are cut", function(w)
  local _, project, proj = grid_of(w, { bpm = 240.0, markers = {
    { start = 0.0, stop = 3.0, name = "Intro" }, { start = 2.0, stop = 5.0, name = "pre-chorus 1" },
    { start = 5.0, stop = 5.2, name = "too short" }, { start = 5.0, stop = 99.0, name = "Chorus (big)" },
    { start = 6.0, stop = 7.0, name = "versed" }, { start = 1.0, stop = 2.0, name = " : " },
  } }, 0, 1)
  equal(project.sections(proj, project.bars(proj, 1, 7)), "1-2:Intro 3-4:pre-chorus 1 5-7:Chorus (big)")
end)

case("a region's words are told in one line that holds no other section", function(w)
  local _, project, proj = grid_of(w, { bpm = 240.0, markers = {
    { start = 0.0, stop = 1.0, name = " Verse 2:\tsoft  pads,\n " }, { start = 1.0, stop = 2.0, name = "soft 3-4: loud" },
    { start = 2.0, stop = 3.0, name = "- : -" }, { start = 3.0, stop = 4.0, name = "サビ" },
  } }, 0, 1)
  equal(project.sections(proj, project.bars(proj, 0, 4)), "1-1:Verse 2, soft pads 2-2:soft 3-4, loud 4-4:サビ")
end)

case("a region's name is shortened without cutting a letter in two", function(w)
  local _, project, proj = grid_of(w, { bpm = 240.0, markers = { { start = 0.0, stop = 1.0, name = "x" .. ("é"):rep(80) } } }, 0, 1)
  local name = project.sections(proj, project.bars(proj, 0, 1)):match("1%-1:(.*)")
  assert(utf8.len(name), "not UTF-8")
  assert(#name <= 128 and #name >= 126, "length " .. #name)
end)

-- Bars of 1 s at 240 bpm: four quarters each.
local function chord_text(w, markers, first, count)
  local _, project, proj = grid_of(w, { bpm = 240.0, markers = markers }, 0, 1)
  return w:lib("chords").text(proj, project.bars(proj, first or 0, count or 4))
end

case("regions that read as chords are chords, with none where there is a gap", function(w)
  local text, are_regions = chord_text(w, {
    { start = 0.0, stop = 1.0, name = "Am7" }, { start = 1.0, stop = 1.5, name = "F" },
    { start = 1.5, stop = 3.0, name = "B♭/D" }, { start = 3.25, stop = 9.0, name = "C7(#9)" },
  })
  equal(text, "Am7 | F B♭/D | . | N.C. C7(#9) . .")
  equal(are_regions, true)
end)

case("markers that read as chords are chords, from the last before the range on", function(w)
  local text, are_regions = chord_text(w, {
    { start = 0.0, name = "count in" }, { start = 0.5, name = "G" }, { start = 2.01, name = "Em" },
    { start = 3 + 1 / 3, name = "D" }, { start = 7.0, name = "outro" },
  }, 1, 3)
  equal(text, "G | Em | . D .")
  equal(are_regions, false)
end)

case("bars before the first chord are silent, and a place is the nearest sixteenth of its bar", function(w)
  equal((chord_text(w, { { start = 1.3, name = "Cmaj7" } }, 0, 2)), "N.C. | . . . . . Cmaj7" .. (" ."):rep(10))
end)

case("letters, words and what is no chord stay parts of the song", function(w)
  for _, names in ipairs({ { "A", "B" }, { "Am", "Chorus" }, { "Verse" }, { "Bass" }, { "Drop" }, { "Am/Chorus" } }) do
    local markers = {}
    for index, name in ipairs(names) do markers[index] = { start = index - 1.0, stop = index + 0.0, name = name } end
    equal((chord_text(w, markers)), "", names[1])
  end
  for _, name in ipairs({ "Cmaj7", "C∆7", "F#m7b5", "Bbsus4", "G13(b9)", "C6/9", "Eo7", "N.C.", "A/C#" }) do
    equal((w:lib("chords").reads(name)), true, name)
  end
end)

case("the project's sample rate is taken only where it rules and is known", function(w)
  local _, project, proj = grid_of(w, {}, 0, 1)
  for _, each in ipairs({ { 0.0, 44100.0, 48000 }, { 1.0, 44100.0, 44100 }, { 1.0, 48000.0, 48000 }, { 1.0, 96000.0, 96000 }, { 1.0, 192000.0, 48000 } }) do
    w:project().info = { PROJECT_SRATE_USE = each[1], PROJECT_SRATE = each[2] }
    equal(project.sample_rate(proj), each[3])
  end
end)

case("a project is found by its id, and by its file among copies", function(w)
  local project = w:lib("project")
  local id = project.id(w:project().handle)
  equal(project.id(w:project().handle), id, "the id a second time")
  equal(project.known_id(w:project().handle), id)
  local copy = w:open({ file = "/copy.rpp", ext = { backline = { id = id } } })
  w:project().file = "/first.rpp"
  equal(project.find(id, "/copy.rpp"), copy.handle)
  equal(project.find(id, "/first.rpp"), w:project().handle)
  w.front = 2
  equal(project.find(id, "/renamed.rpp"), copy.handle, "the one in front")
  equal(project.find("another", ""), nil)
end)

case("notes are those of the item's own stretch", function(w)
  local melody, project = w:lib("melody"), w:lib("project")
  w:project().bpm = 120.0 -- a quarter lasts 0.5 s
  local proj = w:project().handle
  local item = w:add_midi_item(w:project(), 2.0, 1.0, {
    { pitch = 60, start = 0, stop = 1, velocity = 100 }, { pitch = 62, start = 1, stop = 3 },
    { pitch = 64, start = 2, stop = 3 }, { pitch = 65, start = 0.5, stop = 1, muted = true }, { pitch = 67, start = 1.5, stop = 1.5 },
  })
  local range = project.bars(proj, 0, 4)
  local notes = melody.notes(proj, item.handle, item.takes[1].handle, range)
  equal(melody.as_text(notes), "60:4:1:100 62:5:1:90") -- the second is cut at the item's end
  range = project.bars(proj, 2, 1) -- begins after it
  equal(#melody.notes(proj, item.handle, item.takes[1].handle, range), 0, "notes outside")
end)

case("notes of an item that is trimmed, faster and of other ticks are where they sound", function(w)
  local melody, project = w:lib("melody"), w:lib("project")
  w:project().bpm = 120.0 -- a quarter lasts 0.5 s
  local proj = w:project().handle
  local item = w:add_midi_item(w:project(), 2.0, 2.0, { -- from quarter 4 on, four quarters long
    { pitch = 60, start = 0, stop = 1 }, { pitch = 62, start = 2, stop = 4 }, { pitch = 64, start = 9, stop = 12 },
  })
  local take = item.takes[1]
  take.ticks, take.value.D_STARTOFFS, take.value.D_PLAYRATE = 480, 1.0, 2.0 -- begins two quarters into its source
  local notes = melody.notes(proj, item.handle, take.handle, project.bars(proj, 0, 4))
  equal(melody.as_text(notes), "62:4:1:90 64:15/2:1/2:90") -- the last is cut at the item's end
end)

case("an item's bars are those nearest to its ends", function(w)
  local melody = w:lib("melody")
  w:project().bpm = 240.0
  local item = w:add_midi_item(w:project(), 3.9, 2.3, { { pitch = 60, start = 0, stop = 1 } })
  local range = melody.range(w:project().handle, item.handle)
  equal(range.first, 4)
  equal(range.bars, 2)
end)

case("a melody as a MIDI file has its notes in order and ends", function(w)
  local melody = w:lib("melody")
  local bytes = melody.as_smf({
    { start = 0, length = 960, pitch = 60, velocity = 100 }, { start = 960, length = 20000, pitch = 60, velocity = 1 },
  })
  -- Delta times: 0, 960 = 0x87 0x40, 0, 20000 = 0x81 0x9C 0x20. The first note ends before the second begins.
  local track = "\0\x90\x3C\x64" .. "\x87\x40\x80\x3C\0" .. "\0\x90\x3C\1" .. "\x81\x9C\x20\x80\x3C\0" .. "\0\xFF\x2F\0"
  equal(bytes, "MThd\0\0\0\6\0\0\0\1\3\xC0MTrk\0\0\0" .. string.char(#track) .. track)
end)

local function notes_of(pitches)
  local notes = {}
  for index, pitch in ipairs(pitches) do notes[index] = { start = index * 960, length = 960, pitch = pitch, velocity = 90 } end
  return notes
end

case("keys are guessed from what sounds longest", function(w)
  local key = w:lib("key")
  equal(key.guess(notes_of({ 60, 64, 67, 72, 65, 69, 62, 71, 60, 67 })), "C major")
  equal(key.guess(notes_of({ 57, 60, 64, 69, 62, 65, 59, 57, 64, 57 })), "A minor")
  equal(key.guess(notes_of({ 70, 74, 77, 75, 79, 72, 81, 70, 77, 70 })), "Bb major")
  equal(key.guess(notes_of({ 66, 69, 73, 78, 71, 74, 68, 66, 73, 66 })), "F# minor")
end)

case("no key is guessed where none fits", function(w)
  local key = w:lib("key")
  equal(key.guess(notes_of({ 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71 })), nil) -- all twelve
  equal(key.guess({}), nil)
end)
