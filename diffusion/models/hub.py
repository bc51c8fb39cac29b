"""The door to the Hugging Face Hub: what a repository holds, its licence, its files."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from diffusion.errors import ModelError
from diffusion.models.layout import COVER_PARTS

WANTED = (
    ".json", ".yaml", ".safetensors", ".txt", ".jinja", ".model",
    "LICENSE", "LICENSE.md", "README.md",
)  # fmt: skip
LICENCE_FILES = ("LICENSE", "LICENSE.md", "LICENSE.txt", "README.md")
GB = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Remote:
    """A repository at one commit; `files` has the bytes of each path that is wanted.

    `lender` holds what it lacks and another repository has.
    """

    repository: str
    revision: str
    files: Mapping[str, int]
    lender: Remote | None = None

    @property
    def all_files(self) -> Mapping[str, int]:
        """Its own files and those that are borrowed."""
        return {**self.files, **(self.lender.files if self.lender else {})}

    @property
    def bytes(self) -> int:
        """Size of the download."""
        return sum(self.all_files.values())

    @property
    def missing_parts(self) -> tuple[str, ...]:
        """Folders that covers need and that it lacks."""
        there = {path.partition("/")[0] for path in self.all_files}
        return tuple(part for part in COVER_PARTS if part not in there)


def look_up(
    repository: str,
    revision: str = "",
    lender: tuple[str, str] = ("", ""),
    only: Collection[str] = (),
) -> Remote:
    """Ask which files a repository holds at a commit, tag or branch; raises ModelError.

    Parts that it lacks come from `lender`, a repository and its commit, "" for none. Where `only`
    names files, they and the licence are all that is wanted.
    """
    from huggingface_hub import HfApi

    with _sentences_on(repository):
        info = HfApi().model_info(repository, revision=revision or None, files_metadata=True)
    files = {
        each.rfilename: int(each.size or 0)
        for each in info.siblings
        if (each.rfilename in {*only, *LICENCE_FILES} if only else each.rfilename.endswith(WANTED))
    }
    gone = next((name for name in only if name not in files), None)
    if gone is not None:
        raise ModelError(f"{repository} at {info.sha[:12]} does not hold {gone} (any more)")
    remote = Remote(repository, info.sha, files)
    if not lender[0] or not remote.missing_parts:
        return remote
    other = look_up(*lender)
    borrowed = {
        path: size
        for path, size in other.files.items()
        if path.partition("/")[0] in remote.missing_parts
    }
    return replace(remote, lender=replace(other, files=borrowed))


def licence_of(remote: Remote, folder: Path) -> str:
    """Download and return the licence, or the model card where there is no licence file."""
    for name in LICENCE_FILES:
        if name in remote.files:
            return (folder / download_one(remote, name, folder)).read_text("utf-8", "replace")
    return f"{remote.repository} holds neither a licence file nor a model card."


def check_disk(remote: Remote, folder: Path) -> None:
    """Raise ModelError unless the download fits on the disk, what is there already counted in."""
    there = sum(
        size
        for path, size in remote.all_files.items()
        if (folder / path).is_file() and (folder / path).stat().st_size == size
    )
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free, needed = shutil.disk_usage(existing).free, remote.bytes - there
    if needed > free:
        raise ModelError(
            f"{remote.repository} needs {needed / GB:.1f} GB more on the disk of {existing}, "
            f"and {free / GB:.1f} GB are free"
        )


def download_one(remote: Remote, path: str, folder: Path) -> str:
    """Download one file into `folder`, going on where an earlier try stopped; return its path."""
    from huggingface_hub import hf_hub_download

    owner = remote if path in remote.files or not remote.lender else remote.lender
    with _sentences_on(owner.repository):
        hf_hub_download(owner.repository, path, revision=owner.revision, local_dir=str(folder))
    return path


@contextmanager
def _sentences_on(repository: str) -> Iterator[None]:
    """Whatever goes wrong with the network becomes one sentence."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        yield
    except GatedRepoError as error:
        raise ModelError(f"{repository} asks for an agreement on huggingface.co first") from error
    except RepositoryNotFoundError as error:
        raise ModelError(f"{repository} is not on huggingface.co (any more)") from error
    except Exception as error:  # httpx, hf_xet and the file system each have families of their own
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ModelError(f"{repository} cannot be downloaded: {reason}") from error
