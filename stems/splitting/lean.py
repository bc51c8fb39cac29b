"""HTDemucs (Rouard, Massa, Defossez 2023, arXiv 2211.08553) computed with less to move about.

The same weights and the same sums as demucs.htdemucs.HTDemucs in eval mode, in another order:

* tensors lie with their channels last, as matrix multiplication wants them, and are never turned;
* a frequency's rows do not depend on each other within most of a layer, so a few rows at a time go
  through all of it and stay in the processor's cache;
* what a residual branch widens is never normalised: the moments of its few channels before give
  those of its many after, so the norm goes into the weights that widen it;
* the end is computed a source at a time, into the sound that is given back;
* in bfloat16 only what is multiplied is rounded; sums, norms and what is passed on stay float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from stems.splitting.lean_layers import Decoder, Encoder
from stems.splitting.lean_transformer import Transformer


class LeanHTDemucs:
    """A drop-in for `module(mix)`: mixes (batch, 2, frames) to (batch, sources, 2, frames).

    The weights are those of the module; in bfloat16 those that are multiplied are copied. May be
    called by several threads at once.
    """

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        self._stock = module
        self._dtype = dtype
        self._encoder = [Encoder(layer, dtype) for layer in module.encoder]
        self._tencoder = [Encoder(layer, dtype) for layer in module.tencoder]
        self._decoder = [Decoder(layer, dtype) for layer in module.decoder]
        self._tdecoder = [Decoder(layer, dtype) for layer in module.tdecoder]
        self._transformer = Transformer(module, dtype)

    def drop_originals(self) -> None:
        """Let the module go without the transformer's matrices, of which we have copies.

        Only in bfloat16; nothing else can compute the module from then on.
        """
        if self._dtype == torch.float32:
            return
        for part in self._stock.crosstransformer.modules():
            for name in ("weight", "in_proj_weight"):
                if isinstance(part, torch.nn.Linear | torch.nn.MultiheadAttention) and (
                    getattr(part, name, None) is not None
                ):
                    getattr(part, name).data = torch.empty(0)

    def __call__(self, mix: Tensor, tick: Callable[[], None] = lambda: None) -> Tensor:
        """`tick` is called before every layer, and may raise to end it."""
        stock = self._stock
        frames = mix.shape[-1]
        mix = functional.pad(mix, (0, int(stock.segment * stock.samplerate) - frames))
        x = stock._magnitude(stock._spec(mix))
        mean, deviation = x.mean((1, 2, 3), keepdim=True), x.std((1, 2, 3), keepdim=True)
        x = ((x - mean) / (1e-5 + deviation)).permute(0, 2, 3, 1)  # batch, bins, times, channels
        mean_t, deviation_t = mix.mean((1, 2), keepdim=True), mix.std((1, 2), keepdim=True)
        xt = ((mix - mean_t) / (1e-5 + deviation_t)).transpose(1, 2)[:, None]
        skips, skips_t, lengths_t = [], [], []
        for index, encode in enumerate(self._encoder):
            tick()
            lengths_t.append(xt.shape[2])
            xt = self._tencoder[index](xt)
            skips_t.append(xt)
            x = encode(x)
            if index == 0:
                rows = torch.arange(x.shape[1], device=x.device)
                x += stock.freq_emb_scale * stock.freq_emb(rows)[:, None]
            skips.append(x)
        x, xt = self._transformer(x, xt, tick)
        for decode, decode_t in zip(self._decoder, self._tdecoder, strict=True):
            tick()
            x = decode(x.add_(skips.pop()))
            xt = decode_t(xt.add_(skips_t.pop()))[:, :, : lengths_t.pop()]
        x.mul_(deviation).add_(mean)
        out = (xt * deviation_t[:, None]).add_(mean_t[:, None])
        out = out[:, 0].transpose(1, 2).unflatten(1, (len(stock.sources), -1)).contiguous()
        for index, parts in enumerate(x.chunk(len(stock.sources), -1)):
            # The channels of a source are the real and imaginary part of each of its own.
            spectrum = torch.view_as_complex(parts.unflatten(-1, (-1, 2)))
            spectrum = spectrum.permute(0, 3, 1, 2).contiguous()
            out[:, index] += stock._ispec(spectrum, mix.shape[-1])
        return out[..., :frames]


def is_lean(module: Any) -> bool:
    """Say whether LeanHTDemucs knows how to compute this network."""
    from demucs.hdemucs import HDecLayer, HEncLayer
    from demucs.htdemucs import HTDemucs
    from demucs.transformer import MyTransformerEncoderLayer

    if type(module) is not HTDemucs or not module.crosstransformer:
        return False
    encoders = [*module.encoder, *module.tencoder]
    decoders = [*module.decoder, *module.tdecoder]
    across = module.crosstransformer
    return (
        module.cac
        and module.use_train_segment
        and module.freq_emb is not None
        and len(module.encoder) == len(module.tencoder)
        and all(type(each) is HEncLayer for each in encoders)
        and all(type(each) is HDecLayer for each in decoders)
        and not any(each.empty or each.norm or not each.pad for each in (*encoders, *decoders))
        and all(each.rewrite is not None for each in (*encoders, *decoders))
        and not any(_is_unusual(each.dconv) for each in (*encoders, *decoders) if each.dconv)
        and across.emb == "sin"
        and all(each.norm_first and not each.sparse for each in (*across.layers, *across.layers_t))
        and all(
            type(each) is MyTransformerEncoderLayer
            for each in across.layers[across.classic_parity :: 2]
        )
        and all(
            type(norm) is torch.nn.LayerNorm
            for each in (*across.layers, *across.layers_t)
            for norm in (each.norm1, each.norm2, getattr(each, "norm3", each.norm1))
        )
        and type(across.norm_in) is torch.nn.LayerNorm
    )


def _is_unusual(dconv: Any) -> bool:
    """Say whether a residual branch is other than convolution, norm, GELU, convolution, norm."""
    kinds = [[type(part).__name__ for part in branch] for branch in dconv.layers]
    usual = ["Conv1d", "GroupNorm", "GELU", "Conv1d", "GroupNorm", "GLU", "LayerScale"]
    return any(each != usual for each in kinds) or any(
        branch[0].kernel_size != (3,) or {branch[1].num_groups, branch[4].num_groups} != {1}
        for branch in dconv.layers
    )
