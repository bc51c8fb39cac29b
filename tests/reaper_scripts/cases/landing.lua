-- Stems onto tracks: where, how, and that a landing that fails leaves nothing, whatever fails.
local FakeDaemon = require("double.fake_daemon")

local function wave(w, name, frames)
  local path = w.folder .. "/" .. name .. ".wav"
  local file = assert(w.real.io_open(path, "wb"))
  file:write(FakeDaemon.wave(frames, 48000))
  file:close()
  return path
end

local function plan(w, stems, takes)
  local made = { title = "a song", position_seconds = 3.5, length_seconds = 480 / 48000, stems = {} }
  for index, name in ipairs(stems or { "drums", "bass", "melody", "vocals" }) do
    local stem = { name = name, notes = "measured", provenance = '{"of":"' .. name .. '"}', takes = {} }
    for take = 1, takes or 1 do
      stem.takes[take] = { path = wave(w, name .. take, 480), name = name .. " take " .. take, provenance = "{}" }
    end
    made.stems[index] = stem
  end
  return made
end

local function with_notes(w, made)
  made.notes = "track"
  local path = w.folder .. "/notes.mid"
  local file = assert(w.real.io_open(path, "wb"))
  file:write(FakeDaemon.midi)
  file:close()
  for _, stem in ipairs(made.stems) do
    for _, take in ipairs(stem.takes) do take.midi = { path = path, name = take.name .. " notes", provenance = "{}" } end
  end
  return made
end

local function found_family(w, stems, from)
  local proj = w.projects[1].handle
  local families = w:lib("families")
  local search = coroutine.create(families.find)
  local fine, found = coroutine.resume(search, proj, families.newest(proj), stems, from, from + 0.01)
  while fine and coroutine.status(search) ~= "dead" do fine, found = coroutine.resume(search) end
  return assert(fine and found)
end

local function state(w, Daemon)
  local told = {}
  for index in ipairs(w.projects) do told[index] = w:plain(index) end
  return Daemon.json.encode(told)
end

local function handle(w, index) return w.projects[index or 1].handle end

