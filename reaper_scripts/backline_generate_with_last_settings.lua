-- Backline: generate stems for the time selection or at the edit cursor, with the last settings.
package.path = debug.getinfo(1, "S").source:match("^@(.*[/\\])") .. "lib/?.lua;" .. package.path
require("actions").generate_with_last_settings()
