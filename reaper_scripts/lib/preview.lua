-- Listening to a result before it is inserted: through SWS, where that is installed.
local files = require("files")

local preview = {}

local playing, source

-- A function of SWS, nil where it is not installed: REAPER's own list does not have it.
local function of_sws(name) return reaper[name] end

function preview.is_there() return of_sws("CF_CreatePreview") ~= nil end

-- Whether it sounds still; SWS forgets what has come to its end.
function preview.is_playing()
  if not playing then return false end
  local fine, goes_on = pcall(of_sws("CF_Preview_GetValue"), playing, "D_POSITION")
  return fine and goes_on == true
end

function preview.stop()
  if playing then pcall(of_sws("CF_Preview_Stop"), playing) end
  if source then pcall(reaper.PCM_Source_Destroy, source) end
  playing, source = nil, nil
end

-- Plays a file instead of what is playing: true, or nil and a sentence.
function preview.play(path)
  preview.stop()
  source = reaper.PCM_Source_CreateFromFile(path)
  if not source then return nil, "REAPER cannot open " .. path end
  playing = of_sws("CF_CreatePreview")(source)
  if not playing then
    preview.stop()
    return nil, "SWS cannot play " .. path
  end
  of_sws("CF_Preview_SetValue")(playing, "D_VOLUME", 1)
  of_sws("CF_Preview_Play")(playing)
  return true
end

-- The sound of each take of a job's folder: its mix, or of a split its first stem.
function preview.files_of(manifest, folder)
  local by_take = {}
  for _, entry in ipairs(manifest.files) do
    local is_sound = type(entry) == "table" and (entry.role == "mix" or entry.role == "stem") and type(entry.path) == "string"
    local take = is_sound and not entry.path:find("..", 1, true) and math.tointeger(entry.take)
    if take and (entry.role == "mix" or not by_take[take]) then by_take[take] = files.join(folder, entry.path) end
  end
  return by_take
end

return preview
