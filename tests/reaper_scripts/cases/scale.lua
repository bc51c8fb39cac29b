-- Years of orders and large projects: a frame's work stays small, and nothing is lost among the many.
local scenes = require("double.scenes")
local start = scenes.start

-- So many orders on disk, as an earlier version has left them: without an index. The last are the newest.
local function old_orders(w, Daemon, count, state)
  local folder = w.resources .. "/Data/backline/orders"
  os.execute(("mkdir -p '%s'"):format(folder))
  for number = 1, count do
    -- Names that sort the other way than they were made: a listing by name begins with the oldest.
    local rid = ("r%08x"):format(number)
    local file = w.real.io_open(("%s/%s.json"):format(folder, rid), "wb")
    file:write(Daemon.json.encode({ rid = rid, created = 1000 + number, state = state or "landed", title = ("song %04d"):format(number),
      keys = {}, stems = { "bass" }, targets = {}, project_id = "p", start_qn = 0, bars = 1, folder = w.home .. "/jobs/1" }))
    file:close()
  end
  return folder
end

local function count_files(w, folder) return #w.list_folder(folder) end

case("600 orders of an earlier version are listed, the newest first, a little in each frame", function(w, Daemon)
  start(w, Daemon, {})
  old_orders(w, Daemon, 600)
  w:run("backline_show_jobs.lua", function()
    w:wait(function() return w:shows("song 0600") end)
    w:pass(30)
    w:press("escape")
  end)
  w:run("backline_show_jobs.lua", function()
    w:pass(2)
    assert(w:shows("song 0600") and w:shows("song 0591"), "not there at once: " .. w:seen())
    w:press("escape")
  end)
end)

