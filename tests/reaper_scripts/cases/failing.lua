-- Every call of a whole run fails in turn.
local scenes = require("double.scenes")
local start = scenes.start

-- Every function fails once, at its first and at its last call, from key press to items.
local HARMLESS = { -- what REAPER itself cannot fail at, and nothing could be done about
  defer = true, atexit = true, PreventUIRefresh = true, ShowConsoleMsg = true,
}

case("any call that fails leaves all or nothing and at most one message", function(w, Daemon)
  local World = getmetatable(w)
  local number = 0
  local function world()
    number = number + 1
    local made = World.new(w.api, w.keys, w.folder .. "/" .. number, w.scripts)
    made.home = made.folder .. "/home"
    made.ext.backline = { carrier = "spool" }
    w.home = made.home -- what BACKLINE_HOME says
    return made
  end
  local function play(made)
    local daemon, project = start(made, Daemon, {})
    daemon.frames = 4800
    made:run("backline_generate.lua", function()
      for frame = 1, 160 do
        coroutine.yield()
        if frame == 5 then made:press("enter") end
        if #project.undo > 1 and frame > 20 then break end
      end
      made:press("escape")
      made:pass(20)
      made:stop()
    end)
    return project
  end
  local clean, calls = world(), {}
  clean.fault = function(name, count) calls[name] = calls[name] or {} table.insert(calls[name], count) end
  equal(#play(clean).tracks, 5, "tracks of the clean run")
  local tried = 0
  for name, counts in pairs(calls) do
    for _, count in ipairs(HARMLESS[name] and {} or { counts[1], counts[#counts] }) do
      tried = tried + 1
      local made = world()
      made.fault = function(_, at) return at == count and "raise" or nil end
      local fine, problem = pcall(play, made)
      local where = ("%s, call %d: "):format(name, count)
      if not fine then contains(problem, "injected:") end -- while loading: REAPER shows that itself
      local project = made:project()
      equal(made.held, 0, where .. "PreventUIRefresh")
      equal(made.sources, 0, where .. "sources left open")
      local tracks, undo = #project.tracks, #project.undo
      if not (tracks == 0 and undo == 1 or tracks == 5 and undo == 2) then
        error(("%s%d tracks, %d undo states"):format(where, tracks, undo))
      end
      if #made.console > 1 or #made.boxes > 1 then error(where .. made:seen()) end
    end
  end
  assert(tried > 80, "too few calls were tried: " .. tried)
end)
