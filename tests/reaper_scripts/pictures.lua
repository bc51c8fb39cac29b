-- A day with backline, for the pictures of docs/guide/reaper.md: run by draw_pictures.py in the double.
local scenes = require("double.scenes")

case("pictures", function(w, Daemon)
  local project, shots, plans, boxes = w:project(), {}, {}, {}
  local function shoot(name) shots[name] = { w = gfx.w, h = gfx.h, drawn = w.window.shown } end
  local function keep(name, index) plans[name] = w:plain(index) end
  local function tempo_of(each, file, chosen)
    each.bpm, each.file, each.ext.backline = 92.5, file, { settings = chosen }
    each.selection = { 8 * 60 / 92.5, 40 * 60 / 92.5 }
    return each
  end
  tempo_of(project, "/songs/My song.rpp", '{"key":"C minor","style":"dub techno, warm bass","takes":2}')
  local daemon = Daemon.new(w)
  daemon.steps, daemon.frames = 300, 996325 -- 32 quarters at 92.5 bpm
  w:run("backline_generate.lua", function()
    w:wait(function() return w:shows("^Bars") end)
    w:press("enter")
    w:wait(function() return w:shows("^Composing 6%d %%") end)
    shoot("progress")
    w:wait(function() return w:shows("^Inserted") end)
    w:pass(2)
    w:press("escape")
  end)
  keep("tracks")
  daemon.steps = 4
  project.tracks[3].items[1].selected = true
  w:run("backline_vary_selected_items.lua")
  keep("vary")
  project.selection = { 24 * 60 / 92.5, 32 * 60 / 92.5 }
  w:run("backline_regenerate_time_selection.lua")
  keep("regenerate")
  plans.regenerate.selection = project.selection
  w:run("backline_use_these_settings.lua", function()
    w:wait(function() return w:shows("^Bars") end)
    w:pass(2)
    shoot("settings")
    w:press("escape")
  end)
  daemon.holds = true
  w:run("backline_generate_with_last_settings.lua", function()
    w:wait(function() return #daemon:asked("generate") > 3 end)
    w:pass(5)
    w:stop()
  end)
  daemon.holds, w.seconds = false, w.seconds + 60
  daemon:show_life()
  w:run("backline_show_jobs.lua", function()
    w:wait(function() return w:shows("inserted$") end)
    shoot("jobs")
    w:press("escape")
  end)
  w.boxes, w.says_yes = {}, false
  w:run("backline_offer_finished_jobs.lua", function()
    w:wait(function() return #w.boxes > 0 end)
    w:stop()
  end)
  boxes.offer, w.boxes = w.boxes[1], {}
  w:run("backline_start_stop_daemon.lua")
  boxes.switch = w.boxes[1]
  local launcher = assert(w.real.io_open(w.scripts .. "/backline_launcher.json", "wb"))
  launcher:write(Daemon.json.encode({ python = "/bin/sh", args = {}, home = w.home, version = "0.1.0" }))
  launcher:close()
  w:run("backline_doctor.lua")
  local song = w:open({ file = "/songs/another.rpp" })
  w.front = 2
  w:add_sound_item(song, "/songs/loop.wav", { D_POSITION = 0.0, D_LENGTH = 9.0, B_LOOPSRC = 0.0 })
  w:run("backline_split_selected_item.lua")
  keep("split", 2)
  local third = tempo_of(w:open({}), "/songs/tune.rpp", '{"key":"C minor","style":"bossa nova"}')
  w.front, third.selection, daemon.frames = 3, { 0.0, 0.0 }, 498162
  w:add_midi_item(third, 0.0, 16 * 60 / 92.5, { { pitch = 72, start = 0, stop = 960 } })
  w:run("backline_melody_to_accompaniment.lua")
  keep("accompaniment", 3)
  local fourth = tempo_of(w:open({}), "/songs/lanes.rpp",
    '{"key":"C minor","style":"dub techno","takes":3,"takes_as":"lanes","stems":"drums,bass"}')
  w.front, fourth.selection = 4, { 0.0, 16 * 60 / 92.5 }
  w:run("backline_generate_with_last_settings.lua")
  keep("lanes", 4)
  -- Each window on a plain and on a fine screen, in a dark and in a light theme.
  local sheets = { generate = {}, jobs = {}, small = {} }
  local function add(name) table.insert(sheets[name], { w = gfx.w, h = gfx.h, drawn = w.window.shown }) end
  local small = { -- the windows that only tell how far something is, and where they are half way
    ["progress"] = { "backline_generate_with_last_settings.lua", "^Starting the engine" },
    ["plan"] = { "backline_plan.lua", "^Planning" },
    ["support bundle"] = { "backline_support_bundle.lua", "^Checking" },
  }
  scenes.launcher(w, Daemon, { python = "/bin/sh", args = {}, home = w.home, version = "0.1.0" })
  w.on_execute = function() end
  for _, theme in ipairs({ {}, { col_main_bg2 = 0xF0EEEC, col_main_text2 = 0x201810 } }) do
    for _, scale in ipairs({ 1, 2 }) do
      w.theme, w.screen_scale, w.front = theme, scale, 1
      w.ext.backline["place backline"], w.ext.backline["place backline jobs"] = nil, nil
      w:run("backline_generate.lua", function()
        w:click("More")
        w:pass(2)
        add("generate")
        w:press("escape")
      end)
      w:run("backline_show_jobs.lua", function()
        w:pass(3)
        add("jobs")
        w:press("escape")
      end)
      for _, name in ipairs({ "progress", "plan", "support bundle" }) do
        w.ext.backline["place backline " .. name] = nil
        daemon.holds = true
        w:run(small[name][1], function()
          w:wait(function() return w:shows(small[name][2]) end)
          w:pass(300)
          add("small")
          w:stop()
        end)
      end
      daemon.holds = false
    end
  end
  local file = assert(w.real.io_open(w.folder .. "/told.json", "wb"))
  local told = { shots = shots, sheets = sheets, plans = plans, boxes = boxes, console = table.concat(w.console) }
  told.home, told.resources, told.folder = w.home, w.resources, w.folder
  file:write(Daemon.json.encode(told))
  file:close()
end)