case("a job ordered among 600 others is the first of the list at once, and lands", function(w, Daemon)
  local _, project = start(w, Daemon, {})
  local folder = old_orders(w, Daemon, 600)
  w:run("backline_generate_with_last_settings.lua")
  equal(#project.tracks, 5, "tracks")
  w:run("backline_show_jobs.lua", function()
    w:wait(function() return w:shows("song 0600") end)
    w:pass(30)
    assert(w:shows("dub techno"), w:seen())
    w:press("escape")
  end)
  assert(count_files(w, folder) < 600, "nothing was pruned")
end)

case("what has ended is pruned from the oldest on, what is waited for never", function(w, Daemon)
  start(w, Daemon, {})
  local folder = old_orders(w, Daemon, 20, "pending")
  w.seconds = w.seconds + 1
  local orders = w:lib("orders")
  for number = 1, 400 do
    local order = orders.new(("s%08x"):format(number), { project_id = "p", start_qn = 0.0, bars = 1 }, "later", {}, {}, {})
    order.state, order.created = "landed", 5000 + number
    orders.save(order)
  end
  local all = orders.all()
  equal(#all, 320, "orders")
  equal(all[1].rid, "s00000190", "the newest")
  equal(count_files(w, folder), 321, "files") -- and the index
  equal(orders.load("s00000001"), nil, "the oldest that has ended")
  assert(orders.load("r00000001"), "the oldest that is waited for")
  equal(#orders.left_behind("p", 0), 20, "left behind")
  w:_unwrap_system()
end)

case("the index says what is true after every change, and stays short", function(w, Daemon)
  start(w, Daemon, {})
  local orders = w:lib("orders")
  local order = orders.new("r1", { project_id = "p", start_qn = 0.0, bars = 1 }, "a\ttitle\nof two lines", {}, {}, {})
  for turn = 1, 500 do
    order.state = turn % 2 == 0 and "landed" or "pending"
    orders.save(order)
  end
  equal(#orders.all(), 1, "orders")
  equal(orders.all()[1].state, "landed")
  equal(orders.all()[1].title, "a title of two lines")
  equal(orders.all()[1].created, order.created)
  assert(w:lib("files").size(w.resources .. "/Data/backline/orders/index.txt") < 20000, "the index grows")
  orders.remove("r1")
  equal(#orders.all(), 0, "orders after it was removed")
  package.loaded.orders = nil
  equal(#w:lib("orders").all(), 0, "orders in another script")
  w:_unwrap_system()
end)

case("an order that another script has made is listed without reading all again", function(w, Daemon)
  start(w, Daemon, {})
  local mine = w:lib("orders")
  equal(#mine.all(), 0)
  package.loaded.orders = nil
  local theirs = w:lib("orders")
  theirs.save(theirs.new("r1", { project_id = "p", start_qn = 0.0, bars = 1 }, "t", {}, {}, {}))
  equal(#mine.all(), 1)
  w.work = { calls = 0, bytes = 0, opens = 0 }
  for _ = 1, 10 do mine.all() end
  assert(w.work.bytes == 0, "bytes read for nothing: " .. w.work.bytes)
  w.work = nil
  w:_unwrap_system()
end)

-- 500 tracks of ten items each, two hours with 300 tempo markers.
local function large(w, project)
  local model = require("double.model")
  for index = 1, 500 do
    local track = model.track({ project = project, text = { P_NAME = "track " .. index } })
    table.insert(project.tracks, track)
    for each = 1, 10 do model.item(track).value.D_POSITION = each * 10.0 end
  end
  for index = 0, 299 do project.tempo[index + 1] = { seconds = index * 24.0, bpm = 100.0 + index % 3, num = index == 0 and 4 or nil, den = 4 } end
end

case("in a project of 500 tracks, 5,000 items and 300 tempo markers stems land and are varied", function(w, Daemon)
  local daemon, project = start(w, Daemon, { cursor = 4800.0 })
  large(w, project)
  w:run("backline_generate.lua", scenes.generate_to_the_end)
  equal(#project.tracks, 505, "tracks")
  project.tracks[505].items[1].selected = true
  w.seconds = w.seconds + 5
  w:run("backline_vary_selected_items.lua")
  equal(#project.tracks[505].items[1].takes, 2, "takes")
  equal(#daemon:asked("generate"), 2, "requests")
end)

case("600 orders, 500 tracks, 5,000 items and 300 tempo markers together hold up no action", function(w, Daemon)
  local daemon, project = start(w, Daemon, { cursor = 4800.0 })
  large(w, project)
  old_orders(w, Daemon, 600)
  daemon.frames = 112941 -- a bar at 102 bpm, which it is there
  w:run("backline_generate.lua", scenes.generate_to_the_end)
  local stem = project.tracks[505].items[1]
  for _, name in ipairs({ "vary_selected_items", "regenerate_time_selection", "split_selected_item" }) do
    for _, track in ipairs(project.tracks) do
      for _, item in ipairs(track.items) do item.selected = item == stem end
    end
    project.selection = { stem.value.D_POSITION, stem.value.D_POSITION + stem.value.D_LENGTH }
    w.seconds = w.seconds + 5
    w:run("backline_" .. name .. ".lua")
  end
  w:run("backline_show_jobs.lua", function()
    w:wait(function() return w:shows("dub techno") end)
    w:pass(30)
    w:press("escape")
  end)
  equal(table.concat(w.boxes, "; "), "")
  equal(#daemon:asked("generate"), 3, "music")
  equal(#daemon:asked("split"), 1, "splits")
  equal(#stem.takes, 3, "takes")
end)

case("more selected items than a frame can look at are refused with a sentence", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  large(w, project)
  for _, track in ipairs(project.tracks) do
    for _, item in ipairs(track.items) do item.selected = true end
  end
  w:run("backline_vary_selected_items.lua")
  contains(w.boxes[1], "Select fewer items: these are 5000")
  equal(#daemon:asked("generate"), 0, "requests")
end)

case("an item that undo has given another pointer between two frames is found all the same", function(w, Daemon)
  local daemon, project = scenes.generated(w, Daemon)
  large(w, project)
  project.undo[#project.undo].tracks = require("double.model").snapshot(project)
  project.tracks[2].items[1].selected = true
  w.seconds = w.seconds + 5
  daemon.holds = true
  w:run("backline_vary_selected_items.lua", function()
    w:wait(function() return #daemon:asked("generate") == 2 end)
    local scan = w:lib_of("tracks").locate
    w:lib_of("tracks").locate = function(...)
      local found = scan(...)
      require("double.model").restore(project, project.undo[#project.undo].tracks)
      return found
    end
    daemon.holds = false
  end)
  equal(#project.tracks[2].items[1].takes, 2, "takes")
end)

case("a large project that is closed while its items are looked for keeps its order", function(w, Daemon)
  local daemon, project = scenes.generated(w, Daemon)
  local track = table.remove(project.tracks, 2)
  large(w, project)
  table.insert(project.tracks, track)
  track.items[1].selected = true
  w:open({})
  w.seconds = w.seconds + 5
  daemon.holds = true
  w:run("backline_vary_selected_items.lua", function()
    w:wait(function() return #daemon:asked("generate") == 2 end)
    local locate = w:lib_of("tracks").locate
    w:lib_of("tracks").locate = function(...)
      w:close_project(1)
      return locate(...)
    end
    daemon.holds = false
  end)
  contains(w.boxes[1], "The project was closed: its stems are kept")
end)

-- The module once more, as another script has it.
local function of_another_script(w)
  package.loaded.orders = nil
  return w:lib("orders")
end

local function save(orders, rid, state)
  local order = orders.new(rid, { project_id = "p", start_qn = 0.0, bars = 1 }, "t", {}, {}, {})
  order.state = state
  orders.save(order)
end

case("an index that is spoilt is made again from the orders", function(w, Daemon)
  start(w, Daemon, {})
  local folder = old_orders(w, Daemon, 3)
  local orders = w:lib("orders")
  equal(#orders.all(), 3)
  local file = w.real.io_open(folder .. "/index.txt", "wb")
  file:write("spoilt\n")
  file:close()
  equal(#orders.all(), 3)
  equal(#of_another_script(w).all(), 3)
  w:_unwrap_system()
end)

case("many that are waited for prune none of those that have ended", function(w, Daemon)
  start(w, Daemon, {})
  old_orders(w, Daemon, 5)
  local orders = w:lib("orders")
  for number = 1, 310 do save(orders, ("s%08x"):format(number), "pending") end
  equal(#orders.all(), 315)
  w:_unwrap_system()
end)

case("a few are pruned at a time, and are gone for every script", function(w, Daemon)
  start(w, Daemon, {})
  local folder = old_orders(w, Daemon, 380)
  local orders = w:lib("orders")
  repeat orders.all() until orders.is_complete()
  assert(count_files(w, folder) >= 360, "too many at once: " .. count_files(w, folder))
  equal(#of_another_script(w).all(), count_files(w, folder) - 1, "orders in another script")
  for _ = 1, 9 do orders.all() end
  equal(#orders.all(), 300)
  w:_unwrap_system()
end)

case("an order that another script removed stays away when the index is written anew", function(w, Daemon)
  start(w, Daemon, {})
  local mine = w:lib("orders")
  save(mine, "r1", "landed")
  equal(#mine.all(), 1)
  local theirs = of_another_script(w)
  theirs.remove("r1")
  for _ = 1, 300 do save(theirs, "r2", "landed") end
  equal(#mine.all(), 1)
  equal(mine.all()[1].rid, "r2")
  w:_unwrap_system()
end)

case("in a large project stems whose items were deleted meanwhile come on tracks of their own", function(w, Daemon)
  local daemon, project = scenes.generated(w, Daemon)
  large(w, project)
  project.tracks[2].items[1].selected, w.seconds = true, w.seconds + 5
  daemon.holds = true
  w:run("backline_vary_selected_items.lua", function()
    w:wait(function() return #daemon:asked("generate") == 2 end)
    local track = project.tracks[2]
    w:call("DeleteTrackMediaItem", track.handle, track.items[1].handle)
    daemon.holds = false
  end)
  equal(#project.tracks, 507, "tracks")
end)

case("a job that a project waits for is offered although the index has to be made first", function(w, Daemon)
  local _, project = start(w, Daemon, {})
  project.ext.backline.id = "p"
  old_orders(w, Daemon, 1, "pending")
  local folder = w.resources .. "/Data/backline/orders/"
  os.rename(folder .. "r00000001.json", folder .. "kept")
  old_orders(w, Daemon, 150)
  os.rename(folder .. "kept", folder .. "r00000001.json")
  w:run("backline_generate.lua", function()
    w:wait(function() return w:shows("1 earlier job of this project is not inserted yet") end)
    w:press("escape")
  end)
end)
