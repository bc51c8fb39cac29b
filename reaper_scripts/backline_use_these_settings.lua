-- Backline: the settings that the selected item was made with, in the Generate window.
package.path = debug.getinfo(1, "S").source:match("^@(.*[/\\])") .. "lib/?.lua;" .. package.path
require("actions").use_these_settings()
