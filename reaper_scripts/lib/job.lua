-- One order on its way: asked for, watched, fetched, landed. step() it every frame.
-- state: asking, queued, running, fetching, and at last landed, failed, cancelled or waiting
-- (the order stays on disk and is offered again later).
local families = require("families")
local files = require("files")
local landing = require("landing")
local media = require("media")
local orders = require("orders")
local plan = require("plan")
local project = require("project")
local protocol = require("protocol")
local report = require("report")
local tracks = require("tracks")

local Job = {}
Job.__index = Job

local SILENCE_SECONDS = 6 -- three heartbeats: then the daemon is asked
local AWAY_SECONDS = 60 -- so long without a sign of life: not worth a script that runs
local FOLLOW_SECONDS = 1
local MOST_SEARCHES = 20 -- for tracks, in a project that changes all the time
local AWAY = "The daemon does not answer. The job is kept: start the daemon, then use Show jobs."
local LATER, READY = "from Show jobs", "%s is ready: listen to it, rate it and insert it in Show jobs."
local NOT_FOUND, TIMEOUT = protocol.errors["not-found"], protocol.errors.timeout
-- As the command line has them (daemon/screen.py).
local STAGES = {
  load = "Loading the model", diffuse = "Composing", decode = "Playing", split = "Splitting",
  conform = "Fitting the grid", measure = "Measuring", write = "Writing files", insert = "Inserting",
}
local LAST = { landed = true, failed = true, cancelled = true, waiting = true }

-- Follows `order` over `link`. It is sent in any case: the same order under the same id is the same
-- job to the daemon, so one that was sent before is found again and not made twice.
function Job.new(order, link, clock)
  local job = setmetatable({}, Job)
  job.order, job.link, job.clock = order, link, clock
  job.state, job.stage, job.fraction, job.eta_seconds, job.message = "asking", "", 0, -1, ""
  job.follow_at, job.asked_at, job.seen_seq = 0, clock(), 0
  if order.folder then
    job:_finished("done", "", order.folder, true) -- made before: only to be fetched
  else
    job:_send()
  end
  return job
end

function Job:is_over() return LAST[self.state] == true end

function Job:_end(state, message)
  self.state, self.message = state, message
  if state ~= "waiting" then
    self.order.state = state
    if state == "failed" then self.order.message = message end
    orders.save(self.order)
  end
  orders.leave(self.order.rid)
end

