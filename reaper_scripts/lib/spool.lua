-- The carrier that always works: OSC packets as files in a folder that the daemon watches.
-- Needs no port, no extension, and survives a restart of either side.
local files = require("files")

local spool = {}

local POLL_SECONDS = 0.125 -- eight times a second: a listing is cheap, but not free
local DRIFT_SECONDS = 2 -- a computer that slept: its precise clock may have stood still
local SIZE_OF_LISTING = 600 -- the daemon lets at most some 500 files wait

-- Milliseconds since 1970 that never fall, from a clock of whole seconds and a precise one.
local function calendar(clock)
  local anchor, precise, last = os.time(), clock(), 0
  return function()
    if math.abs(anchor + clock() - precise - os.time()) > DRIFT_SECONDS then
      anchor, precise = os.time(), clock()
    end
    last = math.max(last, math.floor((anchor + clock() - precise) * 1000))
    return last
  end
end

-- A carrier over the folder `root`; `session` names this run of a script. `clock` gives seconds.
function spool.open(root, session, clock)
  local inbox, outbox = files.join(root, "in"), files.join(root, "out", session)
  reaper.RecursiveCreateDirectory(outbox, 0)
  local now_ms, count, poll_at, stuck = calendar(clock), 0, 0, {}
  -- A file does not get lost, so the first wait is longer than the daemon's slowest look.
  local carrier = { name = "spool", resend_seconds = { 2, 2, 4, 8 } }

  function carrier.send(packet)
    count = count + 1
    local name = ("%013d-%s-%06d"):format(now_ms(), session, count)
    return files.write_new(files.join(inbox, name .. ".osc"), packet, files.join(inbox, name .. ".tmp"))
  end

  -- At most `most` packets that have come, oldest first.
  function carrier.receive(most)
    local packets = {}
    if clock() < poll_at then return packets end
    poll_at = clock() + POLL_SECONDS
    for _, name in ipairs(files.list(outbox, SIZE_OF_LISTING)) do
      if #packets >= most then
        poll_at = 0 -- there is more: go on in the next frame
        break
      end
      if name:find("%.osc$") and not stuck[name] then
        local path = files.join(outbox, name)
        packets[#packets + 1] = files.read(path)
        if not files.remove(path) then stuck[name] = true end -- held by a virus scanner: not twice
      end
    end
    return packets
  end

  function carrier.close()
    for _, name in ipairs(files.list(outbox, SIZE_OF_LISTING)) do files.remove(files.join(outbox, name)) end
    os.remove(outbox) -- where the system removes folders so; the daemon sweeps the rest
  end

  return carrier
end

return spool
