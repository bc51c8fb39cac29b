-- Backline: generate stems, asked for in REAPER's own dialog, which screen readers read.
package.path = debug.getinfo(1, "S").source:match("^@(.*[/\\])") .. "lib/?.lua;" .. package.path
require("dialog").generate()