function Job:_send()
  local sound = self.order.sound
  local tags, args = sound and "s" or "", sound and { sound.path } or {}
  for _, key in ipairs(self.order.keys) do
    tags = tags .. "s" .. key[2]
    args[#args + 1] = key[1]
    args[#args + 1] = key[3]
  end
  self.link:ask(sound and "/backline/split" or "/backline/generate", tags, args, function(answer)
    self.order.job = answer[1]
    orders.save(self.order)
    if self.state ~= "asking" then return end -- events told more already
    self.state = "queued"
    if answer[2] ~= "queued" then self:_query() end -- known before: its events may be long over
  end, function(problem)
    if self.state ~= "asking" then return end -- an event told already that it was accepted
    if problem.code == TIMEOUT then return self:_end("waiting", AWAY) end
    local field = problem.argument ~= "" and (" (%s)"):format(problem.argument) or ""
    self:_end("failed", problem.message .. field)
  end, self.order.rid)
end

function Job:_query()
  self.asked_at = self.clock()
  self.link:ask("/backline/job", "s", { self.order.rid }, function(answer)
    self.order.job = answer[1]
    local state = answer[3]
    if state == "queued" then
      self.state = "queued"
    elseif state == "running" then
      self.state, self.stage, self.fraction, self.eta_seconds = "running", answer[4], answer[5], answer[6]
    else
      self:_finished(state, answer[9], answer[10])
    end
  end, function(problem)
    if self.state == "fetching" or self:is_over() then return end
    if problem.code == NOT_FOUND then
      self:_end("failed", "The daemon does not know this job any more; generate again.")
    elseif problem.code ~= TIMEOUT then
      self:_end("failed", problem.message)
    end
  end)
end

-- `is_wanted` where the user has asked for this result now, and not only for one to listen to.
function Job:_finished(state, message, folder, is_wanted)
  if self.state == "fetching" or self:is_over() then return end -- told twice
  if state == "done" then
    self.order.folder = folder
    if self.order.insert == LATER and not is_wanted then
      orders.save(self.order)
      return self:_end("waiting", READY:format(self.order.title))
    end
    self.state, self.stage, self.fraction, self.eta_seconds = "fetching", "insert", 1, 0
    self.fetch = coroutine.create(function() self:_fetch() end)
  elseif state == "cancelled" then
    self:_end("cancelled", "Cancelled.")
  else
    self:_end("failed", message ~= "" and message or "The job failed; the log in the daemon's home has the details.")
  end
end

-- An event of the daemon, as the link gives it.
function Job:take(address, args)
  if address == "/backline/heartbeat" then
    -- Something happened that we have not heard of: on UDP, datagrams get lost.
    if args[2] > self.seen_seq and not self:is_over() and self.state ~= "fetching" then
      self.seen_seq = args[2]
      self:_query()
    end
    return
  end
  if address == "/backline/bye" or args[2] ~= self.order.rid or self:is_over() or self.state == "fetching" then return end
  self.seen_seq = math.max(self.seen_seq, args[1])
  self.order.job = args[3]
  if address == "/backline/queued" then
    self.state = "queued"
  elseif address == "/backline/started" then
    self.state = "running"
  elseif address == "/backline/progress" then
    self.state, self.stage, self.fraction, self.eta_seconds = "running", args[4], args[5], args[6]
  elseif address == "/backline/finished" then
    self:_finished(args[4], args[7], args[8])
  end
end

-- The script ends before the job does: the order stays as it is, for another script to take up.
function Job:abandon()
  if self.state == "fetching" then media.tidy_up(self.made or {}, self.target or "") end
  if not self:is_over() then orders.leave(self.order.rid) end
end

-- Stops the job; what was copied is taken away again, and nothing lands.
function Job:cancel()
  if self:is_over() then return end
  if self.state == "fetching" then
    media.tidy_up(self.made or {}, self.target or "")
  else
    self.link:drop(self.order.rid) -- an order without an answer yet must not be sent again after this
    self.link:ask("/backline/cancel", "s", { self.order.rid }) -- its answer changes nothing here
  end
  self:_end("cancelled", "Cancelled.")
end

function Job:_media_folder(proj)
  local tidy = files.tidy_name(("%s %s"):format(self.order.title, self.order.rid:gsub("%W", "-")), 80)
  return files.join(reaper.GetProjectPathEx(proj), "backline", tidy)
end

-- The items that a result goes into or beside, by their GUIDs.
local function targets_of(order)
  local guids = { order.sound and order.sound.item }
  for _, guid in pairs(order.targets) do guids[#guids + 1] = guid end
  return guids
end

-- The tracks that a new section comes onto, nil where it gets some of its own.
local function family_of(order, proj, manifest)
  if order.sound or next(order.targets) or order.tracks ~= "same tracks" or not tracks.is_open(proj) then return nil end
  local from = reaper.TimeMap2_QNToTime(proj, order.start_qn)
  local to = from + manifest.grid.frames / manifest.grid.sample_rate
  for _ = 1, MOST_SEARCHES do
    local count = reaper.GetProjectStateChangeCount(proj)
    local id = order.family ~= nil and order.family ~= "" and order.family or families.newest(proj)
    local family = families.find(proj, id, order.stems, from, to)
    -- Else another job has landed meanwhile, perhaps in this place, or the user has changed something.
    if not tracks.is_open(proj) or reaper.GetProjectStateChangeCount(proj) == count then return family end
  end
end

function Job:_fetch()
  local order = self.order
  local proj = project.find(order.project_id, order.project_file)
  if not proj then
    self:_end("waiting", "The project is not open: its stems are kept. Open it and run Generate or Show jobs to insert them.")
    return
  end
  local manifest, why = media.manifest(order.folder)
  if not manifest then return self:_end("failed", why) end
  coroutine.yield()
  self.made, self.target = {}, self:_media_folder(proj)
  local stems
  local wants_notes = order.notes == "take" or order.notes == "track"
  stems, why = media.fetch(manifest, order.folder, order.stems, self.target, self.made, wants_notes)
  local located = stems and tracks.locate(proj, targets_of(order))
  coroutine.yield()
  local family = stems and family_of(order, proj, manifest) -- and nothing happens before the landing
  proj = stems and project.find(order.project_id, order.project_file) -- it may have been closed meanwhile
  if stems and not proj then
    media.tidy_up(self.made, self.target)
    self:_end("waiting", "The project was closed: its stems are kept. Open it and run Generate or Show jobs to insert them.")
    return
  end
  local fine = stems
  if stems then
    local made = plan.of(order, proj, manifest, stems)
    made.located, made.family = located, family
    fine, why = landing.insert(proj, made)
  end
  if not fine then
    media.tidy_up(self.made, self.target)
    return self:_end("failed", why)
  end
  self:_end("landed", table.concat({ ("Inserted %s."):format(order.title), table.unpack(report.remarks(manifest, 1)) }, " "))
end

function Job:_resume_fetch()
  local fine, problem = coroutine.resume(self.fetch)
  if not fine then
    media.tidy_up(self.made or {}, self.target or "")
    self:_end("failed", "The stems could not be fetched: " .. tostring(problem))
  end
end

function Job:step()
  if self:is_over() then return end
  local now = self.clock()
  if now >= self.follow_at then
    self.follow_at = now + FOLLOW_SECONDS
    orders.follow(self.order.rid, now)
  end
  if self.state == "fetching" then return self:_resume_fetch() end
  local silence = self.link:silence_seconds()
  if silence > AWAY_SECONDS then
    self:_end("waiting", AWAY)
  elseif self.state ~= "asking" and silence > SILENCE_SECONDS and now - self.asked_at > SILENCE_SECONDS then
    self:_query()
  end
end

-- What there is to say, in a line.
function Job:line()
  if self:is_over() then return self.message end
  if self.state == "asking" then return "Asking the daemon ..." end
  if self.state == "queued" then return "Waiting in the queue ..." end
  if self.stage == "" then return "Starting the engine ..." end
  local left = self.eta_seconds >= 0 and (", %d s left"):format(math.ceil(self.eta_seconds)) or ""
  return ("%s %d %%%s"):format(STAGES[self.stage] or self.stage, math.floor(self.fraction * 100 + 0.5), left)
end

return Job
