-- The windows: keyboard, clipboard, screens of every kind, colours, and where they were.
local scenes = require("double.scenes")
local start, generate, generate_to_the_end = scenes.start, scenes.generate, scenes.generate_to_the_end

-- Types into the window of Generate, and gives what was then asked for.
local function asked(w, Daemon, type_it)
  local daemon = start(w, Daemon, {})
  w:run("backline_generate.lua", function()
    w:wait(function() return w:shows("^Bars") end)
    type_it()
    w:pass(3)
    w:press("enter")
    w:wait(function() return w:shows("^Inserted") end)
    w:press("escape")
  end)
  return daemon.keys(daemon:asked("generate")[1]), daemon
end

case("a caret goes where arrows, Home and End send it, and letters go in there", function(w, Daemon)
  local keys = asked(w, Daemon, function()
    w:press("left", "left", "left", "left", "left", "left") -- dub |techno
    w:type("ü")
    w:press("left", "right", "right", "backspace", "home", "delete")
    w:type("D")
    w:press("end")
    w:type("!")
    w:press("left", "right", "right", "right")
    w:type("?")
    w:press("home", "tab", "tab") -- Styles, Key
    w:pass(4)
    w:type(" x")
  end)
  equal(keys.tags, "Dub üechno!?")
  equal(keys.key, "A minor x")
end)

case("the caret is drawn where it writes", function(w, Daemon)
  asked(w, Daemon, function()
    w:press("left")
    w:wait(function() return w:shows("^dub techn|o$") end)
  end)
end)

case("a click puts the caret between the letters that it hits", function(w, Daemon)
  local keys = asked(w, Daemon, function()
    local letter = 7
    w:click_at(12 + 92 + 6 + 3 * letter + 1, 12 + 26 + 10) -- behind dub
    w:type("s")
  end)
  equal(keys.tags, "dubs techno")
end)

case("text is pasted at the caret, without line ends where there is one line, through the system", function(w, Daemon)
  w.on_execute = function(command, most)
    assert(command:find("xclip", 1, true) and most > 0, command)
    return "0\na ü\r\nb\tc\n"
  end
  local keys = asked(w, Daemon, function() w:press(22) end)
  equal(keys.tags, "dub technoa ü b c")
end)

case("pasting fails quietly: without a clipboard, or with bytes that are no text", function(w, Daemon)
  local answers = { "127\nno such program\n", "0\n\xFF\xFE\n" }
  w.on_execute = function() return table.remove(answers, 1) end
  equal(asked(w, Daemon, function() w:press(22, 22, 22) end).tags, "dub techno")
end)

for system, program in pairs({ Win64 = "powershell.exe", OSX64 = "/usr/bin/pbpaste" }) do
  case("on " .. system .. " the clipboard is asked of " .. program, function(w)
    w.system = system
    w.on_execute = function(command) return "0\n" .. command end
    contains(w:lib("clipboard").text(), program)
    w.on_execute = function() return "0\na\r\nb\n" end
    equal(w:lib("clipboard").text(), "a\nb")
    w:_unwrap_system()
  end)
end

