function [decibels, similarity] = psnr_ssim(sr, gt, border)
% PSNR and SSIM of two 8-bit planes without their border: SSIM with Wang's window, where it fits into the image.
  inner = @(x) double(x(border+1:end-border, border+1:end-border));
  x = inner(sr);
  y = inner(gt);
  decibels = 10 * log10(255^2 / mean((x(:) - y(:)).^2));

  window = exp(-(-5:5).^2 / (2 * 1.5^2));
  window = window / sum(window);
  local = @(z) conv2(window, window, z, 'valid');
  mx = local(x);
  my = local(y);
  vx = local(x.^2) - mx.^2;
  vy = local(y.^2) - my.^2;
  vxy = local(x .* y) - mx .* my;
  c1 = (0.01 * 255)^2;
  c2 = (0.03 * 255)^2;
  map = (2 * mx .* my + c1) .* (2 * vxy + c2) ./ ((mx.^2 + my.^2 + c1) .* (vx + vy + c2));
  similarity = mean(map(:));
end
