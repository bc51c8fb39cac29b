-- The window of "Show jobs": what was ordered here, to be inserted again, revealed or forgotten.
local Follow = require("follow")
local json = require("json")
local media = require("media")
local orders = require("orders")
local preview = require("preview")
local project = require("project")
local request = require("request")
local run = require("run")
local tempo = require("tempo")
local Window = require("window")

local jobs_window = {}

local ROWS = 10
local WIDTH, HEIGHT = 620, 460
local LOOK_SECONDS = 2
local WORDS, WITH_PLAY = { "Insert", "Reveal", "Forget", "Older", "Newer" }, { "Insert", "Play", "Reveal", "Forget", "Older", "Newer" }
local PLAYING = "Playing take %d of %d. Play again for the next one, and after the last to stop."
local NO_RATING = "none"
local RATINGS = { NO_RATING, "1", "2", "3", "4", "5" }
local OTHER_TEMPO = "%s was made for another tempo or meter than this project has here.\n\nInsert tempo markers for it?"
local MOVING = "\n\n%d item%s after that place may move or stretch: %s time base is beats."

local function question(proj, range, order)
  local moving = tempo.items_that_move(proj, range)
  local many = moving ~= 1
  return OTHER_TEMPO:format(order.title)
    .. (moving > 0 and MOVING:format(moving, many and "s" or "", many and "their" or "its") or "")
end

-- The result, or what has been inserted once more: at its own place in its own project, else at the edit cursor of this one.
local function again(order)
  local proj = project.current()
  if order.state == "pending" and project.known_id(proj) == order.project_id then return order end
  local copy = json.decode(json.encode(order))
  copy.rid, copy.created, copy.state, copy.targets = request.new_rid(), os.time(), "pending", {}
  if project.known_id(proj) ~= order.project_id then
    local bar = project.nearest_bar(proj, reaper.GetCursorPositionEx(proj))
    local range = project.bars(proj, bar, order.bars)
    copy.start_qn = range.start_qn
    local manifest = media.manifest(order.folder)
    local is_foreign = manifest and tempo.is_foreign(proj, range, order, manifest.grid)
    copy.brings_tempo = is_foreign and run.ask(question(proj, range, order))
    if is_foreign and not copy.brings_tempo then copy.notes = "none" end -- MIDI would run at this project's tempo
    copy.project_id, copy.project_file = project.id(proj), project.file_of(proj)
  end
  local saved, why = orders.save(copy)
  return saved and copy or nil, why
end

local function reveal(folder)
  local system = reaper.GetOS()
  local command = system:find("Win") and 'explorer.exe "%s"'
    or (system:find("OSX") or system:find("macOS")) and '/usr/bin/open "%s"' or '/usr/bin/xdg-open "%s"'
  reaper.ExecProcess(command:format(folder), -1)
end

local function row(order, now)
  local state = order.state == "landed" and "inserted" or order.state
  if state == "pending" then state = orders.is_followed(order.rid, now) and "on its way" or "not inserted yet" end
  return ("%s  %s, %s"):format(os.date("%Y-%m-%d %H:%M", order.created), order.title, state)
end

-- Plays the next take of a result, or stops.
local function listen(order, state)
  if state.heard == order.rid and preview.is_playing() and state.take >= state.takes then
    state.heard = nil
    return preview.stop()
  end
  local manifest, why = media.manifest(order.folder or "")
  if not order.folder then why = "This job has no result yet." end
  local sounds = manifest and preview.files_of(manifest, order.folder) or {}
  state.take = state.heard == order.rid and preview.is_playing() and state.take + 1 or 1
  state.heard, state.takes = order.rid, #sounds
  if manifest and not sounds[state.take] then why = "This job has no sound to play." end
  if why then
    state.message, state.heard = why, nil
    return
  end
  local fine
  fine, state.message = preview.play(sounds[state.take])
  if fine then state.message = PLAYING:format(state.take, state.takes) end
end

-- The rating goes to the daemon, whose library keeps it with the result.
local function rate(order, rating, state, follow)
  if not order.job then
    state.message = "This job has no result yet."
    return
  end
  follow:ask("/backline/rate", "si", { ("%d"):format(order.job), rating }, function(problem)
    state.message = problem
    if problem then return end
    order.rating = rating
    orders.save(order)
  end)
end

local function rating_row(window, state, follow)
  local rid = state.list[state.index].rid
  if not state.rated or state.rated.rid ~= rid then state.rated = orders.load(rid) end
  local order = state.rated
  if not order or not order.folder then return end
  local shown = order.rating and order.rating > 0 and ("%d"):format(order.rating) or NO_RATING
  local wanted = next(window:choice("Rating", RATINGS, { [shown] = true }))
  if wanted ~= shown then rate(order, math.tointeger(tonumber(wanted)) or 0, state, follow) end
end

local function act(word, state, follow)
  local order = orders.load(state.list[state.index].rid)
  state.message = nil
  if not order then
    orders.remove(state.list[state.index].rid)
    state.look_at = 0
  elseif word == "Reveal" then
    if order.folder then reveal(order.folder) else state.message = "This job has no result yet." end
  elseif word == "Play" then
    listen(order, state)
  elseif word == "Forget" then
    orders.remove(order.rid)
    state.look_at = 0
  elseif word == "Insert" then
    local copy, why = order, nil
    if order.folder then copy, why = again(order) end
    if copy then follow:add(copy, function(job) state.job = job end) else state.message = why end
  end
end

local function draw(window, state, follow, now)
  if #state.list == 0 then window:line("No jobs yet.", "faint") end
  for index = state.top, math.min(state.top + ROWS - 1, #state.list) do
    local order = state.list[index]
    local chosen = window:choice("", { row(order, now) }, index == state.index and { [row(order, now)] = true } or {})
    if window.clicked and next(chosen) and index ~= state.index then state.index = index end
  end
  if window.moved ~= 0 then
    state.index = math.max(1, math.min(#state.list, state.index + window.moved))
    state.top = (state.index - 1) // ROWS * ROWS + 1
  end
  if state.list[state.index] then
    rating_row(window, state, follow)
    local word = window:buttons(preview.is_there() and WITH_PLAY or WORDS, "Insert")
    if word == "Older" and state.top + ROWS <= #state.list then state.top = state.top + ROWS end
    if word == "Newer" then state.top = math.max(1, state.top - ROWS) end
    if word then act(word, state, follow) end
  end
  local job = state.job
  if job and not job:is_over() then window:bar(job.fraction, job:line()) end
  local message = state.message or follow.problem or (job and job:is_over() and job.message)
  if message then window:line(message) end
end

function jobs_window.open()
  local clock = reaper.time_precise
  local follow = Follow.new(clock)
  local window = Window.open("backline jobs", WIDTH, HEIGHT)
  local state = { list = {}, index = 1, top = 1, look_at = 0 }
  follow:take_over(function(job) state.job = job end)
  run.loop(function()
    local now = clock()
    if follow:has_work() then follow:step() end -- looking starts no daemon
    if not window then return not follow:is_idle() end
    if now >= state.look_at then
      state.list, state.look_at = orders.all(), orders.is_complete() and now + LOOK_SECONDS or 0
    end
    if window:begin() then
      draw(window, state, follow, now)
      window:finish()
      return true
    end
    window:close()
    window = nil
    return not follow:is_idle()
  end, function()
    preview.stop()
    if window then window:close() end
    follow:close()
  end)
end

return jobs_window
