-- Orders: what was asked for which place of which project. Each lies in a file of its own until
-- its stems have landed and after, so that a closed window, script or REAPER loses nothing.
local files = require("files")
local json = require("json")
local order_index = require("order_index")

local orders = {}

local SECTION = "backline"
local FOLLOWED_SECONDS = 5 -- a script that follows an order says so every second
local HAND_OVER_SECONDS = 2
local MOST_OFFERED = 50
local known -- the index, once it was asked for

local function folder() return files.join(reaper.GetResourcePath(), "Data", "backline", "orders") end

local function file_of(rid) return files.join(folder(), rid:gsub("[^%w.-]", "_") .. ".json") end

-- Melodies too long for a message lie beside the orders, as long as those: variations need them.
function orders.melody_file(rid) return file_of(rid):gsub("%.json$", ".mid") end
function orders.chords_file(rid) return file_of(rid):gsub("%.json$", "-chords.mid") end

-- An order of `keys`, a list of {name, tag, value} as they go onto the wire. `targets` has by stem
-- the GUID of the item whose takes the results become.
function orders.new(rid, place, title, keys, stems, targets)
  return {
    rid = rid, created = os.time(), state = "pending", title = title, keys = keys, stems = stems,
    targets = targets or {}, project_id = place.project_id, project_file = place.project_file,
    first_bar = place.first_bar, start_qn = place.start_qn, bars = place.bars,
  }
end

function orders.key(order, name)
  for _, key in ipairs(order.keys) do
    if key[1] == name then return key[3] end
  end
end

local function is_whole(order)
  return type(order) == "table" and type(order.rid) == "string" and type(order.keys) == "table"
    and type(order.stems) == "table" and type(order.start_qn) == "number"
    and type(order.targets) == "table" and type(order.project_id) == "string"
    and type(order.created) == "number" and type(order.bars) == "number" and type(order.title) == "string"
end

function orders.load(rid)
  local text = files.read(file_of(rid))
  local order = text and json.decode(text)
  return is_whole(order) and order or nil
end

local function index()
  known = known or order_index.of(folder(), orders.load)
  return known
end

local function prune()
  local outdated = index().outdated()
  -- Their melodies stay: items that were made of them may still be varied.
  for _, rid in ipairs(outdated) do files.remove(file_of(rid)) end
  if #outdated > 0 then index().remove(outdated) end
end

-- Writes the order down: true, or nil and a sentence.
function orders.save(order)
  reaper.RecursiveCreateDirectory(folder(), 0)
  local saved, why = files.replace(file_of(order.rid), json.encode(order))
  if not saved then return nil, why end
  index().put(order)
  prune()
  return true
end

function orders.remove(rid)
  files.remove(file_of(rid))
  files.remove(orders.melody_file(rid))
  files.remove(orders.chords_file(rid))
  index().remove({ rid })
end

-- All orders as {rid, created, state, project_id, title}, newest first; load() has the rest. Where
-- is_complete() is false more will be there in a moment.
function orders.all()
  index().refresh()
  prune()
  return index().newest_first()
end

function orders.is_complete() return index().is_whole() end

-- Says that a script of this REAPER is waiting for the order's stems right now.
function orders.follow(rid, now)
  reaper.SetExtState(SECTION, "follow." .. rid, ("%.3f"):format(now), false)
end

function orders.is_followed(rid, now)
  local told = tonumber(reaper.GetExtState(SECTION, "follow." .. rid))
  return told ~= nil and math.abs(now - told) < FOLLOWED_SECONDS
end

function orders.leave(rid) reaper.DeleteExtState(SECTION, "follow." .. rid, false) end

-- A script that is ended hands over what it waited for: if its action was only pressed again, the
-- next one is there at once and takes it up.
function orders.hand_over(rids, now)
  reaper.SetExtState(SECTION, "handed over", ("%.3f %s"):format(now, table.concat(rids, " ")), false)
end

function orders.take_over(now)
  local told, rids = reaper.GetExtState(SECTION, "handed over"):match("^(%S+) (.+)$")
  reaper.DeleteExtState(SECTION, "handed over", false)
  local found = {}
  if not told or math.abs(now - tonumber(told)) > HAND_OVER_SECONDS then return found end
  for rid in rids:gmatch("%S+") do
    local order = orders.load(rid)
    if order and order.state == "pending" then found[#found + 1] = order end
  end
  return found
end

-- Orders of a project that nobody waits for: of a REAPER that was closed, or a project that was.
function orders.left_behind(project_id, now)
  local found = {}
  if project_id == "" then return found end -- never ordered anything
  for _, order in ipairs(orders.all()) do
    if order.state == "pending" and order.project_id == project_id and #found < MOST_OFFERED
      and not orders.is_followed(order.rid, now) then
      found[#found + 1] = orders.load(order.rid)
    end
  end
  return found
end

return orders
