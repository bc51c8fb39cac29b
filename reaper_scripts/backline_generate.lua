-- @description Backline: stems in time, in key, on the grid
-- @author backline contributors
-- @version 0.1.0
-- @changelog First version.
-- @about
--   # Backline
--   Generates drums, bass, melody and vocals for the bars you select and lays them on tracks,
--   exactly on the project's grid. Needs the backline daemon on the same machine: install the
--   Python package and run `backline install-reaper` once.
-- @provides
--   [main] .
--   [main] backline_generate_with_last_settings.lua
--   [main] backline_vary_selected_items.lua
--   [main] backline_regenerate_time_selection.lua
--   [main] backline_split_selected_item.lua
--   [main] backline_melody_to_accompaniment.lua
--   [main] backline_show_jobs.lua
--   [main] backline_offer_finished_jobs.lua
--   [main] backline_start_stop_daemon.lua
--   [main] backline_doctor.lua
--   [main] backline_use_these_settings.lua
--   [main] selftest.lua > backline_selftest.lua
--   [nomain] lib/*.lua
--   [nomain] icons/*.png

-- Backline: generate stems for the time selection or at the edit cursor, from a window.
package.path = debug.getinfo(1, "S").source:match("^@(.*[/\\])") .. "lib/?.lua;" .. package.path
require("generate_window").open()
