-- A job on its way: progress, other tabs, closed projects and windows, cancelling, offers of what is left.
local scenes = require("double.scenes")
local start = scenes.start
local generate = scenes.generate
local is_under_way = scenes.is_under_way
local generate_to_the_end = scenes.generate_to_the_end
local order_state = scenes.order_state
local untouched = scenes.untouched

case("the window may be closed and the stems land all the same", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  daemon.holds = true
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return #daemon:asked("generate") > 0 end)
    w:press("close")
    w:wait(function() return not w.window.is_open end)
    daemon.holds = false
  end)
  equal(#project.tracks, 5, "tracks")
  equal(table.concat(w.boxes), "")
end)

case("progress is shown with its stage and the time left", function(w, Daemon)
  local daemon = start(w, Daemon, {})
  daemon.steps = 200
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return w:shows("^Composing %d+ %%, 3 s left$") end)
    daemon.steps = 1
    w:wait(function() return w:shows("^Inserted") end)
    w:press("escape")
  end)
end)

case("another tab in front changes nothing about where the stems land", function(w, Daemon)
  local daemon, project = start(w, Daemon, { cursor = 1.8 })
  daemon.holds = true
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return #daemon:asked("generate") > 0 end)
    w:open({ file = "/other.rpp" })
    w.front = 2
    daemon.holds = false
    w:wait(function() return #project.undo > 1 end)
    w:press("escape")
  end)
  equal(#project.tracks, 5, "tracks of the project that asked")
  near(project.tracks[2].items[1].value.D_POSITION, 1.8, 1e-12, "position")
  equal(#w.projects[2].tracks, 0, "tracks of the one in front")
end)

case("stems of a project that was closed are kept and offered when it is open again", function(w, Daemon)
  local daemon, project = start(w, Daemon, { file = "/a.rpp" })
  daemon.holds = true
  w:open({ file = "/other.rpp" })
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return #daemon:asked("generate") > 0 end)
    w:close_project(1)
    daemon.holds = false
    w:wait(function() return w:shows("The project is not open") end)
    w:press("escape")
  end)
  equal(#w.projects[1].tracks, 0, "tracks of the other project")
  equal(order_state(w), "pending")
  local again = w:open({ file = "/a.rpp", bpm = 400.0, ext = project.ext })
  w.front = 2
  w.seconds = w.seconds + 100
  w:run("backline_generate.lua", function()
    w:click("Insert it")
    w:wait(function() return w:shows("^Inserted") end)
    w:press("escape")
  end)
  equal(#again.tracks, 5, "tracks")
  equal(#daemon:asked("generate"), 2, "the order was sent again")
  equal(daemon.number, 1, "but is one job")
  equal(order_state(w), "landed")
end)

case("a job that was finished while REAPER was closed is fetched when the project is back", function(w, Daemon)
  local daemon, project = start(w, Daemon, { file = "/a.rpp" })
  daemon.holds = true
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return is_under_way(w) end)
    w:stop()
  end)
  daemon.holds = false
  equal(#project.tracks, 0, "tracks")
  equal(order_state(w), "pending")
  w:restart()
  w:run("backline_generate.lua", function()
    w:pass(60)
    w:click("Insert it")
    w:wait(function() return w:shows("^Inserted") end)
    w:press("escape")
  end)
  equal(#project.tracks, 5, "tracks")
  equal(daemon.number, 1, "jobs")
end)

case("an order that another script is waiting for is not offered", function(w, Daemon)
  local daemon = start(w, Daemon, {})
  daemon.holds = true
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return is_under_way(w) end)
    w:pass(40)
    local orders, project = require("orders"), require("project")
    equal(#orders.left_behind(project.known_id(w:project().handle), w.seconds), 0, "offered now")
    equal(#orders.left_behind(project.known_id(w:project().handle), w.seconds + 60), 1, "offered after the script was gone")
    w:click("Cancel")
    w:press("escape")
  end)
end)

for _, where in ipairs({ "in the queue", "while it runs", "while its files are copied" }) do
  case("a job cancelled " .. where .. " leaves nothing", function(w, Daemon)
    local daemon, project = start(w, Daemon, {})
    daemon.frames = 400000 -- 3.2 MB a stem: copying takes several frames
    daemon.holds_queue = where == "in the queue"
    daemon.holds = where == "while it runs"
    w:run("backline_generate.lua", function()
      generate(w)
      local wanted = ({ ["in the queue"] = "Waiting in", ["while it runs"] = "Starting the engine", ["while its files are copied"] = "^Inserting" })[where]
      w:wait(function() return w:shows(wanted) end)
      w:click("Cancel")
      w:wait(function() return w:shows("^Cancelled") end)
      w:pass(30)
      w:press("escape")
    end)
    untouched(w, project)
    equal(order_state(w), "cancelled")
    equal(#daemon:asked("cancel"), where == "while its files are copied" and 0 or 1, "cancels sent")
  end)
end

case("an order cancelled before it was answered is not sent again", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  daemon.ignores = function(message) return message.address == "/backline/generate" end
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return #daemon:asked("generate") == 1 end)
    w:click("Cancel")
    w:pass(200)
    w:press("escape")
  end)
  equal(#daemon:asked("generate"), 1, "requests")
  equal(#daemon:asked("cancel"), 1, "cancels")
  untouched(w, project)
end)

case("a failed job says why and changes nothing", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  daemon.fails = "the disk is full"
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return w:shows("the disk is full") end)
    w:press("escape")
  end)
  untouched(w, project)
  equal(order_state(w), "failed")
end)

case("a failed job whose window was closed says why in a box", function(w, Daemon)
  local daemon = start(w, Daemon, {})
  daemon.holds = true
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return #daemon:asked("generate") > 0 end)
    w:press("close")
    w:wait(function() return not w.window.is_open end)
    daemon.fails, daemon.holds = "the engine refuses", false
  end)
  equal(table.concat(w.boxes), "the engine refuses")
end)

case("a refused request names the argument at fault", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  daemon.refuses = "key must be a tonic and a mode, not 'H'"
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return w:shows("not 'H' %(key%)") end)
    w:press("escape")
  end)
  untouched(w, project)
end)

case("an error in a script is told once and ends it", function(w, Daemon)
  local daemon = start(w, Daemon, {})
  daemon.holds = true
  local failing = false
  w.fault = function(name) return failing and name == "GetCursorPositionEx" and "raise" or nil end
  w:run("backline_generate.lua", function()
    w:wait(function() return w:shows("^Bars") end)
    failing = true
  end)
  equal(#w.console, 1, "messages")
  contains(w.console[1], "injected: GetCursorPositionEx")
  equal(w.window.is_open, false, "the window")
end)

case("what has landed, and what another project waits for, is not offered", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  w:run("backline_generate.lua", generate_to_the_end)
  daemon.holds = true
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return is_under_way(w) end)
    w:stop()
  end)
  local function offered()
    local text
    w.seconds = w.seconds + 60
    daemon:show_life()
    w:run("backline_generate.lua", function()
      w:wait(function() return w:shows("^Bars") end)
      w:pass(5)
      text = w:shows("not inserted yet")
      w:press("escape")
    end)
    return text
  end
  equal(offered(), "1 earlier job of this project is not inserted yet.")
  w:run("backline_generate_with_last_settings.lua", function()
    w:wait(function() return #daemon:asked("generate") == 3 end)
    w:stop()
  end)
  equal(offered(), "2 earlier jobs of this project are not inserted yet.")
  w:open({ bpm = 400.0, ext = { backline = { id = "of-another-project" } } })
  w.front = 2
  equal(offered(), nil, "offered in another project")
  equal(#project.tracks, 5, "tracks")
end)

case("a job that is done already is fetched at once, without a heartbeat", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return is_under_way(w) end)
    w:stop()
  end)
  for _ = 1, 20 do daemon:step() end -- it finishes while nobody listens
  daemon.beat_at = math.huge
  w.seconds = w.seconds + 60
  daemon:show_life()
  w:run("backline_generate.lua", function()
    w:click("Insert it")
    local since = w.seconds
    w:wait(function() return w:shows("^Inserted") end)
    assert(w.seconds - since < 4, "it waited for a silence")
    w:press("escape")
  end)
  equal(#project.tracks, 5, "tracks")
end)

case("an action pressed again while it runs asks nothing, and what it waited for lands as well", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  daemon.holds = true
  w:run("backline_generate_with_last_settings.lua", function()
    w:wait(function() return #daemon:asked("generate") > 0 end)
    equal(w.is_toggled, true, "the toggle state while it runs")
    w:press_again()
    w:wait(function() return #daemon:asked("generate") > 2 end) -- its own, and the first once more
    daemon.holds = false
  end)
  equal(daemon.number, 2, "jobs")
  equal(#project.tracks, 10, "tracks")
  equal(w.is_toggled, false, "the toggle state at the end")
end)

case("an action pressed again before its daemon was there loses nothing", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  daemon:die()
  scenes.launcher(w, Daemon, { python = "/bin/sh", args = {}, home = w.home, version = "0.1.0" })
  w:run("backline_generate_with_last_settings.lua", function()
    w:pass(5)
    w:press_again()
    w:pass(5)
    daemon:come_back()
  end)
  equal(daemon.number, 2, "jobs")
  equal(#project.tracks, 10, "tracks")
end)

case("what was handed over is taken up once, and only at once", function(w, Daemon)
  start(w, Daemon, {})
  local orders = w:lib("orders")
  local order = orders.new("r1", { project_id = "p", start_qn = 0.0, bars = 1 }, "t", {}, {}, {})
  orders.save(order)
  orders.hand_over({ "r1", "gone" }, 100.0)
  equal(#orders.take_over(100.5), 1, "orders")
  equal(#orders.take_over(100.5), 0, "orders a second time")
  orders.hand_over({ "r1" }, 100.0)
  equal(#orders.take_over(103.0), 0, "orders after a while")
  order.state = "landed"
  orders.save(order)
  orders.hand_over({ "r1" }, 100.0)
  equal(#orders.take_over(100.5), 0, "orders that have landed")
  w:_unwrap_system()
end)

case("the window opened again goes on with the job it had, and with no older one", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  daemon.holds = true
  w:run("backline_generate_with_last_settings.lua", function()
    w:wait(function() return #daemon:asked("generate") > 0 end)
    w:stop()
  end)
  w.seconds = w.seconds + 60
  daemon:show_life()
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return daemon.number == 2 end)
    w:press_again()
    w:pass(3)
    w:wait(function() return is_under_way(w) end)
    daemon.holds = false
    w:wait(function() return w:shows("^Inserted") end)
    w:press("escape")
  end)
  equal(daemon.number, 2, "jobs")
  equal(#project.tracks, 5, "tracks")
end)

case("a REAPER before 7.03 has no such choice, and runs the scripts all the same", function(w, Daemon)
  local _, project = start(w, Daemon, {})
  w.missing.set_action_options = true
  w:run("backline_generate.lua", generate_to_the_end)
  equal(#project.tracks, 5, "tracks")
end)

case("the offer of finished jobs is switched off by its own action", function(w, Daemon)
  start(w, Daemon, {})
  w:run("backline_offer_finished_jobs.lua", function()
    w:pass(10)
    w:press_again()
    w:pass(3)
    equal(#w.deferred, 0, "steps of a script that was to end")
  end)
  equal(w.is_toggled, false)
end)
