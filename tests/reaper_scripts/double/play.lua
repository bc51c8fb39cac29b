-- lua5.4 play.lua API SCRIPTS FOLDER CASES [NAME]: runs the cases of a file, or the one named.
-- Tells each that failed on stderr and prints the functions that were called; the exit status says whether any did.
local api_file, scripts, folder, cases_file, only = table.unpack(arg)
local here = arg[0]:match("^(.*[/\\])") or "./"
package.path = here .. "../?.lua;" .. package.path
local World = require("double.world")
local FakeDaemon = require("double.fake_daemon")
require("double.tempo")
pcall(require, "lfs")
local has_socket, socket = pcall(require, "socket.core")
assert(has_socket or not os.getenv("DOUBLE_HOME"), "LuaSocket is missing")
local table_of = dofile(api_file)

World.own_path, World.kept_modules = package.path, {}
for name in pairs(package.loaded) do World.kept_modules[name] = true end

local cases = {}
function case(name, test) cases[#cases + 1] = { name = name, test = test } end

function equal(found, wanted, what)
  if found ~= wanted then error(("%s is %s, not %s"):format(what or "it", tostring(found), tostring(wanted)), 2) end
end

function near(found, wanted, tolerance, what)
  if not (math.abs(found - wanted) <= tolerance) then
    error(("%s is %.17g, not %.17g within %g"):format(what or "it", found, wanted, tolerance), 2)
  end
end

function contains(text, part)
  if not tostring(text):find(part, 1, true) then error(("%q is not in %q"):format(part, tostring(text)), 2) end
end

local getenv = os.getenv
local function new_world(index)
  local place = ("%s/%d"):format(folder, index)
  local world = World.new(table_of.functions, table_of.keys, place, scripts)
  world.home = getenv("DOUBLE_HOME") or place .. "/home"
  os.execute(("mkdir -p '%s'"):format(world.home))
  os.getenv = function(name) -- no program of the machine that plays this is found
    if name == "BACKLINE_HOME" then return world.home end
    if name == "HOME" or name == "PATH" then return name == "HOME" and place or "" end
    return getenv(name)
  end
  world.ext.backline = { carrier = getenv("DOUBLE_CARRIER") or "spool" }
  if getenv("DOUBLE_HOME") then -- a real daemon lives in real time
    world.is_real_time, world.gettime, world.sleep = true, socket.gettime, socket.sleep
  end
  return world
end

dofile(cases_file)
World.gettime = os.getenv("DOUBLE_TIMES") and os.clock -- says how long the processor had to do for the longest frame of each case
local failures, run = 0, 0
local stops = os.getenv("DOUBLE_STOPS") -- at the first that fails
for index, each in ipairs(cases) do
  if (not only or only == each.name) and not (stops and failures > 0) then
    run = run + 1
    local world = new_world(index)
    local fine, problem = xpcall(each.test, function(trouble) return debug.traceback(tostring(trouble), 2) end, world, FakeDaemon)
    world:_unwrap_system()
    if World.gettime then io.stderr:write(("TIME %.1f ms, %d calls: %s\n"):format(world.longest_ms or 0, world.most_calls or 0, each.name)) end
    os.remove(scripts .. "/backline_launcher.json")
    if fine and #world.violations > 0 then fine, problem = false, table.concat(world.violations, "; ") end
    if not fine then
      failures = failures + 1
      io.stderr:write(("FAILED %s\n%s\nsaid: %s\n"):format(each.name, problem, world.window and world:seen() or ""))
    end
  end
end
for name in pairs(World.called) do print(name) end
if run == 0 then io.stderr:write("no such case\n") end
os.exit(failures == 0 and run > 0 and 0 or 1)
