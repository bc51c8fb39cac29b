-- Run by ardour7-lua, without a screen or a sound card. Arguments: what to do, session folder, name.
--   create DIR NAME RATE TRACKS MAP   a session with stereo tracks "drums,bass" and a tempo map
--                                     of "quarters:bpm:numerator:denominator ..." steps
--   place DIR NAME BAR BARS           puts each region onto the track of its name at the bar, and
--                                     prints the samples on which that bar and BARS more begin
--   look DIR NAME BAR BARS            prints them, and where the regions of each track lie
local what, folder, name = arg[1], arg[2], arg[3]
local TICKS = Temporal.ticks_per_beat

local function at_quarters(quarters)
  return Temporal.timepos_t.from_ticks(math.floor(quarters * TICKS + 0.5))
end

local function quarters_of_bar(map, bar)
  local beats, ticks = map:quarters_at_bbt(Temporal.BBT_TIME(bar, 1, 0)):str():match("(%d+):(%d+)")
  return tonumber(beats) + tonumber(ticks) / TICKS
end

local function create(rate, tracks, steps)
  local session = create_session(folder, name, rate)
  assert(session, "no session")
  local map = Temporal.TempoMap.fetch_writable()
  for quarters, bpm, numerator, denominator in steps:gmatch("([%d.]+):([%d.]+):(%d+):(%d+)") do
    local at = at_quarters(tonumber(quarters))
    map:set_meter(Temporal.Meter(tonumber(numerator), tonumber(denominator)), at)
    map:set_tempo(Temporal.Tempo(tonumber(bpm), tonumber(bpm), 4), at)
  end
  Temporal.TempoMap.update(map)
  for track in tracks:gmatch("%a+") do
    session:new_audio_track(2, 2, nil, 1, track, ARDOUR.PresentationInfo.max_order,
      ARDOUR.TrackMode.Normal, true, false)
  end
  return session
end

-- Ardour connects new tracks by itself, but in a thread that need not have come to all of them.
local function connect_to_master(route)
  for channel = 0, 1 do
    local port, input = route:output():audio(channel), ("Master/audio_in %d"):format(channel + 1)
    if not port:connected_to(input) then port:connect(input) end
  end
end

local function print_bars(map, bar, bars)
  local starts = {}
  for each = bar, bar + bars do
    starts[#starts + 1] = ("%d"):format(map:sample_at(at_quarters(quarters_of_bar(map, each))))
  end
  print("bars " .. table.concat(starts, " "))
end

local function look(bar, bars)
  local session = load_session(folder, name)
  assert(session, "no session")
  print_bars(Temporal.TempoMap.read(), bar, bars)
  for route in session:get_routes():iter() do
    local track = route:to_track()
    if not track:isnil() then
      for region in track:playlist():region_list():iter() do
        print(("track %s, %s, at %d"):format(route:name(), route:muted() and "muted" or "heard", region:position():samples()))
        local midi = region:to_midiregion()
        if not midi:isnil() then
          for note in ARDOUR.LuaAPI.note_list(midi:model()):iter() do
            print(("note %s %d %s %s %d %d"):format(route:name(), note:note(), note:time():str(), note:length():str(), note:velocity(), note:channel()))
          end
        end
      end
    end
  end
  for location in session:locations():list():iter() do
    if location:is_mark() then print(("mark %s at %d"):format(location:name(), location:start():samples())) end
  end
  return session
end

local function place(bar, bars)
  local session = load_session(folder, name)
  assert(session, "no session")
  local map, regions = Temporal.TempoMap.read(), {}
  for _, region in pairs(ARDOUR.RegionFactory.regions():table()) do regions[region:name()] = region end
  local at = at_quarters(quarters_of_bar(map, bar))
  for route in session:get_routes():iter() do
    local track = route:to_track()
    if not track:isnil() then
      local region = assert(regions[track:name()], "no region for " .. track:name())
      track:playlist():add_region(ARDOUR.RegionFactory.clone_region(region, true, false), at, 1, false)
      connect_to_master(route)
    end
  end
  print_bars(map, bar, bars)
  return session
end

assert(AudioEngine:set_backend("None (Dummy)", "", ""), "no backend")
local does = { create = create, place = place, look = look }
local session = does[what](tonumber(arg[4]), tonumber(arg[5]) or arg[5], arg[6])
collectgarbage() -- a shared pointer that is still held would keep the session from closing
if what ~= "look" then session:save_state("", false, false, false, false, false) end
session:close()
quit()
