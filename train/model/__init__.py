"""Models: torchvision's backbones with a new head, their stages, and the model that a manifest describes."""
