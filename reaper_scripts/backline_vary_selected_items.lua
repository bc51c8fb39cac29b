-- Backline: the selected stems with the next seed, as takes of the same items.
package.path = debug.getinfo(1, "S").source:match("^@(.*[/\\])") .. "lib/?.lua;" .. package.path
require("actions").vary_selected_items()
