-- Backline: what others need in order to help, in one file, without names and paths.
package.path = debug.getinfo(1, "S").source:match("^@(.*[/\\])") .. "lib/?.lua;" .. package.path
require("support").bundle()
