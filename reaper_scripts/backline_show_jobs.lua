-- Backline: what was ordered, to be inserted again, revealed or forgotten.
package.path = debug.getinfo(1, "S").source:match("^@(.*[/\\])") .. "lib/?.lua;" .. package.path
require("jobs_window").open()
