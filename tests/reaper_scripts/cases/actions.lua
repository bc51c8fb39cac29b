-- The actions without a window of their own, each from its key press to what it leaves.
local scenes = require("double.scenes")
local start, generated, last_keys = scenes.begin, scenes.generated, scenes.last_keys

case("generating with the last settings opens no window and lands", function(w, Daemon)
  local daemon, project = generated(w, Daemon)
  equal(w.window.title, nil, "a window")
  equal(last_keys(daemon).tags, "dub techno")
  equal(last_keys(daemon).lyrics, "la la")
  equal(#project.undo, 2, "undo states")
  equal(table.concat(w.boxes), "")
end)

case("generating with the last settings needs a key from somewhere", function(w, Daemon)
  local daemon, project = start(w, Daemon)
  project.ext.backline = nil
  w.ext.backline.settings = '{"key":"C major","style":"x"}' -- of another project: no guess for this one
  w:run("backline_generate_with_last_settings.lua")
  equal(#daemon.received, 0, "packets")
  contains(w.boxes[1], "No key is set")
end)

case("a melody gets drums and bass over its own bars", function(w, Daemon)
  local daemon, project = start(w, Daemon)
  w:add_midi_item(project, 1.2, 1.2, { -- bars 3 and 4
    { pitch = 57, start = 0, stop = 4 }, { pitch = 64, start = 4, stop = 6 }, { pitch = 60, start = 6, stop = 8 },
  })
  w:run("backline_melody_to_accompaniment.lua")
  local keys = last_keys(daemon)
  equal(keys.stems, "drums,bass")
  equal(keys.bars, 2)
  equal(keys.notes, "57:0:4:90 64:4:2:90 60:6:2:90")
  equal(#project.tracks, 4, "tracks: the melody's own, a folder, two stems")
  near(project.tracks[3].items[1].value.D_POSITION, 1.2, 1e-9, "position")
end)

case("a time selection rules over the melody's own bars", function(w, Daemon)
  local daemon, project = start(w, Daemon)
  w:add_midi_item(project, 0.0, 2.4, { { pitch = 57, start = 0, stop = 4 }, { pitch = 64, start = 4, stop = 6 } })
  project.selection = { 0.6, 1.2 }
  w:run("backline_melody_to_accompaniment.lua")
  equal(last_keys(daemon).bars, 1)
  equal(last_keys(daemon).notes, "64:0:2:90")
end)

case("an accompaniment without a melody says so", function(w, Daemon)
  local daemon = start(w, Daemon)
  w:run("backline_melody_to_accompaniment.lua")
  contains(w.boxes[1], "Select a MIDI item")
  equal(#daemon.received, 0, "packets")
end)

case("the settings of an item come back into the window", function(w, Daemon)
  local daemon, project = generated(w, Daemon)
  project.ext.backline.settings = '{"key":"D major","style":"jazz","takes":4,"bars":2}'
  project.tracks[3].items[1].selected = true
  w:run("backline_use_these_settings.lua", function()
    w:wait(function() return w:shows("^dub techno") end)
    assert(w:shows("^A minor"), w:seen())
    assert(w:shows("^la la"), w:seen())
    w:press("escape")
  end)
  equal(#daemon:asked("generate"), 1, "requests")
  contains(project.ext.backline.settings, '"takes":1')
end)

case("settings of nothing are refused with a sentence", function(w, Daemon)
  start(w, Daemon)
  w:run("backline_use_these_settings.lua")
  contains(w.boxes[1], "Select an item")
end)

case("actions that only have something to say leave no undo step", function(w, Daemon)
  local daemon, project = start(w, Daemon)
  project.ext.backline = nil
  daemon:die()
  for _, name in ipairs({ "generate_with_last_settings", "vary_selected_items", "regenerate_time_selection",
    "melody_to_accompaniment", "doctor", "use_these_settings" }) do
    w:run("backline_" .. name .. ".lua")
  end
  equal(#w.boxes, 5, "boxes")
  equal(#w.console, 1, "messages")
  equal(#project.undo, 1, "undo states")
end)

case("an action that takes longer shows how far it is, and closing that stops nothing", function(w, Daemon)
  local daemon, project = start(w, Daemon)
  daemon.holds = true
  w:run("backline_generate_with_last_settings.lua", function()
    w:pass(20)
    equal(#w.window.shown, 0, "drawn at once")
    w:wait(function() return w:shows("^Starting the engine") end)
    daemon.steps, daemon.holds = 90, false
    w:wait(function() return w:shows("^Composing %d+ %%") end)
    w:press("escape")
    w:wait(function() return not w.window.is_open end)
    w:pass(30)
    equal(w.window.is_open, false, "opened again")
  end)
  equal(#project.tracks, 5, "tracks")
end)

case("a quick action opens no window", function(w, Daemon)
  start(w, Daemon)
  w:run("backline_generate_with_last_settings.lua")
  equal(#w.window.shown, 0, "drawn")
end)

case("Cancel stops the job of an action, and one that was not sent yet", function(w, Daemon)
  local daemon, project = start(w, Daemon)
  daemon.holds = true
  w:run("backline_generate_with_last_settings.lua", function() w:click("Cancel") end)
  equal(#daemon:asked("cancel"), 1, "cancelled")
  equal(w.window.is_open, false, "the window at the end")
  daemon:die()
  scenes.launcher(w, Daemon, { python = "/bin/sh", args = {}, home = w.home })
  w:run("backline_generate_with_last_settings.lua", function()
    w:wait(function() return w:shows("^Starting the daemon") end)
    w:click("Cancel")
  end)
  equal(#w.boxes, 0, "messages")
  equal(#project.tracks, 0, "tracks")
  equal(#w:lib("orders").all(), 1, "orders kept: the one that was sent")
  w:_unwrap_system()
end)
