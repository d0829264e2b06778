"""The demonstration image model: a small Stable Diffusion, trained here on generated pictures of coloured shapes.

No package ships trained text-to-image weights, and a fresh machine must draw offline. The recipe is whole: pictures
(`shapes`), tokenizer, text encoder, autoencoder, denoiser, and the judge (`judging`) that the weights must satisfy.
"""
