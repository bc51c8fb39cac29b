"""OSCQuery's tree, asked as its clients ask: without Accept for HTML, one attribute at a time."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from osc_protocol.draft import DRAFT_PREFIX
from osc_protocol.generate import Generate
from osc_protocol.messages import TABLE


@pytest.fixture(scope="module")
def daemon(launch, tmp_path_factory):  # type: ignore[no-untyped-def]
    return launch(tmp_path_factory.mktemp("home"), config={"http_port": 0})


@pytest.fixture(scope="module")
def http(daemon) -> Iterator[httpx.Client]:  # type: ignore[no-untyped-def]
    with httpx.Client(base_url=daemon.url, timeout=100) as client:
        yield client


def nodes(node: dict) -> Iterator[dict]:
    yield node
    for each in node.get("CONTENTS", {}).values():
        yield from nodes(each)


def test_host_info_says_where_osc_is(daemon, http: httpx.Client) -> None:
    info = http.get("/?HOST_INFO").json()
    assert (info["OSC_PORT"], info["OSC_TRANSPORT"]) == (daemon.port, "UDP")
    assert info["EXTENSIONS"]["RANGE"] is True


def test_the_tree_has_every_command_and_every_key_of_generate(http: httpx.Client) -> None:
    found = {each["FULL_PATH"]: each for each in nodes(http.get("/").json())}
    commands = {row.address for row in TABLE if row.direction == "command"}
    assert commands <= found.keys()
    assert {DRAFT_PREFIX + key.name for key in Generate.row.keys} <= found.keys()
    bpm = found[f"{DRAFT_PREFIX}bpm"]
    assert (bpm["TYPE"], bpm["RANGE"], bpm["ACCESS"]) == ("f", [{"MIN": 20, "MAX": 400}], 2)
    for each in found.values():
        if "TYPE" in each:
            assert len(each["TYPE"]) == len(each["RANGE"]) == len(each["UNIT"])


def test_a_node_and_an_attribute_are_asked_for_by_themselves(http: httpx.Client) -> None:
    path = f"{DRAFT_PREFIX}engine"
    assert http.get(path).json()["FULL_PATH"] == path
    assert http.get(f"{path}?RANGE").json()["RANGE"][0]["VALS"]
    assert http.get("/backline/draft?TYPE").status_code == 204
    assert http.get("/backline/nothing").status_code == 404
    assert http.get(f"{path}?SIZE").status_code == 422
