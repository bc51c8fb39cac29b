-- Generating from REAPER's own dialog, without a window that is drawn.
local scenes = require("double.scenes")

local DIALOG = "backline_generate_from_dialog.lua"

local function values_of(text)
  local list = {}
  for each in (text .. "\n"):gmatch("(.-)\n") do list[#list + 1] = each end
  return list
end

local function answers(w, ...)
  local list = { ... }
  w.on_dialog = function(values)
    local change = table.remove(list, 1)
    if not change then return nil end
    local given = values_of(values)
    for index, value in pairs(change) do given[index] = value end
    return table.concat(given, "\n")
  end
end

case("a dialog asks, the stems land, and both are said without a window", function(w, Daemon)
  local daemon, project = scenes.begin(w, Daemon)
  daemon.steps = 90 -- longer than the window of other actions waits
  answers(w, { "jazz, slow", "D dorian", "la la / li li", "drums,bass", "2", "3" })
  w:run(DIALOG)
  local keys = scenes.last_keys(daemon)
  equal(keys.tags, "jazz, slow")
  equal(keys.key, "D dorian")
  equal(keys.lyrics, "la la\nli li")
  equal(keys.stems, "drums,bass")
  equal(keys.takes, 2, "takes")
  equal(keys.bars, 3, "bars")
  equal(#project.tracks, 3, "tracks")
  equal(w.window.title, nil, "a window")
  contains(w.boxes[1], "Inserted jazz slow")
  equal(values_of(w.dialogs[1].values)[2], "A minor", "the key it began with")
end)

case("what was asked last is there again, lyrics in one line", function(w, Daemon)
  scenes.begin(w, Daemon)
  answers(w, { "jazz", "D dorian", "la / li" })
  w:run(DIALOG)
  w.on_dialog = nil
  w:run(DIALOG)
  local values = values_of(w.dialogs[2].values)
  equal(table.concat(values, "|", 1, 3), "jazz|D dorian|la / li")
end)

case("a dialog that is cancelled changes nothing", function(w, Daemon)
  local daemon, project = scenes.begin(w, Daemon)
  w:run(DIALOG)
  equal(#daemon.received, 0, "messages")
  scenes.untouched(w, project)
end)

case("an answer that is no number is named, and the dialog comes back with the others", function(w, Daemon)
  local daemon = scenes.begin(w, Daemon)
  answers(w, { [1] = "jazz", [5] = "many" }, { [5] = "9" }, { [5] = "2", [6] = "0" }, { [6] = "1" })
  w:run(DIALOG)
  contains(w.boxes[1], "takes must be a whole number from 1 to 8, not many")
  contains(w.boxes[2], "takes must be a whole number from 1 to 8, not 9")
  contains(w.boxes[3], "bars must be a whole number from 1 to 32000, not 0")
  equal(#w.dialogs, 4, "dialogs")
  equal(scenes.last_keys(daemon).tags, "jazz")
end)

case("without a key the dialog says what is missing", function(w, Daemon)
  local daemon, project = scenes.begin(w, Daemon)
  answers(w, { [2] = "" })
  w:run(DIALOG)
  contains(w.boxes[1], "Choose a key")
  scenes.untouched(w, project)
  equal(#daemon.received, 0, "messages")
end)

local function pressed_again(w, Daemon, answer)
  local daemon, project = scenes.begin(w, Daemon)
  daemon.holds = true
  answers(w, { [1] = "first" }, { [1] = "second" })
  w.answers = { answer }
  w:run(DIALOG, function()
    w:pass(30)
    w:press_again()
    w:pass(40)
    daemon.holds = false
  end)
  contains(w.boxes[1], "1 job is under way")
  return daemon, project
end

case("pressed again while a job is under way it goes on waiting", function(w, Daemon)
  local daemon, project = pressed_again(w, Daemon, "yes")
  equal(#daemon:asked("cancel"), 0, "cancelled")
  equal(#project.tracks, 5, "tracks")
  equal(#w.dialogs, 1, "dialogs")
end)

case("pressed again it cancels, in the daemon too", function(w, Daemon)
  local daemon, project = pressed_again(w, Daemon, "no")
  equal(#daemon:asked("cancel"), 1, "cancelled")
  scenes.untouched(w, project)
  contains(w.boxes[2], "Cancelled")
end)

case("pressed again it orders another as well", function(w, Daemon)
  local daemon, project = pressed_again(w, Daemon, "cancel")
  equal(scenes.last_keys(daemon).tags, "second")
  equal(#project.tracks, 10, "tracks") -- both for the same bars
  contains(w.boxes[2], "Inserted first")
  contains(w.boxes[2], "Inserted second")
end)
