-- Listening to results before they are inserted, and rating them.
local scenes = require("double.scenes")

local LATER = '{"key":"A minor","style":"dub techno","bars":1,"insert":"from Show jobs","takes":%d}'

-- A job that is done and waits to be inserted; with a SWS that plays.
local function begin(w, Daemon, takes)
  local daemon, project = scenes.begin(w, Daemon)
  daemon.writes_mix = true
  project.ext.backline.settings = LATER:format(takes or 1)
  local told = { playing = nil, played = {}, stopped = 0 }
  local model = require("double.model")
  w.extensions = {
    CF_CreatePreview = function(source)
      if told.refuses then return nil end
      told.source = model.object(source)
      return { told.source.file }
    end,
    CF_Preview_SetValue = function(_, name, value) told[name] = value end,
    CF_Preview_Play = function(preview)
      told.playing = preview
      told.played[#told.played + 1] = preview[1]:match("jobs/(.*)$")
    end,
    CF_Preview_GetValue = function(preview) return told.playing == preview, 0.5 end,
    CF_Preview_Stop = function(preview)
      assert(not told.source.deleted, "the source went before the preview")
      if told.playing == preview then told.playing = nil end
      told.stopped = told.stopped + 1
    end,
  }
  w:run("backline_generate_with_last_settings.lua")
  return daemon, project, told
end

local function in_jobs(w, scenario)
  w:run("backline_show_jobs.lua", function()
    w:wait(function() return w:shows("not inserted yet") or w:shows(", inserted") end)
    scenario()
    w:press("escape")
  end)
end

case("a result waits to be listened to, and is inserted from Show jobs into its place, once", function(w, Daemon)
  local daemon, project = begin(w, Daemon)
  contains(w.boxes[1], "is ready: listen to it, rate it and insert it in Show jobs")
  scenes.untouched(w, project)
  project.cursor = 3.0
  in_jobs(w, function()
    w:click("Insert")
    w:wait(function() return w:shows("^Inserted") end)
  end)
  equal(#project.tracks, 5, "tracks")
  equal(project.tracks[2].items[1].value.D_POSITION, 0.0, "position")
  equal(scenes.order_state(w), "landed")
  equal(#daemon:asked("generate"), 1, "orders")
  local _, kept = scenes.files_under(w.resources .. "/Data/backline/orders"):gsub("%.json\n", "")
  equal(kept, 1, "orders kept")
end)

case("each take is played in turn, then silence, and closing the window ends it", function(w, Daemon)
  local _, _, told = begin(w, Daemon, 2)
  local sources = w.sources
  in_jobs(w, function()
    w:click("Play")
    assert(w:shows("^Playing take 1 of 2"), w:seen())
    equal(told.D_VOLUME, 1, "volume")
    w:click("Play")
    assert(w:shows("^Playing take 2 of 2"), w:seen())
    w:click("Play")
    equal(told.playing, nil, "playing after the last")
    w:click("Play")
    equal(#told.played, 3, "plays")
  end)
  equal(table.concat(told.played, " "), "1/mix.wav 1/take2/mix.wav 1/mix.wav")
  equal(told.playing, nil, "playing after the window")
  equal(w.sources, sources, "sources left open")
end)

case("what has come to its end begins again with the first take", function(w, Daemon)
  local _, _, told = begin(w, Daemon, 2)
  in_jobs(w, function()
    w:click("Play")
    told.playing = nil
    w:click("Play")
  end)
  equal(table.concat(told.played, " "), "1/mix.wav 1/mix.wav")
end)

case("a split is heard by its first stem, and what cannot be played is said", function(w, Daemon)
  local daemon, _, told = begin(w, Daemon)
  local manifest = { files = { { role = "stem", path = "drums.wav", take = 1 }, { role = "stem", path = "bass.wav", take = 1 },
    { role = "mix", path = "../secret.wav", take = 1 }, { role = "overview", path = "overview.png" } } }
  local found = w:lib("preview").files_of(manifest, "/job")
  w:_unwrap_system()
  w.is_lib = nil
  equal(found[1], "/job/drums.wav")
  equal(#found, 1, "takes")
  told.refuses = true
  local sources = w.sources
  in_jobs(w, function()
    w:click("Play")
    assert(w:shows("^SWS cannot play"), w:seen())
    equal(w.sources, sources, "sources left open by SWS")
    w.calls.PCM_Source_CreateFromFile = function() return nil end
    w:click("Play")
    assert(w:shows("^REAPER cannot open"), w:seen())
  end)
  equal(w.sources, sources, "sources left open")
  os.remove(daemon.home .. "/jobs/1/manifest.json")
  in_jobs(w, function()
    w:click("Play")
    assert(w:shows("result is gone"), w:seen())
  end)
end)

case("without SWS there is no Play", function(w, Daemon)
  begin(w, Daemon)
  w.extensions = nil
  in_jobs(w, function()
    w:pass(2)
    assert(w:shows("^Insert$") and not w:shows("^Play$"), w:seen())
  end)
end)

case("a rating reaches the daemon, is kept and shown, and can be taken back", function(w, Daemon)
  local daemon = begin(w, Daemon)
  in_jobs(w, function()
    w:click("4")
    w:wait(function() return #daemon:asked("rate") == 1 end)
    w:pass(10)
    w:click("none")
    w:wait(function() return #daemon:asked("rate") == 2 end)
    w:pass(10)
    w:click("5")
    w:pass(20)
  end)
  local ratings = {}
  for index, each in ipairs(daemon:asked("rate")) do ratings[index] = each.args[2] .. ":" .. each.args[3] end
  equal(table.concat(ratings, " "), "1:4 1:0 1:5")
  local path = scenes.files_under(w.resources .. "/Data/backline/orders"):match("[^\n]+%.json")
  local file = w.real.io_open(path, "rb")
  contains(file:read("a"), '"rating":5')
  file:close()
end)

case("a rating that the daemon refuses is said and not kept", function(w, Daemon)
  local daemon = begin(w, Daemon)
  daemon.refuses_rating = "the result was deleted"
  in_jobs(w, function()
    w:click("3")
    w:wait(function() return w:shows("the result was deleted") end)
  end)
  local path = scenes.files_under(w.resources .. "/Data/backline/orders"):match("[^\n]+%.json")
  local file = w.real.io_open(path, "rb")
  equal(file:read("a"):find('"rating"', 1, true), nil, "a rating")
  file:close()
end)

case("a rating without a daemon says why it was not given", function(w, Daemon)
  local daemon = begin(w, Daemon)
  daemon:die()
  in_jobs(w, function()
    w:click("3")
    w:wait(function() return w:shows("where backline is installed") end)
  end)
end)