case("SWS gives the clipboard where it is installed, and takes what is cut and copied", function(w, Daemon)
  local held = "from SWS"
  w.extensions = { CF_GetClipboard = function() return held end, CF_SetClipboard = function(text) held = text end }
  local keys = asked(w, Daemon, function()
    w:press(22, 3) -- paste, copy
    w:pass(2)
    equal(held, "dub technofrom SWS")
    w:press(24) -- cut
    w:pass(2)
    w:press(22, "left", 22)
  end)
  equal(keys.tags, "dub technofrom SWdub technofrom SWSS")
  equal(#w.executed, 0, "commands")
end)

case("what cannot be put on a clipboard is not cut", function(w, Daemon)
  equal(asked(w, Daemon, function() w:press(24) end).tags, "dub techno")
end)

case("Ctrl+A selects all, which the next letter or delete replaces, and an arrow leaves", function(w, Daemon)
  equal(asked(w, Daemon, function()
    w:press(1, "left")
    w:type("x")
    w:press(1, "backspace")
    w:wait(function() return w:shows("^|$") end)
    w:type("ja")
    w:press(1, 3) -- copied, it stays selected
    w:type("jazz")
  end).tags, "jazz")
end)

case("a field takes as many bytes as it may have, in whole letters", function(w)
  local text_field = w:lib("text_field")
  local place = text_field.at_end("")
  equal(text_field.press("", place, 0x75 << 24 | 0x6F22, 4), "漢")
  equal(text_field.press("漢", place, 0x75 << 24 | 0x6F22, 4), "漢")
  package.loaded.clipboard.text = function() return "漢字x" end
  equal(text_field.press("a", text_field.at_end("a"), 22, 7), "a漢字")
  equal(text_field.press("a", text_field.at_end("a"), 22, 6), "a漢")
  w:_unwrap_system()
end)

case("Enter in the lyrics begins a line; Ctrl+Enter starts the job from there", function(w, Daemon)
  local daemon = start(w, Daemon, {})
  w:run("backline_generate.lua", function()
    w:wait(function() return w:shows("^Bars") end)
    w:press("tab", "tab", "tab", "tab") -- Styles, Key, Keys, Lyrics
    w:pass(8)
    w:type("la")
    w:press("enter")
    w:type("li")
    w:wait(function() return w:shows("^la / li|$") end)
    equal(#daemon:asked("generate"), 0, "requests")
    gfx.mouse_cap = 4
    w:press("enter")
    w:wait(function() return w:shows("^Inserted") end)
    w:press("escape")
  end)
  equal(daemon.keys(daemon:asked("generate")[1]).lyrics, "la\nli")
end)

case("everything is reached and chosen without a mouse", function(w, Daemon)
  local daemon = start(w, Daemon, {})
  w:run("backline_generate.lua", function()
    w:wait(function() return w:shows("^Bars") end)
    for _ = 1, 6 do w:press("tab") end -- Styles, Key, Keys, Lyrics, Bars, Stems
    w:pass(9)
    w:press("right", "space") -- not the bass
    w:press("tab")
    w:press("right") -- vocals lead
    w:press("tab")
    w:press("right", "right", "left") -- two takes
    w:pass(8)
    w:press("tab", "tab") -- Takes as, More
    w:pass(4)
    w:press("enter")
    w:wait(function() return w:shows("^Less$") end)
    equal(#daemon:asked("generate"), 0, "requests")
    w:press("space")
    w:wait(function() return w:shows("^More$") end)
    w:press("tab")
    w:pass(3)
    w:press("enter")
    w:wait(function() return w:shows("^Inserted") end)
    w:press("escape")
  end)
  local keys = daemon.keys(daemon:asked("generate")[1])
  equal(keys.stems, "drums,melody,vocals")
  equal(keys.lead, "vocals")
  equal(keys.takes, 2)
end)

case("Shift+Tab goes back", function(w, Daemon)
  equal(asked(w, Daemon, function()
    w:press("tab")
    w:pass(3)
    gfx.mouse_cap = 8
    w:press("tab")
    w:pass(3)
    gfx.mouse_cap = 0
    w:type("!")
  end).tags, "dub techno!")
end)

case("Space plays and stops where no field has the keyboard, and is a letter where one has", function(w, Daemon)
  start(w, Daemon, {})
  w:run("backline_generate.lua", function()
    w:wait(function() return w:shows("^Bars") end)
    w:press("space")
    w:pass(2)
    equal(#w.commands, 0, "commands")
    w:click_at(500, 480)
    w:press("space")
    w:pass(2)
    equal(table.concat(w.commands, " "), "40044")
    w:press("enter") -- Generate, still
    w:wait(function() return w:shows("^Inserted") end)
    w.commands = { 40044 }
    w:press("escape")
  end)
  w:run("backline_show_jobs.lua", function()
    w:press("space")
    w:pass(2)
    w:press("escape")
  end)
  equal(table.concat(w.commands, " "), "40044 40044")
end)

case("rows of the jobs are gone along with the arrows", function(w, Daemon)
  local _, project = scenes.begin(w, Daemon)
  for number = 1, 12 do
    project.ext.backline.settings = ('{"key":"A minor","style":"song %02d","bars":1,"stems":"bass"}'):format(number)
    w:run("backline_generate_with_last_settings.lua")
    w.seconds = w.seconds + 2
  end
  w:run("backline_show_jobs.lua", function()
    w:wait(function() return w:shows("song 12") end)
    for _ = 1, 14 do
      w:press("down")
      w:pass(2)
    end
    w:wait(function() return w:shows("song 01") end) -- the page that it is on
    w:press("up", "up") -- two in one frame are one
    w:pass(2)
    w:click("Forget")
    w:wait(function() return not w:shows("song 02") end)
    w:press("escape")
  end)
end)

for _, screen in ipairs({ { 1, "Other", 520 }, { 1.5, "Win64", 780 }, { 2, "Win64", 1040 }, { 2, "OSX64", 1040 } }) do
  case(("on a screen of %g on %s the window and its letters are as large"):format(screen[1], screen[2]), function(w, Daemon)
    start(w, Daemon, {})
    w.system, w.screen_scale = screen[2], screen[1]
    w:run("backline_generate.lua", function()
      w:wait(function() return w:shows("^Bars") end)
      equal(gfx.w, math.floor(screen[3]), "width")
      equal(w.window.font_size, math.floor(15 * screen[1] + 0.5), "letters")
      local lowest = 0
      for _, each in ipairs(w.window.shown) do
        if each.kind == "text" then lowest = math.max(lowest, each.y) end
      end
      assert(lowest > 330 * screen[1] and lowest < gfx.h, "drawn down to " .. lowest)
      w:click("vocals") -- what is clicked is where it is drawn
      w:pass(2)
      w:press("escape")
    end)
    contains(w:project().ext.backline.settings, '"stems":"drums,bass,melody"')
  end)
end

case("a window that is moved to a finer screen grows its letters", function(w, Daemon)
  start(w, Daemon, {})
  w:run("backline_generate.lua", function()
    w:wait(function() return w:shows("^Bars") end)
    gfx.ext_retina = 2
    w:pass(3)
    equal(w.window.font_size, 30)
    w:press("escape")
  end)
end)

case("a window comes back where it was, docked or not, and onto a screen that is there", function(w, Daemon)
  start(w, Daemon, {})
  local function opened(move)
    local place
    w:run("backline_show_jobs.lua", function()
      w:pass(3)
      place = table.concat({ w.window.place[1], w.window.place[2], w.window.place[3], gfx.w, gfx.h }, " ")
      if move then w.window.place, gfx.w, gfx.h = { move[1], move[2], move[3] }, move[4], move[5] end
      w:press("escape")
    end)
    return place
  end
  equal(opened({ 257, 300, 200, 700, 500 }), "0 100 100 620 460")
  equal(opened({ 0, 5000, -900, 700, 500 }), "257 300 200 700 500")
  equal(opened(), "0 1220 0 700 500")
  w.calls.my_getViewport = function() error("as it is") end
  w.ext.backline["place backline jobs"] = "0 5000 10 700 500"
  equal(opened(), "0 5000 10 700 500")
  w.ext.backline["place backline jobs"] = "spoilt"
  equal(opened(), "0 100 100 620 460")
end)

-- The colours of the first box and of the first line of text.
local function colours(w)
  local found = {}
  for _, each in ipairs(w.window.shown) do
    found[each.kind] = found[each.kind] or ("%02x%02x%02x"):format(table.unpack({
      math.floor(each.colour[1] * 255 + 0.5), math.floor(each.colour[2] * 255 + 0.5), math.floor(each.colour[3] * 255 + 0.5) }))
  end
  return found.rect .. " " .. found.text
end

for _, each in ipairs({
  { "light", { col_main_bg2 = 0xF0EEEC, col_main_text2 = 0x201810 }, "eceef0 101820" },
  { "dark", { col_main_bg2 = 0x333231, col_main_text2 = 0xF0F1F2 }, "313233 f2f1f0" },
  { "unreadable", { col_main_bg2 = 0x808080, col_main_text2 = 0x909090 }, "292b30 e6e8ed" },
  { "half missing", { col_main_text2 = 0x201810 }, "292b30 e6e8ed" },
  { "missing", {}, "292b30 e6e8ed" },
}) do
  case("a theme that is " .. each[1] .. " gives colours that can be read", function(w, Daemon)
    start(w, Daemon, {})
    w.theme = each[2]
    w:run("backline_generate.lua", function()
      w:wait(function() return w:shows("^Bars") end)
      equal(colours(w), each[3])
      w:press("escape")
    end)
    local theme = w:lib("theme")
    local all = theme.colours()
    for _, name in ipairs({ "text", "wrong", "bright" }) do
      assert(theme.contrast(all.back, all[name]) >= 4.5, name .. " on the background")
    end
    assert(theme.contrast(all.box, all.text) >= 4.5 and theme.contrast(all.done, all.text) >= 3, "text in a box")
    w:_unwrap_system()
  end)
end

case("styles and keys are picked from lists", function(w, Daemon)
  local daemon = start(w, Daemon, {})
  w.ext.backline.recent_styles = '["my own"]'
  w:run("backline_generate.lua", function()
    w:wait(function() return w:shows("^Bars") end)
    w.window.menu_answer = 2
    w:click("Styles")
    w.window.menu_answer = 4
    w:click("Keys")
    w.window.menu_answer = 0 -- closed without a choice
    w:click("Styles")
    generate_to_the_end(w)
  end)
  local keys = daemon.keys(daemon:asked("generate")[1])
  equal(w.window.menus[1]:match("^my own|pop|rock") ~= nil, true, "the list")
  equal(keys.tags, "pop")
  equal(keys.key, "Eb minor")
end)

case("settings few need are under More, and are remembered", function(w, Daemon)
  local daemon = start(w, Daemon, {})
  w:run("backline_generate.lua", function()
    w:wait(function() return w:shows("^Bars") end)
    equal(w:shows("^ace%-step$"), nil, "an engine before More")
    w:click("More")
    w:click("ace-step")
    w:click("flac")
    generate_to_the_end(w)
  end)
  local keys = daemon.keys(daemon:asked("generate")[1])
  equal(keys.engine, "ace-step")
  equal(keys.format, "flac")
  equal(w.ext.backline.format, "flac")
end)

case("what the engine could not follow is said once the stems are there, and stands in their notes", function(w, Daemon)
  local daemon = start(w, Daemon, {})
  daemon.spoils = function(_, manifest)
    manifest.takes[1].facts =
      { unknown_words = { "zither", "brutal", "kazoo" }, remarks = { "it does not know: kazoo", "the chorus is cut short" } }
    manifest.melody = { notes = 8, harmony_notes = 0, changes = { "The last note was shortened." } }
  end
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return w:shows("^Inserted .*not understood: zither, brutal") or w:shows("not understood: zither, brutal") end)
    assert(w:shows("the chorus is cut short"), w:seen())
    w:press("escape")
  end)
  contains(w:project().tracks[2].items[1].text.P_NOTES, "not understood: zither, brutal\nit does not know: kazoo\n"
    .. "the chorus is cut short\nmelody: The last note was shortened.")
end)

case("a right click docks a window and lets it float again, and More does so without a mouse", function(w, Daemon)
  scenes.start(w, Daemon)
  w:run("backline_generate.lua", function()
    w:wait(function() return w:shows("^Bars") end)
    local function right_click()
      gfx.mouse_cap = 2
      w:pass(3) -- held down it is one click
      gfx.mouse_cap = 0
      w:pass(2)
    end
    right_click()
    equal(w.window.menus[1], "Dock window")
    equal(gfx.dock(-1), 0, "dock where nothing was chosen")
    w.window.menu_answer = 1
    right_click()
    equal(gfx.dock(-1) & 1, 1, "docked")
    right_click()
    equal(w.window.menus[3], "Undock window")
    equal(gfx.dock(-1) & 1, 0, "floating")
    equal(#w.window.menus, 3, "menus")
    w:click("More")
    w:click("docked")
    equal(gfx.dock(-1) & 1, 1, "docked by More")
    w:press("escape")
  end)
  contains(w.ext.backline["place backline"], "1 ")
end)

-- Whether a word lies wholly within the window.
local function is_in_view(w, text)
  for _, each in ipairs(w.window.shown) do
    if each.kind == "text" and each.text == text then return each.y >= 0 and each.bottom <= gfx.h end
  end
  return false
end

local function in_low_window(w, Daemon, scenario)
  start(w, Daemon)
  w.ext.backline["place backline"] = "0 100 100 520 240"
  w:run("backline_generate.lua", function()
    w:wait(function() return w:shows("^Bars") end)
    scenario()
    w:press("escape")
  end)
end

case("a window lower than its content is scrolled by the wheel, as far as the content goes", function(w, Daemon)
  in_low_window(w, Daemon, function()
    equal(is_in_view(w, "Generate"), false, "Generate at first")
    gfx.mouse_wheel = -120
    w:pass(3)
    equal(is_in_view(w, "Generate"), false, "Generate after one notch")
    equal(is_in_view(w, "Lyrics"), true, "Lyrics after one notch")
    for _ = 1, 9 do
      gfx.mouse_wheel = -120
      w:pass(1)
    end
    w:pass(1)
    equal(is_in_view(w, "Generate"), true, "Generate after the wheel")
    equal(is_in_view(w, "Style"), false, "Style after the wheel")
    local bottom = 0
    for _, each in ipairs(w.window.shown) do
      if each.kind == "text" then bottom = math.max(bottom, each.bottom) end
    end
    assert(bottom > gfx.h - 30, "scrolled beyond the end")
    gfx.mouse_wheel = 120 * 20
    w:pass(2)
    equal(is_in_view(w, "Style"), true, "Style when turned back")
  end)
end)

case("Tab brings what it reaches into view, both ways", function(w, Daemon)
  in_low_window(w, Daemon, function()
    for _ = 1, 10 do w:press("tab") end -- the last of them all
    w:pass(12)
    equal(is_in_view(w, "Generate"), true, "Generate")
    w:press("tab")
    w:pass(3)
    equal(is_in_view(w, "Style"), true, "Style")
  end)
end)

case("how far a job is comes into view where the window is too low for it", function(w, Daemon)
  local daemon = start(w, Daemon)
  daemon.holds = true
  w.ext.backline["place backline"] = "0 100 100 520 440"
  w:run("backline_generate.lua", function()
    w:wait(function() return w:shows("^Bars") end)
    w:press("enter")
    w:wait(function() return w:shows("Cancel") end)
    w:pass(3)
    equal(is_in_view(w, "Cancel"), true, "Cancel")
    w:press("escape")
    w:pass(2)
    w:stop()
  end)
end)
