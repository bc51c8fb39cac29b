"""The authors' language model that plans a song as 5 Hz codes, ahead of the diffusion.

It goes on a chat of caption, lyrics and the song's facts by one token for each fifth of a second.
Its codes take the place of those that a guide would have. The form of the chat, the guidance and
the sampling are those of the authors' code (v0.1.8, acestep/llm_inference.py); nobody here has
loaded its real weights.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache

from diffusion.ace_step.prompt import INSTRUCTIONS, Prompt
from diffusion.errors import EngineError
from diffusion.models.layout import CODE_TOKEN
from diffusion.models.shelf import Snapshot

CODES_A_SECOND = 5
GUIDANCE, TEMPERATURE, TOP_P = 2.0, 0.85, 0.9  # the defaults of the authors' code

Step = Callable[[float], None]


class CodePlanner:
    """A language model whose vocabulary holds the codes, with its tokenizer."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.network, self._tokenizer = model.eval(), tokenizer
        words = tokenizer.get_vocab()
        count = 0
        while CODE_TOKEN.format(count) in words:
            count += 1
        if not count:
            raise EngineError("the code planner's vocabulary holds no audio codes")
        self.codes = count
        self._tokens = torch.tensor([words[CODE_TOKEN.format(code)] for code in range(count)])

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def write(
        self, prompt: Prompt, seed: int, step: Step = lambda done: None, *, top_p: float = TOP_P
    ) -> tuple[int, ...]:
        """The codes of a song, five for each second of the prompt's length.

        `step` gets the fraction that is written before each code; what it raises ends the writing.
        """
        network, device = self.network, self.network.device
        chats = [self._chat(prompt, facts) for facts in (facts_of(prompt), "")]
        width = max(map(len, chats))
        ids = torch.tensor([[0] * (width - len(chat)) + chat for chat in chats], device=device)
        mask = torch.tensor(
            [[0] * (width - len(chat)) + [1] * len(chat) for chat in chats], device=device
        )
        tokens = self._tokens.to(device)
        head = network.get_output_embeddings().weight[tokens]  # of all words only the codes'
        generator = torch.Generator().manual_seed(seed)
        written: list[int] = []
        remembered = self._remembered()
        for place in range(prompt.seconds * CODES_A_SECOND):
            step(place / (prompt.seconds * CODES_A_SECOND))
            states = network.get_decoder()(
                input_ids=ids, attention_mask=mask, use_cache=True, **remembered
            ).last_hidden_state
            asked, free = functional.linear(states[:, -1], head).float()
            code = drawn(free + GUIDANCE * (asked - free), generator, top_p)
            written.append(code)
            ids = tokens[code].expand(2, 1)
            mask = functional.pad(mask, (0, 1), value=1)
        return tuple(written)

    def _remembered(self) -> dict[str, DynamicCache]:
        """Room for keys and values, by the name that this version of transformers has for it."""
        known = signature(self.network.get_decoder().forward).parameters
        name = "cache" if "cache" in known else "past_key_values"
        return {name: DynamicCache(config=self.network.config)}

    def _chat(self, prompt: Prompt, facts: str) -> list[int]:
        """Tokens of the chat up to where the codes begin."""
        said = self._tokenizer.apply_chat_template(
            [
                {"role": "system", "content": f"# Instruction\n{INSTRUCTIONS['cover']}\n\n"},
                {
                    "role": "user",
                    "content": f"# Caption\n{prompt.caption}\n\n# Lyric\n{prompt.lyrics}\n",
                },
                {"role": "assistant", "content": f"<think>\n{facts}</think>"},
            ],
            tokenize=False,
            add_generation_prompt=False,
        )
        tokens: list[int] = self._tokenizer(said if said.endswith("\n") else f"{said}\n").input_ids
        return tokens


def facts_of(prompt: Prompt) -> str:
    """What is known of a song, as the model was trained to read it: YAML, by name."""
    import yaml

    known = {
        "bpm": prompt.bpm, "caption": prompt.caption, "duration": prompt.seconds,
        "keyscale": prompt.key, "language": prompt.language,
        "timesignature": int(prompt.meter) if prompt.meter else "",
    }  # fmt: skip
    facts: str = yaml.dump({key: each for key, each in known.items() if each}, allow_unicode=True)
    return facts


def drawn(logits: Tensor, generator: torch.Generator, top_p: float) -> int:
    """One of the likeliest that together have `top_p` of the likelihood; of `top_p` 0 the first."""
    ordered, places = logits.cpu().sort(descending=True)
    before = ordered.softmax(-1).cumsum(-1).roll(1)
    before[0] = 0.0
    shares = (ordered.masked_fill(before > top_p, -torch.inf) / TEMPERATURE).softmax(-1)
    return int(places[torch.multinomial(shares, 1, generator=generator)])


def read(snapshot: Snapshot, dtype: torch.dtype) -> CodePlanner:
    """The planner of a snapshot, on the CPU; raises EngineError."""
    try:
        model = AutoModelForCausalLM.from_pretrained(
            snapshot.folder, dtype=dtype, local_files_only=True
        )
        tokenizer = AutoTokenizer.from_pretrained(snapshot.folder, local_files_only=True)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise EngineError(f"code planner {snapshot.name} cannot be read: {error}") from error
    return CodePlanner(model, tokenizer)
