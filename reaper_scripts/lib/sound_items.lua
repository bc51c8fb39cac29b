-- Items with sound in them: which part of which file one plays, and whether stems could take its
-- place and sound the same.
local sound_items = {}

local SAME_SECONDS = 1e-6
local GLUE = "%s: %s cannot be carried over to stems. Glue the item (Item: Glue items) and split the result."

-- What stands in the way of splitting, in a few words; nil where nothing does.
local function obstacle(take, source)
  if reaper.GetMediaSourceType(source) == "SECTION" then return "a section or reversed source" end
  if reaper.GetTakeNumStretchMarkers(take) > 0 then return "stretch markers" end
  if reaper.TakeFX_GetCount(take) > 0 then return "effects on the take" end
  if reaper.CountTakeEnvelopes(take) > 0 then return "envelopes of the take" end
end

local function part_of(item, take, source)
  local offset = reaper.GetMediaItemTakeInfo_Value(take, "D_STARTOFFS")
  local rate = reaper.GetMediaItemTakeInfo_Value(take, "D_PLAYRATE")
  local stop = offset + reaper.GetMediaItemInfo_Value(item, "D_LENGTH") * rate
  local total = reaper.GetMediaSourceLength(source) -- 0 where REAPER does not know it yet
  local repeats = reaper.GetMediaItemInfo_Value(item, "B_LOOPSRC") == 1 and total > 0
    and (stop > total + SAME_SECONDS or offset < 0)
  if repeats then return { from_seconds = 0.0, length_seconds = 0.0, loops = true } end
  local from = math.max(offset, 0.0)
  return { from_seconds = from, length_seconds = stop - from, loops = false }
end

-- {item, take (GUIDs), path, title, position_seconds, from_seconds, length_seconds (0: to the end
-- of the file), loops} of an item's shown take; or nil and a sentence.
function sound_items.read(item)
  local take = reaper.GetActiveTake(item)
  local source = take and not reaper.TakeIsMIDI(take) and reaper.GetMediaItemTake_Source(take)
  if not source then return nil, "Select an item with sound: this one is empty or MIDI." end
  local _, name = reaper.GetSetMediaItemTakeInfo_String(take, "P_NAME", "", false)
  local path = reaper.GetMediaSourceFileName(source)
  if name == "" then name = path:match("[^/\\]*$") end
  if name == "" then name = "The item" end
  local why = obstacle(take, source)
  if why then return nil, GLUE:format(name, why) end
  if path == "" then return nil, ("%s has no sound file of its own; glue the item and split the result."):format(name) end
  local found = part_of(item, take, source)
  if not found.loops and found.length_seconds <= 0 then return nil, name .. " plays nothing of its file." end
  local _, item_guid = reaper.GetSetMediaItemInfo_String(item, "GUID", "", false)
  local _, take_guid = reaper.GetSetMediaItemTakeInfo_String(take, "GUID", "", false)
  found.item, found.take, found.path = item_guid, take_guid, path
  found.title = name
  found.position_seconds = reaper.GetMediaItemInfo_Value(item, "D_POSITION")
  return found
end

return sound_items
