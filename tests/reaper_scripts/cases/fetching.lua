-- A result's way from the job's folder into the project: whole, or nothing of it.
local scenes = require("double.scenes")
local start = scenes.start
local generate = scenes.generate
local is_under_way = scenes.is_under_way
local generate_to_the_end = scenes.generate_to_the_end
local files_under = scenes.files_under
local order_state = scenes.order_state
local untouched = scenes.untouched
local rewrite = scenes.rewrite

case("enter in the window puts four stems on four tracks in one undo step", function(w, Daemon)
  local daemon, project = start(w, Daemon, { cursor = 1.2 })
  daemon.frames = 28800 -- 0.6 s at 48 kHz
  w:run("backline_generate.lua", generate_to_the_end)
  equal(#project.tracks, 5, "tracks")
  local names, depths = {}, {}
  for index, track in ipairs(project.tracks) do
    names[index], depths[index] = track.text.P_NAME, ("%d"):format(math.tointeger(track.value.I_FOLDERDEPTH))
  end
  equal(table.concat(names, ","), "dub techno 400 bpm A minor,drums,bass,melody,vocals")
  equal(table.concat(depths, ","), "1,0,0,0,-1")
  for index = 2, 5 do
    local item = project.tracks[index].items[1]
    near(item.value.D_POSITION, 1.2, 1e-12, "position") -- bar 3 of 0.6 s bars
    equal(item.value.D_LENGTH, 28800 / 48000, "length")
    equal(item.value.B_LOOPSRC, 0.0, "loop source")
    equal(item.value.C_BEATATTACHMODE, -1.0, "time base")
    equal(#item.takes, 1, "takes")
    contains(item.takes[1].source.file, w.folder .. "/media/backline/dub techno 400 bpm A minor r")
    contains(item.takes[1].source.file, "/backline_0001_" .. names[index] .. "_400bpm_Amin.wav")
    contains(item.takes[1].ext.backline, '"seed":41')
    contains(item.text.P_NOTES, "tempo heard: 128.02 bpm (+0.02 % from what was asked)")
    contains(item.ext.backline, '"stem":"' .. names[index] .. '"')
    equal(item.takes[1].text.P_NAME, names[index] .. " seed 41")
  end
  equal(project.tracks[2].value.I_CUSTOMCOLOR, (242 | 166 << 8 | 90 << 16 | 0x1000000) + 0.0, "colour of drums")
  equal(#project.undo, 2, "undo states")
  equal(project.undo[2].text, "backline: insert dub techno 400 bpm A minor")
  equal(w.sources, 0, "sources without a take")
  equal(table.concat(w.boxes), "")
  equal(table.concat(w.console), "")
  equal(w.commands[#w.commands], 40047, "build peaks")
end)

case("a script that REAPER ends while it copies leaves no files and keeps the order", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  daemon.frames = 400000
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return files_under(w.folder .. "/media") ~= "" end)
    w:stop()
  end)
  untouched(w, project)
  equal(order_state(w), "pending")
end)

case("FLAC files land as WAV files do where they are asked for", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  w.ext.backline.format = "flac"
  daemon.frames = 28800
  w:run("backline_generate.lua", generate_to_the_end)
  equal(scenes.last_keys(daemon).format, "flac")
  local item = project.tracks[3].items[1]
  contains(item.takes[1].source.file, "/backline_0001_bass_400bpm_Amin.flac")
  equal(item.takes[1].source.frames, 28800, "frames in REAPER")
  equal(item.value.D_LENGTH, 28800 / 48000, "length")
  equal(w.sources, 0, "sources without a take")
end)

for _, each in ipairs({ { "dry", "embedded", 1 }, { "mixed", "embedded" }, { "dry", "ace-step" } }) do
  case(("the mix: %s of %s"):format(each[1], each[2]), function(w, Daemon)
    local settings = ('{"key":"A minor","bars":1,"mix":"%s","engine":"%s"}'):format(each[1], each[2])
    local daemon, project = start(w, Daemon, {})
    project.ext.backline.settings = settings
    w:run("backline_generate.lua", generate_to_the_end)
    equal(scenes.last_keys(daemon).dry, each[3])
  end)
end

case("without a format asked for the daemon's own is taken", function(w, Daemon)
  local daemon = start(w, Daemon, {})
  w:run("backline_generate.lua", generate_to_the_end)
  equal(scenes.last_keys(daemon).format, nil)
end)

local function spoilt(name, pattern, spoil, format)
  case("a result " .. name .. " changes nothing and is named", function(w, Daemon)
    local daemon, project = start(w, Daemon, {})
    w.ext.backline.format = format
    daemon.spoils = function(job, manifest) spoil(w, job, manifest) end
    w:run("backline_generate.lua", function()
      generate(w)
      w:wait(function() return w:shows(pattern) end)
      w:press("escape")
    end)
    untouched(w, project)
    equal(order_state(w), "failed")
    equal(w.sources, 0, "sources left open")
  end)
end

spoilt("whose WAV is cut short", "melody.wav has %d+ bytes", function(w, job)
  rewrite(w, job.folder .. "/melody.wav", function(bytes) return bytes:sub(1, 1000) end)
end)
spoilt("whose WAV is missing", "bass.wav is gone", function(_, job) os.remove(job.folder .. "/bass.wav") end)
spoilt("whose WAV is of another rate", "vocals.wav is no WAV", function(w, job)
  rewrite(w, job.folder .. "/vocals.wav", function(bytes) return bytes:sub(1, 24) .. string.pack("<I4", 44100) .. bytes:sub(29) end)
end)
local function change_at(w, path, position, bytes)
  rewrite(w, path, function(whole) return whole:sub(1, position - 1) .. bytes .. whole:sub(position + #bytes) end)
end

spoilt("whose FLAC is of another rate", "vocals.flac is no FLAC", function(w, job)
  change_at(w, job.folder .. "/vocals.flac", 19, string.pack(">I3", 44100 << 4 | 2)) -- stereo, first bit of 24
end, "flac")
spoilt("whose FLAC has a frame more", "bass.flac is no FLAC", function(w, job)
  change_at(w, job.folder .. "/bass.flac", 25, string.pack(">I2", 14401))
end, "flac")
spoilt("whose FLAC has 2^32 frames more", "bass.flac is no FLAC", function(w, job)
  change_at(w, job.folder .. "/bass.flac", 22, "\x71") -- the lowest four of 36 bits stand in bytes 22 to 26
end, "flac")
spoilt("whose FLAC does not begin with its length", "drums.flac is no FLAC", function(w, job)
  change_at(w, job.folder .. "/drums.flac", 5, "\x04") -- a block of comments
end, "flac")
spoilt("whose FLAC is a WAV", "melody.flac is no FLAC", function(w, job)
  change_at(w, job.folder .. "/melody.flac", 1, "RIFF")
end, "flac")
spoilt("whose manifest lacks a stem", "The job has no vocals", function(_, _, manifest)
  for index = #manifest.files, 1, -1 do
    if manifest.files[index].stem == "vocals" then table.remove(manifest.files, index) end
  end
end)
spoilt("of another schema", "another version of backline", function(_, _, manifest) manifest.schema = "backline.manifest/2" end)
spoilt("whose manifest has no length", "lacks its length", function(_, _, manifest) manifest.grid.frames = nil end)
spoilt("whose manifest leads out of its folder", "The job has no drums", function(_, _, manifest)
  for _, entry in ipairs(manifest.files) do
    if entry.stem == "drums" then entry.path = "../" .. entry.path end
  end
end)

case("a result whose manifest is no JSON changes nothing and is named", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  local make = daemon.make_result
  function daemon:make_result(job)
    make(self, job)
    rewrite(w, job.folder .. "/manifest.json", function(bytes) return bytes:sub(1, #bytes // 2) end)
  end
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return w:shows("manifest cannot be read") end)
    w:press("escape")
  end)
  untouched(w, project)
end)

case("a full disk changes nothing and is named", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  daemon.holds = true
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return is_under_way(w) end)
    w.refuse_open = function(path, mode)
      return path:find("/media/", 1, true) and mode:find("w") and "No space left on device" or nil
    end
    daemon.holds = false
    w:wait(function() return w:shows("No space left") end)
    w.refuse_open = nil
    w:press("escape")
  end)
  untouched(w, project)
end)

case("a project closed while its files are copied leaves no files behind", function(w, Daemon)
  local daemon = start(w, Daemon, { file = "/a.rpp" })
  daemon.frames = 400000
  w:open({ file = "/other.rpp" })
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return files_under(w.folder .. "/media") ~= "" end)
    w:close_project(1)
    w:wait(function() return w:shows("The project was closed") end)
    w:press("escape")
  end)
  equal(files_under(w.folder .. "/media"), "", "media files")
  equal(#w.projects[1].tracks, 0, "tracks of the other project")
  equal(order_state(w), "pending")
end)

case("two songs generated one after the other lie in folders of their own", function(w, Daemon)
  local _, project = start(w, Daemon, {})
  w:run("backline_generate.lua", function()
    generate(w)
    w:wait(function() return #project.undo == 2 end)
    w:pass(5)
    w:press("enter")
    w:wait(function() return #project.undo == 3 end)
    w:press("escape")
  end)
  equal(#project.tracks, 10, "tracks")
  local first, second = project.tracks[2].items[1].takes[1].source.file, project.tracks[7].items[1].takes[1].source.file
  assert(first ~= second, "both lie in " .. first)
end)

case("renaming that refuses to replace, as on Windows, is enough", function(w, Daemon)
  local _, project = start(w, Daemon, {})
  w.is_windows_rename = true
  w:run("backline_generate.lua", generate_to_the_end)
  equal(#project.tracks, 5, "tracks")
  equal(order_state(w), "landed")
end)

case("files of several takes have names of their own", function(w, Daemon)
  local _, project = start(w, Daemon, {})
  project.ext.backline.settings = '{"key":"F# dorian","bars":1,"takes":2,"stems":"bass"}'
  project.bpm = 92.5
  w:run("backline_generate.lua", generate_to_the_end)
  local takes = project.tracks[2].items[1].takes
  contains(takes[1].source.file, "/backline_0001_bass_take1_92.5bpm_F#dor.wav")
  contains(takes[2].source.file, "/backline_0001_bass_take2_92.5bpm_F#dor.wav")
end)

case("a name leaves out a tempo that the manifest does not say", function(w, Daemon)
  local daemon, project = start(w, Daemon, {})
  daemon.spoils = function(_, manifest) manifest.grid.bpm = nil end
  w:run("backline_generate.lua", generate_to_the_end)
  contains(project.tracks[2].items[1].takes[1].source.file, "/backline_0001_drums.wav")
end)

-- A Windows user whose name has letters outside the code page.
local function abroad(w)
  w.home, w.resources = w.folder .. "/Jörg 漢/home", w.folder .. "/Jörg 漢/resources"
  os.execute(("mkdir -p '%s' '%s'"):format(w.home, w.resources))
  w.names_only_ascii = true
end

case("folders that cannot be renamed or removed in, as some on Windows, hold orders, packets and stems", function(w, Daemon)
  abroad(w)
  local daemon, project = start(w, Daemon, {})
  w:run("backline_generate.lua", generate_to_the_end)
  equal(#project.tracks, 5, "tracks")
  equal(daemon.number, 1, "jobs")
  equal(scenes.order_state(w), "landed")
  w:run("backline_show_jobs.lua", function()
    w:click("Forget")
    w:wait(function() return w:shows("No jobs yet") end)
    w:press("escape")
  end)
  local _, passing = scenes.files_under(w.home):gsub("in/[^\n]*%.tmp", "")
  assert(passing <= 1, passing .. " passing files: one script tries to rename once")
end)

case("packets that cannot be removed are taken once and emptied", function(w)
  abroad(w)
  local now = 100.0
  local spool = w:lib("spool")
  local carrier = spool.open(w.home .. "/spool", "abc", function() return now end)
  local path = w.home .. "/spool/out/abc/000000000001.osc"
  local file = w.real.io_open(path, "wb")
  file:write("packet")
  file:close()
  equal(table.concat(carrier.receive(9)), "packet")
  now = now + 1
  equal(#carrier.receive(9), 0, "packets a second time")
  equal(w:lib("files").size(path), 0, "bytes left")
  w:_unwrap_system()
end)
