-- A daemon played inside the double: it answers over the spool as the real one does, and can be
-- slow, silent, stale, flooding or wrong where a test wants that.
local FakeDaemon = {}
FakeDaemon.__index = FakeDaemon

-- The codec as it is in the tree: a mutant under test must not talk to itself.
local here = debug.getinfo(1, "S").source:match("^@(.*[/\\])")
local osc = dofile(here .. "../../../reaper_scripts/lib/osc.lua")
local json = dofile(here .. "../../../reaper_scripts/lib/json.lua")

FakeDaemon.osc, FakeDaemon.json = osc, json
-- A file of no notes: one track that ends at once.
local MIDI = "MThd" .. string.pack(">I4I2I2I2", 6, 0, 1, 960) .. "MTrk" .. string.pack(">s4", "\0\xFF\x2F\0")
FakeDaemon.midi = MIDI

function FakeDaemon.new(world)
  local daemon = setmetatable({}, FakeDaemon)
  daemon.world, daemon.home, daemon.spool = world, world.home, world.home .. "/spool"
  daemon.version, daemon.protocol, daemon.epoch = "0.1.0", 1, 1
  daemon.received, daemon.sessions, daemon.jobs, daemon.number = {}, {}, {}, 0
  daemon.sent, daemon.head_seq, daemon.beat_at = 0, 0, 0
  daemon.steps = 4 -- frames that a job runs
  daemon.frames, daemon.rate = 14400, 48000
  os.execute(("mkdir -p '%s/in' '%s/out' '%s/jobs'"):format(daemon.spool, daemon.spool, daemon.home))
  world.on_frame = function() daemon:step() end
  daemon:show_life()
  return daemon
end

function FakeDaemon:show_life()
  local state = { protocol = self.protocol, version = self.version, epoch = self.epoch, pid = 1, osc_port = 9, time = self.world:time() + 0.5 }
  local file = assert(self.world.real.io_open(self.spool .. "/daemon.json", "wb"))
  file:write(json.encode(state))
  file:close()
end

function FakeDaemon:die()
  self.is_dead = true
  self.world.real.os_remove(self.spool .. "/daemon.json")
end

function FakeDaemon:come_back()
  self.is_dead, self.epoch, self.sessions = false, self.epoch + 1, {}
  self:show_life()
end

function FakeDaemon:send_bytes(session, packet)
  self.sent = self.sent + 1
  local path = ("%s/out/%s/%012d"):format(self.spool, session, self.sent)
  local file = self.world.real.io_open(path .. ".tmp", "wb")
  if not file then return end -- the session closed its folder
  file:write(packet)
  file:close()
  self.world.real.os_rename(path .. ".tmp", path .. ".osc")
end

function FakeDaemon:answer(session, address, tags, ...) self:send_bytes(session, osc.encode(address, tags, { ... })) end

-- To all sessions that have subscribed.
function FakeDaemon:tell(address, tags, ...)
  for session, is_subscribed in pairs(self.sessions) do
    if is_subscribed then self:answer(session, address, tags, ...) end
  end
end

function FakeDaemon:event(job, address, tags, ...)
  if address ~= "progress" then self.head_seq = self.head_seq + 1 end
  if self.loses and self.loses[address] then return end
  self:tell("/backline/" .. address, "isi" .. tags, self.head_seq, job.rid, job.number, ...)
end

function FakeDaemon:step()
  if self.is_dead or self.is_silent then return end
  local names = self.world.list_folder(self.spool .. "/in")
  table.sort(names)
  for _, name in ipairs(names) do
    if name:find("%.osc$") then
      assert(name:find("^%d%d%d%d%d%d%d%d%d%d%d%d%d%-[%w_-]+%-%d%d%d%d%d%d%.osc$"), "a request is named " .. name)
      self:_take(self.spool .. "/in/" .. name, name)
    end
  end
  self:_run_jobs()
  local now = self.world.clock()
  if now >= self.beat_at then
    self.beat_at = now + 2
    self:show_life()
    self:tell("/backline/heartbeat", "iiii", self.epoch, self.head_seq, 0, 0)
  end
  for _ = 1, self.flood or 0 do
    for _, job in pairs(self.jobs) do self:tell("/backline/progress", "isisff", self.head_seq, job.rid, job.number, "diffuse", 0.5, 9) end
  end
end

