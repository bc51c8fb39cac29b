-- Backline: check the installation and say what to do.
package.path = debug.getinfo(1, "S").source:match("^@(.*[/\\])") .. "lib/?.lua;" .. package.path
require("doctor").examine()
