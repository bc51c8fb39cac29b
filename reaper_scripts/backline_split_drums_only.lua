-- Backline: the selected item's drums alone, in its place.
package.path = debug.getinfo(1, "S").source:match("^@(.*[/\\])") .. "lib/?.lua;" .. package.path
require("actions").split_selected_items({ "drums" })
