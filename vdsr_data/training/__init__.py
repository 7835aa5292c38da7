"""From a folder of images to training pairs: recipe, patches, the training file and its parts, sub-images."""
