"""For all tests: programs they start can be stopped by Ctrl-C, and manifests fit their schema."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

# A hosted run tries the same examples each time; at home each run tries others.
settings.register_profile("hosted", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("hosted")

# The settings that somebody keeps for their own daemon are not those of the tests'.
os.environ["BACKLINE_CONFIG"] = os.path.join(os.devnull, "config.toml")

# A shell that starts the tests in the background has them ignore SIGINT, and what they start would
# inherit that; a handler of our own is not inherited, so children begin with the default.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def every_manifest_fits_the_schema() -> Iterator[None]:
    """Have each manifest that a test writes or prints validated against the published schema."""
    from jsonschema import Draft202012Validator

    from docs.pages.manifest_schema import schema
    from stems.manifest import Manifest

    validator, as_dict = Draft202012Validator(schema()), Manifest.as_dict

    def checked(manifest: Manifest) -> dict[str, object]:
        plain = as_dict(manifest)
        validator.validate(plain)
        return plain

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Manifest, "as_dict", checked)
        yield
