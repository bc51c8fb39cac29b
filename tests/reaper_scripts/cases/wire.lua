-- Packets, JSON, files and the conversation with the daemon, a module at a time.

case("text that NUL or a wrong size breaks is refused with a reason", function(w)
  local osc = w:lib("osc")
  local whole = osc.encode("/a", "sib", { "text", 7, "blob" })
  equal(osc.decode(whole).args[3], "blob")
  for length = 0, #whole - 1 do
    if length == 4 then goto continue end -- "/a" alone: older senders leave the tags out
    local found, why = osc.decode(whole:sub(1, length))
    equal(found, nil, "a packet of " .. length .. " bytes")
    contains(why, "cannot be read")
    ::continue::
  end
  equal(osc.decode(whole .. "\0\0\0\0"), nil, "with bytes left")
  equal(osc.decode("no/slash\0\0\0\0,\0\0\0"), nil)
  equal(osc.decode("/a\0\0i\0\0\0\0\0\0\1"), nil, "without a comma")
  equal(osc.decode("/a\0\0,x\0\0"), nil, "of an unknown type")
  equal(osc.decode("/a\0\0,b\0\0\xFF\xFF\xFF\xFF"), nil, "with a blob of negative size")
  equal(osc.decode("/a\0\0").tags, "", "tags left out")
  equal(pcall(osc.encode, "/a", "s", { "a\0b" }), false, "NUL in text")
end)

case("packets are those of the specification, byte for byte", function(w)
  local osc = w:lib("osc")
  equal(osc.encode("/oscillator/4/frequency", "f", { 440.0 }), "/oscillator/4/frequency\0,f\0\0\x43\xDC\0\0") -- its own example
  equal(osc.encode("/ab", "sb", { "abcd", "xyz" }), "/ab\0,sb\0abcd\0\0\0\0\0\0\0\3xyz\0")
  equal(osc.encode("/b", "b", { "" }), "/b\0\0,b\0\0\0\0\0\0")
  local found, why = osc.decode(osc.encode("/a", ("T"):rep(257), {}))
  equal(found, nil, "257 arguments")
  contains(why, "too many")
end)

case("random bytes never raise", function(w)
  local osc = w:lib("osc")
  math.randomseed(11)
  for _ = 1, 3000 do
    local bytes = {}
    for index = 1, math.random(0, 48) do bytes[index] = string.char(math.random(0, 255)) end
    osc.decode("/" .. table.concat(bytes))
    osc.decode(table.concat(bytes))
  end
end)

case("JSON that is broken is refused with its place", function(w)
  local json = w:lib("json")
  for _, text in ipairs({
    "", "{", '{"a"}', '{"a":1,}', "[1 2]", '"open', '"\\x"', '"\\u12"', "nul", "1.2.3", "{}x", ("["):rep(80) .. ("]"):rep(80), "[1x2]",
  }) do
    local found, why = json.decode(text)
    equal(found, nil, text)
    contains(why, text == "{}x" and "after the end" or "at byte")
  end
end)

case("JSON keeps integers, nulls and signs of every kind", function(w)
  local json = w:lib("json")
  local found = json.decode(' {"a" : [1, -2.5e3, true, null, "\\u00e9\\ud83c\\udfb8\\n"], "b": {} } ')
  equal(math.type(found.a[1]), "integer")
  equal(found.a[2], -2500.0)
  equal(found.a[4], json.null)
  equal(found.a[5], "é🎸\n")
  equal(json.encode({ z = 1, a = { "x\n", 0.5, json.null, false } }), '{"a":["x\\u000a",0.5,null,false],"z":1}')
  equal(json.encode(math.maxinteger), "9223372036854775807")
  equal(json.encode({ e = 1, b = 1, g = 1, a = 1, d = 1, f = 1, c = 1 }), '{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1}')
end)

case("a file is replaced whole or not at all", function(w)
  local files = w:lib("files")
  local path = w.folder .. "/kept"
  assert(files.replace(path, "one"))
  assert(files.replace(path, "two"))
  equal(files.read(path), "two")
  w.disk_is_full = true
  local fine, why = files.replace(path, "three")
  equal(fine, nil)
  contains(why, "No space left")
  w.disk_is_full = false
  equal(files.size(path .. ".tmp"), nil, "the passing file")
  equal(files.read(path), "two", "what was there")
  w.is_windows_rename = true
  equal(files.write_new(path, "four"), nil, "a new file where there is one")
  equal(files.read(path), "two", "what was there")
end)

case("names are tidied for every file system", function(w)
  local files = w:lib("files")
  equal(files.tidy_name('a/b\\c:d*?"<>| é. '), "a b c d")
  equal(files.tidy_name(("x"):rep(99), 48), ("x"):rep(48))
  equal(files.folder_of("/a/b/c.lua"), "/a/b")
  equal(files.folder_of("C:\\a\\c.lua"), "C:\\a")
end)

