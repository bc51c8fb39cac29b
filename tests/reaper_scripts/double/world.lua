-- A REAPER that is strict: every call is checked against REAPER's own list of functions; frames,
-- undo and the work done in a frame are counted. Scripts run in it unmodified.
local drawing = require("double.gfx")
local make_calls = require("double.calls")
local model = require("double.model")

local World = {}
World.__index = World
World.apart = 0 -- seconds spent in the double's own functions, where time is taken
World.called = {} -- functions that any world has called, by name

local FRAME_SECONDS = 1 / 30
-- What one frame may do, as stand-ins for its 10 ms: on the slowest machines we know a call into
-- REAPER takes about a microsecond, and reading or writing a file of 1 MiB some milliseconds.
local MAX_CALLS, MAX_BYTES, MAX_OPENS = 4000, 2.5 * (1 << 20), 120

-- `api` maps names to {params = {{type, optional}}, returns = {type}}, `keys` names to the
-- attributes their descriptions list.
function World.new(api, keys, folder, scripts)
  local world = setmetatable({}, World)
  world.api, world.keys, world.folder, world.scripts = api, keys, folder, scripts
  world.resources = folder .. "/resources"
  world.projects, world.front = { model.project() }, 1
  world.ext, world.chunks, world.listings, world.missing = {}, {}, {}, {}
  world.ext_bytes = 4095 -- kept of a line of a project file, as other scripts have found
  world.default_fade_seconds = 0.01
  world.actions = {} -- paths in the action list
  world.passing = {} -- states that REAPER forgets when it is closed
  world.console, world.boxes, world.commands, world.executed, world.violations = {}, {}, {}, {}, {}
  world.deferred, world.at_exit, world.held, world.sources, world.frames = {}, {}, 0, 0, 0
  world.system, world.version, world.says_yes = "Other", "7.77/linux-x86_64", true
  world.seconds, world.start_time = 1000.0, os.time()
  world.work = nil
  world.call_count = 0
  world.io_open, world.real = io.open, { os_time = os.time, io_open = io.open, os_remove = os.remove, os_rename = os.rename }
  world.calls = make_calls(world)
  os.execute(("mkdir -p '%s/media' '%s'"):format(folder, world.resources))
  return world
end

function World:violation(text) table.insert(self.violations, text) end

function World:has_key(call, key)
  return self.keys[call] ~= nil and self.keys[call][key:gsub(":%d+$", ":N")] == true
end

-- Arguments ---------------------------------------------------------------------------------------

local PLAIN = { number = "number", string = "string", boolean = "boolean", ["function"] = "function" }

local function complaint(world, kind, value)
  if kind == "integer" then
    if type(value) ~= "number" then return "number expected, got " .. type(value) end
    return not math.tointeger(value) and "number has no integer representation" or nil
  end
  if kind == "number" and type(value) == "number" then
    return (value ~= value or value == math.huge or value == -math.huge) and "finite number expected" or nil
  end
  if PLAIN[kind] then return type(value) ~= kind and kind .. " expected, got " .. type(value) or nil end
  if kind == "identifier" then return nil end
  local thing = model.object(value)
  -- REAPER takes 0 for "the project in front"; scripts that outlive a tab change must not.
  if kind == "ReaProject" and not thing then return "the scripts must name their project" end
  if not thing or thing.kind ~= kind or thing.deleted then return kind .. " expected" end
  if kind == "ReaProject" then
    for _, each in ipairs(world.projects) do
      if each == thing then return nil end
    end
    return "ReaProject expected (this one was closed)"
  end
end

function World:check_arguments(name, arguments, count)
  local params = self.api[name].params
  if count > #params then error(("reaper.%s: %d arguments, it takes %d"):format(name, count, #params), 0) end
  for index, param in ipairs(params) do
    local value = arguments[index]
    if not (value == nil and param.optional) then
      local wrong = complaint(self, param.type, value)
      if wrong then error(("bad argument #%d to '%s' (%s)"):format(index, name, wrong), 0) end
    end
  end
end

local function as_declared(name, returns, found)
  if found.n > #returns then error(("double: %s returned %d values, it has %d"):format(name, found.n, #returns), 0) end
  for index = 1, found.n do
    local value = found[index]
    if type(value) == "number" then
      if returns[index] == "number" then found[index] = value + 0.0 end
      if returns[index] == "integer" then
        found[index] = math.tointeger(value) or error("double: " .. name .. " returned no integer", 0)
      end
    end
  end
  return table.unpack(found, 1, found.n)
