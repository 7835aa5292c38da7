function out = imresize_as_matlab(in, scale)
% MATLAB's imresize(in, scale, 'bicubic') by Octave's: the weights sum to one, and whole numbers are rounded in each pass.
  out = in;
  for factors = [scale 1; 1 scale]'  % rows first
    resize = @(x) imresize(x, 'Scale', factors');
    out = cast(resize(double(out)) ./ resize(ones(size(out, 1), size(out, 2))), class(in));
  end
end
