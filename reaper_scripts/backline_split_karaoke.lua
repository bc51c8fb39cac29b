-- Backline: the selected item without its vocals: drums, bass and melody in its place.
package.path = debug.getinfo(1, "S").source:match("^@(.*[/\\])") .. "lib/?.lua;" .. package.path
require("actions").split_without("vocals")
