-- "Generate from dialog": REAPER's own dialog of fields instead of a window that is drawn, for screen readers
-- such as OSARA. What is under way, and what came of it, is said in boxes.
local Follow = require("follow")
local orders = require("orders")
local project = require("project")
local protocol = require("protocol")
local request = require("request")
local run = require("run")
local settings = require("settings")

local dialog = {}

local SEPARATOR = "\n" -- a field holds no line end; lyrics have " / " for one
local UNDER_WAY = "%d job%s under way.\n\nYes: go on waiting.\nNo: cancel %s.\nCancel: go on, and order another."

local KEYS = protocol.commands.generate.keys
local FIELDS = {
  { caption = "Style", name = "style" }, { caption = "Key such as A minor", name = "key" }, { caption = "Lyrics", name = "lyrics" },
  { caption = "Stems", name = "stems" }, { caption = ("Takes 1 to %d"):format(KEYS.takes.high), name = "takes", number = KEYS.takes },
  { caption = "Bars without a time selection", name = "bars", number = KEYS.bars },
}

local function shown(chosen, field) return (tostring(chosen[field.name]):gsub("%s*\n%s*", " / ")) end

-- Takes the answers up; nil and a sentence for one that is no number or too large.
local function take(chosen, text)
  local at = 1
  for answer in (text .. SEPARATOR):gmatch("(.-)" .. SEPARATOR) do
    local field = FIELDS[at]
    if field and field.number then
      local number, low, high = math.tointeger(tonumber(answer)), field.number.low, field.number.high
      if not number or number < low or number > high then
        return nil, ("%s must be a whole number from %d to %d, not %s."):format(field.name, low, high, answer)
      end
      chosen[field.name] = number
    elseif field then
      chosen[field.name] = field.name == "lyrics" and answer:gsub(" / ", "\n") or answer
    end
    at = at + 1
  end
  return true
end

-- Asks until the answers can be read: true, or false where the user cancels.
local function ask(chosen)
  local captions, values = {}, {}
  for index, field in ipairs(FIELDS) do captions[index], values[index] = field.caption, shown(chosen, field) end
  local text = table.concat(values, SEPARATOR)
  local form = table.concat(captions, ",") .. ",extrawidth=300,separator=" .. SEPARATOR
  while true do
    local wants
    wants, text = reaper.GetUserInputs("backline", #FIELDS, form, text)
    if not wants then return false end
    local fine, why = take(chosen, text)
    if fine then return true end
    run.tell(why)
  end
end

-- What the action waited for when it was pressed again: {orders, cancels, asks}.
local function under_way()
  local found = orders.take_over(reaper.time_precise())
  if #found == 0 then return found, false, true end
  local many = #found > 1
  local answer = run.choose(UNDER_WAY:format(#found, many and "s are" or " is", many and "them" or "it"))
  return found, answer == "no", answer == "cancel"
end

function dialog.generate()
  local list, cancels, asks = under_way()
  if asks then
    local proj = project.current()
    local chosen = settings.read(proj)
    local place = request.place(proj, chosen.bars)
    if chosen.key == "" then chosen.key = place.key or "" end
    if ask(chosen) then
      local order, why = request.order(request.place(proj, chosen.bars), chosen)
      if order then
        settings.write(proj, chosen)
        list[#list + 1] = order
      else
        run.tell(why)
      end
    end
  end
  if #list > 0 then Follow.carry_out(list, { tells_all = true, cancels = cancels }) end
end

return dialog
