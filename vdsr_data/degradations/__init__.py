"""What papers did to originals: each recipe by its name, in the MATLAB lines that it stands for; and which one it was.

Works on arrays and on folders of images; knows nothing of training and benchmark files.
"""
