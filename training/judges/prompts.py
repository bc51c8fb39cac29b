"""How much of 60 prompts in six languages the embedded engine understands.

prompts.json holds the prompts, each with what it means to a musician; "|" stands between readings
that are as good. Run with: python -m training.judges.prompts
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from diffusion.embedded.vocabulary import parse_prompt


def read_prompts() -> list[dict[str, Any]]:
    """Return the prompts: `language`, `text` and `means`, a list of "kind:name|name"."""
    text = (resources.files("training.judges") / "prompts.json").read_text("utf-8")
    prompts: list[dict[str, Any]] = json.loads(text)
    return prompts


def missed(text: str, means: list[str]) -> list[str]:
    """Return those of `means` that are not understood of `text`."""
    prompt = parse_prompt(text)
    understood = {
        "style": {prompt.style, prompt.blended},
        "mood": set(prompt.moods),
        "timbre": set((prompt.timbres or {}).values()),
        "without": set(prompt.without),
    }
    found = []
    for meaning in means:
        kind, names = meaning.split(":")
        if not set(names.split("|")) & understood[kind]:
            found.append(meaning)
    return found


def share_understood(language: str = "") -> float:
    """Return the share of all meanings that are understood, of one language or of all."""
    asked = lost = 0
    for prompt in read_prompts():
        if language in ("", prompt["language"]):
            asked += len(prompt["means"])
            lost += len(missed(prompt["text"], prompt["means"]))
    return (asked - lost) / asked


def main() -> None:
    """Print what is not understood, and the share that is by language."""
    prompts = read_prompts()
    for prompt in prompts:
        if lost := missed(prompt["text"], prompt["means"]):
            print(f"{prompt['language']}: {prompt['text']}: {', '.join(lost)}")
    for language in dict.fromkeys(prompt["language"] for prompt in prompts):
        print(f"{language}: {share_understood(language):.3f}")
    print(f"all: {share_understood():.3f}")


if __name__ == "__main__":
    main()
