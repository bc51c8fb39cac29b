"""`backline config`: what each setting of the daemon is, and who says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from daemon.commands.options import AsJson
from daemon.commands.setting_options import takes_settings
from daemon.config import NO_ENGINE, settings, typed_config
from daemon.screen import say, say_json
from diffusion.models.config_file import config_path, source_of


@takes_settings
def config(typed: dict[str, Any], as_json: AsJson = False) -> None:
    """Show the daemon's settings and where each comes from; what is printed is a file of them."""
    shown = typed_config(**typed)
    path = config_path()
    rows = {}
    for each in settings():
        source = "command line" if each.field in typed else source_of(each.key)
        value = getattr(shown, each.field)
        value = [str(one) for one in value] if each.many else _shown(value)
        rows[each.key] = {"value": value, "source": source}
    rows["warm-engine"]["value"] = shown.warm_engine or NO_ENGINE
    if as_json:
        say_json({"file": str(path), "exists": path.is_file(), "settings": rows})
        return
    say(f"# {path}{'' if path.is_file() else ' (there is none; save this as one)'}")
    lines = {key: _line(key, row["value"]) for key, row in rows.items()}
    width = max(map(len, lines.values()))
    for key, line in lines.items():
        say(f"{line:<{width}}  # {rows[key]['source']}")


def _shown(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


def _line(key: str, value: object) -> str:
    """A line of TOML; what is not set is a remark, for TOML has no word for it."""
    if value in (None, "", []):
        return f"# {key} is not set"
    # A string of JSON is one of TOML, and so is a number.
    return f"{key} = {json.dumps(value, ensure_ascii=False)}"
