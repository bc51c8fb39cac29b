-- "Setup": the program found or shown, the actions in REAPER's list, an offer at each start, a toolbar to
-- import; and all of it taken back.
local doctor = require("doctor")
local files = require("files")
local launcher = require("launcher")
local run = require("run")
local version = require("version")

local setup = {}

local SECTION, MAIN_SECTION = "backline", 0
local MARK = " -- backline"
local NOT_FOUND = "backline's program was not found.\n\nDo you want to show where it is: the Python that it is installed in, "
  .. "or the program backline itself?\n\nIf it is not installed yet, see its README first."
local AT_START = "Shall REAPER look at each start for finished jobs that a project still waits for?\n\n"
  .. "This adds a line to Scripts/__startup.lua; this action takes it back."
local AGAIN = "backline is set up here.\n\nYes: set it up again, such as after an update.\nNo: take back what this action has done."

local function action_files()
  local list = {}
  for _, name in ipairs(files.list(launcher.folder)) do
    if name:find("^backline_.*%.lua$") then list[#list + 1] = name end
  end
  return list
end

-- Adds the actions to REAPER's list, or removes them; {name, id} of those that are there.
local function list_actions(adds)
  local names, actions = action_files(), {}
  for index, name in ipairs(names) do
    local id = reaper.AddRemoveReaScript(adds, MAIN_SECTION, files.join(launcher.folder, name), index == #names)
    if id > 0 then actions[#actions + 1] = { name = name, id = id } end
  end
  return actions
end

local function startup_file() return files.join(reaper.GetResourcePath(), "Scripts", "__startup.lua") end

-- What REAPER runs at its start, without our lines.
local function startup_text()
  local kept = {}
  for line in (files.read(startup_file()) or ""):gmatch("([^\n]*)\n?") do
    if line ~= "" and line:sub(-#MARK) ~= MARK then kept[#kept + 1] = line .. "\n" end
  end
  return table.concat(kept)
end

local function write_startup(offers)
  local text = startup_text()
  if offers then
    local path = files.join(launcher.folder, "backline_offer_finished_jobs.lua"):gsub("\\", "/")
    text = ("%sdofile(%q)%s\n"):format(text, path, MARK)
  end
  if text == "" then return files.remove(startup_file()) end
  return files.replace(startup_file(), text)
end

local function toolbar_file() return files.join(reaper.GetResourcePath(), "MenuSets", "backline.ReaperMenu") end

-- A toolbar that REAPER imports under Options > Customize menus/toolbars: scripts cannot make one.
local function write_toolbar(actions)
  local lines = { "[Floating toolbar 16]", "title=backline" }
  for index, action in ipairs(actions) do
    local label = action.name:gsub("^backline_", ""):gsub("%.lua$", ""):gsub("_", " ")
    lines[#lines + 1] = ("item_%d=_%s backline: %s"):format(index - 1, reaper.ReverseNamedCommandLookup(action.id), label)
  end
  reaper.RecursiveCreateDirectory(files.folder_of(toolbar_file()), 0)
  return files.replace(toolbar_file(), table.concat(lines, "\n") .. "\n")
end

-- Whether the program is known now: found, or shown by the user and remembered.
local function find_program()
  local found = launcher.read()
  if found.python and files.size(found.python) then return true end
  if not run.ask(NOT_FOUND) then return false end
  local chosen, path = reaper.GetUserFileNameForRead("", "The Python that backline is installed in, or backline itself", "")
  if not chosen then return false end
  launcher.remember(path, found.home)
  return true
end

local function set_up()
  if not find_program() then return end
  local actions = list_actions(true)
  write_toolbar(actions)
  write_startup(run.ask(AT_START))
  reaper.SetExtState(SECTION, "setup", version.scripts, true)
  reaper.ShowConsoleMsg(("%d actions are in the action list: search it for backline, and give backline_generate a key.\n"
    .. "A toolbar to import: %s\n\n"):format(#actions, toolbar_file()))
  doctor.examine()
end

local function take_back()
  list_actions(false)
  write_startup(false)
  files.remove(toolbar_file())
  files.remove(launcher.own_file())
  reaper.DeleteExtState(SECTION, "setup", true)
  run.tell("The actions, the toolbar and the line in __startup.lua are gone. The scripts themselves go with ReaPack, or with "
    .. "`backline install-reaper --uninstall`.")
end

function setup.run()
  if reaper.GetExtState(SECTION, "setup") == "" then return set_up() end
  local answer = run.choose(AGAIN)
  if answer == "yes" then set_up() end
  if answer == "no" then take_back() end
end

return setup
