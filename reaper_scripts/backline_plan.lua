-- Backline: chords and a tune as MIDI items, to edit before any sound.
package.path = debug.getinfo(1, "S").source:match("^@(.*[/\\])") .. "lib/?.lua;" .. package.path
require("sheet_items").plan()