end

function World:call(name, ...)
  local began = World.gettime and World.gettime()
  local arguments = table.pack(...)
  self:check_arguments(name, arguments, arguments.n)
  World.called[name] = true
  self.call_count = self.call_count + 1
  if self.work then self.work.calls = self.work.calls + 1 end
  if self.fault then
    local answer = self.fault(name, self.call_count, arguments)
    if answer == "raise" then error("injected: " .. name, 0) end
    if answer == "refuse" then return nil end
  end
  local call = self.calls[name] or error(("double: reaper.%s is in the API but not in the double"):format(name), 0)
  local answers = table.pack(as_declared(name, self.api[name].returns, table.pack(call(...))))
  if began then World.apart = World.apart + World.gettime() - began end
  return table.unpack(answers, 1, answers.n)
end

-- Files: counted, and failing where a test wants -------------------------------------------------

local function counted_file(world, file)
  local proxy = {}
  local function count(bytes)
    if world.work then world.work.bytes = world.work.bytes + bytes end
  end
  function proxy:read(...)
    local block = file:read(...)
    if type(block) == "string" then count(#block) end
    return block
  end
  function proxy:write(block)
    count(#block)
    if world.disk_is_full then return nil, "No space left on device" end
    local fine, why = file:write(block)
    return fine and proxy or nil, why
  end
  function proxy:seek(...) return file:seek(...) end
  function proxy:setvbuf(...) return file:setvbuf(...) end
  function proxy:close() return file:close() end
  return setmetatable(proxy, { __close = function() file:close() end })
end

function World:_wrap_system()
  local world, real = self, self.real
  io.open = function(path, mode)
    if world.work then world.work.opens = world.work.opens + 1 end
    local refused = world.refuse_open and world.refuse_open(path, mode or "r")
    if refused then return nil, path .. ": " .. refused end
    local file, why, code = real.io_open(path, mode)
    if not file then return nil, why, code end
    return counted_file(world, file)
  end
  -- REAPER's Lua on Windows: io.open takes UTF-8, the rest names of the code page only.
  local function cannot_name(path) return world.names_only_ascii and path:find("[\128-\255]") end
  os.remove = function(path)
    if cannot_name(path) then return nil, path .. ": No such file or directory", 2 end
    return real.os_remove(path)
  end
  os.rename = function(from, to)
    if cannot_name(from .. to) then return nil, from .. ": No such file or directory", 2 end
    if world.is_windows_rename then -- refuses to replace what is there
      local there = real.io_open(to, "rb")
      if there then
        there:close()
        return nil, to .. ": File exists", 17
      end
    end
    return real.os_rename(from, to)
  end
  if not self.is_real_time then
    os.time = function(given)
      if given then return real.os_time(given) end
      return world:time()
    end
  end
end

function World:_unwrap_system()
  io.open, os.rename, os.time = self.real.io_open, self.real.os_rename, self.real.os_time
  os.remove = self.real.os_remove
end

function World.list_folder(path)
  local names = {}
  local fine, lfs = pcall(require, "lfs")
  if fine then
    local listed, iterate, state = pcall(lfs.dir, path)
    if listed then
      for name in iterate, state do
        if name ~= "." and name ~= ".." and lfs.attributes(path .. "/" .. name, "mode") == "file" then names[#names + 1] = name end
      end
    end
  else
    local pipe = io.popen(("ls -1p '%s' 2>/dev/null"):format((path:gsub("'", "'\\''"))))
    for name in pipe:lines() do
      if not name:find("/$") then names[#names + 1] = name end
    end
    pipe:close()
  end
  return names
end

-- The calendar's seconds in this world.
function World:time() return self.start_time + math.floor(self.seconds - 1000.0) end

-- Running -----------------------------------------------------------------------------------------

function World:_globals()
  local world = self
  world.clock = world.is_real_time and world.gettime or function() return world.seconds end
  world.knows_key = function(call, key) return world:has_key(call, key) end
  local violation = World.violation
  world.violation = function(text) violation(world, text) end
  reaper = setmetatable({}, {
    __newindex = function() error("scripts must not write to reaper.*", 2) end,
    __index = function(_, name)
      local extension = world.extensions and world.extensions[name]
      if extension then return extension end
      if not world.api[name] or world.missing[name] then return nil end -- as in REAPER: unknown functions are nil
      return function(...) return world:call(name, ...) end
    end,
  })
  gfx, world.window = drawing.new({ scale = world.screen_scale or 1, is_mac = world.system:find("OSX") ~= nil })
end

local function load_script(world, name)
  for module in pairs(package.loaded) do -- each script has a Lua state of its own in REAPER
    if not World.kept_modules[module] then package.loaded[module] = nil end
  end
  package.path = World.own_path
  local path = world.scripts .. "/" .. name
  return assert(loadfile(path, "t"))
end

function World:_frame(work)
  self.work = { calls = 0, bytes = 0, opens = 0 }
  if World.gettime then collectgarbage("stop") end -- most garbage is the double's
  local began, apart = World.gettime and World.gettime(), World.apart
  work()
  local done = self.work
  self.work = nil
  if began then -- the double's own part is not REAPER's
    local milliseconds = (World.gettime() - began - (World.apart - apart)) * 1000
    self.longest_ms = math.max(self.longest_ms or 0, milliseconds)
    collectgarbage("restart")
  end
  self.most_calls = math.max(self.most_calls or 0, done.calls)
  assert(done.calls <= MAX_CALLS, ("a frame made %d calls"):format(done.calls))
  assert(done.bytes <= MAX_BYTES, ("a frame moved %d bytes"):format(done.bytes))
  assert(done.opens <= MAX_OPENS, ("a frame opened %d files"):format(done.opens))
  assert(self.held == 0, "PreventUIRefresh is held at the end of a frame")
end

-- Runs a shipped script to its end. `scenario`, a function, runs beside it as a coroutine: it
-- yields to let a frame pass and is what presses keys, looks and waits. Returns nothing; raises
-- what went wrong.
function World:run(name, scenario, most_frames)
  self:_globals()
  self:_wrap_system()
  self.deferred, self.at_exit, self.frames, self.is_stopped, self.options = {}, {}, 0, false, 0
  local player = scenario and coroutine.create(scenario)
  local fine, problem = xpcall(function()
    local chunk = load_script(self, name)
    self:_frame(chunk)
    if #self.deferred == 0 then -- as REAPER does for scripts that end at once
      local front = self.projects[self.front]
      table.insert(front.undo, { text = "ReaScript: " .. name, tracks = model.snapshot(front) })
    end
    while (#self.deferred > 0 or (player and coroutine.status(player) ~= "dead")) and not self.is_stopped do
      self.frames = self.frames + 1
      if self.frames > (most_frames or 3000) then error("the script still runs after " .. self.frames .. " frames: " .. self:seen(), 0) end
      self:_pass_time()
      if self.on_frame then self.on_frame() end
      if player and coroutine.status(player) ~= "dead" then
        local went, trouble = coroutine.resume(player, self)
        if not went then error(debug.traceback(player, tostring(trouble)), 0) end
      end
      if self.is_pressed_again then self:_relaunch(name) end
      local now = self.deferred
      self.deferred = {}
      for _, step in ipairs(now) do self:_frame(step) end
    end
    for _, step in ipairs(self.at_exit) do self:_frame(step) end
  end, function(trouble) return type(trouble) == "string" and debug.traceback(trouble, 2) or trouble end)
  self.work = nil
  self:_unwrap_system()
  if not fine then error(problem, 0) end
end

function World:_pass_time()
  if self.is_real_time then
    self.sleep(0.01)
  else
    self.seconds = self.seconds + FRAME_SECONDS
  end
end

-- The action is pressed once more while its script runs: what happens is the script's choice, and
-- without one REAPER asks in a box.
function World:press_again() self.is_pressed_again = true end

function World:_relaunch(name)
  self.is_pressed_again = false
  if self.options & 1 == 0 then return self.violation("ReaScript task control: the script is already running") end
  for _, step in ipairs(self.at_exit) do self:_frame(step) end
  local relaunches = self.options & 2 == 2
  self.deferred, self.at_exit, self.options = {}, {}, 0
  if relaunches then self:_frame(load_script(self, name)) end
end

-- Takes up the ways of a REAPER that a report of the self-test tells: what it saw.
function World:be_like(seen)
  self.first_marker_is_alone, self.deletes_last_marker = seen.first_marker_is_alone, seen.deletes_last_marker
  self.tells_bpm_in_denominators, self.names_only_ascii = seen.tells_bpm_in_denominators, seen.names_only_ascii
  self.default_fade_seconds, self.screen_scale = seen.default_fade_seconds, seen.screen_scale
  self.ext_bytes = seen.ext_bytes > 0 and seen.ext_bytes or math.maxinteger
  self.adds_a_lane = (seen.lanes_reloaded or 0) > 0
  self.missing.set_action_options = not seen.has_action_options or nil
end

-- REAPER is closed and started again.
function World:restart()
  for name in pairs(self.passing) do
    local section, key = name:match("^(%S+) (.+)$")
    self.ext[section][key] = nil
  end
end

-- REAPER ends the script: the user's "terminate instances", or closing REAPER.
function World:stop() self.is_stopped = true end

-- A module of the scripts, in this world; for tests of one module. finish() it afterwards.
function World:lib(name)
  if not self.is_lib then
    self.is_lib = true
    self:_globals()
    self:_wrap_system()
    for module in pairs(package.loaded) do
      if not World.kept_modules[module] then package.loaded[module] = nil end
    end
    package.path = self.scripts .. "/lib/?.lua;" .. World.own_path
  end
  return require(name)
end

-- A module as the script that runs has loaded it.
function World.lib_of(_, name) return package.loaded[name] end

-- What a scenario does -----------------------------------------------------------------------------

-- Lets frames pass until the condition holds.
function World:wait(condition)
  while not condition() do coroutine.yield() end
end

function World:pass(frames)
  for _ = 1, frames do coroutine.yield() end
end

function World:type(text)
  for _, code in utf8.codes(text) do
    table.insert(self.window.keys, code < 256 and code or (0x75 << 24 | code))
  end
end

function World:press(...)
  for _, key in ipairs({ ... }) do
    table.insert(self.window.keys, ({ enter = 13, escape = 27, tab = 9, backspace = 8, close = -1, left = 0x6C656674, right = 0x72676874, home = 0x686F6D65,
      ["end"] = 0x656E64, delete = 0x64656C, up = 0x7570, down = 0x646F776E, space = 32 })[key] or key)
  end
end

local function find_text(world, text)
  for _, each in ipairs(world.window.shown) do
    if each.kind == "text" and each.text == text then return each end
  end
end

function World:shows(pattern)
  for _, each in ipairs(self.window.shown) do
    if each.kind == "text" and each.text:find(pattern) then return each.text end
  end
end

function World:seen()
  local lines = {}
  for _, each in ipairs(self.window and self.window.shown or {}) do
    if each.kind == "text" then lines[#lines + 1] = each.text end
  end
  return table.concat(lines, " / ") .. " " .. table.concat(self.boxes, " / ") .. table.concat(self.console)
end

-- Clicks at a place of the window.
function World:click_at(x, y)
  gfx.mouse_x, gfx.mouse_y, gfx.mouse_cap = x, y, 1
  coroutine.yield()
  coroutine.yield()
  gfx.mouse_cap = 0
  coroutine.yield()
end

-- Presses the mouse on a word that the window shows, and lets it go two frames later.
function World:click(text)
  self:wait(function() return find_text(self, text) end)
  local word = find_text(self, text)
  self:click_at(word.x + 3, word.y + 3)
end

-- What tests look at --------------------------------------------------------------------------------

function World:project(index) return self.projects[index or 1] end

function World:open(fields)
  table.insert(self.projects, model.project(fields))
  return self.projects[#self.projects]
end

function World:close_project(index)
  local closed = table.remove(self.projects, index)
  closed.deleted = true
  self.front = math.min(self.front, #self.projects)
end

function World:undo(project)
  table.remove(project.undo)
  model.restore(project, project.undo[#project.undo].tracks)
end

function World:add_midi_item(project, seconds, length, notes)
  local track = model.track({ text = { P_NAME = "tune" } })
  table.insert(project.tracks, track)
  local item = model.item(track)
  item.value.D_POSITION, item.value.D_LENGTH, item.selected = seconds, length, true
  model.take(item, { notes = notes })
  project.undo[#project.undo] = { text = project.undo[#project.undo].text, tracks = model.snapshot(project) }
  return item
end

-- A track with an item that plays a sound file; `values` are the item's, `of_take` the take's.
function World:add_sound_item(project, file, values, of_take)
  local track = model.track({ text = { P_NAME = "loop" } })
  table.insert(project.tracks, track)
  local item = model.item(track, { selected = true })
  for name, value in pairs(values) do item.value[name] = value end
  local take = model.take(item, { text = { P_NAME = "my loop" } })
  for name, value in pairs(of_take or {}) do take.value[name] = value end
  take.source = model.new("PCM_source", { file = file })
  project.undo[#project.undo] = { text = project.undo[#project.undo].text, tracks = model.snapshot(project) }
  return item, take, track
end

function World:plain(index) return model.plain(self.projects[index or 1]) end

return World
