"""The autoencoder of the demonstration model: 64×64 pixels to 8×8×4 latents and back, as in Stable Diffusion.

The latents are whitened by a matrix that is folded into the two 1×1 convolutions around them. Unwhitened, colour sits
in the channels of small variance and drowns in the denoiser's noise (measured: 24 instead of 42 of 42 colours).

Classifier-free guidance overshoots: it draws latents away from their mean, and a decoder that never saw such turns
green into black. So the decoder alone learns at last that latents which lie too far out are the same picture.
"""

from collections.abc import Callable

import torch
from diffusers import AutoencoderKL
from torch import Tensor
from torch.nn import functional

_BATCH = 16
_REPORT_EVERY = 250
_LEARNING_RATE = 2e-3
_KL_WEIGHT = 1e-4
_CHROMA_WEIGHT = 2.0
_LUMA = (0.299, 0.587, 0.114)
_OVERSHOOTS = (0.8, 2.0)
_LATENT_NOISE = 0.1  # what a sampler leaves
_SURE_LOG_VARIANCE = -12.0  # a latent is its mean: sampling from the posterior adds next to nothing

Report = Callable[[str], None]


def to_signal(pictures: Tensor) -> Tensor:
    """Return pictures of bytes as floats from -1 to 1."""
    return pictures.float().div_(127.5).sub_(1)


def train(pictures: Tensor, *, steps: tuple[int, int], report: Report) -> AutoencoderKL:
    """Return an autoencoder of `pictures` (n, 3, 64, 64) bytes, whitened; `steady` is still to do.

    `steps` counts those on pictures of half the size, a third of the cost, and then those on the whole ones.
    """
    model = _new().to(memory_format=torch.channels_last)
    halves = functional.avg_pool2d(pictures.float(), 2).byte()
    small, whole = steps
    optimizer = torch.optim.AdamW(model.parameters(), _LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _LEARNING_RATE, total_steps=small + whole, pct_start=0.1)
    for step in range(small + whole):
        chosen = torch.randint(0, len(pictures), (_BATCH,))
        batch = to_signal((halves if step < small else pictures)[chosen])
        batch = batch.contiguous(memory_format=torch.channels_last)
        l1, chroma, loss = _losses(model, batch, is_early=step < small / 5)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % _REPORT_EVERY == 0 or step == small + whole - 1:
            report(f"autoencoder {step + 1}/{small + whole}: error {l1:.4f}, of colour {chroma:.4f}")
    model.to(memory_format=torch.contiguous_format).eval().requires_grad_(requires_grad=False)
    _whiten(model, encode(model, pictures))
    return model


def steady(model: AutoencoderKL, pictures: Tensor, latents: Tensor, *, steps: int, report: Report) -> None:
    """Teach the decoder that latents times some factor are the same picture; the encoder stays as it is."""
    learning = [*model.decoder.parameters(), *model.post_quant_conv.parameters()]
    for parameter in learning:
        parameter.requires_grad_(requires_grad=True)
    optimizer = torch.optim.AdamW(learning, _LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _LEARNING_RATE, total_steps=steps, pct_start=0.1)
    low, high = _OVERSHOOTS
    for step in range(steps):
        chosen = torch.randint(0, len(pictures), (_BATCH,))
        factors = low + (high - low) * torch.rand(_BATCH, 1, 1, 1)
        given = latents[chosen] * factors + _LATENT_NOISE * torch.randn_like(latents[chosen])
        l1, chroma, loss = _errors(model.decode(given).sample, to_signal(pictures[chosen]))
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(learning, 1.0)
        optimizer.step()
        schedule.step()
        if step % _REPORT_EVERY == 0 or step == steps - 1:
            report(f"decoder {step + 1}/{steps}: error {l1:.4f}, of colour {chroma:.4f}")
    model.requires_grad_(requires_grad=False)


@torch.no_grad()
def encode(model: AutoencoderKL, pictures: Tensor) -> Tensor:
    """Return the latents of pictures of bytes, shape (n, 4, 8, 8)."""
    return torch.cat([model.encode(to_signal(batch)).latent_dist.mean for batch in torch.split(pictures, 64)])


def _new() -> AutoencoderKL:
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(16, 32, 32, 64),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        sample_size=64,
        mid_block_add_attention=False,
        scaling_factor=1.0,
    )


def _losses(model: AutoencoderKL, batch: Tensor, *, is_early: bool) -> tuple[float, float, Tensor]:
    """Return the errors and the loss of a batch; what is decoded is drawn from the posterior but at first."""
    posterior = model.encode(batch).latent_dist
    output = model.decode(posterior.mode() if is_early else posterior.sample()).sample
    l1, chroma, loss = _errors(output, batch)
    if not is_early:
        loss = loss + _KL_WEIGHT * posterior.kl().mean() / posterior.mean[0].numel()
    return l1, chroma, loss


def _errors(output: Tensor, batch: Tensor) -> tuple[float, float, Tensor]:
    """Return the L1 error, that of colour alone, which L1 hides since shapes come first, and the loss of both."""
    l1 = functional.l1_loss(output, batch)
    chroma = functional.l1_loss(_chroma(output), _chroma(batch))
    return l1.item(), chroma.item(), l1 + _CHROMA_WEIGHT * chroma + functional.mse_loss(output, batch)


def _chroma(signal: Tensor) -> Tensor:
    luma = torch.tensor(_LUMA).view(1, 3, 1, 1)
    return signal - (signal * luma).sum(1, keepdim=True)


@torch.no_grad()
def _whiten(model: AutoencoderKL, latents: Tensor) -> None:
    """Make the latents' channels uncorrelated with mean 0 and variance 1 (ZCA), by the convolutions beside them."""
    channels = latents.shape[1]
    mean = latents.mean((0, 2, 3))
    values, vectors = torch.linalg.eigh(torch.cov(latents.transpose(0, 1).reshape(channels, -1)))
    whitening = vectors @ torch.diag(values.clamp_min(1e-6).rsqrt()) @ vectors.T
    to_latents, from_latents = model.quant_conv, model.post_quant_conv
    weight, bias = to_latents.weight[:channels, :, 0, 0].clone(), to_latents.bias[:channels].clone()
    to_latents.weight[:channels, :, 0, 0] = whitening @ weight
    to_latents.bias[:channels] = whitening @ (bias - mean)
    to_latents.weight[channels:] = 0
    to_latents.bias[channels:] = _SURE_LOG_VARIANCE
    weight = from_latents.weight[:, :, 0, 0].clone()
    from_latents.weight[:, :, 0, 0] = weight @ torch.linalg.inv(whitening)
    from_latents.bias += weight @ mean
