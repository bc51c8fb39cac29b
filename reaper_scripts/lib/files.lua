-- Files as the scripts need them: whole reads, whole writes, folders, names that fit everywhere.
local files = {}

local MAX_READ_BYTES = 8 << 20

files.separator = package.config:sub(1, 1)

function files.join(...) return table.concat({ ... }, files.separator) end

-- Folder of a path, without the separator at its end.
function files.folder_of(path) return path:match("^(.*)[/\\][^/\\]*$") or "." end

-- The bytes of a file, or nil and a sentence.
function files.read(path)
  local file, why = io.open(path, "rb")
  if not file then return nil, ("%s cannot be read: %s"):format(path, why) end
  local bytes = file:read(MAX_READ_BYTES + 1) or ""
  file:close()
  if #bytes > MAX_READ_BYTES then return nil, path .. " is too large" end
  return bytes
end

local function write(path, bytes)
  local file, why = io.open(path, "wb")
  if not file then return nil, ("%s cannot be written: %s"):format(path, why) end
  file:setvbuf("full", #bytes + 1) -- all of it in one write
  local written, trouble = file:write(bytes)
  local closed, late = file:close()
  if written and closed then return true end
  files.remove(path)
  return nil, ("%s cannot be written: %s"):format(path, trouble or late)
end

-- On Windows REAPER's Lua opens files of any name, but renames and removes only those whose name has
-- no letters outside the system's code page: then files are written in place and emptied.
local renames = true

-- Removes a file, or where the system does not, leaves nothing in it; whether it has gone.
function files.remove(path)
  if os.remove(path) then return true end
  if (files.size(path) or 0) > 0 then
    local file = io.open(path, "wb")
    if file then file:close() end
  end
  return false
end

-- Writes under a passing name first, so that nobody ever sees half of it: true, or nil and a
-- sentence. The target must not exist on Windows, where renaming refuses to replace it; replace()
-- below is for those that may.
function files.write_new(path, bytes, passing_name)
  if not renames then return write(path, bytes) end
  local passing = passing_name or path .. ".tmp"
  local written, why = write(passing, bytes)
  if not written then return nil, why end
  local renamed, refused = os.rename(passing, path)
  if renamed then return true end
  files.remove(passing)
  if files.size(path) then return nil, ("%s cannot be written: %s"):format(path, refused), true end
  renames = false
  return write(path, bytes)
end

function files.replace(path, bytes)
  local written, why, is_in_the_way = files.write_new(path, bytes)
  if not is_in_the_way then return written, why end
  files.remove(path)
  if not files.write_new(path, bytes) then return write(path, bytes) end
  return true
end

-- Size in bytes, or nil where there is no such file.
function files.size(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local size = file:seek("end")
  file:close()
  return size
end

-- Names of the files in a folder, sorted. REAPER caches listings: index -1 has it look again.
function files.list(folder, most)
  reaper.EnumerateFiles(folder, -1)
  local names = {}
  for index = 0, (most or 4096) - 1 do
    local name = reaper.EnumerateFiles(folder, index)
    if not name then break end
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

-- A name made of what every file system takes: letters, digits, space, _ and -.
function files.tidy_name(text, most)
  local name = text:gsub("[^%w _-]+", " "):gsub("%s+", " "):gsub("^ ", ""):sub(1, most or 48)
  return (name:gsub("[ .]+$", ""))
end

return files
