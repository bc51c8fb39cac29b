-- Backline: offers what a project still waits for whenever it comes to the front; runs in the background.
package.path = debug.getinfo(1, "S").source:match("^@(.*[/\\])") .. "lib/?.lua;" .. package.path
require("offers").watch()
