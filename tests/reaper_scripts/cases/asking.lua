-- What the Generate window asks for: the project, the user's words, and what it refuses to send.
local scenes = require("double.scenes")
local start, generate, generate_to_the_end, files_under = scenes.start, scenes.generate, scenes.generate_to_the_end, scenes.files_under

case("the request says what the project is", function(w, Daemon)
  local daemon = start(w, Daemon, {
    bpm = 92.7, cursor = 0.1, file = "/music/My song!.rpp",
    info = { PROJECT_SRATE_USE = 1.0, PROJECT_SRATE = 44100.0 },
  })
  daemon.rate, daemon.frames = 44100, 1000
  w:run("backline_generate.lua", generate_to_the_end)
  local keys = daemon.keys(daemon:asked("generate")[1])
  equal(keys.bpm, 92.7, "bpm") -- which 32 bits cannot hold
  equal(math.type(keys.bpm), "float", "bpm travels as a double")
  equal(keys.key, "A minor")
  equal(keys.bars, 1, "bars")
  equal(keys.meter, "4/4")
  equal(keys.tags, "dub techno")
  equal(keys.stems, "drums,bass,melody,vocals")
  equal(keys["sample-rate"], 44100)
  equal(keys.project, "My song")
  equal(keys["at-seconds"], 0.0)
  equal(keys["tempo-map"], nil)
  equal(keys["meter-map"], nil)
  equal(keys.notes, nil)
  near(w:project().tracks[2].items[1].value.D_LENGTH, 1000 / 44100, 0, "length")
end)

case("the project's rate is asked for where backline renders at it", function(w, Daemon)
  for rate, wanted in pairs({ [44100] = 44100, [96000] = 96000, [88200] = 48000 }) do
    local project = w:project()
    project.info = { PROJECT_SRATE_USE = 1.0, PROJECT_SRATE = rate + 0.0 }
    equal(w:lib("project").sample_rate(project.handle), wanted)
  end
end)

case("a time selection is snapped to bars", function(w, Daemon)
  local daemon, project = start(w, Daemon, { bpm = 240.0, selection = { 1.1, 2.8 } }) -- bars of 1 s
  w:run("backline_generate.lua", generate_to_the_end)
  equal(daemon.keys(daemon:asked("generate")[1]).bars, 2, "bars")
  equal(project.tracks[2].items[1].value.D_POSITION, 1.0, "position")
end)

case("regions become sections by their names", function(w, Daemon)
  local daemon, project = start(w, Daemon, { bpm = 240.0, selection = { 2.0, 8.0 } })
  project.markers = {
    { start = 0.0, stop = 4.0, name = "Verse 2" }, { start = 3.0, name = "a marker" },
    { start = 4.0, stop = 6.1, name = "Big drop" }, { start = 5.0, stop = 7.0, name = "CHORUS" },
    { start = 20.0, stop = 24.0, name = "outro" },
  }
  w:run("backline_generate.lua", generate_to_the_end)
  equal(daemon.keys(daemon:asked("generate")[1]).sections, "1-2:Verse 2 3-4:Big drop 5-5:CHORUS")
end)

case("regions that are chords are sent as chords and not as sections", function(w, Daemon)
  local daemon, project = start(w, Daemon, { bpm = 240.0, selection = { 0.0, 2.0 } })
  project.markers = { { start = 0.0, stop = 1.0, name = "Am7" }, { start = 1.0, stop = 2.0, name = "F" } }
  w:run("backline_generate.lua", generate_to_the_end)
  local keys = daemon.keys(daemon:asked("generate")[1])
  equal(keys.chords, "Am7 | F")
  equal(keys.sections, nil)
end)

case("a selected MIDI item named chords is a file of chords, and no melody", function(w, Daemon)
  local daemon, project = start(w, Daemon, { bpm = 240.0, selection = { 0.0, 1.0 } })
  project.markers = { { start = 0.0, stop = 1.0, name = "verse" } }
  local notes = {}
  for index, pitch in ipairs({ 57, 60, 64 }) do notes[index] = { pitch = pitch, start = 0, stop = 4, velocity = 80 } end
  local item = w:add_midi_item(project, 0.0, 1.0, notes)
  item.takes[1].text.P_NAME = "Chords 1"
  local head
  daemon.ignores = function(message)
    if message.address == "/backline/generate" then
      head = w.real.io_open(daemon.keys(message)["chords-path"], "rb"):read(4)
    end
  end
  w:run("backline_generate.lua", generate_to_the_end)
  local keys = daemon.keys(daemon:asked("generate")[1])
  equal(keys.notes, nil)
  equal(keys.sections, "1-1:verse")
  equal(keys["chords-path"]:match("%-chords%.mid$"), "-chords.mid")
  equal(head, "MThd")
end)

