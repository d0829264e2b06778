"""The text encoder of the demonstration model: a small CLIP, taught to name a caption's facts, and then frozen.

Trained together with the denoiser it learns nothing of use: after 1,500 steps the shapes ignored the text. Trained to
answer "which colour, which shape, which background" it is right after a few seconds, at every padding position.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from apps.runtimes.diffusion.demo import tokenizer as tokens
from apps.runtimes.diffusion.demo.palette import BACKGROUNDS, COLOURS, PLACES, SHAPES, SIZES, TEXT_WIDTH
from apps.runtimes.diffusion.demo.shapes import Example

_FACTS: dict[str, Sequence[str]] = {
    "colour": tuple(COLOURS),
    "second": tuple(COLOURS),
    "shape": SHAPES,
    "second shape": SHAPES,
    "size": tuple(SIZES),
    "place": tuple(PLACES),
    "background": tuple(BACKGROUNDS),
}
_BATCH = 64
_LEARNING_RATE = 2e-3
_ENOUGH_TOKENS = 40  # the longest caption has fewer; what follows is padding
# AUTOMATIC1111 rescales weighted embeddings to their old mean; it must not be near 0, where that ratio runs wild.
_MEAN = 0.5

Report = Callable[[str], None]


def train(examples: Sequence[Example], tokenizer: CLIPTokenizer, *, steps: int, report: Report) -> CLIPTextModel:
    """Return a frozen encoder whose every padding position knows what the caption says."""
    model = _new(tokenizer)
    ids = tokens.encode(tokenizer, [example.caption for example in examples])
    facts = torch.tensor([_numbered(example) for example in examples])
    heads = nn.ModuleList(nn.Linear(TEXT_WIDTH, len(values) + 1) for values in _FACTS.values())
    optimizer = torch.optim.AdamW([*model.parameters(), *heads.parameters()], _LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _LEARNING_RATE, total_steps=steps)
    for step in range(steps):
        chosen = torch.randint(0, len(ids), (_BATCH,))
        states = model(ids[chosen, :_ENOUGH_TOKENS]).last_hidden_state
        ends = (ids[chosen] == tokenizer.eos_token_id).int().argmax(1)
        seats = ends + (torch.rand(_BATCH) * (_ENOUGH_TOKENS - ends)).long()
        answers = [head(states[torch.arange(_BATCH), seats]) for head in heads]
        losses = [functional.cross_entropy(answer, facts[chosen, fact]) for fact, answer in enumerate(answers)]
        optimizer.zero_grad()
        torch.autograd.backward(torch.stack(losses).sum())
        optimizer.step()
        schedule.step()
        if step % 100 == 0 or step == steps - 1:
            right = [(a.argmax(1) == facts[chosen, n]).float().mean().item() for n, a in enumerate(answers)]
            report(f"text encoder {step + 1}/{steps}: facts right {min(right):.0%} and more")
    model.train(mode=False)
    model.requires_grad_(requires_grad=False)
    _set_mean(model, ids[: 4 * _BATCH])
    return model


def emphasise(states: Tensor, weights: Tensor) -> Tensor:
    """Return the hidden states (n, 77, width) times the weights (n, 77), rescaled to their old mean.

    This is the rule "Original" of AUTOMATIC1111 (modules/sd_emphasis.py).
    """
    weighted = states * weights[..., None]
    return weighted * (states.mean((1, 2), keepdim=True) / weighted.mean((1, 2), keepdim=True))


def _new(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=TEXT_WIDTH,
            intermediate_size=2 * TEXT_WIDTH,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=tokens.MAX_TOKENS,
            projection_dim=TEXT_WIDTH,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.eos_token_id,
        )
    )


def _numbered(example: Example) -> list[int]:
    """Return the number of each fact, 0 where the caption does not state it."""
    return [values.index(example.named[fact]) + 1 if fact in example.named else 0 for fact, values in _FACTS.items()]


@torch.no_grad()
def _set_mean(model: CLIPTextModel, ids: Tensor) -> None:
    last = next(module for name, module in model.named_modules() if name.endswith("final_layer_norm"))
    last.bias += _MEAN - model(ids).last_hidden_state.mean()
