-- A job's files: checked against their manifest and copied into the project's media folder,
-- a little each frame. The functions that take time yield; run them in a coroutine.
local files = require("files")
local json = require("json")
local names = require("names")

local media = {}

local COPY_BYTES = 1 << 20 -- a frame: some milliseconds, even on a slow disk

-- The manifest of a job's folder, or nil and a sentence.
function media.manifest(folder)
  local text, why = files.read(files.join(folder, "manifest.json"))
  if not text then return nil, "The job's result is gone: " .. why end
  local found, broken = json.decode(text)
  if type(found) ~= "table" then return nil, ("The job's manifest cannot be read: %s."):format(broken or "no object") end
  if found.schema ~= "backline.manifest/1" then
    return nil, "The job's manifest is of another version of backline; run `backline install-reaper` again."
  end
  local grid = found.grid
  local frames = type(grid) == "table" and math.tointeger(grid.frames)
  local rate = type(grid) == "table" and math.tointeger(grid.sample_rate)
  if not frames or not rate or frames < 1 or rate < 1 or type(found.files) ~= "table" or type(found.takes) ~= "table" then
    return nil, "The job's manifest lacks its length or its files."
  end
  return found
end

-- Frames a second and frames of a WAV file's sound, from its header; nil where it is none.
local function wave_length(file)
  local head = file:read(12)
  if not head or #head < 12 or head:sub(1, 4) ~= "RIFF" or head:sub(9, 12) ~= "WAVE" then return nil end
  local rate, frame_bytes
  for _ = 1, 16 do
    local chunk = file:read(8)
    if not chunk or #chunk < 8 then return nil end
    local name, size = chunk:sub(1, 4), string.unpack("<I4", chunk, 5)
    if name == "data" then return rate, frame_bytes and frame_bytes > 0 and size // frame_bytes end
    local start = file:seek()
    if name == "fmt " and size >= 16 then
      local format = file:read(16)
      if #format < 16 then return nil end
      rate, frame_bytes = string.unpack("<I4", format, 5), string.unpack("<I2", format, 13)
    end
    file:seek("set", start + size + size % 2)
  end
end

-- The same of a FLAC file, from its first block, STREAMINFO: 20 bits of rate, 8 of channels and
-- bits, 36 of frames.
local function flac_length(file)
  local head = file:read(26)
  if not head or #head < 26 or head:sub(1, 4) ~= "fLaC" or head:byte(5) & 0x7F ~= 0 then return nil end
  local packed = string.unpack(">I8", head, 19)
  return packed >> 44, packed & 0xFFFFFFFFF
end

-- True where a file is as its manifest has it, or nil and a sentence.
local function check(path, entry, rate)
  local size = files.size(path)
  if not size then return nil, path .. " is gone; generate again." end
  if size ~= entry.bytes then
    return nil, ("%s has %d bytes, its manifest says %d: it is damaged."):format(path, size, entry.bytes)
  end
  if names.suffix(entry.path) == ".mid" then return true end
  local file <close> = assert(io.open(path, "rb"))
  local kind = names.suffix(entry.path) == ".flac" and "FLAC" or "WAV"
  local length = kind == "FLAC" and flac_length or wave_length
  local its_rate, frames = length(file)
  if its_rate ~= rate or frames ~= entry.frames then
    return nil, ("%s is no %s file as its manifest has it."):format(path, kind)
  end
  return true
end

local function copy(from, to)
  local source <close> = io.open(from, "rb")
  if not source then return nil, from .. " cannot be read." end
  local target, why = io.open(to, "wb")
  if not target then return nil, ("%s cannot be written: %s"):format(to, why) end
  while true do
    local block = source:read(COPY_BYTES)
    if not block then break end
    local written, trouble = target:write(block)
    if not written then
      target:close()
      return nil, ("%s cannot be written: %s"):format(to, trouble)
    end
    coroutine.yield()
  end
  local closed, trouble = target:close()
  if not closed then return nil, ("%s cannot be written: %s"):format(to, trouble) end
  return true
end

-- The files of a role by stem and take: {path, entry, take}.
local function of_role(manifest, folder, role)
  local by_stem = {}
  for _, entry in ipairs(manifest.files) do
    if type(entry) == "table" and entry.role == role and type(entry.stem) == "string" and type(entry.path) == "string"
      and not entry.path:find("..", 1, true) and math.tointeger(entry.take) then
      by_stem[entry.stem] = by_stem[entry.stem] or {}
      by_stem[entry.stem][entry.take] = { path = files.join(folder, entry.path), entry = entry, take = entry.take }
    end
  end
  return by_stem
end

-- What the stems asked for have in the job's folder: {name, takes = {{path, entry, take, midi}}}, or nil
-- and a sentence; `midi` = {path, entry, take} where a take has notes and they are wanted.
local function wanted(manifest, folder, stems, wants_notes)
  local by_stem, found = of_role(manifest, folder, "stem"), {}
  local notes = wants_notes and of_role(manifest, folder, "notes") or {}
  for stem, takes in pairs(notes) do
    for take, each in pairs(takes) do
      local its = by_stem[stem] and by_stem[stem][take]
      if its then its.midi = each end
    end
  end
  for _, name in ipairs(stems) do
    if not by_stem[name] or not by_stem[name][1] then return nil, ("The job has no %s."):format(name) end
    found[#found + 1] = { name = name, takes = by_stem[name] }
  end
  return found
end

-- Copies a file of a take, checked, into `target`: true and its path is the copy's, or nil and a sentence.
local function fetch(manifest, stem, take, target, made)
  local fine, why = check(take.path, take.entry, manifest.grid.sample_rate)
  if not fine then return nil, why end
  local path = files.join(target, names.of(manifest, stem.name, take.take, take.entry.path))
  made[#made + 1] = path
  fine, why = copy(take.path, path)
  if not fine then return nil, why end
  take.path = path
  if files.size(path) ~= take.entry.bytes then return nil, path .. " was not written whole." end
  return true
end

-- Copies the stems, and their notes where wanted, into `target`, a new folder: the list of stems with the
-- copies' paths, or nil and a sentence. `made` gets the path of each file as it is begun, for those who must
-- tidy up.
function media.fetch(manifest, folder, stems, target, made, wants_notes)
  local found, why = wanted(manifest, folder, stems, wants_notes)
  if not found then return nil, why end
  reaper.RecursiveCreateDirectory(target, 0)
  for _, stem in ipairs(found) do
    for _, take in ipairs(stem.takes) do
      local fine
      fine, why = fetch(manifest, stem, take, target, made)
      if fine and take.midi then fine, why = fetch(manifest, stem, take.midi, target, made) end
      if not fine then return nil, why end
    end
  end
  return found
end

function media.tidy_up(made, target)
  for _, path in ipairs(made) do files.remove(path) end
  os.remove(target)
end

return media
