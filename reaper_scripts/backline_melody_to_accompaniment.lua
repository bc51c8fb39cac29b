-- Backline: drums and bass around the selected MIDI item.
package.path = debug.getinfo(1, "S").source:match("^@(.*[/\\])") .. "lib/?.lua;" .. package.path
require("actions").melody_to_accompaniment()
