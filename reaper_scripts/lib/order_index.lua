-- Which orders there are, in one file: a line whenever one changes, of which the last for an id holds.
-- So a list of hundreds is one read, and none where nothing has changed.
local files = require("files")

local order_index = {}

local HEADER = "backline orders 1\n"
local LINE = "([^\t\n]+)\t(%d+)\t(%a+)\t([^\t\n]*)\t([^\n]*)\n"
local REMOVED = "removed"
local SPARE_LINES = 200 -- beyond two for each order, before the file is written anew
local FILES_A_CALL = 50 -- where the index is missing: each takes a fraction of a millisecond
local MOST_ENDED, PRUNED_A_CALL = 300, 20

-- An index of the orders in `folder`; `load(rid)` reads one of them.
function order_index.of(folder, load)
  local path = files.join(folder, "index.txt")
  local entries, list, lines, read_bytes = {}, nil, 0, nil
  local unread -- ids that a missing index leaves to be read; nil once it is whole
  local index = {}

  local function line_of(entry)
    return ("%s\t%d\t%s\t%s\t%s\n"):format(entry.rid, entry.created, entry.state, entry.project_id, entry.title:gsub("%c+", " "))
  end

  local function write_anew()
    local text = { HEADER }
    lines = 0
    for _, entry in pairs(entries) do
      lines = lines + 1
      text[lines + 1] = line_of(entry)
    end
    files.replace(path, table.concat(text))
  end

  local function append(text, count)
    local file = io.open(path, "ab")
    if not file then return end
    file:write(text)
    file:close()
    lines = lines + count
    if lines > 2 * #index.newest_first() + SPARE_LINES then write_anew() end
  end

  local function take(entry)
    list = nil
    entries[entry.rid] = entry.state ~= REMOVED and entry or nil
  end

  local function begin_reading()
    unread = {}
    for _, name in ipairs(files.list(folder, 1 << 20)) do
      if name:find("%.json$") then unread[#unread + 1] = name:sub(1, -6) end
    end
  end

  local function read_some()
    for _ = 1, math.min(FILES_A_CALL, #unread) do
      local rid = table.remove(unread)
      local order = not entries[rid] and load(rid)
      if order then take(index.entry(order)) end
    end
    if #unread > 0 then return end
    unread = nil
    write_anew()
  end

  function index.entry(order)
    return { rid = order.rid, created = math.floor(order.created), state = order.state or "pending",
      project_id = order.project_id, title = order.title }
  end

  -- Looks whether another script has changed something.
  function index.refresh()
    if unread then return read_some() end
    local bytes = files.size(path)
    if bytes and bytes == read_bytes then return end
    local text = bytes and files.read(path)
    if not text or text:sub(1, #HEADER) ~= HEADER then
      begin_reading()
      return read_some()
    end
    entries, list, lines, read_bytes = {}, nil, 0, bytes
    for rid, created, state, project_id, title in text:gmatch(LINE) do
      lines = lines + 1
      take({ rid = rid, created = tonumber(created), state = state, project_id = project_id, title = title })
    end
  end

  function index.is_whole() return unread == nil end

  -- What is known now.
  function index.newest_first()
    if list then return list end
    list = {}
    for _, entry in pairs(entries) do list[#list + 1] = entry end
    table.sort(list, function(a, b)
      if a.created ~= b.created then return a.created > b.created end
      return a.rid > b.rid
    end)
    return list
  end

  function index.put(order)
    index.refresh()
    local entry = index.entry(order)
    take(entry)
    if not unread then append(line_of(entry), 1) end
  end

  function index.remove(rids)
    index.refresh()
    local text = {}
    for place, rid in ipairs(rids) do
      take({ rid = rid, state = REMOVED })
      text[place] = line_of({ rid = rid, created = 0, state = REMOVED, project_id = "", title = "" })
    end
    if not unread then append(table.concat(text), #text) end
  end

  -- Ids of the oldest that have ended, where there are too many: a few.
  function index.outdated()
    local found, ended = {}, 0
    if unread then return found end
    for _, entry in ipairs(index.newest_first()) do
      if entry.state ~= "pending" then ended = ended + 1 end
      if entry.state ~= "pending" and ended > MOST_ENDED and #found < PRUNED_A_CALL then found[#found + 1] = entry.rid end
    end
    return found
  end

  return index
end

return order_index
