-- What scenarios have in common: a project to begin in, and what to look at.
local scenes = {}

function scenes.start(w, Daemon, fields)
  w.ext.backline.settings = '{"key":"A minor","style":"dub techno","bars":1}'
  local project = w:project()
  project.bpm = 400.0 -- one bar of 4/4 lasts 0.6 s: small files
  for name, value in pairs(fields or {}) do project[name] = value end
  project.ext.backline = { settings = '{"key":"A minor","style":"dub techno","bars":1}' }
  return Daemon.new(w), project
end

function scenes.generate(w)
  w:wait(function() return w:shows("^Bars") end)
  w:press("enter")
end

function scenes.is_under_way(w) return w:shows("^Composing") or w:shows("in the queue") or w:shows("^Starting the engine") end

function scenes.generate_to_the_end(w)
  scenes.generate(w)
  w:wait(function() return w:shows("^Inserted") end)
  w:press("escape")
end

function scenes.insert_from_jobs(w)
  w:click("Insert")
  w:wait(function() return w:shows("^Inserted") end)
  w:press("escape")
end

function scenes.files_under(folder)
  local pipe = io.popen(("find '%s' -type f | sort"):format(folder))
  local text = pipe:read("a")
  pipe:close()
  return text
end

function scenes.order_state(w)
  local text = scenes.files_under(w.resources .. "/Data/backline/orders")
  local path = text:match("[^\n]+%.json")
  if not path then return nil end
  local file = w.real.io_open(path, "rb")
  local found = file:read("a"):match('"state":"(%a+)"')
  file:close()
  return found
end

function scenes.untouched(w, project)
  equal(#project.tracks, 0, "tracks")
  equal(#project.undo, 1, "undo states")
  equal(scenes.files_under(w.folder .. "/media"), "", "media files")
end

function scenes.rewrite(w, path, change)
  local file = w.real.io_open(path, "rb")
  local bytes = file:read("a")
  file:close()
  file = w.real.io_open(path, "wb")
  file:write(change(bytes))
  file:close()
end

-- What the other actions begin with: a project of 400 bpm, of which a bar of 4/4 lasts 0.6 s.
function scenes.begin(w, Daemon, bars)
  local project = w:project()
  project.bpm = 400.0 -- one bar of 4/4 lasts 0.6 s
  project.ext.backline = { settings = ('{"key":"A minor","style":"dub techno","bars":%d,"lyrics":"la la"}'):format(bars or 1) }
  return Daemon.new(w), project
end

-- Four stems of a job on tracks, as Generate leaves them.
function scenes.generated(w, Daemon, bars)
  local daemon, project = scenes.begin(w, Daemon, bars)
  w:run("backline_generate_with_last_settings.lua")
  equal(#project.tracks, 5, "tracks")
  return daemon, project
end

function scenes.items(project)
  local found = {}
  for _, track in ipairs(project.tracks) do
    for _, item in ipairs(track.items) do found[#found + 1] = item end
  end
  return found
end

function scenes.last_keys(daemon)
  local asked = daemon:asked("generate")
  return daemon.keys(asked[#asked])
end

function scenes.launcher(w, Daemon, found)
  local file = w.real.io_open(w.scripts .. "/backline_launcher.json", "wb")
  file:write(Daemon.json.encode(found))
  file:close()
end

return scenes
