function scores = bicubic(folder, scale)
% The bicubic row of a table, from the images themselves, under the protocol `paper`: PSNR and SSIM of each.
  files = [dir(fullfile(folder, '*.bmp')); dir(fullfile(folder, '*.png')); dir(fullfile(folder, '*.jpg'))];
  scores = zeros(numel(files), 2);
  for k = 1:numel(files)
    image = imread(fullfile(folder, files(k).name));
    if islogical(image)  % what Octave makes of an image that is only black and white
      image = 255 * uint8(image);
    end
    if size(image, 3) == 3
      image = rgb2ycbcr(image);
    end
    sizes = [size(image, 1), size(image, 2)];
    sizes = sizes - mod(sizes, scale);
    gt = image(1:sizes(1), 1:sizes(2), 1);
    sr = imresize(imresize(im2double(gt), 1 / scale, 'bicubic'), scale, 'bicubic');
    [scores(k, 1), scores(k, 2)] = psnr_ssim(uint8(255 * sr), gt, scale);
    fprintf('%-14s %8.4f %7.4f\n', files(k).name, scores(k, :));
  end
  fprintf('%-14s %8.4f %7.4f\n', 'mean', mean(scores, 1));
end
