-- Backline: start the daemon, or stop it.
package.path = debug.getinfo(1, "S").source:match("^@(.*[/\\])") .. "lib/?.lua;" .. package.path
require("daemon_switch").toggle()
