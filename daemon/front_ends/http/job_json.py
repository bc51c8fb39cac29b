"""A job as it is answered: the fields of the table, its stems, and where all there is of it is."""

from __future__ import annotations

from typing import Any

from daemon.front_ends.http.door import Door
from daemon.front_ends.http.table_json import plain
from daemon.front_ends.osc_events import job_reply, jobs_item
from daemon.jobs import Job, JobState


def job_json(door: Door, job: Job, with_folder: bool) -> dict[str, Any]:
    """Return a job as the table's replies have it, with links to all there is of it."""
    stems = _stems(door, job)
    found = plain(jobs_item("", 0, job, door), "rid", "index")
    found |= plain(job_reply("", job, door, stems=len(stems)), "rid")
    if not with_folder:
        found["folder"] = ""
    here = f"/v1/jobs/{job.number}"
    links = {"self": here, "events": f"{here}/events"}
    if found["has_files"]:
        links |= {"manifest": f"{here}/manifest.json"}
    found["links"] = links
    found["stems"] = stems
    return found


def _stems(door: Door, job: Job) -> list[dict[str, Any]]:
    if job.state is not JobState.DONE or door.is_gone(job):
        return []
    found = []
    for event in door.journal.stems(job.number):
        details = {k: v for k, v in event.details.items() if k not in ("path", "url")}
        ending = str(event.details.get("path", "")).rpartition(".")[2]
        take = int(details.get("take", 1))
        url = f"/v1/jobs/{job.number}/stems/{details.get('name')}.{ending}"
        found.append(details | {"url": url + (f"?take={take}" if take > 1 else "")})
    return found