-- A carrier that keeps what is sent and gives what a test puts in.
local function carrier()
  local made = { name = "test", resend_seconds = { 0.25, 0.5, 1, 2, 4 }, sent = {}, waiting = {} }
  function made.send(packet) table.insert(made.sent, packet) return true end
  function made.receive(most)
    local taken = {}
    while #taken < most and #made.waiting > 0 do taken[#taken + 1] = table.remove(made.waiting, 1) end
    return taken
  end
  function made.close() made.is_closed = true end
  return made
end

local function linked(w, Daemon)
  local Link = w:lib("link")
  local now, wire = 0.0, carrier()
  local link = Link.new(wire, function() return now end, "me")
  local function pass(seconds)
    local till = now + seconds
    while now < till - 1e-9 do
      now = now + 0.05
      link:step()
    end
  end
  local function sent(address)
    local found = {}
    for _, packet in ipairs(wire.sent) do
      local message = Daemon.osc.decode(packet)
      if message.address == address then found[#found + 1] = packet end
    end
    return found
  end
  local function give(address, tags, ...) table.insert(wire.waiting, Daemon.osc.encode(address, tags, { ... })) end
  return link, pass, sent, give, wire
end

case("a request is sent again, byte for byte, at growing waits, and then given up", function(w, Daemon)
  local link, pass, sent = linked(w, Daemon)
  local problem
  link:ask("/backline/job", "s", { "r1" }, nil, function(told) problem = told end)
  for _, each in ipairs({ { 0.2, 1 }, { 0.1, 2 }, { 0.5, 3 }, { 1.0, 4 }, { 2.0, 5 } }) do
    pass(each[1])
    equal(#sent("/backline/job"), each[2], "sent")
  end
  equal(problem, nil)
  pass(4.5)
  equal(#sent("/backline/job"), 5, "sent at the end")
  equal(problem.code, 17)
  local packets = sent("/backline/job")
  for _, packet in ipairs(packets) do equal(packet, packets[1], "the packet") end
  equal(#sent("/backline/hello"), 5, "a hello before each")
end)

case("an answer ends the sending and a second one does nothing", function(w, Daemon)
  local link, pass, sent, give = linked(w, Daemon)
  local answers = 0
  local rid = link:ask("/backline/quit", "s", { "now" }, function(answer)
    answers = answers + 1
    equal(answer[1], "/backline/quit")
  end)
  give("/backline/done", "sss", rid, "/backline/quit", "now")
  give("/backline/done", "sss", rid, "/backline/quit", "now")
  pass(9)
  equal(answers, 1, "answers")
  equal(#sent("/backline/quit"), 1, "sent")
end)

case("an error reaches the request it answers and no other", function(w, Daemon)
  local link, pass, _, give = linked(w, Daemon)
  local first, second, count = nil, nil, 0
  local rid = link:ask("/backline/job", "s", { "a" }, nil, function(told) first, count = told, count + 1 end)
  link:ask("/backline/job", "s", { "b" }, nil, function(told) second = told end)
  give("/backline/error", "ssisss", rid, "/backline/job", 7, "not-found", "there is no job a", "target")
  pass(0.1)
  equal(first.code, 7)
  equal(first.message, "there is no job a")
  equal(second, nil)
  pass(9)
  equal(count, 1, "errors told")
end)

case("a list is whole before it is given", function(w, Daemon)
  local link, pass, sent, give = linked(w, Daemon)
  local found
  local rid = link:ask("/backline/jobs", "ii", { 0, 20 }, function(_, items) found = items end)
  give("/backline/jobs.item", "siissf", rid, 1, 4, "b", "done", 1)
  give("/backline/jobs.end", "sii", rid, 2, 2)
  pass(0.1)
  equal(found, nil, "a list that lacks an item")
  pass(0.3)
  equal(#sent("/backline/jobs"), 2, "sent")
  give("/backline/jobs.item", "siissf", rid, 0, 5, "c", "queued", 0)
  give("/backline/jobs.end", "sii", rid, 2, 2)
  pass(0.1)
  equal(found[1].rid .. found[2].rid, "cb")
end)

case("a lease is renewed in time and again when the daemon was restarted", function(w, Daemon)
  local link, pass, sent, give = linked(w, Daemon)
  local function answer()
    for _, packet in ipairs(sent("/backline/notify")) do
      local rid = Daemon.osc.decode(packet).args[1]
      give("/backline/done", "ssiiii", rid, "/backline/notify", 1, 60, 0, 1)
    end
  end
  link:subscribe()
  answer()
  pass(1)
  equal(#sent("/backline/notify"), 1, "sent")
  give("/backline/heartbeat", "iiii", 1, 0, 0, 0)
  pass(1)
  equal(#sent("/backline/notify"), 1, "sent after a heartbeat")
  pass(28.1)
  equal(#sent("/backline/notify"), 2, "sent after half the lease")
  answer()
  pass(0.1)
  give("/backline/heartbeat", "iiii", 2, 0, 0, 0)
  pass(0.05)
  equal(#sent("/backline/notify"), 3, "sent after a new epoch")
end)

case("events go to the one who listens, and silence is counted from them", function(w, Daemon)
  local link, pass, _, give = linked(w, Daemon)
  local heard = {}
  link.on_event = function(address) heard[#heard + 1] = address end
  pass(3)
  near(link:silence_seconds(), 3, 1e-6, "silence")
  give("/backline/progress", "isisff", 1, "r", 1, "diffuse", 0.5, 1)
  give("/backline/later", "i", 1) -- of a daemon to come
  give("/backline/progress", "is", 1, "r") -- broken
  pass(0.05)
  equal(table.concat(heard, " "), "/backline/progress")
  near(link:silence_seconds(), 0, 1e-6, "silence")
end)

case("no more than 32 packets are taken a frame", function(w, Daemon)
  local link, _, _, give, wire = linked(w, Daemon)
  for _ = 1, 100 do give("/backline/bye", "s", "why") end
  link:step()
  equal(#wire.waiting, 68, "left for later frames")
end)

case("closing unsubscribes and closes the carrier", function(w, Daemon)
  local link, _, sent, _, wire = linked(w, Daemon)
  link:subscribe()
  link:close()
  local packets = sent("/backline/notify")
  equal(Daemon.osc.decode(packets[#packets]).args[2], 0, "on")
  equal(wire.is_closed, true)
end)

case("the spool names requests so that their order is kept over any clock", function(w, Daemon)
  local spool = w:lib("spool")
  local now = 100.0
  w.seconds = 1000.0
  local made = spool.open(w.home .. "/spool", "abc", function() return now end)
  os.execute(("mkdir -p '%s/spool/in'"):format(w.home))
  for _, step in ipairs({ 0, 0.5, -10, 3600 }) do -- the clock was set back; the computer slept
    now = now + (step == 0.5 and step or 0)
    w.seconds = w.seconds + step
    assert(made.send("packet"))
  end
  local names = w.list_folder(w.home .. "/spool/in")
  table.sort(names)
  equal(#names, 4, "files")
  for index, name in ipairs(names) do
    equal(name:match("^%d%d%d%d%d%d%d%d%d%d%d%d%d%-abc%-(%d+)%.osc$"), ("%06d"):format(index), "counter of " .. name)
  end
  local last = tonumber(names[4]:match("^%d+"))
  near(last / 1000, os.time(), 2.5, "the time in the last name")
end)

case("answers are taken oldest first, once, and half-written ones are left", function(w)
  local spool = w:lib("spool")
  local now = 0.0
  local made = spool.open(w.home .. "/spool", "abc", function() return now end)
  local function put(name, bytes)
    local file = w.real.io_open(w.home .. "/spool/out/abc/" .. name, "wb")
    file:write(bytes)
    file:close()
  end
  for index = 5, 1, -1 do put(("%012d.osc"):format(index), tostring(index)) end
  put("000000000006.tmp", "half")
  now = now + 1
  equal(table.concat(made.receive(3)), "123")
  equal(table.concat(made.receive(3)), "45", "the rest, in the next frame")
  put("000000000006.osc", "6")
  equal(#made.receive(3), 0, "before the next look")
  now = now + 1
  equal(table.concat(made.receive(3)), "6")
  equal(table.concat(w.list_folder(w.home .. "/spool/out/abc")), "000000000006.tmp")
end)

case("udp that is asked for but not there is told of, and auto then takes the spool", function(w, Daemon)
  Daemon.new(w)
  local Session = w:lib("session")
  package.loaded.udp.socket_core = function() return nil end
  w.ext.backline.carrier = "udp"
  local session = Session.new(function() return w.seconds end)
  session:step()
  equal(session.state, "failed")
  contains(session.problem, "LuaSocket")
  w.ext.backline.carrier = "auto"
  session = Session.new(function() return w.seconds end)
  session:step()
  equal(session.link.carrier.name, "spool")
  session:close()
end)

case("LuaSocket, a foreign library with a Lua of its own, is loaded only where udp or auto is asked for", function(w, Daemon)
  Daemon.new(w)
  local loads, kept = 0, package.loaded["socket.core"]
  package.preload["socket.core"] = function()
    loads = loads + 1
    error("this one does not load")
  end
  for choice, wanted in pairs({ none = 0, spool = 0, auto = 2 }) do
    loads, package.loaded["socket.core"], w.console = 0, nil, {}
    w.ext.backline.carrier = choice ~= "none" and choice or nil
    w:run("backline_doctor.lua")
    equal(loads, wanted, "loads with the carrier " .. choice)
    contains(table.concat(w.console), choice == "auto" and "auto, LuaSocket is not there" or "carrier: spool\n")
  end
  package.preload["socket.core"], package.loaded["socket.core"] = nil, kept
end)