case("the selected MIDI item is the melody and its key is guessed", function(w, Daemon)
  local daemon, project = start(w, Daemon, { bpm = 240.0, selection = { 1.0, 3.0 } })
  project.ext.backline = nil
  local scale = { 62, 64, 66, 67, 69, 71, 73, 74, 69, 66, 62, 62 } -- D major
  local notes = {}
  for index, pitch in ipairs(scale) do notes[index] = { pitch = pitch, start = (index - 1) / 2, stop = index / 2, velocity = 80 } end
  notes[#notes + 1] = { pitch = 60, start = 0, stop = 1, muted = true }
  w:add_midi_item(project, 1.0, 1.75, notes) -- quarters 4 to 11: the last notes are cut off
  w:run("backline_generate.lua", function()
    w:wait(function() return w:shows("melody of %d+ notes") end)
    assert(w:shows("^D major"), "the key is not shown: " .. w:seen())
    generate_to_the_end(w)
  end)
  local keys = daemon.keys(daemon:asked("generate")[1])
  equal(keys.key, "D major")
  equal(keys.notes, "62:0:1/2:80 64:1/2:1/2:80 66:1:1/2:80 67:3/2:1/2:80 69:2:1/2:80 71:5/2:1/2:80 73:3:1/2:80 "
    .. "74:7/2:1/2:80 69:4:1/2:80 66:9/2:1/2:80 62:5:1/2:80 62:11/2:1/2:80")
end)

case("a melody too long for a message goes as a file that stays as long as its order", function(w, Daemon)
  local daemon, project = start(w, Daemon, { bpm = 240.0, selection = { 0.0, 40.0 } })
  local notes = {}
  for index = 1, 640 do notes[index] = { pitch = 60 + index % 12, start = index / 4, stop = index / 4 + 0.25 } end
  w:add_midi_item(project, 0.0, 40.0, notes)
  local path, head
  daemon.ignores = function(message)
    if message.address == "/backline/generate" then
      path = daemon.keys(message)["melody-path"]
      head = w.real.io_open(path, "rb"):read(14)
    end
  end
  w:run("backline_generate.lua", generate_to_the_end)
  equal(head, "MThd\0\0\0\6\0\0\0\1\3\xC0") -- type 0, one track, 960 ticks a quarter
  assert(files_under(w.resources):find(path, 1, true), "a variation would not find it")
  w:lib("orders").remove(path:match("(r%x+)%.mid$"))
  local left = files_under(w.resources):gsub("[^\n]*index%.txt\n", "")
  equal(left, "", "files once the order is forgotten")
end)

case("what was typed is asked for and remembered", function(w, Daemon)
  local daemon = start(w, Daemon, {})
  w:run("backline_generate.lua", function()
    w:wait(function() return w:shows("^Bars") end)
    w:type(", wärm Ω🎸")
    w:press("tab", "tab") -- over the buttons
    w:press("backspace", "backspace", "backspace", "backspace", "backspace")
    w:type("dorian")
    w:click("vocals")
    w:click("2")
    generate_to_the_end(w)
  end)
  local keys = daemon.keys(daemon:asked("generate")[1])
  equal(keys.tags, "dub techno, wärm Ω🎸")
  equal(keys.key, "A dorian")
  equal(keys.stems, "drums,bass,melody")
  equal(keys.takes, 2)
  contains(w:project().ext.backline.settings, '"style":"dub techno, wärm Ω🎸"')
  contains(w.ext.backline.settings, '"takes":2')
  equal(w.ext.backline.recent_styles, '["dub techno, wärm Ω🎸"]')
  equal(#w:project().tracks, 4, "tracks")
  equal(#w:project().tracks[2].items[1].takes, 2, "takes")
end)

case("a recent style can be chosen from a menu", function(w, Daemon)
  local daemon = start(w, Daemon, {})
  w.ext.backline.recent_styles = '["ambient | slow","jazz"]'
  w:run("backline_generate.lua", function()
    w:wait(function() return w:shows("^Bars") end)
    w.window.menu_answer = 2
    w:click("Styles")
    generate_to_the_end(w)
  end)
  contains(w.window.menus[1], "ambient   slow|jazz|pop|rock|")
  equal(daemon.keys(daemon:asked("generate")[1]).tags, "jazz")
end)

case("without a key nothing is sent and the window says so", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  project.ext.backline = nil
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return w:shows("Choose a key") end)
    w:press("escape")
  end)
  equal(#daemon:asked("generate"), 0, "requests")
end)

case("without stems nothing is sent and the window says so", function(w, Daemon)
  local daemon = start(w, Daemon, {})
  w:run("backline_generate.lua", function()
    w:wait(function() return w:shows("^Bars") end)
    for _, stem in ipairs({ "drums", "bass", "melody", "vocals" }) do w:click(stem) end
    generate(w)
    w:wait(function() return w:shows("at least one stem") end)
    w:press("escape")
  end)
  equal(#daemon:asked("generate"), 0, "requests")
end)

case("a bar that a meter change cuts short is refused by its number", function(w, Daemon)
  local daemon = start(w, Daemon, { selection = { 0.0, 1.8 } })
  -- 3 quarters after bar 2 began, at 400 bpm: its fourth is cut off.
  w:project().tempo = { { seconds = 7 * 0.15, bpm = 400.0, num = 3, den = 4 } }
  w:run("backline_generate.lua", function()
    w:wait(function() return w:shows("Bar 2 is cut short") end)
    w:press("enter")
    w:pass(10)
    w:press("escape")
  end)
  equal(#daemon:asked("generate"), 0, "requests")
end)
