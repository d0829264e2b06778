"""Training of adapters: learnt words (textual inversion), LoRA, and LoRA with pictures of the class (DreamBooth)."""
