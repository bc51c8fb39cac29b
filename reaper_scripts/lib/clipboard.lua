-- The system's clipboard: through SWS where that is installed, else through what the system has for it.
local clipboard = {}

local MOST_MILLISECONDS = 2000
local POWERSHELL = 'powershell.exe -NoProfile -Command "[Console]::OutputEncoding=[Text.Encoding]::UTF8; Get-Clipboard -Raw"'
local SHELL = '/bin/sh -c "wl-paste -n 2>/dev/null || xclip -o -selection clipboard 2>/dev/null || xsel -ob"'

-- A function of SWS, nil where it is not installed: REAPER's own list does not have it.
local function of_sws(name) return reaper[name] end

-- The text on it, "" where there is none or it cannot be asked.
function clipboard.text()
  local get = of_sws("CF_GetClipboard")
  if get then return get("") or "" end
  local system = reaper.GetOS()
  local command = system:find("Win") and POWERSHELL or (system:find("OSX") or system:find("macOS")) and "/usr/bin/pbpaste" or SHELL
  local code, text = (reaper.ExecProcess(command, MOST_MILLISECONDS) or ""):match("^(%d+)\n(.*)$")
  return code == "0" and text:gsub("\r", ""):gsub("\n$", "") or ""
end

-- Whether `text` could be put there: without SWS it cannot.
function clipboard.put(text)
  local set = of_sws("CF_SetClipboard")
  if set then set(text) end
  return set ~= nil
end

return clipboard
