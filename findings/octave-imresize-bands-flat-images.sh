#!/usr/bin/env bash
# GNU Octave's imresize (image package) does not divide the weights of a pixel by their sum. At whole factors that is
# one anyway; at others a flat image comes out striped, by 8 of 255 steps at 0.6, and every photograph with it. MATLAB
# divides. Runs the Octave that is installed: apt-get install octave octave-image.
set -euo pipefail
octave-cli --norc --no-history --quiet --eval '
pkg load image
printf("GNU Octave %s, image package %s\n", version, pkg("describe", "image"){1}.version)
printf("expected: an image of one grey, 200, stays 200 at every factor\n")
for factor = [0.9 0.6 0.5]
  image = imresize(uint8(200 * ones(840, 840)), factor);
  printf("seen: at %g: %d to %d\n", factor, min(image(:)), max(image(:)));
  striped = max(image(:)) - min(image(:)) >= 3;
  if striped != (factor != 0.5)
    error("this has changed");
  end
end'
