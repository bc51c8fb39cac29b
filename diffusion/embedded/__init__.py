"""The small latent-diffusion model whose trained weights are part of the repository."""