function FakeDaemon:_take(path, name)
  local file = self.world.real.io_open(path, "rb")
  local packet = file:read("a")
  file:close()
  self.world.real.os_remove(path)
  local milliseconds, session = name:match("^(%d+)%-(.+)%-%d+%.osc$")
  if math.abs(tonumber(milliseconds) / 1000 - self.world:time()) > 30 then return end
  local message = assert(osc.decode(packet))
  table.insert(self.received, message)
  if self.sessions[session] == nil then self.sessions[session] = false end
  local command = message.address:match("^/backline/(.+)$")
  local handle = self["on_" .. command] or self[command] -- "rate" is a field as well
  if self.ignores and self.ignores(message) then return end
  handle(self, session, message.args, message)
end

-- Requests that came, by address.
function FakeDaemon:asked(address)
  local found = {}
  for _, message in ipairs(self.received) do
    if message.address == "/backline/" .. address then found[#found + 1] = message end
  end
  return found
end

-- The keys of a generate message by name.
function FakeDaemon.keys(message)
  local keys, first = {}, message.address == "/backline/split" and 3 or 2
  for index = first, #message.args, 2 do keys[message.args[index]] = message.args[index + 1] end
  return keys
end

function FakeDaemon:hello(session, args)
  if self.protocol ~= args[6] then
    return self:answer(session, "/backline/error", "ssisss", args[1], "/backline/hello", 22, "incompatible-protocol",
      ("proto must be %d, which this daemon speaks, not %d"):format(self.protocol, args[6]), "proto")
  end
  self:answer(session, "/backline/welcome", "ssiiissssi", args[1], "backline", self.protocol, 0, self.epoch, self.version, ":spool:", "", "embedded", 2097152)
end

function FakeDaemon:notify(session, args)
  self.sessions[session] = args[2] == 1
  self:answer(session, "/backline/done", "ssiiii", args[1], "/backline/notify", args[2], 60, self.head_seq, self.epoch)
end

function FakeDaemon:generate(session, args, message)
  if self.refuses then
    return self:answer(session, "/backline/error", "ssisss", args[1], "/backline/generate", 4, "out-of-range", self.refuses, "key")
  end
  local job = self.jobs[args[1]]
  local is_known = job ~= nil
  if not job then
    self.number = self.number + 1
    job = { rid = args[1], number = self.number, state = "queued", step = 0, keys = FakeDaemon.keys(message),
      path = message.address == "/backline/split" and args[2] or nil }
    self.jobs[job.rid] = job
  end
  self:answer(session, "/backline/accepted", "sisiif", job.rid, job.number, job.state, 0, is_known and 1 or 0, -1)
  if not is_known then self:event(job, "queued", "i", 0) end
end

FakeDaemon.split = FakeDaemon.generate -- told apart by what make_result finds in the job

function FakeDaemon:cancel(session, args)
  local job = self.jobs[args[2]]
  self:answer(session, "/backline/done", "ssis", args[1], "/backline/cancel", job and job.number or 0, "cancelling")
  if job and (job.state == "queued" or job.state == "running") then
    job.state = "cancelled"
    self:event(job, "finished", "sfiss", "cancelled", 1, 18, "", "")
  end
end

function FakeDaemon:job(session, args)
  local job = self.jobs[args[2]]
  if not job then
    return self:answer(session, "/backline/error", "ssisss", args[1], "/backline/job", 7, "not-found", "there is no job", "target")
  end
  self:answer(session, "/backline/job.reply", "sisssffiiss", args[1], job.number, job.rid, job.state, "diffuse", 0.25, 9, 0,
    job.state == "failed" and 1 or 0, job.message or "", job.state == "done" and job.folder or "")
end

function FakeDaemon:on_rate(session, args)
  if self.refuses_rating then
    return self:answer(session, "/backline/error", "ssisss", args[1], "/backline/rate", 23, "gone", self.refuses_rating, "target")
  end
  self:answer(session, "/backline/done", "ssii", args[1], "/backline/rate", math.tointeger(tonumber(args[2])), args[3])
end

function FakeDaemon:quit(session, args)
  self:answer(session, "/backline/done", "sss", args[1], "/backline/quit", args[2])
  self:die()
end

function FakeDaemon:_run_jobs()
  for _, job in pairs(self.jobs) do
    if job.state == "queued" and not self.holds_queue then
      job.state = "running"
      self:event(job, "started", "")
    elseif job.state == "running" and not self.holds then
      job.step = job.step + 1
      self:event(job, "progress", "sff", "diffuse", job.step / self.steps, 3)
      if job.step >= self.steps then self:_finish(job) end
    end
  end
end

function FakeDaemon:_finish(job)
  if self.fails then
    job.state, job.message = "failed", self.fails
    return self:event(job, "finished", "sfiss", "failed", 1, 1, self.fails, "")
  end
  job.folder = ("%s/jobs/%d"):format(self.home, job.number)
  self:make_result(job)
  job.state = "done"
  self:event(job, "finished", "sfiss", "done", 1, 0, "", job.folder)
end

function FakeDaemon.wave(frames, rate)
  local data = ("\0"):rep(frames * 8) -- stereo, 32-bit float
  local format = string.pack("<I2I2I4I4I2I2", 3, 2, rate, rate * 8, 8, 32)
  return "RIFF" .. string.pack("<I4", 4 + 8 + #format + 8 + #data) .. "WAVE" .. "fmt " .. string.pack("<s4", format) .. "data" .. string.pack("<s4", data)
end

-- Blocks of 4096 frames, 20 bits of rate, stereo, 24 bits, 36 bits of frames, no checksum; then some frame.
local function flac(frames, rate)
  local packed = rate << 44 | 1 << 41 | 23 << 36 | frames
  local block = string.pack(">I2I2I3I3I8", 4096, 4096, 0, 0, packed) .. ("\0"):rep(16)
  return "fLaC" .. string.pack(">I4", 0x80 << 24 | #block) .. block .. "\xFF\xF8" .. ("\0"):rep(frames)
end

function FakeDaemon:_write_notes(job, manifest, sub, stem, take)
  local file = assert(self.world.real.io_open(job.folder .. "/" .. sub .. stem .. ".mid", "wb"))
  file:write(MIDI)
  file:close()
  table.insert(manifest.files, { path = sub .. stem .. ".mid", role = "notes", stem = stem, take = take, bytes = #MIDI, frames = 0,
    sha256 = ("%064d"):format(take) })
end

-- A job's folder as the pipeline leaves it: sound files and the manifest.
function FakeDaemon:make_result(job)
  local is_flac = job.keys.format == "flac"
  local bytes, suffix = (is_flac and flac or FakeDaemon.wave)(self.frames, self.rate), is_flac and ".flac" or ".wav"
  local manifest = {
    schema = "backline.manifest/1", backline = self.version, job = tostring(job.number),
    request = { tags = job.keys.tags or "" }, engine = { name = "tone", weights = "none" },
    key = { name = job.keys.key }, grid = { frames = self.frames, sample_rate = self.rate, bpm = job.keys.bpm, bars = job.keys.bars,
      tempo_map = { { beat = 0, bpm = job.keys.bpm, ramp = false } }, meter_map = { { bar = 0, meter = job.keys.meter } } }, takes = {}, files = {},
  }
  for take = 1, job.keys.takes or 1 do
    local sub = take > 1 and ("take%d/"):format(take) or ""
    os.execute(("mkdir -p '%s/%s'"):format(job.folder, sub))
    manifest.takes[take] = { take = take, seed = (job.keys.seed or 41) + take - 1, report = {
      bpm = 128.02, bpm_error_percent = 0.016, octave_relation = "1", beat_offset_ms = 1.25, key = "A minor", peak_dbfs = -1.0 } }
    for stem in (job.keys.stems or "drums,bass,melody,vocals"):gmatch("%a+") do
      local file = assert(self.world.real.io_open(job.folder .. "/" .. sub .. stem .. suffix, "wb"))
      file:write(bytes)
      file:close()
      table.insert(manifest.files, { path = sub .. stem .. suffix, role = "stem", stem = stem, take = take,
        bytes = #bytes, frames = self.frames, sha256 = ("%064d"):format(take) })
      if self.writes_notes then self:_write_notes(job, manifest, sub, stem, take) end
    end
    if self.writes_mix then
      local mix = assert(self.world.real.io_open(job.folder .. "/" .. sub .. "mix" .. suffix, "wb"))
      mix:write(bytes)
      mix:close()
      table.insert(manifest.files, { path = sub .. "mix" .. suffix, role = "mix", take = take, bytes = #bytes, frames = self.frames, sha256 = "" })
    end
  end
  if job.path then -- as daemon/pipeline/separation.py has it
    manifest.engine, manifest.key = { name = "htdemucs" }, {}
    manifest.position = { from_seconds = math.floor(job.keys["start-seconds"] * self.rate) / self.rate }
    manifest.takes[1] = { take = 1, seed = 0, report = {}, facts = { silent = { "vocals" } } }
  end
  if self.spoils then self.spoils(job, manifest) end
  local file = assert(self.world.real.io_open(job.folder .. "/manifest.json", "wb"))
  file:write(json.encode(manifest))
  file:close()
end

return FakeDaemon
