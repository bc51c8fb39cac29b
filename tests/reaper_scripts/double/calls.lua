-- What each API function of the double does. Which arguments it may be given is checked before.
local model = require("double.model")
local tempo = require("double.tempo")

return function(world)
  local calls = {}
  local object = model.object
  local function project(handle) return object(handle) or world.projects[world.front] end

  -- Text and number attributes: keys REAPER does not know only return false, as there.
  local function text(kind, call)
    return function(handle, key, value, is_set)
      local thing = object(handle)
      local ext = key:match("^P_EXT:(.+)$")
      if ext then
        if is_set then thing.ext[ext] = value ~= "" and value:sub(1, world.ext_bytes) or nil end
        return thing.ext[ext] ~= nil or is_set, thing.ext[ext] or ""
      end
      if key == "GUID" then return true, thing.guid end
      if not world.knows_key(call, key) then
        world.violation(("%s has no text %s"):format(kind, key))
        return false, ""
      end
      if is_set then thing.text[key] = value end
      return true, thing.text[key] or ""
    end
  end
  local function set_value(kind, call)
    return function(handle, key, value)
      if not world.knows_key(call, key) then
        world.violation(("%s has no value %s"):format(kind, key))
        return false
      end
      object(handle).value[key] = value + 0.0
      return true
    end
  end
  local function get_value(handle, key) return object(handle).value[key] or 0.0 end
  local function set_track_value(handle, key, value)
    if key:find("^C_LANEPLAYS:") and value == 1 then -- exclusively: the others fall silent
      for other in pairs(object(handle).value) do
        if other:find("^C_LANEPLAYS:") then object(handle).value[other] = 0.0 end
      end
    end
    return set_value("track", "SetMediaTrackInfo_Value")(handle, key, value)
  end
  local function get_track_value(handle, key)
    if key ~= "IP_TRACKNUMBER" then return get_value(handle, key) end
    for _, proj in ipairs(world.projects) do
      for index, track in ipairs(proj.tracks) do
        if track == object(handle) then return index end
      end
    end
    return 0
  end

  calls.GetSetMediaTrackInfo_String = text("track", "GetSetMediaTrackInfo_String")
  calls.GetSetMediaItemInfo_String = text("item", "GetSetMediaItemInfo_String")
  calls.GetSetMediaItemTakeInfo_String = text("take", "GetSetMediaItemTakeInfo_String")
  calls.SetMediaTrackInfo_Value = set_track_value
  calls.SetMediaItemInfo_Value = set_value("item", "SetMediaItemInfo_Value")
  calls.SetMediaItemTakeInfo_Value = set_value("take", "SetMediaItemTakeInfo_Value")
  calls.GetMediaTrackInfo_Value = get_track_value
  calls.GetMediaItemInfo_Value = get_value
  calls.GetMediaItemTakeInfo_Value = get_value

  -- Tracks, items, takes
  function calls.CountTracks(proj) return #project(proj).tracks end
  function calls.GetTrack(proj, index)
    local track = project(proj).tracks[index + 1]
    return track and track.handle
  end
  -- The user's default track: armed, and with effects where they are wanted.
  local function insert_track(proj, index, wants_defaults)
    index = math.max(0, math.min(index, #proj.tracks))
    local track = model.track({ project = proj, effects = wants_defaults and 2 or 0 })
    track.value.I_RECARM = 1.0
    table.insert(proj.tracks, index + 1, track)
  end
  function calls.InsertTrackAtIndex(index, wants_defaults) insert_track(world.projects[world.front], index, wants_defaults) end
  function calls.InsertTrackInProject(proj, index, flags) insert_track(project(proj), index, flags & 1 == 1) end
  function calls.SetOnlyTrackSelected(handle)
    for _, track in ipairs(object(handle).project.tracks) do track.selected = track == object(handle) end
  end
  function calls.SetTrackSelected(handle, is_selected) object(handle).selected = is_selected end
  function calls.UpdateItemLanes() return true end
  function calls.DeleteTrack(handle)
    local track = object(handle)
    for _, proj in ipairs(world.projects) do
      for index, each in ipairs(proj.tracks) do
        if each == track then table.remove(proj.tracks, index) end
      end
    end
    model.kill_track(track)
  end
  local function all_items(proj)
    local found = {}
    for _, track in ipairs(proj.tracks) do table.move(track.items, 1, #track.items, #found + 1, found) end
    return found
  end
  function calls.CountMediaItems(proj) return #all_items(project(proj)) end
  function calls.GetMediaItem(proj, index)
    local item = all_items(project(proj))[index + 1]
    return item and item.handle
  end
  function calls.get_config_var_string(name)
    if name ~= "itemtimelock" then return false, "" end
    return true, ("%d"):format(world.projects[world.front].time_base)
  end
  function calls.CountTrackMediaItems(track) return #object(track).items end
  function calls.GetTrackMediaItem(track, index)
    local item = object(track).items[index + 1]
    return item and item.handle
  end
  function calls.DeleteTrackMediaItem(track, item)
    for index, each in ipairs(object(track).items) do
      if each == object(item) then
        table.remove(object(track).items, index)
        model.kill_item(each)
        return true
      end
    end
    return false
  end
  function calls.AddMediaItemToTrack(track)
    local item = model.item(object(track))
    item.value.D_FADEINLEN, item.value.D_FADEOUTLEN = world.default_fade_seconds, world.default_fade_seconds -- the fades that REAPER gives new items
    return item.handle
  end
  function calls.AddTakeToMediaItem(item) return model.take(object(item)).handle end -- and shows nothing new
  function calls.CountTakes(item) return #object(item).takes end
  function calls.GetTake(item, index)
    local take = object(item).takes[index + 1]
    return take and take.handle
  end
  function calls.GetMediaItem_Track(item) return object(item).track.handle end
  function calls.GetActiveTake(item)
    local take = object(item).takes[math.tointeger(object(item).value.I_CURTAKE) + 1]
    return take and take.handle
  end
  function calls.SetActiveTake(take)
    local item = object(take).item
    for index, each in ipairs(item.takes) do
      if each == object(take) then item.value.I_CURTAKE = index - 1.0 end
    end
  end
  local function selected_items(proj)
    local found = {}
    for _, track in ipairs(proj.tracks) do
      for _, item in ipairs(track.items) do
        if item.selected then found[#found + 1] = item end
      end
    end
    return found
  end
  function calls.CountSelectedMediaItems(proj) return #selected_items(project(proj)) end
  function calls.GetSelectedMediaItem(proj, index)
    local item = selected_items(project(proj))[index + 1]
    return item and item.handle
  end
  function calls.SelectAllMediaItems(proj, is_selected)
    for _, track in ipairs(project(proj).tracks) do
      for _, item in ipairs(track.items) do item.selected = is_selected end
    end
  end
  function calls.SetMediaItemSelected(item, is_selected) object(item).selected = is_selected end
  local function selected_tracks(proj)
    local found = {}
    for _, track in ipairs(proj.tracks) do
      if track.selected then found[#found + 1] = track end
    end
    return found
  end
  function calls.CountSelectedTracks(proj) return #selected_tracks(project(proj)) end
  function calls.GetSelectedTrack(proj, index)
    local track = selected_tracks(project(proj))[index + 1]
    return track and track.handle
  end
  function calls.GetItemStateChunk(item)
    local chunk = ("<ITEM %d>"):format(#world.chunks + 1)
    world.chunks[#world.chunks + 1] = model.item_state(object(item))
    return true, chunk
  end
  function calls.SetItemStateChunk(item, chunk)
    local state = world.chunks[tonumber(chunk:match("^<ITEM (%d+)>$"))]
    if not state then return false end
    model.fill_item(object(item), state)
    return true
  end

  -- Sources: nil unless the file is a whole WAV or begins as a FLAC file does
  function calls.PCM_Source_CreateFromFile(path)
    local file = world.io_open(path, "rb")
    if not file then return nil end
    local head = file:read(12) or ""
    local found, format
    if head:sub(1, 4) == "fLaC" then
      local packed = string.unpack(">I8", (head .. file:read(14)):sub(19))
      file:close()
      world.sources = world.sources + 1
      return model.new("PCM_source", { file = path, frames = packed & 0xFFFFFFFFF, rate = packed >> 44, type = "FLAC" }).handle
    end
    if head:sub(1, 4) == "MThd" then
      file:close()
      world.sources = world.sources + 1
      return model.new("PCM_source", { file = path, type = "MIDI" }).handle
    end
    if head:sub(1, 4) == "RIFF" and head:sub(9, 12) == "WAVE" then
      while true do
        local chunk = file:read(8)
        if not chunk or #chunk < 8 then break end
        local size = string.unpack("<I4", chunk, 5)
        if chunk:sub(1, 4) == "data" then found = size break end
        local body = file:read(size + size % 2)
        if chunk:sub(1, 4) == "fmt " then format = body end
      end
    end
    file:close()
    if not found or not format then return nil end
    local rate, align = string.unpack("<I4", format, 5), string.unpack("<I2", format, 13)
    world.sources = world.sources + 1
    return model.new("PCM_source", { file = path, frames = found // align, rate = rate }).handle
  end
  -- 0 right after an insert, as seen in REAPER 7.80
  function calls.GetMediaSourceLength(source) return object(source).seconds or 0.0, false end
  function calls.GetMediaSourceFileName(source) return object(source).file or "" end
  function calls.GetMediaSourceType(source) return object(source).type or "WAVE" end
  function calls.GetMediaItemTake_Source(take) return object(take).source and object(take).source.handle end
  function calls.GetTakeNumStretchMarkers(take) return object(take).stretch_markers or 0 end
  function calls.TakeFX_GetCount(take) return object(take).effects or 0 end
  function calls.CountTakeEnvelopes(take) return object(take).envelopes or 0 end
  function calls.PCM_Source_Destroy(source)
    object(source).deleted = true
    world.sources = world.sources - 1
  end
  function calls.SetMediaItemTake_Source(take, source)
    object(take).source = object(source)
    if object(source).type == "MIDI" then object(take).notes = {} end
    world.sources = world.sources - 1 -- the take owns it now
    return true
  end

  -- MIDI: a source counts its own ticks a quarter; the take begins at its offset, given in seconds,
  -- and plays it at its rate.
  local function front() return world.projects[world.front] end
  local function ticks(take) return object(take).ticks or 960 end
  local function stretch(take)
    local item, value = object(take).item, object(take).value
    local start = tempo.to_qn(front(), item.value.D_POSITION)
    local offset = tempo.to_qn(front(), item.value.D_POSITION + (value.D_STARTOFFS or 0)) - start
    return start, offset, value.D_PLAYRATE or 1
  end
  function calls.TakeIsMIDI(take) return object(take).notes ~= nil end
  function calls.MIDI_CountEvts(take) return #object(take).notes, #object(take).notes, 0, 0 end
  function calls.MIDI_GetNote(take, index)
    local note = object(take).notes[index + 1]
    if not note then return false, false, false, 0.0, 0.0, 0, 0, 0 end
    local from, to = note.start * ticks(take), note.stop * ticks(take)
    return true, false, note.muted or false, from + 0.0, to + 0.0, 0, note.pitch, note.velocity or 90
  end
  function calls.MIDI_GetProjQNFromPPQPos(take, ppq)
    local start, offset, rate = stretch(take)
    return start + (ppq / ticks(take) - offset) / rate
  end
  function calls.MIDI_GetPPQPosFromProjQN(take, qn)
    local start, offset, rate = stretch(take)
    return ((qn - start) * rate + offset) * ticks(take)
  end
  function calls.CreateNewMIDIItemInProj(track, from, to)
    local item = model.item(object(track))
    item.value.D_POSITION, item.value.D_LENGTH = from, to - from
    model.take(item, { notes = {} })
    return item.handle
  end
  function calls.MIDI_Sort(take)
    table.sort(object(take).notes, function(a, b) return a.start < b.start or (a.start == b.start and a.pitch < b.pitch) end)
  end
  function calls.MIDI_InsertNote(take, _, is_muted, from, to, _, pitch, velocity)
    table.insert(object(take).notes, { muted = is_muted, start = from / 960, stop = to / 960, pitch = pitch, velocity = velocity })
    return true
  end

  -- Projects, time
  function calls.EnumProjects(index)
    local proj = world.projects[index == -1 and world.front or index + 1]
    if not proj then return nil end
    return proj.handle, proj.file -- "" where it was never saved
  end
  function calls.SelectProjectInstance(proj)
    for index, each in ipairs(world.projects) do
      if each == object(proj) then world.front = index end
    end
  end
  function calls.GetProjectName(proj) return project(proj).file:match("[^/]*$") end
  function calls.GetProjectPathEx(proj) return project(proj).media or world.folder .. "/media" end
  function calls.GetSetProjectInfo(proj, name) return project(proj).info[name] or 0.0 end
  function calls.GetSet_LoopTimeRange2(proj, is_set)
    assert(not is_set, "double: the scripts never move the selection")
    return table.unpack(project(proj).selection)
  end
  function calls.GetCursorPositionEx(proj) return project(proj).cursor end
  function calls.TimeMap2_timeToQN(proj, seconds) return (tempo.to_qn(project(proj), seconds)) end
  function calls.TimeMap2_QNToTime(proj, qn) return tempo.to_seconds(project(proj), qn) end
  function calls.TimeMap_GetMeasureInfo(proj, number) return tempo.measure(project(proj), number) end
  function calls.TimeMap2_timeToBeats(proj, seconds) return tempo.beats(project(proj), seconds) end
  -- Whether the tempo it gives counts quarters or the meter's own beats, REAPER's list does not say.
  function calls.TimeMap_GetTimeSigAtTime(proj, seconds)
    local segment, bpm = tempo.at(project(proj), seconds)
    return segment.num, segment.den, world.tells_bpm_in_denominators and bpm * segment.den / 4 or bpm
  end
  -- As the ruler has it ("2": measures and beats), of the project in front.
  function calls.format_timestr_pos(seconds, _, mode)
    assert(mode == 2, "double: only measures and beats are written")
    local its = front()
    local beat, measure = tempo.beats(its, seconds)
    local number = measure + its.first_measure
    return ("%d.%d.%02d"):format(number, math.floor(beat) + 1, math.floor(beat % 1 * 100))
  end
  function calls.CountTempoTimeSigMarkers(proj) return #project(proj).tempo end
  function calls.GetTempoTimeSigMarker(proj, index)
    local marker = project(proj).tempo[index + 1]
    if not marker then return false, 0.0, 0, 0.0, 0.0, 0, 0, false end
    local beat, measure = tempo.beats(project(proj), marker.seconds)
    local seconds = marker.seconds * (1 + 2 ^ -50) -- what was set comes back rounded
    return true, seconds, measure, beat, marker.bpm, marker.num or 0, marker.den or 0, marker.ramp or false
  end
  function calls.SetTempoTimeSigMarker(proj, index, seconds, measure, beat, bpm, numerator, denominator, ramps)
    assert(measure == -1 and beat == -1, "double: markers are only set by their time")
    local its = project(proj)
    if index ~= -1 and not its.tempo[index + 1] then return false end
    tempo.change(its, function()
      if index == -1 and #its.tempo == 0 and seconds > 0 and not world.first_marker_is_alone then -- the first marker brings one at the start
        its.tempo[1] = { seconds = 0.0, bpm = its.bpm, num = its.num, den = its.den, ramp = false }
      end
      if index ~= -1 then table.remove(its.tempo, index + 1) end
      table.insert(its.tempo, { seconds = seconds, bpm = bpm, num = numerator > 0 and numerator or nil,
        den = denominator > 0 and denominator or nil, ramp = ramps })
      table.sort(its.tempo, function(a, b) return a.seconds < b.seconds end)
    end)
    return true
  end
  -- The last one stays: a project that has once had markers always has one.
  function calls.DeleteTempoTimeSigMarker(proj, index)
    local its = project(proj)
    if #its.tempo <= 1 and not world.deletes_last_marker then return false end
    local there = its.tempo[index + 1] ~= nil
    tempo.change(its, function() table.remove(its.tempo, index + 1) end)
    return there
  end
  function calls.CountProjectMarkers(proj)
    local markers, regions = 0, 0
    for _, each in ipairs(project(proj).markers) do
      if each.stop then regions = regions + 1 else markers = markers + 1 end
    end
    return markers + regions, markers, regions
  end
  function calls.EnumProjectMarkers3(proj, index)
    local each = project(proj).markers[index + 1]
    if not each then return 0, false, 0.0, 0.0, "", 0, 0 end
    return index + 1, each.stop ~= nil, each.start, each.stop or 0.0, each.name, each.number or index + 1, 0
  end
  function calls.ValidatePtr2(_, pointer, kind)
    local thing = object(pointer)
    return thing ~= nil and not thing.deleted and kind == thing.kind .. "*"
  end

  -- State that outlives a script
  function calls.GetProjExtState(proj, section, key)
    local value = (project(proj).ext[section] or {})[key]
    return value and 1 or 0, value or ""
  end
  function calls.SetProjExtState(proj, section, key, value)
    local ext = project(proj).ext
    ext[section] = ext[section] or {}
    ext[section][key] = value ~= "" and value or nil
    return 1
  end
  function calls.GetExtState(section, key) return (world.ext[section] or {})[key] or "" end
  function calls.SetExtState(section, key, value, persist)
    if persist and value:find("\n") then world.violation("persistent state must be one line") end
    world.ext[section] = world.ext[section] or {}
    world.ext[section][key] = value
    world.passing[section .. " " .. key] = not persist or nil
  end
  function calls.DeleteExtState(section, key) (world.ext[section] or {})[key] = nil end

  -- Undo, drawing
  function calls.Undo_OnStateChangeEx2(proj, description)
    local undo = project(proj).undo
    undo[#undo + 1] = { text = description, tracks = model.snapshot(project(proj)) }
  end
  function calls.GetProjectStateChangeCount(proj) return #project(proj).undo end
  function calls.PreventUIRefresh(count)
    world.held = world.held + count
    assert(world.held >= 0, "double: PreventUIRefresh below zero")
  end
  function calls.UpdateArrange() end
  function calls.UpdateTimeline() end
  function calls.Main_OnCommandEx(command)
    world.commands[#world.commands + 1] = command
    if command == 40859 then -- "New project tab"
      world:open({})
      world.front = #world.projects
    end
  end
  -- A project file: what undo keeps of a project, as a file that names a snapshot.
  function calls.Main_SaveProjectEx(proj, path)
    world.saved = world.saved or {}
    world.saved[path] = model.snapshot(project(proj))
    local file = assert(world.real.io_open(path, "wb"))
    file:write("<REAPER_PROJECT 0.1\n>\n")
    file:close()
  end
  function calls.Main_openProject(name)
    local path = name:match("^noprompt:(.*)$") or error("double: opening would ask")
    local its = world.projects[world.front]
    assert(its.file == "", "double: a project of the user's would be closed")
    model.kill_project(its)
    world.projects[world.front] = model.project({ file = path })
    local opened = world.projects[world.front]
    model.restore(opened, assert(world.saved[path], "double: no such project"))
    for _, track in ipairs(opened.tracks) do
      if track.value.I_FREEMODE == 2 and world.adds_a_lane then track.value.I_NUMFIXEDLANES = track.value.I_NUMFIXEDLANES + 1 end
    end
  end
  function calls.GetProjectTimeOffset(proj) return project(proj).offset_seconds or 0.0 end
  function calls.TrackFX_GetCount(track) return object(track).effects or 0 end
  function calls.Undo_CanUndo2(proj)
    local undo = project(proj).undo
    return #undo > 1 and undo[#undo].text or nil
  end
  function calls.Undo_DoUndo2(proj)
    local undone = project(proj)
    undone.redo = undone.undo[#undone.undo]
    world:undo(undone)
    return 1
  end
  function calls.Undo_DoRedo2(proj)
    local redone = project(proj)
    table.insert(redone.undo, redone.redo)
    model.restore(redone, redone.redo.tracks)
    return 1
  end

  -- Files, system
  function calls.RecursiveCreateDirectory(path)
    os.execute(("mkdir -p %s"):format("'" .. path:gsub("'", "'\\''") .. "'"))
    return 1
  end
  function calls.EnumerateFiles(path, index) -- listings are cached until asked for -1
    if index == -1 then
      world.listings[path] = nil
      return nil
    end
    world.listings[path] = world.listings[path] or world.list_folder(path)
    return world.listings[path][index + 1]
  end
  function calls.GetResourcePath() return world.resources end
  function calls.GetOS() return world.system end
  function calls.GetAppVersion() return world.version end
  function calls.APIExists(name) return world.api[name] ~= nil and not world.missing[name] end
  function calls.time_precise() return world.clock() end
  -- The screen: 1920 x 1080 at the left and the top.
  function calls.my_getViewport() return 0, 0, 1920, 1080 end
  function calls.GetThemeColor(name) return (world.theme or {})[name] or -1 end
  function calls.ColorFromNative(colour) return colour & 0xFF, colour >> 8 & 0xFF, colour >> 16 & 0xFF end
  function calls.ColorToNative(red, green, blue) return red | green << 8 | blue << 16 end
  function calls.ShowConsoleMsg(line) world.console[#world.console + 1] = line end
  function calls.MB(message, _, kind)
    world.boxes[#world.boxes + 1] = message
    local says = world.answers and table.remove(world.answers, 1) -- else the same to all
    if kind == 3 then return ({ yes = 6, no = 7, cancel = 2 })[says] end
    if says then return says == "yes" and 6 or 7 end
    return kind == 4 and world.says_yes and 6 or kind == 4 and 7 or 1
  end
  -- A dialog of fields; what the user makes of it is the scenario's.
  function calls.GetUserInputs(title, count, captions, values)
    local separator = captions:match("separator=(.)$") or ","
    assert(count >= 1 and count <= 16, "double: 1 to 16 fields")
    local names = {}
    for name in captions:gsub(",extrawidth=%d+", ""):gsub(",separator=.$", ""):gmatch("[^,]+") do names[#names + 1] = name end
    assert(#names == count, ("double: %d captions for %d fields"):format(#names, count))
    local _, separators = values:gsub(separator, "")
    assert(separators == count - 1, "double: each field has its value")
    world.dialogs = world.dialogs or {}
    table.insert(world.dialogs, { title = title, names = names, values = values })
    if not world.on_dialog then return false, values end
    local answer = world.on_dialog(values, names)
    return answer ~= nil, answer or values
  end
  function calls.ExecProcess(command, timeout_ms)
    world.executed[#world.executed + 1] = command
    if world.on_execute then return world.on_execute(command, timeout_ms) end
    return nil
  end

  -- The action list
  function calls.AddRemoveReaScript(adds, section, path)
    assert(section == 0, "double: only the main section")
    local there = world.real.io_open(path, "rb")
    if not there then return 0 end
    there:close()
    world.actions[path] = adds or nil
    world.commits = (world.commits or 0) + 1
    return 50000 + #path
  end
  function calls.ReverseNamedCommandLookup(id) return ("RS%08x"):format(id) end
  function calls.GetUserFileNameForRead() return world.chosen_file ~= nil, world.chosen_file or "" end

  -- Lua's own
  function calls.defer(step) world.deferred[#world.deferred + 1] = step end
  function calls.set_action_options(flags)
    if flags & 3 ~= 0 then world.options = flags & 3 end
    if flags & 12 ~= 0 then world.is_toggled = flags & 4 == 4 end
  end
  function calls.atexit(step) world.at_exit[#world.at_exit + 1] = step end
  return calls
end