case("takes come as takes of one item and the first is shown", function(w)
  local landing = w:lib("landing")
  assert(landing.insert(handle(w), plan(w, { "drums" }, 3)))
  local item = w:project().tracks[2].items[1]
  equal(#item.takes, 3, "takes")
  equal(item.value.I_CURTAKE, 0.0, "shown take")
  equal(item.takes[3].text.P_NAME, "drums take 3")
  equal(item.takes[2].source.file, w.folder .. "/drums2.wav")
  equal(item.text.P_NOTES, "measured")
  equal(item.ext.backline, '{"of":"drums"}')
end)

case("stems begin and end as they were made: without fades, effects or armed tracks of the user's defaults", function(w)
  local landing = w:lib("landing")
  assert(landing.insert(handle(w), plan(w, { "drums", "bass" })))
  for index, track in ipairs(w:project().tracks) do
    equal(track.effects, 0, "effects of track " .. index)
    equal(track.value.I_RECARM, 0.0, "record arm of track " .. index)
  end
  equal(w:project().tracks[2].items[1].value.D_FADEINLEN, 0.0, "fade in")
  equal(w:project().tracks[2].items[1].value.D_FADEOUTLEN, 0.0, "fade out")
end)

case("new tracks are selected and scrolled to, and no others stay selected", function(w)
  local landing = w:lib("landing")
  assert(landing.insert(handle(w), plan(w, { "drums" })))
  assert(landing.insert(handle(w), plan(w, { "bass", "vocals" })))
  local selected = {}
  for index, track in ipairs(w:project().tracks) do selected[index] = track.selected and "x" or "-" end
  equal(table.concat(selected), "--xxx")
  equal(w.commands[#w.commands - 1], 40913, "scrolling")
end)

case("a landing behind another tab leaves the tab in front where it was scrolled to", function(w)
  local landing = w:lib("landing")
  w:open({ file = "/other.rpp" })
  w.front = 2
  assert(landing.insert(handle(w, 1), plan(w)))
  for _, command in ipairs(w.commands) do equal(command, 40047) end
end)

case("a colour, an icon, a note or a shown lane that REAPER refuses undoes no landing", function(w)
  local landing = w:lib("landing")
  local set_value, set_text, set_item_text = w.calls.SetMediaTrackInfo_Value, w.calls.GetSetMediaTrackInfo_String, w.calls.GetSetMediaItemInfo_String
  function w.calls.SetMediaTrackInfo_Value(track, name, value)
    return not (name == "I_CUSTOMCOLOR" or name:find("LANE")) and set_value(track, name, value)
  end
  function w.calls.GetSetMediaTrackInfo_String(track, name, ...)
    if name == "P_ICON" then return false, "" end
    return set_text(track, name, ...)
  end
  function w.calls.GetSetMediaItemInfo_String(item, name, ...)
    if name == "P_NOTES" then return false, "" end
    return set_item_text(item, name, ...)
  end
  local several = plan(w, { "drums", "bass" }, 3)
  several.as_lanes = true
  assert(landing.insert(handle(w), several))
  equal(#w:project().tracks, 3, "tracks")
  equal(#w:project().tracks[2].items, 3, "items")
end)

case("one stem alone still closes its folder", function(w)
  local landing = w:lib("landing")
  assert(landing.insert(handle(w), plan(w, { "bass" })))
  equal(w:project().tracks[1].value.I_FOLDERDEPTH, 1.0, "depth of the folder")
  equal(w:project().tracks[2].value.I_FOLDERDEPTH, -1.0, "depth of its only child")
end)

case("tracks that were there keep their names and depths", function(w)
  local landing = w:lib("landing")
  assert(landing.insert(handle(w), plan(w, { "bass" })))
  assert(landing.insert(handle(w), plan(w, { "drums", "vocals" })))
  local depths = {}
  for index, track in ipairs(w:project().tracks) do depths[index] = math.tointeger(track.value.I_FOLDERDEPTH) end
  equal(table.concat(depths, ","), "1,-1,1,0,-1")
  equal(#w:project().undo, 3, "undo states")
end)

case("colours are those of the pictures and count as custom", function(w)
  local landing = w:lib("landing")
  assert(landing.insert(handle(w), plan(w)))
  for index, name in ipairs({ "drums", "bass", "melody", "vocals" }) do
    local colour = w:lib("tracks").colours[name]
    equal(w:project().tracks[index + 1].value.I_CUSTOMCOLOR,
      (colour[1] + colour[2] * 256 + colour[3] * 65536 + 0x1000000) + 0.0, name)
  end
end)

local function with_item(w, landing)
  assert(landing.insert(handle(w), plan(w, { "drums", "bass" })))
  local tracks = w:project().tracks
  local again = plan(w, { "drums", "bass" })
  again.stems[1].target, again.stems[2].target = tracks[2].items[1].guid, tracks[3].items[1].guid
  return again, tracks
end

case("a variation becomes the shown take of the item, trimmed as the one before", function(w)
  local landing = w:lib("landing")
  local again, tracks = with_item(w, landing)
  local item = tracks[2].items[1]
  item.value.D_POSITION = 9.0 -- moved by the user since
  item.takes[1].value.D_STARTOFFS = 0.25 -- and cut at its left edge
  assert(landing.insert(handle(w), again))
  equal(#w:project().tracks, 3, "tracks")
  equal(#item.takes, 2, "takes")
  equal(item.value.I_CURTAKE, 1.0, "shown take")
  equal(item.value.D_POSITION, 9.0, "position")
  equal(item.takes[2].value.D_STARTOFFS, 0.25, "offset")
  equal(#w:project().undo, 3, "undo states")
end)

case("a target is found again after undo gave everything new pointers", function(w)
  local landing = w:lib("landing")
  local again = with_item(w, landing)
  w:project().undo[3] = { text = "something else", tracks = w:project().undo[2].tracks }
  w:undo(w:project())
  assert(landing.insert(handle(w), again))
  equal(#w:project().tracks[2].items[1].takes, 2, "takes")
end)

case("a stem whose item was deleted comes on a track of its own", function(w)
  local landing = w:lib("landing")
  local again, tracks = with_item(w, landing)
  w:call("DeleteTrack", tracks[3].handle)
  tracks[2].value.I_FOLDERDEPTH = -1.0
  assert(landing.insert(handle(w), again))
  local names = {}
  for index, track in ipairs(w:project().tracks) do names[index] = track.text.P_NAME end
  equal(table.concat(names, ","), "a song,drums,a song,bass")
  equal(#tracks[2].items[1].takes, 2, "takes of the drums")
end)

case("nothing is inserted into the tab in front but into the project that asked", function(w)
  local landing = w:lib("landing")
  w:open({ file = "/other.rpp" })
  w.front = 2
  assert(landing.insert(handle(w, 1), plan(w)))
  equal(#w:project(1).tracks, 5, "tracks of the project that asked")
  equal(#w:project(2).tracks, 0, "tracks of the one in front")
  equal(#w:project(2).undo, 1, "undo states of the one in front")
  equal(w.front, 2, "the tab in front")
end)

case("in REAPER 7.0, which cannot insert into other tabs, the tab is changed and changed back", function(w)
  local landing = w:lib("landing")
  w.missing.InsertTrackInProject = true
  w.calls.InsertTrackInProject = nil
  w:open({ file = "/other.rpp" })
  w.front = 2
  assert(landing.insert(handle(w, 1), plan(w)))
  equal(#w:project(1).tracks, 5, "tracks of the project that asked")
  equal(#w:project(2).tracks, 0, "tracks of the one in front")
  equal(w:project(1).tracks[2].effects, 0, "effects of the default track")
  equal(w.front, 2, "the tab in front")
end)

case("a file that is no WAV changes nothing and is named", function(w, Daemon)
  local landing = w:lib("landing")
  local bad = plan(w)
  local file = w.real.io_open(bad.stems[3].takes[1].path, "wb")
  file:write("RIFF")
  file:close()
  local before = state(w, Daemon)
  local fine, why = landing.insert(handle(w), bad)
  equal(fine, nil)
  contains(why, "melody1.wav")
  equal(state(w, Daemon), before)
  equal(w.sources, 0, "sources left open")
end)

-- Every call of an insert fails in turn: raised, and where the call has an answer, refused.
local CANNOT_FAIL = { PreventUIRefresh = true } -- a counter; nothing could be done about it either
-- The stems stand as well without it.
local ONLY_LOOKS = { ColorToNative = true, I_CUSTOMCOLOR = true, P_ICON = true, P_NOTES = true, UpdateItemLanes = true }
-- What a track remembers of its family, and the notes, are no reason to keep stems away.
local function only_helps(name, arguments)
  return name == "GetSetMediaTrackInfo_String" and arguments[2]:find("^P_EXT:")
    or name == "SetMediaTrackInfo_Value" and arguments[2]:find("LANE") -- how many there are, and which plays
    or name == "PCM_Source_CreateFromFile" and arguments[1]:find("%.mid$")
end
local MAY_BE_NIL = { GetActiveTake = true } -- an item without a take
local MEANT_SO = { APIExists = true }
local CAN_REFUSE = { boolean = true, MediaTrack = true, MediaItem = true, MediaItem_Take = true, PCM_source = true, ReaProject = true }

local function fail_each_call(make_world, Daemon, kind)
  local w, insert = make_world()
  local names, first = {}, w.call_count
  local looks = {}
  w.fault = function(name, count, arguments)
    names[count - first] = name
    looks[count - first] = ONLY_LOOKS[name] or ONLY_LOOKS[arguments[2]] or only_helps(name, arguments)
  end
  assert(insert())
  w.fault = nil
  local stands_at = 0 -- the undo step is the last that can fail
  for at, name in ipairs(names) do
    if name == "Undo_OnStateChangeEx2" then stands_at = at end
  end
  assert(#names > 15, "too few calls: " .. #names)
  local tried = 0
  for at, name in ipairs(names) do
    local has_answer = CAN_REFUSE[w.api[name].returns[1]] -- counts and numbers are never nil
    if not CANNOT_FAIL[name] and (kind == "raise" or (has_answer and not MAY_BE_NIL[name] and not MEANT_SO[name])) then
      tried = tried + 1
      local world, try = make_world()
      local before, begun = state(world, Daemon), world.call_count
      world.fault = function(_, count) return count - begun == at and kind or nil end
      local fine, why = try()
      world.fault = nil
      local where = ("%s, call %d"):format(name, at)
      equal(world.held, 0, "PreventUIRefresh after " .. where)
      equal(world.sources, 0, "sources left open after " .. where)
      if at > stands_at then
        equal(fine, true, "the landing after " .. where)
      elseif looks[at] then
        equal(fine, true, "the landing after " .. where)
      elseif not fine then
        equal(state(world, Daemon), before, "the project after " .. where)
        contains(why, "The project is as it was.")
      elseif name ~= "GetSetMediaItemInfo_String" and name ~= "GetTrackMediaItem" and name ~= "ValidatePtr2" then
        error("the landing went on although it failed: " .. where)
      end
    end
  end
  assert(tried > 10, "too few calls were tried: " .. tried)
end

local function worlds(w, prepare)
  local World = getmetatable(w)
  local number = 0
  return function()
    number = number + 1
    if number > 1 then w:_unwrap_system() end
    local world = World.new(w.api, w.keys, w.folder .. "/" .. number, w.scripts)
    world.home = w.home
    local landing = world:lib("landing")
    local insert = prepare(world, landing)
    return world, insert
  end
end

for _, kind in ipairs({ "raise", "refuse" }) do
  local verb = kind == "raise" and "raises" or "is refused"
  case("when any call of an insert " .. verb .. " the project stays as it was", function(w, Daemon)
    fail_each_call(worlds(w, function(world, landing)
      local four = plan(world)
      return function() return landing.insert(handle(world), four) end
    end), Daemon, kind)
  end)

  case("when any call of an insert onto the tracks of an earlier section " .. verb .. " those stay as they were", function(w, Daemon)
    fail_each_call(worlds(w, function(world, landing)
      assert(landing.insert(handle(world), with_notes(world, plan(world, { "drums", "bass" }))))
      local following = with_notes(world, plan(world, { "drums", "vocals" }, 2))
      following.position_seconds, following.as_lanes = 5.0, true
      following.family = found_family(world, { "drums", "vocals" }, 5.0)
      return function() return landing.insert(handle(world), following) end
    end), Daemon, kind)
  end)

  case("when any call of an insert of takes " .. verb .. " the items stay as they were", function(w, Daemon)
    fail_each_call(worlds(w, function(world, landing)
      local again = with_item(world, landing)
      return function() return landing.insert(handle(world), again) end
    end), Daemon, kind)
  end)

  case("when any call of an insert behind another tab " .. verb .. " both projects stay as they were", function(w, Daemon)
    fail_each_call(worlds(w, function(world, landing)
      world.missing.InsertTrackInProject = true
      world:open({ file = "/other.rpp" })
      world.front = 2
      local four = plan(world)
      return function()
        local fine, why = landing.insert(handle(world, 1), four)
        equal(world.front, 2, "the tab in front")
        return fine, why
      end
    end), Daemon, kind)
  end)
end

case("each track has the icon of its stem, where the scripts' folder has it", function(w)
  local landing = w:lib("landing")
  assert(landing.insert(handle(w), plan(w, { "drums", "vocals" })))
  for index, name in ipairs({ "folder", "drums", "vocals" }) do
    equal(w:project().tracks[index].text.P_ICON, ("%s/icons/%s.png"):format(w.scripts, name))
  end
  w.refuse_open = function(path) return path:find("%.png$") and "No such file" or nil end
  assert(landing.insert(handle(w), plan(w, { "bass" })))
  equal(w:project().tracks[5].text.P_ICON, nil, "an icon that is not there")
end)
