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

-- Writes under a passing name first, so that nobody ever sees half of it. The target must not
-- exist on Windows, where renaming refuses to replace it; replace() below is for those that may.
function files.write_new(path, bytes, passing_name)
  local passing = passing_name or path .. ".tmp"
  local file, why = io.open(passing, "wb")
  if not file then return nil, ("%s cannot be written: %s"):format(path, why) end
  local written, trouble = file:write(bytes)
  local closed, late = file:close()
  if not (written and closed) then
    os.remove(passing)
    return nil, ("%s cannot be written: %s"):format(path, trouble or late)
  end
  local renamed, refused = os.rename(passing, path)
  if renamed then return true end
  os.remove(passing)
  return nil, ("%s cannot be written: %s"):format(path, refused)
end

function files.replace(path, bytes)
  if files.write_new(path, bytes) then return true end
  os.remove(path)
  return files.write_new(path, bytes)
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
